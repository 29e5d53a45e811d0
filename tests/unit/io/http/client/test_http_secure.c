#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "in_flight.h"
#include "outrider/base/attr.h"
#include "outrider/io/loop/loop.h"
#include "tls_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_request(void **state)
{
    struct tls_world *world = *state;
    tls_client(world, (struct http_tls){0});
    tls_ask(world, "server", "/deny");
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_OK);
    assert_int_equal(world->outcome.result.status, 403);
    assert_string_equal(world->outcome.text, "");
    assert_string_equal(world->outcome.content_type, "text/plain");
    assert_true(world->outcome.result.sent);
    assert_true(world->outcome.result.elapsed_us > 0);
    assert_int_equal(tls_info(world, "size"), 5);
    assert_int_equal(in_flight(world->client), 0);
}

static void test_connection_is_kept(void **state)
{
    struct tls_world *world = *state;
    tls_client(world, (struct http_tls){0});
    tls_ask(world, "server", "/info");
    long connections = tls_info(world, "connections");
    for (int i = 0; i < 20; i++) {
        tls_ask(world, "server", "/info");
        assert_int_equal(tls_info(world, "connections"), connections);
    }
    assert_true(tls_body_has(world, " connection=none "));
}

static void settle(struct tls_world *world)
{
    while (in_flight(world->client) > 0) {
        loop_turn_once(world->loop, true);
    }
}

static void test_many_at_once(void **state)
{
    struct tls_world *world = *state;
    enum { CALLS = 20 };
    static struct tls_outcome outcomes[CALLS];
    tls_client(world, (struct http_tls){0});
    struct http_call call = tls_call(world, "server", "/info");
    for (size_t i = 0; i < CALLS; i++) {
        http_client_send(world->client, &call, tls_note, &outcomes[i]);
    }
    assert_int_equal(in_flight(world->client), CALLS);
    settle(world);
    for (size_t i = 0; i < CALLS; i++) {
        assert_int_equal(outcomes[i].calls, 1);
        assert_int_equal(outcomes[i].result.status, 200);
    }
    do { /* the server sees the end of a connection with a delay */
        tls_ask(world, "server", "/info");
    } while (tls_info(world, "open") > 4);
}

static void test_too_large(void **state)
{
    struct tls_world *world = *state;
    tls_client(world, (struct http_tls){0});
    tls_ask(world, "server", "/big");
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_TOO_LARGE);
    assert_true(world->outcome.result.sent);
}

static void test_failed_connection_is_not_used_again(void **state)
{
    struct tls_world *world = *state;
    tls_client(world, (struct http_tls){0});
    tls_ask(world, "server", "/info");
    long connections = tls_info(world, "connections");
    struct http_call call = tls_call(world, "server", "/silent");
    call.timeout_ms = 30;
    world->outcome = (struct tls_outcome){0};
    http_client_send(world->client, &call, tls_note, &world->outcome);
    settle(world);
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_TIMEOUT);
    assert_true(world->outcome.result.sent);
    assert_true(tls_text_has(world, "no answer within 30ms"));
    tls_ask(world, "server", "/info");
    assert_int_equal(tls_info(world, "connections"), connections + 1);
    call = tls_call(world, "server", "/silent");
    struct http_request_handle *handle = http_client_send(world->client, &call, tls_note, &world->outcome);
    loop_turn_once(world->loop, false);
    http_request_cancel(handle);
    assert_int_equal(in_flight(world->client), 0);
    tls_ask(world, "server", "/info");
    assert_int_equal(tls_info(world, "connections"), connections + 2);
}

