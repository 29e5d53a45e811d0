#include "client_world.h"
#include "in_flight.h"
#include "outrider/io/loop/loop.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_answer(void **state)
{
    struct client_world *world = *state;
    world->server.answer = "HTTP/1.1 418 Teapot\r\nContent-Type: text/x\r\nContent-Length: 5\r\n\r\nhello";
    request(world);
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_OK);
    assert_int_equal(world->outcome.result.status, 418);
    assert_string_equal(world->outcome.body, "hello");
    assert_string_equal(world->outcome.content_type, "text/x");
    assert_string_equal(world->outcome.text, "");
    assert_true(world->outcome.result.sent);
    assert_true(world->outcome.result.elapsed_us > 0);
    const char *sent = buf_text(&world->server.last_request);
    assert_non_null(strstr(sent, "POST /path HTTP/1.1\r\n"));
    assert_non_null(strstr(sent, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(sent, "X-One: 1\r\n"));
    assert_non_null(strstr(sent, "Content-Length: 7\r\n"));
    assert_non_null(strstr(sent, "\r\n\r\n{\"a\":1}"));
    assert_null(strstr(sent, "Expect"));
    /* etcd ignores the common name of its gateway's own certificate only for requests that have this header. */
    assert_non_null(strstr(sent, "\r\nAccept: */*\r\n"));
    assert_null(strstr(sent, "Upgrade"));
    assert_int_equal(in_flight(world->client), 0);
}

static void test_connection_is_kept(void **state)
{
    struct client_world *world = *state;
    for (int i = 0; i < 50; i++) {
        request(world);
        assert_int_equal(world->outcome.result.status, 200);
        assert_string_equal(world->outcome.body, "hi");
    }
    assert_int_equal(world->server.accepted, 1);
    assert_int_equal(world->server.requests, 50);
}

static void test_headers_and_url_change(void **state)
{
    struct client_world *world = *state;
    static const char *const other[] = {"X-Two: 2", NULL};
    static const char *const shorter[] = {"X-Two: 2", "X-Three: 3", NULL};
    request(world);
    struct http_call call = call_to(world);
    call.headers = shorter;
    post(world, &call);
    settle(world);
    assert_non_null(strstr(buf_text(&world->server.last_request), "X-Three: 3"));
    assert_null(strstr(buf_text(&world->server.last_request), "X-One"));
    call.headers = other;
    post(world, &call);
    settle(world);
    assert_null(strstr(buf_text(&world->server.last_request), "X-Three"));
    call.headers = NULL;
    call.body = (struct str){NULL, 0};
    char url[80];
    snprintf(url, sizeof(url), "http://localhost:%u/other", world->server.port);
    call.url = url;
    post(world, &call);
    memset(url, 'x', sizeof(url)); /* everything was copied */
    settle(world);
    assert_null(strstr(buf_text(&world->server.last_request), "X-Two"));
    assert_non_null(strstr(buf_text(&world->server.last_request), "POST /other"));
    assert_non_null(strstr(buf_text(&world->server.last_request), "Content-Length: 0"));
}

static void test_many_at_once(void **state)
{
    struct client_world *world = *state;
    enum { CALLS = 20 };
    struct outcome outcomes[CALLS] = {0};
    struct http_call call = call_to(world);
    for (size_t i = 0; i < CALLS; i++) {
        http_client_send(world->client, &call, note, &outcomes[i]);
    }
    assert_int_equal(in_flight(world->client), CALLS);
    while (in_flight(world->client) > 0) {
        raw_server_step(&world->server);
        loop_turn_once(world->loop, false);
    }
    for (size_t i = 0; i < CALLS; i++) {
        assert_int_equal(outcomes[i].calls, 1);
        assert_int_equal(outcomes[i].result.status, 200);
    }
    while (world->server.closed_by_peer < CALLS - 4) { /* no more than four idle ones are kept */
        raw_server_step(&world->server);
    }
    assert_int_equal(world->server.count, 4);
}

static void test_refused(void **state)
{
    struct client_world *world = *state;
    struct http_call call = call_to(world);
    raw_server_fini(&world->server);
    char with_password[80];
    snprintf(with_password, sizeof(with_password), "http://me:secret@127.0.0.1:%u/x", world->server.port);
    call.url = with_password;
    post(world, &call);
    while (world->outcome.calls == 0) {
        loop_turn_once(world->loop, true);
    }
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_REFUSED);
    assert_false(world->outcome.result.sent);
    assert_int_equal(world->outcome.result.status, 0);
    assert_non_null(strstr(world->outcome.text, "connection refused"));
    assert_non_null(strstr(world->outcome.text, "http://127.0.0.1:"));
    assert_null(strstr(world->outcome.text, "secret"));
    raw_server_init(&world->server);
}

