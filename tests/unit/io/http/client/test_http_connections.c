/* Connections over http://: kept, used again, closed. */
#include "client_world.h"
#include "in_flight.h"
#include "outrider/io/loop/loop.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define HI "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

/* Starts a call and waits until the server has read it. */
static void ask(struct client_world *world)
{
    size_t before = world->server.requests;
    struct http_call call = call_to(world);
    post(world, &call);
    while (world->server.requests == before) {
        step(world);
    }
}

static void test_split_anywhere(void **state)
{
    struct client_world *world = *state;
    static const char answer[] =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Done\r\nContent-Type: a/b\r\n"
        "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x\r\nlo\r\n0\r\nT: 1\r\n\r\n";
    world->server.act = RAW_SILENT;
    for (size_t cut = 1; cut < sizeof(answer) - 1; cut++) {
        ask(world);
        server_sends(world, answer, cut);
        assert_int_equal(world->outcome.calls, 0);
        server_sends(world, answer + cut, sizeof(answer) - 1 - cut);
        settle(world);
        assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_OK);
        assert_int_equal(world->outcome.result.status, 201);
        assert_string_equal(world->outcome.body, "hello");
        assert_string_equal(world->outcome.content_type, "a/b");
    }
    assert_int_equal(world->server.accepted, 1);
}

/* Bytes behind the answer, or on an idle connection, must never become the answer of the next call. */
static void test_two_answers(void **state)
{
    struct client_world *world = *state;
    static const char second[] = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";
    world->server.answer = HI "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";
    request(world); /* libcurl takes the first answer and closes the connection */
    assert_int_equal(world->outcome.result.status, 200);
    assert_string_equal(world->outcome.body, "hi");
    world->server.answer = HI;
    request(world);
    assert_int_equal(world->outcome.result.status, 200);
    assert_int_equal(world->server.accepted, 2);
    server_sends(world, second, sizeof(second) - 1);
    request(world);
    assert_int_equal(world->outcome.result.status, 200);
    assert_int_equal(world->server.accepted, 3);
}

static void test_connection_not_kept(void **state)
{
    struct client_world *world = *state;
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    };
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        world->server.answer = answers[i];
        request(world);
        assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_OK);
        assert_string_equal(world->outcome.body, "hi");
    }
    assert_int_equal(world->server.accepted, 2);
    while (world->server.closed_by_peer < 2) {
        step(world);
    }
}

/* ---- a kept connection that is closed before the answer ---- */

static void test_sent_once_more(void **state)
{
    struct client_world *world = *state;
    static const enum raw_act acts[] = {RAW_ANSWER_CLOSE, RAW_ANSWER_RESET};
    for (size_t i = 0; i < COUNT_OF(acts); i++) {
        world->server.act = RAW_ANSWER;
        world->server.answer = HI;
        request(world);
        size_t accepted = world->server.accepted;
        world->server.act = acts[i];
        world->server.answer = "";
        ask(world); /* answered with the end of the connection */
        assert_int_equal(world->outcome.calls, 0);
        world->server.act = RAW_ANSWER;
        world->server.answer = HI;
        settle(world);
        assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_OK);
        assert_string_equal(world->outcome.body, "hi");
        assert_non_null(strstr(buf_text(&world->server.last_request), "\r\n\r\n{\"a\":1}"));
        assert_int_equal(world->server.accepted, accepted + 1);
    }
    assert_int_equal(world->server.requests, 6);
}

static void test_sent_twice_at_most(void **state)
{
    struct client_world *world = *state;
    request(world);
    world->server.act = RAW_ANSWER_CLOSE;
    world->server.answer = "";
    request(world);
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_RESET);
    assert_true(world->outcome.result.sent);
    assert_non_null(strstr(world->outcome.text, "connection lost: "));
    assert_non_null(strstr(world->outcome.text, "; if the server speaks TLS on this port, use https://"));
    assert_int_equal(world->server.requests, 3);
}

/* libcurl counts complete lines: a connection that ends within the first one is as if closed unanswered. */
static void test_not_after_the_first_line(void **state)
{
    struct client_world *world = *state;
    static const char *const answers[] = {"HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 Continue\r\n\r\n"};
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        world->server.act = RAW_ANSWER;
        world->server.answer = HI;
        request(world);
        size_t requests = world->server.requests;
        world->server.act = RAW_ANSWER_CLOSE;
        world->server.answer = answers[i];
        request(world);
        assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_RESET);
        assert_int_equal(world->server.requests, requests + 1);
    }
}

/* What was sent stays sent, also where the second attempt is refused. */
static void test_sent_stays_sent(void **state)
{
    struct client_world *world = *state;
    request(world);
    struct http_call call = call_to(world);
    post(world, &call);
    raw_server_fini(&world->server);
    while (world->outcome.calls == 0) {
        loop_turn_once(world->loop, true);
    }
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_REFUSED);
    assert_true(world->outcome.result.sent);
    raw_server_init(&world->server);
}

