/* Names in URLs: resolved by our resolver, once for each new connection and never for a kept one. */
#include "client_world.h"
#include "in_flight.h"
#include "name_server.h"
#include "outrider/io/http/client/http_stream.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/resolver.h"
#include "support/temp_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define HI "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

enum { QUERIES = 2 }; /* of a look-up: both address families */

static struct temp_dir dir;
static struct name_server names;
static char url[80];

static int set_up(void **state)
{
    char resolv_conf[128], hosts[128];
    if (client_world_set_up(state) < 0 || temp_dir_init(&dir) < 0) {
        return -1;
    }
    struct client_world *world = *state;
    snprintf(hosts, sizeof(hosts), "%s", temp_path(&dir, "hosts")); /* which there is none of */
    snprintf(resolv_conf, sizeof(resolv_conf), "%s", temp_path(&dir, "resolv.conf"));
    setenv("CARES_HOSTS", hosts, 1);
    FILE *file = fopen(resolv_conf, "w");
    assert_non_null(file);
    fputs("nameserver 127.0.0.1\n", file);
    fclose(file);
    uint16_t port = name_servers_open(&names, 1, world->loop);
    names.number = 1; /* the address of the server */
    http_client_free(world->client);
    resolver_free(world->resolver);
    world->resolver = resolver_new(
        world->loop, &(struct resolver_options){.resolv_conf = resolv_conf, .server_port = port});
    world->client = http_client_new(world->loop, world->resolver, NULL);
    snprintf(url, sizeof(url), "http://etcd.example:%u/path", world->server.port);
    return 0;
}

static int tear_down(void **state)
{
    name_server_close(&names);
    return client_world_tear_down(state) + temp_dir_fini(&dir);
}

static struct http_call call_by_name(struct client_world *world)
{
    struct http_call call = call_to(world);
    call.url = url;
    return call;
}

static void ask(struct client_world *world)
{
    struct http_call call = call_by_name(world);
    post(world, &call);
    settle(world);
}

static void test_once_per_connection(void **state)
{
    struct client_world *world = *state;
    for (int i = 0; i < 5; i++) {
        ask(world);
        assert_int_equal(world->outcome.result.status, 200);
    }
    assert_int_equal(names.asked, QUERIES);
    assert_int_equal(world->server.accepted, 1);
    char host[80];
    snprintf(host, sizeof(host), "\r\nHost: etcd.example:%u\r\n", world->server.port);
    assert_non_null(strstr(buf_text(&world->server.last_request), host));
    raw_server_drop(&world->server);
    for (int i = 0; i < 5; i++) {
        loop_turn_once(world->loop, false);
    }
    ask(world);
    assert_int_equal(world->outcome.result.status, 200);
    assert_int_equal(names.asked, 2 * QUERIES);
    assert_int_equal(world->server.accepted, 2);
}

static void test_no_lookup(void **state)
{
    struct client_world *world = *state;
    snprintf(url, sizeof(url), "http://localhost:%u/path", world->server.port);
    ask(world);
    assert_int_equal(world->outcome.result.status, 200);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/path", world->server.port);
    ask(world);
    assert_int_equal(world->outcome.result.status, 200);
    assert_int_equal(names.asked, 0);
}

static void test_two_at_once(void **state)
{
    struct client_world *world = *state;
    struct outcome other = {0};
    struct http_call call = call_by_name(world);
    http_client_send(world->client, &call, note, &other);
    ask(world);
    while (other.calls == 0) {
        step(world);
    }
    assert_int_equal(world->outcome.result.status, 200);
    assert_int_equal(other.result.status, 200);
}

static void test_not_resolved(void **state)
{
    struct client_world *world = *state;
    names.mode = NAME_SERVER_NO_SUCH_NAME;
    ask(world);
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_RESOLVE);
    assert_false(world->outcome.result.sent);
    assert_non_null(strstr(world->outcome.text, "http://etcd.example:"));
    assert_non_null(strstr(world->outcome.text, "/path: name not resolved: "));
    names.mode = NAME_SERVER_SILENT;
    struct http_call call = call_by_name(world);
    call.connect_timeout_ms = 50;
    post(world, &call);
    settle(world);
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_RESOLVE);
    assert_true(world->outcome.result.elapsed_us >= 45000); /* in ms, rounded down */
    names.mode = NAME_SERVER_ANSWERS;
    ask(world);
    assert_int_equal(world->outcome.result.status, 200);
}

