/* Listings, proofs, logins, and the words that end a watch: in the bytes of both gateway generations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decoded.h"
#include "outrider/base/attr.h"

#define HDR "\"header\":{\"cluster_id\":\"5\",\"member_id\":\"6\",\"revision\":\"12\",\"raft_term\":\"2\"}"

static void a_listing_is_asked_for(void **state)
{
    (void)state;
    struct registry_request list = {.op = REGISTRY_LIST, .key = STR("a/"), .range_end = STR("a0")};
    expect_encoded(&list, "{\"key\":\"YS8=\",\"range_end\":\"YTA=\",\"limit\":\"1000\"}");
    list.limit = 2;
    list.at_revision = 7;
    list.newest_first = true;
    expect_encoded(&list, "{\"key\":\"YS8=\",\"range_end\":\"YTA=\",\"limit\":\"2\",\"revision\":\"7\","
                          "\"sort_order\":\"DESCEND\",\"sort_target\":\"MOD\"}");
    list.limit = INT64_MAX;
    list.at_revision = 0;
    list.newest_first = false;
    expect_encoded(&list, "{\"key\":\"YS8=\",\"range_end\":\"YTA=\",\"limit\":\"1000\"}");
}

static void a_listing_is_read(void **state)
{
    (void)state;
    struct decoded decoded = {0};
    const char *body =
        "{" HDR ", \"kvs\":[{\"key\":\"YS8x\",\"create_revision\":\"2\",\"mod_revision\":\"4\","
        "\"version\":\"3\",\"value\":\"YmFy\",\"lease\":\"9\"},"
        "{\"key\":\"YS8y\",\"create_revision\":\"5\",\"mod_revision\":\"5\",\"version\":\"1\"}],"
        "\"more\":true,\"count\":\"3\"}";
    for (int round = 0; round < 2; round++) { /* the second reuses what the first allocated */
        decoded_read(&decoded, REGISTRY_LIST, 0, 200, str_of(body));
        assert_int_equal(decoded.response.status.failure, REGISTRY_OK);
        assert_int_equal(decoded.reply.revision, 12);
        assert_int_equal(decoded.reply.count, 3);
        assert_int_equal(decoded.reply.item_count, 2);
        const struct registry_item *first = &decoded.reply.items[0], *second = &decoded.reply.items[1];
        assert_true(str_eq(first->key, STR("a/1")));
        assert_true(str_eq(first->kv.value, STR("bar")));
        assert_true(first->kv.found);
        assert_int_equal(first->kv.mod_revision, 4);
        assert_int_equal(first->kv.create_revision, 2);
        assert_int_equal(first->kv.lease.lo, 9);
        assert_true(str_eq(second->key, STR("a/2")));
        assert_int_equal(second->kv.value.size, 0);
        assert_int_equal(second->kv.lease.lo, 0);
    }
    decoded_read(&decoded, REGISTRY_LIST, 0, 200, STR("{" HDR "}"));
    assert_int_equal(decoded.response.status.failure, REGISTRY_OK);
    assert_int_equal(decoded.reply.item_count, 0);
    assert_int_equal(decoded.reply.count, 0);
    decoded_fini(&decoded);
}

static void a_full_page_is_read(void **state)
{
    (void)state;
    struct decoded decoded = {0};
    struct buf body = {0};
    buf_str(&body, STR("{" HDR ",\"kvs\":["));
    for (int i = 0; i < REGISTRY_LIST_MAX; i++) {
        buf_printf(&body,
                   "%s{\"key\":\"YS8x\",\"create_revision\":\"2\",\"mod_revision\":\"%d\",\"version\":\"3\","
                   "\"value\":\"YmFy\",\"lease\":\"9\"}",
                   i == 0 ? "" : ",", i + 1);
    }
    buf_str(&body, STR("],\"count\":\"1000\"}"));
    decoded_read(&decoded, REGISTRY_LIST, 0, 200, buf_view(&body));
    assert_int_equal(decoded.response.status.failure, REGISTRY_OK);
    assert_int_equal(decoded.reply.item_count, REGISTRY_LIST_MAX);
    assert_int_equal(decoded.reply.items[REGISTRY_LIST_MAX - 1].kv.mod_revision, REGISTRY_LIST_MAX);
    assert_true(str_eq(decoded.reply.items[REGISTRY_LIST_MAX - 1].kv.value, STR("bar")));
    buf_fini(&body);
    decoded_fini(&decoded);
}