/* ---- long requests ---- */

static void test_long_request(void **state)
{
    struct client_world *world = *state;
    enum { SIZE = 8 << 20 };
    char *body = calloc(1, SIZE);
    memset(body, 'x', SIZE);
    struct http_call call = call_to(world);
    call.body = (struct str){body, SIZE};
    post(world, &call);
    memset(body, '#', SIZE); /* it was copied */
    settle(world);
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_OK);
    struct str got = buf_view(&world->server.last_request);
    assert_true(got.size > SIZE);
    assert_null(memchr(got.data, '#', got.size));
    request(world);
    assert_int_equal(world->server.accepted, 1);
    free(body);
}

/* An answer that arrives before the request is sent counts, and is the last one on that connection. */
static void test_early_answer(void **state)
{
    struct client_world *world = *state;
    enum { SIZE = 16 << 20 };
    static char discarded[1 << 16];
    struct raw_server other;
    raw_server_init(&other);
    char *body = calloc(1, SIZE);
    struct http_call call = call_to(world);
    call.url = raw_server_url(&other);
    call.body = (struct str){body, SIZE};
    post(world, &call);
    free(body);
    loop_turn_once(world->loop, false);
    int fd = accept(other.fd, NULL, NULL);
    static const char answer[] = "HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n";
    assert_int_equal(send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL), sizeof(answer) - 1);
    settle(world);
    assert_int_equal(world->outcome.result.status, 413);
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_OK);
    assert_true(world->outcome.result.sent);
    while (recv(fd, discarded, sizeof(discarded), 0) > 0) {
    }
    close(fd); /* after the end: the client closed it */
    raw_server_fini(&other);
}

/* ---- time, memory, faults ---- */

static int events(struct client_world *world)
{
    return event_base_get_num_events(loop_base(world->loop), EVENT_BASE_COUNT_ADDED);
}

static void test_idle_means_idle(void **state)
{
    struct client_world *world = *state;
    int before = events(world);
    assert_int_equal(before, 0);
    request(world);
    assert_int_equal(events(world), 1); /* reading, on the kept connection: no timer */
    raw_server_drop(&world->server);
    while (events(world) > 0) {
        loop_turn_once(world->loop, true);
    }
}

/* A connection that the server closed while idle carries nothing: a call that is then refused was never sent. */
static void test_closed_while_idle_is_not_sent(void **state)
{
    struct client_world *world = *state;
    request(world);
    raw_server_fini(&world->server);
    while (events(world) > 0) {
        loop_turn_once(world->loop, true);
    }
    struct http_call call = call_to(world);
    post(world, &call);
    while (world->outcome.calls == 0) {
        loop_turn_once(world->loop, true);
    }
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_REFUSED);
    assert_false(world->outcome.result.sent);
    raw_server_init(&world->server);
}

static void test_each_has_its_time(void **state)
{
    struct client_world *world = *state;
    struct outcome outcomes[3] = {0};
    static const int64_t timeouts_ms[] = {60000, 40, 20};
    world->server.act = RAW_SILENT;
    for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
        struct http_call call = call_to(world);
        call.timeout_ms = timeouts_ms[i];
        http_client_send(world->client, &call, note, &outcomes[i]);
    }
    while (outcomes[1].calls == 0) {
        step(world);
    }
    assert_int_equal(outcomes[0].calls, 0);
    assert_int_equal(outcomes[2].calls, 1);
    for (size_t i = 1; i < COUNT_OF(outcomes); i++) {
        assert_int_equal(outcomes[i].result.transport, HTTP_TRANSPORT_TIMEOUT);
        assert_true(outcomes[i].result.elapsed_us >= timeouts_ms[i] * 1000);
    }
    assert_non_null(strstr(outcomes[1].text, "no answer within 40ms"));
    assert_int_equal(in_flight(world->client), 1);
}

/* Leaves three idle connections. */
static void three_at_once(struct client_world *world)
{
    struct outcome outcomes[3] = {0};
    for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
        struct http_call call = call_to(world);
        http_client_send(world->client, &call, note, &outcomes[i]);
    }
    while (outcomes[0].calls + outcomes[1].calls + outcomes[2].calls < 3) {
        step(world);
    }
}

/* Connections that a burst of calls opened are closed when the calls that follow do not need them. */
static void test_unused_connections(void **state)
{
    struct client_world *world = *state;
    three_at_once(world);
    for (int i = 0; i < 13; i++) {
        request(world);
    }
    assert_int_equal(world->server.count, 3);
    for (int i = 0; i < 3; i++) {
        request(world);
    }
    while (world->server.closed_by_peer < 2) {
        step(world);
    }
    request(world);
    assert_int_equal(world->server.count, 1);
    assert_int_equal(world->server.accepted, 3);
}