static void test_dropped(void **state)
{
    struct tls_world *world = *state;
    tls_client(world, (struct http_tls){0});
    tls_ask(world, "server", "/drop"); /* on a connection of its own, right after the handshake */
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_TLS);
    assert_true(world->outcome.result.sent); /* and the outcome is unknown */
    assert_true(tls_text_has(world, "the server may ask for a client certificate"));
    tls_ask(world, "server", "/cut");
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_RESET);
    assert_int_equal(world->outcome.result.status, 200);
    tls_ask(world, "server", "/info");
    long connections = tls_info(world, "connections");
    tls_ask(world, "server", "/drop-second"); /* sent once more */
    assert_int_equal(world->outcome.result.status, 200);
    assert_int_equal(tls_info(world, "connections"), connections + 1);
    tls_ask(world, "server", "/close");
    tls_ask(world, "server", "/info");
    assert_int_equal(world->outcome.result.status, 200);
}

static void test_refused(void **state)
{
    struct tls_world *world = *state;
    tls_client(world, (struct http_tls){0});
    struct http_call call = tls_call(world, "server", "/");
    call.url = "https://me:secret@127.0.0.1:1/x";
    http_client_send(world->client, &call, tls_note, &world->outcome);
    settle(world);
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_REFUSED);
    assert_false(world->outcome.result.sent);
    assert_true(tls_text_has(world, "https://127.0.0.1:1/x: connection refused"));
    call.url = "https://";
    http_client_send(world->client, &call, tls_note, &world->outcome);
    settle(world);
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_OTHER);
    assert_false(world->outcome.result.sent);
}

static void test_password_in_the_url_is_not_sent(void **state)
{
    struct tls_world *world = *state;
    char url[128];
    tls_client(world, (struct http_tls){0});
    struct http_call call = tls_call(world, "server", "/info");
    snprintf(url, sizeof(url), "https://me:secret@%s", call.url + strlen("https://"));
    call.url = url;
    http_client_send(world->client, &call, tls_note, &world->outcome);
    settle(world);
    assert_true(tls_body_has(world, " auth=none "));
}

static void test_result_that_waits_is_cancelled(void **state)
{
    struct tls_world *world = *state;
    tls_client(world, (struct http_tls){0});
    struct http_call call = tls_call(world, "server", "/");
    call.url = "https://";
    struct http_request_handle *first = http_client_send(world->client, &call, tls_note, &world->outcome);
    struct http_request_handle *second = http_client_send(world->client, &call, tls_note, &world->outcome);
    http_request_cancel(second);
    struct http_request_handle *third = http_client_send(world->client, &call, tls_note, &world->outcome);
    http_request_cancel(first);
    assert_int_equal(world->outcome.calls, 0);
    settle(world);
    assert_int_equal(world->outcome.calls, 1);
    (void)third;
    http_client_send(world->client, &call, tls_note, &world->outcome);
    tls_client(world, (struct http_tls){0}); /* the old one had a result that was never delivered */
    loop_turn_once(world->loop, false);
    assert_int_equal(world->outcome.calls, 1);
}

struct chain {
    struct tls_world *world;
    size_t left;
};

static void next_of_chain(const struct http_result *result, void *user)
{
    struct chain *chain = user;
    assert_int_equal(result->status, 200);
    if (--chain->left > 0) {
        struct http_call call = tls_call(chain->world, "server", "/info");
        http_client_send(chain->world->client, &call, next_of_chain, chain);
    }
}

static void test_calls_from_a_callback(void **state)
{
    struct tls_world *world = *state;
    tls_client(world, (struct http_tls){0});
    struct chain chain = {world, 5};
    struct http_call call = tls_call(world, "server", "/info");
    http_client_send(world->client, &call, next_of_chain, &chain);
    settle(world);
    assert_int_equal(chain.left, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, tls_setup, tls_teardown)
    const struct CMUnitTest tests[] = {
        T(test_request),
        T(test_connection_is_kept),
        T(test_many_at_once),
        T(test_too_large),
        T(test_failed_connection_is_not_used_again),
        T(test_dropped),
        T(test_refused),
        T(test_password_in_the_url_is_not_sent),
        T(test_result_that_waits_is_cancelled),
        T(test_calls_from_a_callback),
    };
    return cmocka_run_group_tests(tests, tls_group_setup, tls_group_teardown);
}
