/* The etcd backend on a fake HTTP client: what is asked of which endpoint, with how much time, and what is
 * made of what comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/loop.h"
#include "outrider/registry/etcd/etcd.h"

#include "fake_http.h"

#include <stdio.h>
#include <stdlib.h>

static struct loop *loop;
static struct registry *registry;
static struct registry_client *client;
static struct registry_reply reply;
static char reply_error[512], reply_endpoint[128], reply_note[256];
static size_t replies;

static void on_reply(const struct registry_reply *applied, void *user)
{
    assert_ptr_equal(user, &registry);
    replies++;
    reply = *applied;
    snprintf(reply_error, sizeof(reply_error), "%.*s", STR_ARG(applied->error));
    snprintf(reply_endpoint, sizeof(reply_endpoint), "%.*s", STR_ARG(applied->endpoint));
    snprintf(reply_note, sizeof(reply_note), "%.*s", STR_ARG(applied->note));
}

static char *const names[] = {(char[]){"http://a:1"}, (char[]){"http://b:2"}, (char[]){"http://c:3"}};

static void start(size_t endpoint_count)
{
    struct error err;
    struct config_registry config = {.endpoint_count = endpoint_count};
    for (size_t i = 0; i < endpoint_count; i++) {
        config.endpoints[i] = names[i];
    }
    loop = loop_new(&err);
    assert_non_null(loop);
    registry = etcd_registry(etcd_new(&config, loop, NULL, NULL));
    client = registry_attach(registry, on_reply, NULL, &registry);
    post_count = replies = cancelled = 0;
}

static int stop(void **state)
{
    (void)state;
    registry_free(registry);
    registry = NULL;
    loop_free(loop);
    loop = NULL;
    fake_http_fini();
    return 0;
}

static void submit(enum registry_op op, int64_t timeout_ms)
{
    char key[] = "k";
    struct blob *value = blob_new(STR("v"));
    static const struct registry_txn none;
    struct registry_request request = {.id = 7,
                                       .txn = &none,
                                       .op = op,
                                       .lease = {.lo = 9},
                                       .ttl_ms = 3000,
                                       .key = {key, 1},
                                       .value = value,
                                       .timeout_ms = timeout_ms};
    registry_submit(client, &request);
    key[0] = '!'; /* the caller's bytes are the caller's */
    blob_unref(value);
}

#define OK_BODY                                                                                              \
    "{\"header\":{\"cluster_id\":\"5\",\"revision\":\"3\"},\"succeeded\":true,\"responses\":[{\"response_"   \
    "put\":{}}]}"

static void expect_reply(size_t count, enum registry_failure failure, const char *endpoint, const char *error)
{
    assert_int_equal(replies, count);
    assert_int_equal(reply.id, 7);
    assert_string_equal(registry_failure_name(reply.failure), registry_failure_name(failure));
    assert_string_equal(reply_endpoint, endpoint);
    assert_string_equal(reply_error, error);
}

static void a_put_is_one_post_with_everything_on_it(void **state)
{
    (void)state;
    start(1);
    submit(REGISTRY_PUT, 2000);
    assert_int_equal(replies, 0);
    assert_string_equal(posts[0].headers, "Content-Type: application/json\nGrpc-Metadata-Hasleader: true\n"
                                          "Grpc-Timeout: 2000m\n");
    assert_int_equal(posts[0].timeout_ms, 2000);
    assert_int_equal(posts[0].connect_timeout_ms, 2000);
    assert_true(posts[0].max_response >= 2 * 1024 * 1024);
    assert_non_null(
        strstr(buf_text(&posts[0].body), "{\"key\":\"aw==\",\"value\":\"dg==\",\"lease\":\"9\"}"));
    finish("http://a:1/v3/kv/txn", answered(200, OK_BODY));
    expect_reply(1, REGISTRY_OK, "http://a:1", "");
    assert_true(reply.succeeded);
    assert_int_equal(reply.revision, 3);
    assert_int_equal(reply.cluster, 5);
    assert_int_equal(reply.op, REGISTRY_PUT);
}