/* The time of the look-up counts. */
static void test_time_is_left(void **state)
{
    struct client_world *world = *state;
    names.mode = NAME_SERVER_SWALLOWS_AAAA; /* A and then RESOLVER_FAMILY_WAIT_MS */
    world->server.act = RAW_SILENT;
    struct http_call call = call_by_name(world);
    call.timeout_ms = 200;
    post(world, &call);
    settle(world);
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_TIMEOUT);
    assert_true(world->outcome.result.sent);
    assert_true(world->outcome.result.elapsed_us >= 200000);
    assert_true(world->outcome.result.elapsed_us < 200000 + RESOLVER_FAMILY_WAIT_MS * 1000);
    assert_non_null(strstr(world->outcome.text, "no answer within 200ms"));
}

static void test_cancelled_during_the_lookup(void **state)
{
    struct client_world *world = *state;
    names.mode = NAME_SERVER_SILENT;
    struct http_call call = call_by_name(world);
    struct http_request_handle *handle = post(world, &call);
    while (names.asked == 0) {
        step(world);
    }
    http_request_cancel(handle);
    assert_int_equal(in_flight(world->client), 0);
    post(world, &call);
    http_client_free(world->client); /* with a look-up */
    world->client = http_client_new(world->loop, world->resolver, NULL);
    step(world);
    assert_int_equal(world->outcome.calls, 0);
}

/* A kept connection took the request and was closed; there is no second attempt without an address. */
static void test_sent_stays_sent(void **state)
{
    struct client_world *world = *state;
    ask(world);
    names.mode = NAME_SERVER_NO_SUCH_NAME;
    world->server.act = RAW_ANSWER_CLOSE;
    world->server.answer = "";
    ask(world);
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_RESOLVE);
    assert_true(world->outcome.result.sent);
    assert_int_equal(world->server.requests, 2);
}

static void test_sent_once_more(void **state)
{
    struct client_world *world = *state;
    ask(world);
    world->server.act = RAW_ANSWER_CLOSE;
    world->server.answer = "";
    struct http_call call = call_by_name(world);
    post(world, &call);
    while (world->server.requests < 2) {
        step(world);
    }
    world->server.act = RAW_ANSWER;
    world->server.answer = HI;
    settle(world);
    assert_int_equal(world->outcome.result.status, 200);
    assert_string_equal(world->outcome.body, "hi");
    assert_int_equal(world->server.requests, 3);
    assert_int_equal(names.asked, 2 * QUERIES);
}

struct seen {
    int status;
    size_t ends;
    enum http_transport transport;
};

static void on_head(int status, void *user)
{
    ((struct seen *)user)->status = status;
}

static void on_data(struct str bytes, void *user)
{
    (void)bytes;
    (void)user;
}

static void on_end(const struct http_result *result, void *user)
{
    struct seen *seen = user;
    seen->ends++;
    seen->transport = result->transport;
}

static void test_stream(void **state)
{
    static const struct http_stream_handler handler = {on_head, on_data, on_end};
    struct client_world *world = *state;
    struct seen seen = {0};
    struct http_call call = call_by_name(world);
    http_stream_open(world->client, &call, &handler, &seen);
    while (seen.ends == 0) {
        step(world);
    }
    assert_int_equal(seen.status, 200);
    assert_int_equal(seen.transport, HTTP_TRANSPORT_OK);
    names.mode = NAME_SERVER_SILENT;
    call.timeout_ms = 40; /* of the head: its timer ends the look-up */
    seen = (struct seen){0};
    http_stream_open(world->client, &call, &handler, &seen);
    while (seen.ends == 0) {
        step(world);
    }
    assert_int_equal(seen.status, 0);
    assert_true(seen.transport == HTTP_TRANSPORT_TIMEOUT || seen.transport == HTTP_TRANSPORT_RESOLVE);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_once_per_connection), T(test_no_lookup),      T(test_two_at_once),
        T(test_not_resolved),        T(test_time_is_left),   T(test_cancelled_during_the_lookup),
        T(test_sent_stays_sent),     T(test_sent_once_more), T(test_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
