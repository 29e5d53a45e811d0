#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/io/http/client/http_stream.h"
#include "outrider/io/loop/loop.h"
#include "tls_world.h"

#include <stdlib.h>
#include <string.h>

static void ask(struct tls_world *world, const char *body, int64_t timeout_ms)
{
    struct http_call call = tls_call(world, "h2", "/");
    call.body = str_of(body);
    call.timeout_ms = timeout_ms;
    call.max_response = 70000;
    world->outcome = (struct tls_outcome){0};
    http_client_post(world->client, &call, tls_note, &world->outcome);
    while (world->outcome.calls == 0) {
        loop_turn_once(world->loop, true);
    }
}

static void test_connection_is_kept(void **state)
{
    struct tls_world *world = *state;
    tls_client(world, (struct http_tls){0});
    ask(world, "", 0);
    assert_int_equal(world->outcome.result.status, 200);
    assert_int_equal(tls_info(world, "stream"), 1);
    long connections = tls_info(world, "connections");
    for (long i = 1; i <= 20; i++) {
        ask(world, "hello", 0);
        assert_int_equal(tls_info(world, "connections"), connections);
        assert_int_equal(tls_info(world, "stream"), 1 + 2 * i);
    }
    ask(world, "big", 0);
    assert_int_equal(world->outcome.result.body.size, 65536);
}

/* libcurl itself keeps the connection of a call that timed out or was cancelled. */
static void test_failed_connection_is_not_used_again(void **state)
{
    struct tls_world *world = *state;
    tls_client(world, (struct http_tls){0});
    ask(world, "hello", 0);
    long connections = tls_info(world, "connections");
    ask(world, "silent", 30);
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_TIMEOUT);
    assert_true(world->outcome.result.sent);
    ask(world, "hello", 0);
    assert_int_equal(tls_info(world, "connections"), connections + 1);
    struct http_call call = tls_call(world, "h2", "/");
    call.body = str_of("silent");
    struct http_request_handle *handle = http_client_post(world->client, &call, tls_note, &world->outcome);
    loop_turn_once(world->loop, false);
    http_request_cancel(handle);
    ask(world, "hello", 0);
    assert_int_equal(tls_info(world, "connections"), connections + 2);
}

static void test_calls_do_not_share_a_connection(void **state)
{
    struct tls_world *world = *state;
    struct tls_outcome silent = {0};
    tls_client(world, (struct http_tls){0});
    struct http_call call = tls_call(world, "h2", "/");
    call.body = str_of("silent");
    call.timeout_ms = 500;
    http_client_post(world->client, &call, tls_note, &silent);
    ask(world, "hello", 0);
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_OK);
    assert_int_equal(tls_info(world, "stream"), 1);
    while (silent.calls == 0) {
        loop_turn_once(world->loop, true);
    }
    ask(world, "hello", 0);
    assert_int_equal(tls_info(world, "stream"), 3); /* the other's end has no effect on it */
}

struct seen {
    struct buf data;
    int status;
    size_t ends;
};

static void on_head(int status, void *user)
{
    ((struct seen *)user)->status = status;
}

static void on_data(struct str bytes, void *user)
{
    buf_str(&((struct seen *)user)->data, bytes);
}

static void on_end(const struct http_result *result, void *user)
{
    (void)result;
    ((struct seen *)user)->ends++;
}

static void test_stream(void **state)
{
    struct tls_world *world = *state;
    struct seen seen = {0};
    static const struct http_stream_handler handler = {on_head, on_data, on_end};
    tls_client(world, (struct http_tls){0});
    ask(world, "hello", 0);
    long connections = tls_info(world, "connections");
    struct http_call call = tls_call(world, "h2", "/");
    call.body = str_of("stream");
    struct http_stream *stream = http_stream_open(world->client, &call, &handler, &seen);
    while (seen.data.size < 14) {
        loop_turn_once(world->loop, true);
    }
    assert_int_equal(seen.status, 200);
    assert_string_equal(buf_text(&seen.data), "one\ntwo\nthree\n");
    ask(world, "hello", 0);
    assert_int_equal(tls_info(world, "connections"), connections + 1); /* the stream's own */
    assert_int_equal(tls_info(world, "open"), 2);
    http_stream_close(stream);
    do {
        ask(world, "hello", 0);
    } while (tls_info(world, "open") > 1);
    assert_int_equal(tls_info(world, "connections"), connections + 1);
    assert_int_equal(seen.ends, 0);
    buf_fini(&seen.data);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, tls_setup, tls_teardown)
    const struct CMUnitTest tests[] = {
        T(test_connection_is_kept),
        T(test_failed_connection_is_not_used_again),
        T(test_calls_do_not_share_a_connection),
        T(test_stream),
    };
    return cmocka_run_group_tests(tests, tls_group_setup, tls_group_teardown);
}