static void each_operation_has_its_path(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "http://a:1/v3/lease/grant",      "http://a:1/v3/lease/keepalive", "http://a:1/v3/lease/revoke",
        "http://a:1/v3/lease/timetolive", "http://a:1/v3/kv/range",        "http://a:1/v3/kv/txn",
        "http://a:1/v3/kv/txn",           "http://a:1/v3/kv/range",        "http://a:1/v3/kv/txn",
        "http://a:1/v3/kv/txn",           "http://a:1/v3/kv/txn"};
    start(1);
    for (int op = 0; op < REGISTRY_OP_COUNT; op++) {
        post_count = 0;
        submit((enum registry_op)op, 1000);
        finish(urls[op], answered(429, "{\"code\":8, \"message\":\"etcdserver: too many requests\"}"));
        char error[128];
        snprintf(error, sizeof(error), "%s on http://a:1: etcdserver: too many requests",
                 registry_op_name((enum registry_op)op));
        expect_reply((size_t)op + 1, REGISTRY_OVERLOADED, "http://a:1", error);
    }
}

/* The next endpoint gets what is left; the last one all of it. */
static void what_was_not_sent_goes_to_the_next_endpoint_at_once(void **state)
{
    (void)state;
    start(3);
    submit(REGISTRY_PUT, 2000);
    assert_int_equal(posts[0].timeout_ms, 1000);
    finish("http://a:1/v3/kv/txn",
           lost(HTTP_TRANSPORT_REFUSED, false, "http://a:1/v3/kv/txn: connection refused", 300));
    assert_int_equal(replies, 0);
    assert_int_equal(posts[1].timeout_ms, 999);
    assert_non_null(strstr(posts[1].headers, "Grpc-Timeout: 999m\n"));
    assert_string_equal(buf_text(&posts[1].body), buf_text(&posts[0].body));
    finish("http://b:2/v3/kv/txn",
           lost(HTTP_TRANSPORT_TIMEOUT, false, "http://b:2/v3/kv/txn: timed out", 999000));
    assert_int_equal(posts[2].timeout_ms, 1000);
    finish("http://c:3/v3/kv/txn", answered(200, OK_BODY));
    expect_reply(1, REGISTRY_OK, "http://c:3", "");
    post_count = 0;
    submit(REGISTRY_PUT, 2000);
    finish("http://c:3/v3/kv/txn", answered(200, OK_BODY));
}

static void each_endpoint_is_asked_once(void **state)
{
    (void)state;
    start(2);
    submit(REGISTRY_GRANT, 2000);
    finish("http://a:1/v3/lease/grant", lost(HTTP_TRANSPORT_RESOLVE, false, "no such name", 0));
    finish("http://b:2/v3/lease/grant",
           lost(HTTP_TRANSPORT_REFUSED, false, "http://b:2/v3/lease/grant: refused", 0));
    expect_reply(1, REGISTRY_RETRY, "http://b:2",
                 "grant on http://a:1: no such name; on http://b:2: refused");
    assert_int_equal(post_count, 2);
    submit(REGISTRY_GRANT, 2000);
    finish("http://a:1/v3/lease/grant", lost(HTTP_TRANSPORT_REFUSED, false, "x", 2000000));
    expect_reply(2, REGISTRY_RETRY, "http://a:1", "grant on http://a:1: x"); /* no time left for the other */
}

