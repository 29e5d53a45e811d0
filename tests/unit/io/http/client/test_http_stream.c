#include "client_world.h"
#include "outrider/base/buf.h"
#include "outrider/io/http/client/http_stream.h"
#include "outrider/io/loop/loop.h"
#include "outrider/os/clock.h"

#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

enum close_at { NEVER, AT_HEAD, AT_DATA };

/* What the handler of a stream got. */
struct seen {
    struct http_stream *stream;
    enum close_at close_at;
    int status;
    size_t heads, datas;
    char bytes[512];
    size_t size;
    struct outcome end;
};

static void close_stream(struct seen *seen)
{
    http_stream_close(seen->stream);
    seen->stream = NULL;
}

static void on_head(int status, void *user)
{
    struct seen *seen = user;
    assert_int_equal(seen->datas, 0);
    assert_int_equal(seen->end.calls, 0);
    seen->heads++;
    seen->status = status;
    if (seen->close_at == AT_HEAD) {
        close_stream(seen);
    }
}

static void on_data(struct str bytes, void *user)
{
    struct seen *seen = user;
    assert_int_equal(seen->heads, 1);
    assert_true(bytes.size > 0 && seen->size + bytes.size < sizeof(seen->bytes));
    seen->datas++;
    memcpy(seen->bytes + seen->size, bytes.data, bytes.size);
    seen->size += bytes.size;
    if (seen->close_at == AT_DATA) {
        close_stream(seen);
    }
}

static void on_end(const struct http_result *result, void *user)
{
    struct seen *seen = user;
    assert_int_equal(result->body.size, 0);
    note(result, &seen->end);
    seen->stream = NULL;
}

static const struct http_stream_handler handler = {.head = on_head, .data = on_data, .end = on_end};

static void open_to(struct client_world *world, struct seen *seen, const struct http_call *call)
{
    *seen = (struct seen){.close_at = seen->close_at};
    seen->stream = http_stream_open(world->client, call, &handler, seen);
    assert_int_equal(seen->heads + seen->end.calls, 0);
}

/* Opens a stream and lets the server read its request; the test sends the answer. */
static void start(struct client_world *world, struct seen *seen)
{
    size_t before = world->server.requests;
    struct http_call call = call_to(world);
    world->server.act = RAW_SILENT;
    open_to(world, seen, &call);
    while (world->server.requests == before) {
        step(world);
    }
}

static void wait_for_end(struct client_world *world, struct seen *seen)
{
    while (seen->end.calls == 0) {
        step(world);
    }
}

static void server_sees_end(struct client_world *world, size_t before)
{
    while (world->server.closed_by_peer == before) {
        step(world);
    }
}

#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n"

static void test_as_it_comes(void **state)
{
    struct client_world *world = *state;
    struct seen seen = {0};
    start(world, &seen);
    const char *sent = buf_text(&world->server.last_request);
    assert_non_null(strstr(sent, "POST /path HTTP/1.1\r\n"));
    assert_non_null(strstr(sent, "Connection: close\r\n"));
    assert_non_null(strstr(sent, "X-One: 1\r\n"));
    assert_non_null(strstr(sent, "\r\n\r\n{\"a\":1}"));
    server_sends(world, HEAD, strlen(HEAD));
    assert_int_equal(seen.heads, 1);
    assert_int_equal(seen.status, 200);
    server_sends(world, "2\r\na\n\r\n", 7);
    assert_string_equal(seen.bytes, "a\n");
    server_sends(world, "5\r\nb", 4); /* of a chunk that is not whole */
    assert_string_equal(seen.bytes, "a\nb");
    server_sends(world, "cde\n\r\n1\r\nf", 10);
    assert_string_equal(seen.bytes, "a\nbcde\nf");
    assert_int_equal(seen.end.calls, 0);
    server_sends(world, "\r\n0\r\n\r\n", 7);
    assert_int_equal(seen.end.calls, 1);
    assert_int_equal(seen.end.result.transport, HTTP_TRANSPORT_OK);
    assert_int_equal(seen.end.result.status, 200);
    assert_string_equal(seen.end.content_type, "a/b");
    assert_true(seen.end.result.sent);
    server_sees_end(world, 0);
}