static void test_timeout(void **state)
{
    struct client_world *world = *state;
    world->server.act = RAW_SILENT;
    struct http_call call = call_to(world);
    call.timeout_ms = 30;
    post(world, &call);
    settle(world);
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_TIMEOUT);
    assert_true(world->outcome.result.sent);
    assert_true(world->outcome.result.elapsed_us >= 30000);
    while (world->server.closed_by_peer == 0) {
        raw_server_step(&world->server);
    }
    world->server.act = RAW_ANSWER;
    request(world);
    assert_int_equal(world->outcome.result.status, 200);
    assert_int_equal(world->server.accepted, 2); /* the connection of the failed call is not used again */
}

/* A listening socket with a full queue: the kernel drops the SYN. */
struct full_server {
    struct raw_server server;
    int fillers[8];
};

static void full_server_init(struct full_server *full)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    raw_server_init(&full->server);
    listen(full->server.fd, 0);
    getsockname(full->server.fd, (struct sockaddr *)&address, &size);
    for (size_t i = 0; i < COUNT_OF(full->fillers); i++) {
        full->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(full->fillers[i], (struct sockaddr *)&address, size);
    }
}

static void full_server_fini(struct full_server *full)
{
    for (size_t i = 0; i < COUNT_OF(full->fillers); i++) {
        close(full->fillers[i]);
    }
    raw_server_fini(&full->server);
}

static void request_without_connection(struct client_world *world, struct full_server *full)
{
    struct http_call call = call_to(world);
    call.url = raw_server_url(&full->server);
    call.connect_timeout_ms = 30;
    post(world, &call);
    settle(world);
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_TIMEOUT);
    assert_false(world->outcome.result.sent);
}

static void test_connect_timeout_is_not_sent(void **state)
{
    struct full_server full;
    full_server_init(&full);
    request_without_connection(*state, &full);
    full_server_fini(&full);
}

static void read_byte(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    char byte;
    *(ssize_t *)user = recv(fd, &byte, 1, MSG_DONTWAIT);
}

/* The descriptor of a connection that was never made is another one's next. */
static void test_connect_timeout_leaves_the_descriptor(void **state)
{
    struct client_world *world = *state;
    struct full_server full;
    full_server_init(&full);
    request_without_connection(world, &full);
    for (int i = 0; i < 4; i++) {
        int pair[2];
        ssize_t got = -1;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        struct event *reading =
            event_new(loop_base(world->loop), pair[0], EV_READ | EV_PERSIST, read_byte, &got);
        event_add(reading, NULL);
        assert_int_equal(send(pair[1], "x", 1, MSG_NOSIGNAL), 1);
        loop_turn_once(world->loop, true);
        assert_int_equal(got, 1);
        assert_int_equal(send(pair[1], "x", 1, MSG_NOSIGNAL), 1);
        event_free(reading);
        if (i % 2 == 0) {
            close(pair[0]);
        }
        close(pair[1]);
    }
    full_server_fini(&full);
}

static void test_broken_answers(void **state)
{
    struct client_world *world = *state;
    static const struct {
        enum raw_act act;
        const char *answer;
        enum http_transport transport;
        int status;
        const char *body;
    } rows[] = {
        {RAW_ANSWER_RESET, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\npart", HTTP_TRANSPORT_RESET, 200,
         NULL},
        {RAW_ANSWER_CLOSE, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\npart", HTTP_TRANSPORT_RESET, 200,
         "part"},
        {RAW_ANSWER_CLOSE, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\npart",
         HTTP_TRANSPORT_RESET, 200, "part"},
        {RAW_ANSWER_CLOSE, "", HTTP_TRANSPORT_RESET, 0, ""},
        {RAW_ANSWER_CLOSE, "HTTP/1.1 200 OK\r\n\r\nuntil the end", HTTP_TRANSPORT_OK, 200, "until the end"},
        {RAW_ANSWER_CLOSE, "what is this\r\n\r\n", HTTP_TRANSPORT_OTHER, 0, ""},
        {RAW_ANSWER, "HTTP/1.1 301 Moved\r\nLocation: /path\r\nContent-Length: 0\r\n\r\n", HTTP_TRANSPORT_OK,
         301, ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        raw_server_drop(&world->server);
        world->server.act = rows[i].act;
        world->server.answer = rows[i].answer;
        request(world);
        assert_int_equal(world->outcome.result.transport, rows[i].transport);
        assert_true(world->outcome.result.sent);
        if (rows[i].body != NULL) {
            assert_int_equal(world->outcome.result.status, rows[i].status);
            assert_string_equal(world->outcome.body, rows[i].body);
        }
    }
}

static void test_too_large(void **state)
{
    struct client_world *world = *state;
    char answer[512];
    memset(answer, 'x', sizeof(answer));
    memcpy(answer, "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n", 40);
    answer[240] = '\0';
    world->server.answer = answer;
    request(world);
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_OK);
    assert_int_equal(world->outcome.result.body.size, 200);
    memcpy(answer, "HTTP/1.1 200 OK\r\nContent-Length: 201\r\n\r\nx", 41);
    answer[240] = 'x';
    answer[241] = '\0';
    request(world);
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_TOO_LARGE);
    assert_true(world->outcome.result.body.size <= 200);
    assert_true(world->outcome.result.sent);
}