/* Half a page is no page. */
static void a_broken_listing_is_none(void **state)
{
    (void)state;
#define KV(rest) "{\"key\":\"YS8x\",\"create_revision\":\"2\"" rest "}"
    static const char *const bodies[] = {
        "{" HDR ",\"kvs\":[" KV(",\"mod_revision\":\"4\"") "," KV("") "]}",
        "{" HDR ",\"kvs\":[" KV(",\"mod_revision\":\"4\",\"value\":\"?\"") "]}",
        "{" HDR ",\"kvs\":[" KV(",\"mod_revision\":\"4\",\"value\":7") "]}",
        "{" HDR ",\"kvs\":[{\"mod_revision\":\"4\"}]}",
        "{" HDR ",\"kvs\":[7]}",
        "{" HDR ",\"kvs\":{}}",
        "{" HDR ",\"count\":[]}",
        "{\"kvs\":[]}",
        "",
    };
    struct decoded decoded = {0};
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        decoded_read(&decoded, REGISTRY_LIST, 0, 200, str_of(bodies[i]));
        assert_int_equal(decoded.response.status.failure, REGISTRY_RETRY);
        assert_int_equal(decoded.reply.item_count, 0);
        assert_false(decoded.response.status.revision_gone);
    }
    decoded_fini(&decoded);
}

static void a_revision_that_is_gone_is_reported(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"error\":\"x\",\"message\":\"etcdserver: mvcc: required revision has been "
        "compacted\",\"code\":11}",
        "{\"code\":11, \"message\":\"etcdserver: mvcc: required revision is a future revision\"}",
    };
    struct decoded decoded = {0};
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        decoded_read(&decoded, REGISTRY_LIST, 0, 400, str_of(bodies[i]));
        assert_int_equal(decoded.response.status.failure, REGISTRY_REFUSED);
        assert_true(decoded.response.status.revision_gone);
    }
    decoded_read(&decoded, REGISTRY_LIST, 0, 400, STR("{\"code\":3, \"message\":\"x\"}"));
    assert_false(decoded.response.status.revision_gone);
    decoded_fini(&decoded);
}

static void a_proof_writes_nothing(void **state)
{
    (void)state;
    struct registry_request prove = {.op = REGISTRY_PROVE, .key = STR("t1")};
    expect_encoded(&prove, "{\"compare\":[{\"key\":\"dDE=\",\"result\":\"EQUAL\",\"target\":\"CREATE\","
                           "\"create_revision\":\"0\"},{\"key\":\"dDE=\",\"result\":\"GREATER\","
                           "\"target\":\"CREATE\",\"create_revision\":\"0\"}],"
                           "\"success\":[{\"request_put\":{\"key\":\"dDE=\",\"value\":\"\"}}]}");
    struct decoded decoded = {0};
    decoded_read(&decoded, REGISTRY_PROVE, 0, 200, STR("{" HDR "}"));
    assert_int_equal(decoded.response.status.failure, REGISTRY_OK);
    assert_false(decoded.reply.succeeded);
    decoded_read(&decoded, REGISTRY_PROVE, 0, 200, STR("{" HDR ",\"succeeded\":true}"));
    assert_int_equal(decoded.response.status.failure, REGISTRY_RETRY);
    decoded_read(&decoded, REGISTRY_PROVE, 0, 403,
                 STR("{\"code\":7, \"message\":\"etcdserver: permission denied\"}"));
    assert_int_equal(decoded.response.status.failure, REGISTRY_DENIED);
    decoded_fini(&decoded);
}

static void a_comparison_does_nothing_either_way(void **state)
{
    (void)state;
    struct registry_request compare = {.op = REGISTRY_COMPARE, .key = STR("t1"), .expect_revision = 7};
    expect_encoded(&compare, "{\"compare\":[{\"key\":\"dDE=\",\"result\":\"EQUAL\",\"target\":\"MOD\","
                             "\"mod_revision\":\"7\"}]}");
    compare.range_end = STR("t2");
    expect_encoded(&compare,
                   "{\"compare\":[{\"key\":\"dDE=\",\"result\":\"EQUAL\",\"target\":\"MOD\","
                   "\"mod_revision\":\"7\"},{\"key\":\"dDI=\",\"result\":\"EQUAL\",\"target\":\"CREATE\","
                   "\"create_revision\":\"0\"}]}");
    struct decoded decoded = {0};
    decoded_read(&decoded, REGISTRY_COMPARE, 0, 200, STR("{" HDR ",\"succeeded\":true}"));
    assert_true(decoded.response.status.failure == REGISTRY_OK && decoded.reply.succeeded);
    decoded_read(&decoded, REGISTRY_COMPARE, 0, 200, STR("{" HDR "}"));
    assert_true(decoded.response.status.failure == REGISTRY_OK && !decoded.reply.succeeded);
    decoded_read(&decoded, REGISTRY_COMPARE, 0, 200, STR("{}"));
    assert_int_equal(decoded.response.status.failure, REGISTRY_RETRY);
    decoded_fini(&decoded);
}