static void test_split_anywhere(void **state)
{
    struct client_world *world = *state;
    static const char answer[] =
        "HTTP/1.1 100 Continue\r\n\r\n" HEAD "3\r\nhel\r\n2;x\r\nlo\r\n0\r\nT: 1\r\n\r\n";
    for (size_t cut = 1; cut < sizeof(answer) - 1; cut++) {
        struct seen seen = {0};
        size_t before = world->server.closed_by_peer;
        start(world, &seen);
        server_sends(world, answer, cut);
        assert_int_equal(seen.end.calls, 0);
        server_sends(world, answer + cut, sizeof(answer) - 1 - cut);
        wait_for_end(world, &seen);
        assert_int_equal(seen.end.result.transport, HTTP_TRANSPORT_OK);
        assert_string_equal(seen.bytes, "hello");
        server_sees_end(world, before);
    }
    assert_int_equal(world->server.accepted, sizeof(answer) - 2); /* never used again */
}

static void test_ends(void **state)
{
    struct client_world *world = *state;
    static const struct {
        enum raw_act act;
        const char *answer;
        enum http_transport transport;
        int status;
        const char *bytes;
    } rows[] = {
        {RAW_ANSWER_CLOSE, HEAD "1\r\nx\r\n", HTTP_TRANSPORT_RESET, 200, "x"},
        {RAW_ANSWER_CLOSE, HEAD "9\r\npart", HTTP_TRANSPORT_RESET, 200, "part"},
        {RAW_ANSWER_RESET, "", HTTP_TRANSPORT_RESET, 0, ""},
        {RAW_ANSWER_CLOSE, "", HTTP_TRANSPORT_RESET, 0, ""},
        {RAW_ANSWER_CLOSE, "HTTP/1.1 200 OK\r\n\r\nuntil the end", HTTP_TRANSPORT_OK, 200, "until the end"},
        {RAW_ANSWER, "HTTP/1.1 400 Bad\r\nContent-Length: 3\r\n\r\nwhy", HTTP_TRANSPORT_OK, 400, "why"},
        /* libcurl drops what follows the answer, and calls a malformed chunk an error of receiving */
        {RAW_ANSWER, "HTTP/1.1 400 Bad\r\nContent-Length: 3\r\n\r\nwhy?", HTTP_TRANSPORT_OK, 400, "why"},
        {RAW_ANSWER, HEAD "1\r\nx\r\nzz", HTTP_TRANSPORT_RESET, 200, "x"},
        {RAW_ANSWER, "what is this", HTTP_TRANSPORT_OTHER, 0, ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct seen seen = {0};
        struct http_call call = call_to(world);
        world->server.act = rows[i].act;
        world->server.answer = rows[i].answer;
        open_to(world, &seen, &call);
        wait_for_end(world, &seen);
        assert_int_equal(seen.end.result.transport, rows[i].transport);
        assert_int_equal(seen.end.result.status, rows[i].status);
        assert_int_equal(seen.status, rows[i].status);
        assert_string_equal(seen.bytes, rows[i].bytes);
        assert_true(seen.end.result.sent);
        assert_int_equal(seen.end.text[0] == '\0', rows[i].transport == HTTP_TRANSPORT_OK);
        raw_server_drop(&world->server);
    }
}

static void test_close_from_within(void **state)
{
    struct client_world *world = *state;
    for (enum close_at at = AT_HEAD; at <= AT_DATA; at++) {
        struct seen seen = {.close_at = at};
        size_t before = world->server.closed_by_peer;
        start(world, &seen);
        server_sends(world, HEAD "1\r\nx\r\n0\r\n\r\n", strlen(HEAD) + 11);
        server_sees_end(world, before);
        assert_int_equal(seen.heads, 1);
        assert_int_equal(seen.datas, at == AT_DATA ? 1 : 0);
        assert_int_equal(seen.end.calls, 0);
    }
}

static void test_close(void **state)
{
    struct client_world *world = *state;
    struct seen seen = {0};
    http_stream_close(NULL);
    start(world, &seen);
    close_stream(&seen);
    server_sees_end(world, 0);
    assert_int_equal(seen.heads + seen.end.calls, 0);
    struct http_call call = call_to(world);
    open_to(world, &seen, &call);
    close_stream(&seen); /* not connected yet */
    call.url = "bad:";
    open_to(world, &seen, &call);
    close_stream(&seen); /* over already */
    step(world);
    assert_int_equal(seen.end.calls, 0);
    call.url = raw_server_url(&world->server);
    open_to(world, &seen, &call);
    start(world, &seen);
    http_client_free(world->client); /* with a stream */
    world->client = http_client_new(world->loop, world->resolver, NULL);
    step(world);
    assert_int_equal(seen.end.calls, 0);
}

static void test_never_opened(void **state)
{
    struct client_world *world = *state;
    struct seen seen = {0};
    struct http_call call = call_to(world);
    call.url = "ftp://a/";
    open_to(world, &seen, &call);
    wait_for_end(world, &seen);
    assert_int_equal(seen.end.result.transport, HTTP_TRANSPORT_OTHER);
    call.url = "http://me:secret@";
    open_to(world, &seen, &call);
    wait_for_end(world, &seen);
    assert_int_equal(seen.end.result.transport, HTTP_TRANSPORT_OTHER);
    assert_null(strstr(seen.end.text, "secret"));
    raw_server_fini(&world->server);
    call.url = raw_server_url(&world->server);
    open_to(world, &seen, &call);
    while (seen.end.calls == 0) {
        loop_turn_once(world->loop, true);
    }
    assert_int_equal(seen.end.result.transport, HTTP_TRANSPORT_REFUSED);
    assert_false(seen.end.result.sent);
    assert_int_equal(seen.heads, 0);
    assert_non_null(strstr(seen.end.text, "connection refused"));
    raw_server_init(&world->server);
}

static int events(struct client_world *world)
{
    return event_base_get_num_events(loop_base(world->loop), EVENT_BASE_COUNT_ADDED);
}

/* Only the head has a limit: after it the stream has no timer, once libcurl's for the connection has expired. */
static void test_time(void **state)
{
    struct client_world *world = *state;
    struct seen seen = {0};
    struct http_call call = call_to(world);
    world->server.act = RAW_SILENT;
    call.timeout_ms = 30;
    open_to(world, &seen, &call);
    wait_for_end(world, &seen);
    assert_int_equal(seen.end.result.transport, HTTP_TRANSPORT_TIMEOUT);
    assert_true(seen.end.result.sent);
    assert_true(seen.end.result.elapsed_us >= 30000);
    assert_non_null(strstr(seen.end.text, "no answer within 30ms"));
    size_t before = world->server.requests;
    call.timeout_ms = call.connect_timeout_ms = 200;
    open_to(world, &seen, &call);
    while (world->server.requests == before) {
        step(world);
    }
    server_sends(world, HEAD, strlen(HEAD));
    assert_int_equal(seen.heads, 1);
    while (events(world) > 1) {
        loop_turn_once(world->loop, true);
    }
    assert_int_equal(seen.end.calls, 0);
}

/* Our end of the server's newest connection: the one whose own port is the server's peer's. */
static int our_end(struct client_world *world)
{
    struct sockaddr_in peer = {0}, own;
    socklen_t size = sizeof(peer);
    int fd = world->server.connections[world->server.count - 1].fd;
    assert_int_equal(getpeername(fd, (struct sockaddr *)&peer, &size), 0);
    for (int each = 0; each < 256; each++) {
        size = sizeof(own);
        if (getsockname(each, (struct sockaddr *)&own, &size) == 0 && own.sin_family == AF_INET &&
            own.sin_port == peer.sin_port) {
            return each;
        }
    }
    return -1;
}

static void test_dead_peers_are_found(void **state)
{
    struct client_world *world = *state;
    static const struct {
        int level, name, value;
    } options[] = {
        {SOL_SOCKET, SO_KEEPALIVE, 1},          {IPPROTO_TCP, TCP_KEEPIDLE, 10},
        {IPPROTO_TCP, TCP_KEEPINTVL, 3},        {IPPROTO_TCP, TCP_KEEPCNT, 3},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, 19000}, {IPPROTO_TCP, TCP_NODELAY, 1},
    };
    struct seen seen = {0};
    start(world, &seen);
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        int value = 0;
        socklen_t size = sizeof(value);
        assert_int_equal(getsockopt(our_end(world), options[i].level, options[i].name, &value, &size), 0);
        assert_int_equal(value, options[i].value);
    }
}