/* An idle connection that the server closed is replaced at the next call. */
static void test_closed_while_idle(void **state)
{
    struct client_world *world = *state;
    request(world);
    raw_server_drop(&world->server);
    for (int i = 0; i < 5; i++) {
        loop_turn_once(world->loop, false);
    }
    request(world);
    assert_int_equal(world->outcome.result.status, 200);
    assert_int_equal(world->server.accepted, 2);
    request(world);
    assert_int_equal(world->server.accepted, 2);
}

static void test_cancel(void **state)
{
    struct client_world *world = *state;
    world->server.act = RAW_SILENT;
    struct http_call call = call_to(world);
    struct http_request_handle *handle = post(world, &call);
    while (world->server.requests == 0) {
        raw_server_step(&world->server);
        loop_turn_once(world->loop, false);
    }
    http_request_cancel(handle);
    http_request_cancel(NULL);
    assert_int_equal(in_flight(world->client), 0);
    while (world->server.closed_by_peer == 0) {
        raw_server_step(&world->server);
        loop_turn_once(world->loop, false);
    }
    assert_int_equal(world->outcome.calls, 0);
    world->server.act = RAW_ANSWER;
    request(world);
    assert_int_equal(world->outcome.result.status, 200);
}

/* A malformed URL ends within http_client_send; its result waits for the loop, and can still be cancelled. */
static void test_ends_at_once(void **state)
{
    struct client_world *world = *state;
    struct http_call call = call_to(world);
    call.url = "ftp://127.0.0.1/";
    struct http_request_handle *handle = post(world, &call);
    http_request_cancel(handle);
    loop_turn_once(world->loop, false);
    assert_int_equal(world->outcome.calls, 0);
    post(world, &call);
    loop_turn_once(world->loop, false);
    assert_int_equal(world->outcome.calls, 1);
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_OTHER);
    assert_false(world->outcome.result.sent);
    call.url = "http://";
    post(world, &call);
    loop_turn_once(world->loop, false);
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_OTHER);
    assert_non_null(strstr(world->outcome.text, "malformed URL"));
    post(world, &call);
    http_client_free(world->client); /* with a result that was never delivered */
    world->client = http_client_new(world->loop, world->resolver, NULL);
}

struct chain {
    struct client_world *world;
    size_t left;
    struct http_request_handle *victim;
};

static void next_of_chain(const struct http_result *result, void *user)
{
    struct chain *chain = user;
    assert_int_equal(result->status, 200);
    http_request_cancel(chain->victim);
    chain->victim = NULL;
    if (--chain->left > 0) {
        struct http_call call = call_to(chain->world);
        http_client_send(chain->world->client, &call, next_of_chain, chain);
    }
}

static void test_calls_from_a_callback(void **state)
{
    struct client_world *world = *state;
    struct http_call call = call_to(world);
    struct outcome never = {0};
    struct chain chain = {world, 10, NULL};
    http_client_send(world->client, &call, next_of_chain, &chain);
    call.url = "bad:";
    while (chain.left > 9) {
        raw_server_step(&world->server);
        loop_turn_once(world->loop, false);
    }
    chain.victim = http_client_send(world->client, &call, note, &never);
    http_request_cancel(chain.victim);
    chain.victim = NULL;
    while (chain.left > 0) {
        raw_server_step(&world->server);
        loop_turn_once(world->loop, false);
    }
    assert_int_equal(never.calls, 0);
    assert_int_equal(in_flight(world->client), 0);
}

static void test_free_cancels(void **state)
{
    struct client_world *world = *state;
    world->server.act = RAW_SILENT;
    struct http_call call = call_to(world);
    post(world, &call);
    http_client_send(world->client, &call, note, &world->outcome);
    for (int i = 0; i < 5; i++) {
        raw_server_step(&world->server);
        loop_turn_once(world->loop, false);
    }
    http_client_free(world->client);
    http_client_free(NULL);
    loop_turn_once(world->loop, false);
    assert_int_equal(world->outcome.calls, 0);
    world->client = http_client_new(world->loop, world->resolver, NULL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, client_world_set_up, client_world_tear_down)
    const struct CMUnitTest tests[] = {
        T(test_answer),
        T(test_connection_is_kept),
        T(test_headers_and_url_change),
        T(test_many_at_once),
        T(test_refused),
        T(test_timeout),
        T(test_broken_answers),
        T(test_too_large),
        T(test_connect_timeout_is_not_sent),
        T(test_connect_timeout_leaves_the_descriptor),
        T(test_closed_while_idle),
        T(test_cancel),
        T(test_ends_at_once),
        T(test_calls_from_a_callback),
        T(test_free_cancels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