static void a_login_escapes_what_json_wants_escaped(void **state)
{
    (void)state;
    struct buf body = {0};
    etcd_login_encode(STR("w\"1"), STR("p\\\t\xc3\xa4"), &body);
    assert_string_equal(buf_text(&body), "{\"name\":\"w\\\"1\",\"password\":\"p\\\\\\t\xc3\xa4\"}");
    buf_fini(&body);
}

static void expect_login(int status, const char *body, enum registry_failure failure, const char *token)
{
    struct etcd_status read;
    struct buf found = {0};
    etcd_login_decode(status, str_of(body), &read, &found);
    assert_string_equal(registry_failure_name(read.failure), registry_failure_name(failure));
    assert_string_equal(buf_text(&found), token);
    assert_int_equal(read.text[0] == '\0', failure == REGISTRY_OK);
    buf_fini(&found);
}

#define FAILED "etcdserver: authentication failed, invalid user ID or password"
#define OFF "etcdserver: authentication is not enabled"

static void a_login_is_read(void **state)
{
    (void)state;
    expect_login(200, "{" HDR ",\"token\":\"elCKbBKqeajXvGjK.17\"}", REGISTRY_OK, "elCKbBKqeajXvGjK.17");
    expect_login(412, "{\"error\":\"" OFF "\",\"message\":\"" OFF "\",\"code\":9}", REGISTRY_OK, "");
    expect_login(400, "{\"code\":9, \"message\":\"" OFF "\"}", REGISTRY_OK, "");
    expect_login(400, "{\"error\":\"" FAILED "\",\"message\":\"" FAILED "\",\"code\":3}", REGISTRY_DENIED,
                 "");
    expect_login(400, "{\"code\":3, \"message\":\"" FAILED "\"}", REGISTRY_DENIED, "");
    expect_login(400, "CommonName of client sending a request against gateway will be ignored\n",
                 REGISTRY_DENIED, "");
    expect_login(503, "{\"code\":14, \"message\":\"etcdserver: no leader\"}", REGISTRY_RETRY, "");
    expect_login(504, "{\"code\":4, \"message\":\"context deadline exceeded\"}", REGISTRY_RETRY, "");
    expect_login(404, "404 page not found\n", REGISTRY_REFUSED, "");
    expect_login(200, "", REGISTRY_RETRY, "");
    expect_login(200, "{" HDR "}", REGISTRY_RETRY, "");
    expect_login(200, "{\"token\":\"a\"}", REGISTRY_RETRY, "");
    expect_login(200, "{" HDR ",\"token\":\"\"}", REGISTRY_RETRY, "");
    /* it would end the header, and the rest would be a header of the server's own */
    expect_login(200, "{" HDR ",\"token\":\"a\\r\\nX: y\"}", REGISTRY_RETRY, "");
}

static void the_words_that_end_a_watch(void **state)
{
    (void)state;
    static const struct {
        const char *reason;
        enum registry_failure failure;
        bool token;
    } rows[] = {
        {"rpc error: code = PermissionDenied desc = etcdserver: permission denied", REGISTRY_DENIED, false},
        {"rpc error: code = Unauthenticated desc = etcdserver: invalid auth token", REGISTRY_DENIED, true},
        {"rpc error: code = InvalidArgument desc = etcdserver: user name is empty", REGISTRY_DENIED, true},
        {"rpc error: code = InvalidArgument desc = etcdserver: revision of auth store is old",
         REGISTRY_DENIED, true},
        {"rpc error: code = Unavailable desc = etcdserver: no leader", REGISTRY_RETRY, false},
        {"rpc error: code = InvalidArgument desc = something new", REGISTRY_REFUSED, false},
        {"mvcc: duplicate watch ID provided on the WatchStream", REGISTRY_RETRY, false},
        {"", REGISTRY_RETRY, false},
    };
    struct etcd_status read = {0};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        etcd_status_of_reason(str_of(rows[i].reason), &read);
        assert_string_equal(registry_failure_name(read.failure), registry_failure_name(rows[i].failure));
        assert_int_equal(read.token_refused, rows[i].token);
    }
    etcd_status_of_reason(str_of(rows[1].reason), &read);
    assert_string_equal(read.text, "etcdserver: invalid auth token");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listing_is_asked_for),
        cmocka_unit_test(a_listing_is_read),
        cmocka_unit_test(a_full_page_is_read),
        cmocka_unit_test(a_broken_listing_is_none),
        cmocka_unit_test(a_revision_that_is_gone_is_reported),
        cmocka_unit_test(a_proof_writes_nothing),
        cmocka_unit_test(a_comparison_does_nothing_either_way),
        cmocka_unit_test(a_login_escapes_what_json_wants_escaped),
        cmocka_unit_test(a_login_is_read),
        cmocka_unit_test(the_words_that_end_a_watch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