static void test_deaf_connections(void **state)
{
    struct client_world *world = *state;
    three_at_once(world);
    assert_int_equal(world->server.accepted, 3);
    world->server.act = RAW_SILENT;
    struct http_call call = call_to(world);
    call.timeout_ms = 20;
    post(world, &call);
    settle(world);
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_TIMEOUT);
    while (world->server.count > 0) {
        step(world);
    }
    world->server.act = RAW_ANSWER;
    request(world);
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_OK);
    assert_int_equal(world->server.accepted, 4);
}

/* A call that times out on a connection of its own says nothing about the others. */
static void test_slow_is_not_deaf(void **state)
{
    struct client_world *world = *state;
    request(world);
    struct http_call call = call_to(world);
    struct outcome slow = {0};
    world->server.act = RAW_SILENT;
    post(world, &call); /* on the kept one */
    call.timeout_ms = 20;
    http_client_send(world->client, &call, note, &slow);
    while (slow.calls == 0) {
        step(world);
    }
    server_sends_on(world, 0, HI, sizeof(HI) - 1);
    settle(world);
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_OK);
    world->server.act = RAW_ANSWER;
    request(world);
    assert_int_equal(world->server.accepted, 2);
}

static void test_head_is_limited(void **state)
{
    struct client_world *world = *state;
    static char answer[40000];
    strcpy(answer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
    for (int i = 0; i < 500; i++) {
        strcat(answer, "X-Header: 0123456789012345678901234\r\n");
    }
    strcat(answer, "\r\n");
    world->server.answer = answer;
    request(world);
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_OTHER);
    assert_true(world->outcome.result.sent);
    assert_non_null(strstr(world->outcome.text, "headers of the answer exceed 16 kB"));
    world->server.answer = HI;
    request(world);
    assert_int_equal(world->outcome.result.status, 200);
}

static void test_refused_at_once(void **state)
{
    struct client_world *world = *state;
    static const char *const broken[] = {"A: b\r\nC: d", NULL};
    static const struct {
        const char *url, *text;
    } rows[] = {
        {"ftp://me:secret@127.0.0.1/", "Protocol \"ftp\" not supported"},
        {"http://me:secret@", "malformed URL"},
        {"http://127.0.0.1:1/a b", "malformed URL"},
        {NULL, "line break"},
    };
    request(world); /* what libcurl knows of its transfer must not appear in the next results */
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_call call = call_to(world);
        call.url = rows[i].url != NULL ? rows[i].url : call.url;
        call.headers = rows[i].url != NULL ? call.headers : broken;
        post(world, &call);
        assert_int_equal(in_flight(world->client), 1);
        loop_turn_once(world->loop, false);
        assert_int_equal(world->outcome.calls, 1);
        assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_OTHER);
        assert_false(world->outcome.result.sent);
        assert_non_null(strstr(world->outcome.text, rows[i].text));
        assert_null(strstr(world->outcome.text, "secret"));
    }
    int after = events(world);
    assert_int_equal(after, 1); /* the kept connection */
}

static void test_unknown_name(void **state)
{
    struct client_world *world = *state;
    struct http_call call = call_to(world);
    call.url = "http://no-such-name.invalid:1/";
    call.connect_timeout_ms = 50;
    post(world, &call);
    settle(world);
    assert_true(world->outcome.result.transport == HTTP_TRANSPORT_RESOLVE ||
                world->outcome.result.transport == HTTP_TRANSPORT_TIMEOUT);
    assert_false(world->outcome.result.sent);
    assert_non_null(strstr(world->outcome.text, "http://no-such-name.invalid:1/: "));
}

static void test_v6(void **state)
{
    struct client_world *world = *state;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    socklen_t size = sizeof(address);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 8) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
        close(fd);
        skip();
    }
    int v4 = world->server.fd;
    world->server.fd = fd;
    static const char *const hosts[] = {"[::1]", "localhost"};
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        char url[64];
        snprintf(url, sizeof(url), "http://%s:%u/", hosts[i], ntohs(address.sin6_port));
        struct http_call call = call_to(world);
        call.url = url;
        post(world, &call);
        settle(world);
        assert_int_equal(world->outcome.result.status, 200);
        char host[80];
        snprintf(host, sizeof(host), "\r\nHost: %s:%u\r\n", hosts[i], ntohs(address.sin6_port));
        assert_non_null(strstr(buf_text(&world->server.last_request), host));
    }
    close(v4);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, client_world_set_up, client_world_tear_down)
    const struct CMUnitTest tests[] = {
        T(test_split_anywhere),
        T(test_two_answers),
        T(test_connection_not_kept),
        T(test_sent_once_more),
        T(test_sent_twice_at_most),
        T(test_not_after_the_first_line),
        T(test_sent_stays_sent),
        T(test_long_request),
        T(test_early_answer),
        T(test_idle_means_idle),
        T(test_closed_while_idle_is_not_sent),
        T(test_each_has_its_time),
        T(test_refused_at_once),
        T(test_unknown_name),
        T(test_v6),
        T(test_deaf_connections),
        T(test_slow_is_not_deaf),
        T(test_unused_connections),
        T(test_head_is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