/* A kept connection is for calls; a stream makes its own. */
static void test_own_connection(void **state)
{
    struct client_world *world = *state;
    struct seen seen = {0};
    request(world);
    start(world, &seen);
    assert_int_equal(world->server.accepted, 2);
    world->server.act = RAW_ANSWER;
    request(world);
    assert_int_equal(world->server.accepted, 2);
    server_sends(world, HEAD "0\r\n\r\n", strlen(HEAD) + 5);
    wait_for_end(world, &seen);
    request(world);
    assert_int_equal(world->server.accepted, 2);
}

/* Starts a call from within its first data, while more bytes of the stream have arrived and a timer of libcurl for
 * the stream is due: libcurl then reads them before http_client_send returns. */
struct nested {
    struct client_world *world;
    struct http_stream *stream;
    int64_t due_ms; /* after the timer of libcurl */
    bool last;      /* the bytes that arrive meanwhile end the answer */
    size_t datas;
    struct buf bytes;
    struct outcome end;
};

static void nested_head(int status, void *user)
{
    (void)user;
    assert_int_equal(status, 200);
}

static void nested_data(struct str bytes, void *user)
{
    struct nested *nested = user;
    struct client_world *world = nested->world;
    buf_str(&nested->bytes, bytes);
    if (nested->datas++ > 0) {
        return;
    }
    const char *more = nested->last ? "3\r\ntwo\r\n0\r\n\r\n" : "3\r\ntwo\r\n";
    assert_true(send(world->server.connections[0].fd, more, strlen(more), MSG_NOSIGNAL) > 0);
    while (clock_mono_ms() <= nested->due_ms) {
    }
    struct http_call call = call_to(world);
    world->server.act = RAW_ANSWER;
    post(world, &call);
}