/* Only a put or delete that may have been done is left to who knows what that means. */
static void what_was_sent_is_repeated_where_that_is_harmless(void **state)
{
    (void)state;
    static const struct {
        enum http_transport transport;
        enum registry_op op;
        enum registry_failure failure; /* of one endpoint alone */
        bool repeated;
    } rows[] = {
        {HTTP_TRANSPORT_TIMEOUT, REGISTRY_PUT, REGISTRY_UNKNOWN, false},
        {HTTP_TRANSPORT_REFUSED, REGISTRY_DELETE, REGISTRY_UNKNOWN,
         false}, /* sent before, on a connection that was gone */
        {HTTP_TRANSPORT_RESET, REGISTRY_GRANT, REGISTRY_UNKNOWN, true},
        {HTTP_TRANSPORT_RESET, REGISTRY_KEEPALIVE, REGISTRY_UNKNOWN, true},
        {HTTP_TRANSPORT_TOO_LARGE, REGISTRY_REVOKE, REGISTRY_UNKNOWN, true},
        {HTTP_TRANSPORT_TIMEOUT, REGISTRY_GET, REGISTRY_RETRY, true},
        {HTTP_TRANSPORT_OTHER, REGISTRY_LEASE_TTL, REGISTRY_RETRY, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        start(2);
        submit(rows[i].op, 2000);
        char first[128], second[128];
        snprintf(first, sizeof(first), "%s", posts[0].url);
        snprintf(second, sizeof(second), "http://b:2%s", first + strlen("http://a:1"));
        finish(first, lost(rows[i].transport, true, "gone", 10));
        assert_int_equal(replies, rows[i].repeated ? 0 : 1);
        if (rows[i].repeated) {
            finish(second, lost(rows[i].transport, true, "gone, too", 10));
        }
        assert_int_equal(replies, 1);
        assert_int_equal(reply.failure, rows[i].failure);
        submit(REGISTRY_GET, 2000); /* the one that failed first, or did not yet, is asked first */
        finish(rows[i].repeated ? "http://a:1/v3/kv/range" : "http://b:2/v3/kv/range",
               answered(200, OK_BODY));
        stop(NULL);
    }
}

#define NO_LEADER "{\"code\":14, \"message\":\"etcdserver: no leader\"}"
#define TIMED_OUT "{\"code\":14, \"message\":\"etcdserver: request timed out\"}"

static void a_list_too_large_does_not_mark_the_endpoint(void **state)
{
    (void)state;
    struct registry_endpoint endpoint;
    start(2);
    submit(REGISTRY_LIST, 1000);
    finish("http://a:1/v3/kv/range", lost(HTTP_TRANSPORT_TOO_LARGE, true, "too much", 10));
    expect_reply(1, REGISTRY_REFUSED, "http://a:1", "list on http://a:1: too much");
    assert_true(reply.too_large);
    assert_true(registry_endpoint(registry, 0, &endpoint));
    assert_string_equal(endpoint.last_error, "");
    assert_true(endpoint.in_use);
}

static void an_error_of_one_endpoint_goes_to_another(void **state)
{
    (void)state;
    start(2);
    submit(REGISTRY_PUT, 2000); /* certainly not done: the next one may do it */
    finish("http://a:1/v3/kv/txn", answered(503, NO_LEADER));
    finish("http://b:2/v3/kv/txn", answered(503, NO_LEADER));
    expect_reply(1, REGISTRY_RETRY, "http://b:2",
                 "put on http://a:1: etcdserver: no leader; on http://b:2: etcdserver: no leader");
    submit(REGISTRY_PUT, 2000); /* maybe done: not again */
    finish("http://a:1/v3/kv/txn", answered(503, TIMED_OUT));
    expect_reply(2, REGISTRY_UNKNOWN, "http://a:1", "put on http://a:1: etcdserver: request timed out");
    submit(REGISTRY_KEEPALIVE, 2000); /* maybe done, and again does no harm */
    finish("http://b:2/v3/lease/keepalive", answered(503, TIMED_OUT));
    finish("http://a:1/v3/lease/keepalive", answered(503, NO_LEADER));
    assert_int_equal(reply.failure, REGISTRY_UNKNOWN);
    submit(REGISTRY_PUT, 2000);
    finish("http://b:2/v3/kv/txn",
           answered(404, "{\"code\":5, \"message\":\"etcdserver: requested lease not found\"}"));
    expect_reply(4, REGISTRY_LEASE_LOST, "http://b:2",
                 "put on http://b:2: etcdserver: requested lease not found");
    submit(REGISTRY_PUT, 2000); /* which is no fault of the endpoint */
    finish("http://b:2/v3/kv/txn", answered(200, OK_BODY));
}

/* A proxy's page, a member without its gateway, a port that another service has now: it says nothing about the
 * others. */
static void what_is_not_etcd_is_for_another_endpoint(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
    } pages[] = {{404, "404 page not found"},
                 {404, "{\"code\":5, \"message\":\"Not Found\"}"},
                 {501, "{\"code\":12, \"message\":\"Method Not Allowed\"}"},
                 {301, ""},
                 {400, "<html>"},
                 {401, "<html>"},
                 {403, "<html>"}};
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        start(2);
        submit(REGISTRY_PUT, 2000);
        finish("http://a:1/v3/kv/txn", answered(pages[i].status, pages[i].body));
        finish("http://b:2/v3/kv/txn", answered(200, OK_BODY));
        assert_int_equal(replies, 1);
        assert_int_equal(reply.failure, REGISTRY_OK);
        submit(REGISTRY_PUT, 2000); /* and is not asked first again */
        finish("http://b:2/v3/kv/txn", answered(404, "404 page not found"));
        finish("http://a:1/v3/kv/txn", answered(404, "404 page not found"));
        expect_reply(
            2, REGISTRY_REFUSED, "http://a:1",
            "put on http://b:2: HTTP 404, not JSON: is it etcd?; on http://a:1: HTTP 404, not JSON: is it "
            "etcd?");
        stop(NULL);
    }
}

