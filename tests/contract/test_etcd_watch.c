/* Watches of the etcd backend on servers that are none, or not well: what is made of it, and whom the next
 * watch goes to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "raw_world.h"

#include "outrider/base/attr.h"
#include "outrider/registry/registry.h"

#include <stdio.h>

#define HDR(rev) "{\"result\":{\"header\":{\"cluster_id\":\"5\",\"revision\":\"" rev "\"},\"watch_id\":\"1\""
#define CREATED HDR("3") ",\"created\":true}}\n"
#define EVENT                                                                                                \
    HDR("4") ",\"events\":[{\"kv\":{\"key\":\"aw==\",\"mod_revision\":\"4\",\"value\":\"dg==\"}}]}}\n"
#define REFUSED                                                                                              \
    "{\"result\":{\"header\":{\"cluster_id\":\"5\",\"revision\":\"3\"},\"watch_id\":\"-1\","                 \
    "\"created\":true,\"canceled\":true,\"cancel_reason\":\"rpc error: code = Unauthenticated "              \
    "desc = etcdserver: invalid auth token\"}}\n"
#define LOGIN(token) "{\"header\":{\"cluster_id\":\"5\",\"revision\":\"3\"},\"token\":\"" token "\"}"

static void the_request_is_a_stream_of_its_own(void **state)
{
    struct world *world = *state;
    start(world, 1, NULL);
    will_stream(world, 0, RAW_ANSWER, CREATED EVENT, false);
    watch(world, TIMEOUT_MS);
    assert_int_equal(world->applied.size, 0);
    expect_heard(world, "1a opened 3 of 5\n1a changed 4: 1\n");
    const char *request = buf_text(&world->servers[0].last_request);
    assert_memory_equal(request, "POST /v3/watch HTTP/1.1\r\n", 25);
    assert_non_null(strstr(request, "\r\nConnection: close\r\n"));
    assert_non_null(strstr(request, "\r\nGrpc-Metadata-Hasleader: true\r\n"));
    assert_null(strstr(request, "Grpc-Timeout"));
    assert_null(strstr(request, "Authorization"));
    assert_non_null(strstr(request, "\r\n\r\n{\"create_request\":{\"key\":\"aw==\","));
    registry_unwatch(world->client, 1);
    wait_closed(world, 0, 1);
    assert_int_equal(world->applied.size, 0);
}

/* Head or no head, half a line or none: without `created` it has not begun, and the next watch goes on. */
static void what_does_not_begin_ends_and_the_next_goes_elsewhere(void **state)
{
    struct world *world = *state;
    start(world, 2, NULL);
    will_stream(world, 1, RAW_ANSWER, CREATED, false);
    world->servers[0].act = RAW_SILENT;
    watch(world, TIMEOUT_MS);
    expect_ended(world, "1a", "retry", "it did not begin within 200 ms");
    wait_closed(world, 0, 1);
    watch(world, TIMEOUT_MS);
    expect_heard(world, "2b opened 3 of 5\n");
    assert_int_equal(world->servers[0].accepted, 1);
}

/* Of two that began at once one is open when the time of both is over. */
static void what_is_open_has_all_the_time(void **state)
{
    struct world *world = *state;
    start(world, 1, NULL);
    will_stream(world, 0, RAW_ANSWER, CREATED, false);
    watch(world, TIMEOUT_MS);
    expect_heard(world, "1a opened 3 of 5\n");
    world->servers[0].act = RAW_SILENT;
    watch(world, TIMEOUT_MS + 20);
    expect_ended(world, "2a", "retry", "it did not begin within 220 ms");
}

static void an_endpoint_that_refers_to_another_is_left(void **state)
{
    struct world *world = *state;
    start(world, 2, NULL);
    will_answer(world, 0, 503, "{\"error\":{\"code\":14,\"message\":\"etcdserver: no leader\"}}\n");
    will_stream(world, 1, RAW_ANSWER, CREATED, false);
    watch(world, TIMEOUT_MS);
    expect_ended(world, "1a", "retry", "etcdserver: no leader");
    watch(world, TIMEOUT_MS);
    expect_heard(world, "2b opened 3 of 5\n");
}

static void a_head_alone_does_not_begin_a_watch(void **state)
{
    struct world *world = *state;
    static const char *const bodies[] = {"", "{\"result\":{\"header\":"};
    start(world, 1, NULL);
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        char id[3] = {(char)('1' + i), 'a', '\0'};
        will_stream(world, 0, RAW_ANSWER, bodies[i], false);
        watch(world, TIMEOUT_MS);
        expect_ended(world, id, "retry", "it did not begin within 200 ms");
    }
    wait_closed(world, 0, 2);
}