static void nested_end(const struct http_result *result, void *user)
{
    struct nested *nested = user;
    note(result, &nested->end);
}

static void test_bytes_that_arrive_during_a_callback(void **state)
{
    struct client_world *world = *state;
    static const struct http_stream_handler calls = {nested_head, nested_data, nested_end};
    for (int last = 0; last <= 1; last++) {
        struct nested nested = {.world = world, .last = last != 0};
        struct http_call call = call_to(world);
        size_t before = world->server.requests;
        world->server.act = RAW_SILENT;
        call.connect_timeout_ms = 100;
        nested.due_ms = clock_mono_ms() + 150;
        nested.stream = http_stream_open(world->client, &call, &calls, &nested);
        while (world->server.requests == before) {
            step(world);
        }
        server_sends(world, HEAD "3\r\none\r\n", strlen(HEAD) + 8);
        settle(world);
        assert_string_equal(buf_text(&nested.bytes), "onetwo");
        if (!nested.last) {
            server_sends_on(world, 0, "0\r\n\r\n", 5);
        }
        while (nested.end.calls == 0) {
            step(world);
        }
        assert_int_equal(nested.end.result.transport, HTTP_TRANSPORT_OK);
        assert_string_equal(buf_text(&nested.bytes), "onetwo");
        buf_fini(&nested.bytes);
        raw_server_drop(&world->server);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, client_world_set_up, client_world_tear_down)
    const struct CMUnitTest tests[] = {
        T(test_as_it_comes),    T(test_split_anywhere),
        T(test_ends),           T(test_close_from_within),
        T(test_close),          T(test_never_opened),
        T(test_time),           T(test_dead_peers_are_found),
        T(test_own_connection), T(test_bytes_that_arrive_during_a_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