/* Who has too much to do is left alone, and the work is not carried to the others at once. */
static void an_overload_is_reported_and_moved_away_from(void **state)
{
    (void)state;
    start(2);
    submit(REGISTRY_GET, 2000);
    finish("http://a:1/v3/kv/range",
           answered(429, "{\"code\":8, \"message\":\"etcdserver: too many requests\"}"));
    expect_reply(1, REGISTRY_OVERLOADED, "http://a:1", "get on http://a:1: etcdserver: too many requests");
    submit(REGISTRY_GET, 2000);
    finish("http://b:2/v3/kv/range",
           answered(429, "{\"code\":8, \"message\":\"etcdserver: mvcc: database space exceeded\"}"));
    assert_int_equal(reply.failure, REGISTRY_OVERLOADED);
    submit(REGISTRY_GET, 2000); /* the store is full for everybody: no reason to leave */
    finish("http://b:2/v3/kv/range", answered(200, OK_BODY));
}

/* It is asked again only when every other has failed more recently. */
static void a_black_hole_costs_one_attempt_once(void **state)
{
    (void)state;
    start(3);
    struct http_result swallowed = lost(HTTP_TRANSPORT_TIMEOUT, false, "timed out", 1000000);
    struct http_result refused = lost(HTTP_TRANSPORT_REFUSED, false, "refused", 0);
    submit(REGISTRY_PUT, 2000);
    finish("http://a:1/v3/kv/txn", swallowed);
    finish("http://b:2/v3/kv/txn", answered(200, OK_BODY));
    for (int i = 0; i < 5; i++) {
        post_count = 0;
        submit(REGISTRY_PUT, 2000);
        finish("http://b:2/v3/kv/txn", answered(200, OK_BODY));
    }
    post_count = 0;
    submit(REGISTRY_PUT, 2000);
    finish("http://b:2/v3/kv/txn", refused);
    finish("http://c:3/v3/kv/txn", answered(200, OK_BODY));
    submit(REGISTRY_PUT, 2000);
    finish("http://c:3/v3/kv/txn", refused);
    finish("http://a:1/v3/kv/txn", answered(200, OK_BODY));
}