static void a_refused_connection_ends_it_at_once(void **state)
{
    struct world *world = *state;
    start(world, 2, NULL);
    raw_server_fini(&world->servers[0]);
    world->servers[0] = (struct raw_server){.fd = -1};
    will_stream(world, 1, RAW_ANSWER, CREATED, false);
    world->open_when_ended = true;
    watch(world, 60000);
    char expected[256];
    snprintf(expected, sizeof(expected),
             "1a ended retry: watch on %s: connection refused\n2b opened 3 of 5\n", world->names[0]);
    expect_heard(world, expected);
}

static void a_broken_stream_ends_with_its_cause(void **state)
{
    struct world *world = *state;
    start(world, 1, NULL);
    will_stream(world, 0, RAW_ANSWER_CLOSE, CREATED "{\"result\":{\"hea", true);
    watch(world, TIMEOUT_MS);
    char expected[256];
    snprintf(expected, sizeof(expected),
             "1a opened 3 of 5\n1a ended retry: watch on %s: the answer ended in the middle of a line\n",
             world->names[0]);
    expect_heard(world, expected);
    static const enum raw_act acts[] = {RAW_ANSWER_CLOSE, RAW_ANSWER_RESET};
    for (size_t i = 0; i < COUNT_OF(acts); i++) {
        will_stream(world, 0, acts[i], CREATED "{\"result\":{\"hea", false);
        watch(world, TIMEOUT_MS);
        while (world->ended < i + 2) {
            turn(world);
        }
        const char *end = strstr(buf_text(&world->applied), "ended");
        snprintf(expected, sizeof(expected), "ended retry: watch on %s: ", world->names[0]);
        assert_non_null(end);
        assert_memory_equal(end, expected, strlen(expected));
        assert_true(strlen(end) > strlen(expected) + 5); /* in words, without the URL */
        assert_null(strstr(end, "/v3/watch"));
        buf_clear(&world->applied);
    }
}

static void an_end_in_good_order_is_none_of_our_faults(void **state)
{
    struct world *world = *state;
    start(world, 2, NULL);
    will_stream(world, 0, RAW_ANSWER_CLOSE, CREATED, true);
    watch(world, TIMEOUT_MS);
    expect_heard(world, "1a opened 3 of 5\n1a ended ok: \n");
    watch(world, TIMEOUT_MS);
    expect_heard(world, "2a opened 3 of 5\n2a ended ok: \n");
}

static void what_is_no_etcd_is_reported_and_left(void **state)
{
    struct world *world = *state;
    start(world, 1, NULL);
    will_stream(world, 0, RAW_ANSWER, "<html>\n", false);
    watch(world, TIMEOUT_MS);
    expect_ended(world, "1a", "retry", "not a watch of etcd: no JSON");
    wait_closed(world, 0, 1);
    will_answer(world, 0, 404, "404 page not found\n");
    watch(world, TIMEOUT_MS);
    expect_ended(world, "2a", "refused", "HTTP 404, not JSON: is it etcd?");
    will_answer(world, 0, 503, "{\"error\":{\"code\":14,\"message\":\"etcdserver: no leader\"}}\n");
    watch(world, TIMEOUT_MS);
    expect_ended(world, "3a", "retry", "etcdserver: no leader");
    will_answer(world, 0, 200, "");
    watch(world, TIMEOUT_MS);
    expect_ended(world, "4a", "retry", "the answer ended before the watch began");
}

/* The server would leave the connection open for ever. */
static void after_a_cancellation_we_close(void **state)
{
    struct world *world = *state;
    start(world, 1, NULL);
    will_stream(world, 0, RAW_ANSWER, CREATED HDR("3") ",\"canceled\":true}}\n" EVENT, false);
    watch(world, TIMEOUT_MS);
    char expected[256];
    snprintf(expected, sizeof(expected),
             "1a opened 3 of 5\n1a ended retry: watch on %s: etcd cancelled the watch and does not say why\n",
             world->names[0]);
    expect_heard(world, expected);
    wait_closed(world, 0, 1);
    assert_int_equal(world->applied.size, 0);
}

static void a_callback_may_close_its_watch(void **state)
{
    struct world *world = *state;
    start(world, 1, NULL);
    will_stream(world, 0, RAW_ANSWER, CREATED EVENT EVENT, false);
    world->close_when_opened = true;
    watch(world, TIMEOUT_MS);
    expect_heard(world, "1a opened 3 of 5\n");
    wait_closed(world, 0, 1);
    assert_int_equal(world->applied.size, 0);
}

static void a_refused_token_costs_one_login(void **state)
{
    struct world *world = *state;
    start(world, 1, "secret\n");
    will_answer(world, 0, 200, LOGIN("first.1"));
    watch(world, 5000);
    wait_requests(world, 0, 1);
    assert_non_null(strstr(buf_text(&world->servers[0].last_request), "POST /v3/auth/authenticate"));
    will_stream(world, 0, RAW_ANSWER, REFUSED, false);
    wait_requests(world, 0, 2);
    assert_non_null(strstr(buf_text(&world->servers[0].last_request), "\r\nAuthorization: first.1\r\n"));
    will_answer(world, 0, 200, LOGIN("second.2"));
    wait_requests(world, 0, 3);
    assert_non_null(strstr(buf_text(&world->servers[0].last_request), "POST /v3/auth/authenticate"));
    will_stream(world, 0, RAW_ANSWER, CREATED, false);
    expect_heard(world, "1a opened 3 of 5\n");
    assert_non_null(strstr(buf_text(&world->servers[0].last_request), "\r\nAuthorization: second.2\r\n"));
}

static void a_token_refused_twice_is_the_end(void **state)
{
    struct world *world = *state;
    start(world, 1, "secret");
    will_answer(world, 0, 200, LOGIN("first.1"));
    watch(world, 5000);
    wait_requests(world, 0, 1);
    will_stream(world, 0, RAW_ANSWER, REFUSED, false);
    wait_requests(world, 0, 2);
    will_answer(world, 0, 200, LOGIN("second.2"));
    wait_requests(world, 0, 3);
    will_stream(world, 0, RAW_ANSWER, REFUSED, false);
    expect_ended(world, "1a", "denied", "etcdserver: invalid auth token");
    assert_int_equal(world->servers[0].requests, 4);
}

static void without_a_login_there_is_no_watch(void **state)
{
    struct world *world = *state;
    start(world, 1, "wrong");
    will_answer(
        world, 0, 400,
        "{\"code\":3,\"message\":\"etcdserver: authentication failed, invalid user ID or password\"}");
    watch(world, 5000);
    static const char begins[] = "1a ended denied: watch: log in as `outrider` on http://127.0.0.1:";
    while (world->ended == 0) {
        turn(world);
    }
    assert_memory_equal(buf_text(&world->applied), begins, strlen(begins));
    buf_clear(&world->applied);

    registry_free(world->registry);
    start(world, 1, "slow");
    world->servers[0].act = RAW_SILENT;
    watch(world, TIMEOUT_MS);
    while (world->ended == 1) {
        turn(world);
    }
    assert_memory_equal(buf_text(&world->applied), "2a ended retry: watch: ", 23);
}

static void a_registry_goes_with_its_watches(void **state)
{
    struct world *world = *state;
    start(world, 1, "secret");
    world->servers[0].act = RAW_SILENT;
    watch(world, 5000); /* waits for a login */
    wait_requests(world, 0, 1);
    registry_free(world->registry);
    start(world, 1, NULL);
    watch(world, 5000); /* for an answer */
    wait_requests(world, 0, 2);
    watch(world, 5000);
    registry_unwatch(world->client, 3); /* for its end */
    registry_free(world->registry);
    world->registry = NULL;
    wait_closed(world, 0, 2);
    assert_int_equal(world->applied.size, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_request_is_a_stream_of_its_own),
        TEST(what_does_not_begin_ends_and_the_next_goes_elsewhere),
        TEST(what_is_open_has_all_the_time),
        TEST(an_endpoint_that_refers_to_another_is_left),
        TEST(a_head_alone_does_not_begin_a_watch),
        TEST(a_refused_connection_ends_it_at_once),
        TEST(a_broken_stream_ends_with_its_cause),
        TEST(an_end_in_good_order_is_none_of_our_faults),
        TEST(what_is_no_etcd_is_reported_and_left),
        TEST(after_a_cancellation_we_close),
        TEST(a_callback_may_close_its_watch),
        TEST(a_refused_token_costs_one_login),
        TEST(a_token_refused_twice_is_the_end),
        TEST(without_a_login_there_is_no_watch),
        TEST(a_registry_goes_with_its_watches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