/* Two requests that fail together are one failure of one endpoint. */
static void two_that_fail_together_move_on_once(void **state)
{
    (void)state;
    start(3);
    submit(REGISTRY_PUT, 2000);
    submit(REGISTRY_DELETE, 2000);
    struct http_result reset = lost(HTTP_TRANSPORT_RESET, true, "reset", 10);
    for (size_t i = 0; i < 2; i++) {
        posts[i].open = false;
        posts[i].fn(&reset, posts[i].user);
    }
    assert_int_equal(replies, 2);
    submit(REGISTRY_GET, 2000);
    finish("http://b:2/v3/kv/range", answered(200, OK_BODY));
}

static void two_clusters_are_named(void **state)
{
    (void)state;
    start(2);
    submit(REGISTRY_GET, 2000);
    finish("http://a:1/v3/kv/range", answered(200, OK_BODY));
    assert_string_equal(reply_note, "");
    submit(REGISTRY_GET, 2000);
    finish("http://a:1/v3/kv/range", lost(HTTP_TRANSPORT_REFUSED, false, "refused", 0));
    finish("http://b:2/v3/kv/range",
           answered(200, "{\"header\":{\"cluster_id\":\"255\",\"revision\":\"3\"}}"));
    expect_reply(2, REGISTRY_OK, "http://b:2", "");
    assert_int_equal(reply.cluster, 255);
    assert_string_equal(
        reply_note, "http://a:1 belonged to cluster 5 and http://b:2 to cluster ff when they answered last");
}

static void the_cluster_is_remembered(void **state)
{
    (void)state;
    start(1);
    submit(REGISTRY_GET, 2000);
    finish("http://a:1/v3/kv/range", answered(200, OK_BODY));
    submit(REGISTRY_GET, 2000);
    finish("http://a:1/v3/kv/range", lost(HTTP_TRANSPORT_RESET, true, "reset", 10));
    assert_int_equal(reply.failure, REGISTRY_RETRY);
    assert_int_equal(reply.cluster, 5);
    assert_int_equal(reply.revision, 0);
}

static void extreme_timeouts_stay_in_grpcs_range(void **state)
{
    (void)state;
    start(2);
    submit(REGISTRY_GET, INT64_C(1) << 40);
    assert_non_null(strstr(posts[0].headers, "Grpc-Timeout: 99999999m\n"));
    submit(REGISTRY_GET, 0);
    assert_int_equal(posts[1].timeout_ms, 1);
    assert_non_null(strstr(posts[1].headers, "Grpc-Timeout: 1m\n"));
}

static void what_is_open_is_cancelled(void **state)
{
    (void)state;
    start(1);
    submit(REGISTRY_PUT, 2000);
    submit(REGISTRY_GET, 2000);
    registry_free(registry);
    registry = NULL;
    assert_int_equal(cancelled, 2);
    assert_int_equal(replies, 0);
    registry_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_put_is_one_post_with_everything_on_it, stop),
        cmocka_unit_test_teardown(each_operation_has_its_path, stop),
        cmocka_unit_test_teardown(what_was_not_sent_goes_to_the_next_endpoint_at_once, stop),
        cmocka_unit_test_teardown(each_endpoint_is_asked_once, stop),
        cmocka_unit_test_teardown(what_was_sent_is_repeated_where_that_is_harmless, stop),
        cmocka_unit_test_teardown(a_list_too_large_does_not_mark_the_endpoint, stop),
        cmocka_unit_test_teardown(an_error_of_one_endpoint_goes_to_another, stop),
        cmocka_unit_test_teardown(what_is_not_etcd_is_for_another_endpoint, stop),
        cmocka_unit_test_teardown(an_overload_is_reported_and_moved_away_from, stop),
        cmocka_unit_test_teardown(a_black_hole_costs_one_attempt_once, stop),
        cmocka_unit_test_teardown(two_that_fail_together_move_on_once, stop),
        cmocka_unit_test_teardown(two_clusters_are_named, stop),
        cmocka_unit_test_teardown(the_cluster_is_remembered, stop),
        cmocka_unit_test_teardown(extreme_timeouts_stay_in_grpcs_range, stop),
        cmocka_unit_test_teardown(what_is_open_is_cancelled, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
