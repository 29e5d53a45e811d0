#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/codec/etcd/etcd_request.h"
#include "outrider/codec/etcd/etcd_response.h"

#include <stdio.h>

#define HEADER "\"header\":{\"cluster_id\":\"5\",\"revision\":\"9\"}"

static struct etcd_response response;

static int forget(void **state)
{
    (void)state;
    etcd_response_fini(&response);
    return 0;
}

static void expect_body(const struct etcd_request *ask, const char *path, const char *body)
{
    struct buf out = {0};
    etcd_request_encode(ask, &out);
    assert_string_equal(buf_text(&out), body);
    assert_string_equal(etcd_request_path(ask), path);
    buf_fini(&out);
}

static void each_question_has_its_path_and_body(void **state)
{
    (void)state;
    struct etcd_request ask = {.op = {.kind = ETCD_GET,
                                      .key = STR("foo"),
                                      .end = STR("g"),
                                      .limit = 7,
                                      .revision = 4,
                                      .keys_only = true,
                                      .previous = true}};
    expect_body(
        &ask, "/v3/kv/range",
        "{\"key\":\"Zm9v\",\"range_end\":\"Zw==\",\"limit\":\"7\",\"revision\":\"4\",\"keys_only\":true}");
    ask.op = (struct etcd_op){.kind = ETCD_GET, .key = STR("foo"), .limit = 5000, .count_only = true};
    expect_body(&ask, "/v3/kv/range", "{\"key\":\"Zm9v\",\"count_only\":true}");
    ask.op = (struct etcd_op){.kind = ETCD_PUT,
                              .key = STR("foo"),
                              .end = STR("g"),
                              .value = STR("bar"),
                              .lease = 9,
                              .previous = true};
    expect_body(&ask, "/v3/kv/put", "{\"key\":\"Zm9v\",\"value\":\"YmFy\",\"lease\":\"9\",\"prev_kv\":true}");
    ask.op = (struct etcd_op){.kind = ETCD_DELETE, .key = STR("foo"), .end = {"", 1}};
    expect_body(&ask, "/v3/kv/deleterange", "{\"key\":\"Zm9v\",\"range_end\":\"AA==\"}");
    expect_body(&(struct etcd_request){.kind = ETCD_REQUEST_GRANT, .lease = 3, .ttl_ms = 1500},
                "/v3/lease/grant", "{\"TTL\":\"2\",\"ID\":\"3\"}");
    expect_body(&(struct etcd_request){.kind = ETCD_REQUEST_KEEPALIVE, .lease = 3}, "/v3/lease/keepalive",
                "{\"ID\":\"3\"}");
    expect_body(&(struct etcd_request){.kind = ETCD_REQUEST_REVOKE, .lease = 3}, "/v3/lease/revoke",
                "{\"ID\":\"3\"}");
    expect_body(&(struct etcd_request){.kind = ETCD_REQUEST_TIME_TO_LIVE, .lease = 3, .keys = true},
                "/v3/lease/timetolive", "{\"ID\":\"3\",\"keys\":true}");
    expect_body(&(struct etcd_request){.kind = ETCD_REQUEST_LEASES}, "/v3/lease/leases", "{}");
}

static void a_transaction_names_the_target_of_each_comparison(void **state)
{
    (void)state;
    const struct etcd_compare compares[] = {
        {.target = ETCD_TARGET_CREATE, .relation = ETCD_EQUAL, .key = STR("a")},
        {.target = ETCD_TARGET_VALUE, .relation = ETCD_NOT_EQUAL, .key = STR("a"), .value = STR("v")},
        {.target = ETCD_TARGET_VERSION, .relation = ETCD_LESS, .key = STR("a"), .number = 2},
    };
    const struct etcd_op put = {.kind = ETCD_PUT, .key = STR("a"), .value = STR("v")};
    const struct etcd_op get = {.kind = ETCD_GET, .key = STR("a")};
    struct etcd_request ask = {.kind = ETCD_REQUEST_TXN,
                               .txn = {.compares = compares,
                                       .compare_count = 3,
                                       .then = &put,
                                       .then_count = 1,
                                       .otherwise = &get,
                                       .otherwise_count = 1}};
    expect_body(
        &ask, "/v3/kv/txn",
        "{\"compare\":[{\"key\":\"YQ==\",\"result\":\"EQUAL\",\"target\":\"CREATE\",\"create_revision\":"
        "\"0\"},{\"key\":\"YQ==\",\"result\":\"NOT_EQUAL\",\"target\":\"VALUE\",\"value\":\"dg==\"},"
        "{\"key\":\"YQ==\",\"result\":\"LESS\",\"target\":\"VERSION\",\"version\":\"2\"}],"
        "\"success\":[{\"request_put\":{\"key\":\"YQ==\",\"value\":\"dg==\"}}],"
        "\"failure\":[{\"request_range\":{\"key\":\"YQ==\"}}]}");
    assert_int_equal(etcd_request_like(&ask), REGISTRY_PUT);
    ask.txn.then = &get;
    assert_int_equal(etcd_request_like(&ask), REGISTRY_GET);
}

static void decode(const struct etcd_request *ask, int status, const char *body)
{
    etcd_response_decode(ask, etcd_request_like(ask), status, str_of(body), &response);
}

#define KV(key, rev)                                                                                         \
    "{\"key\":\"" key "\",\"create_revision\":\"1\",\"mod_revision\":\"" rev "\",\"value\":\"dg==\"}"

static void ranges_come_back_with_all_their_keys(void **state)
{
    (void)state;
    struct etcd_request ask = {.op.kind = ETCD_GET};
    decode(&ask, 200,
           "{" HEADER ",\"kvs\":[" KV("YQ==", "3") "," KV("Yg==", "4") "],\"more\":true,\"count\":\"5\"}");
    assert_int_equal(response.status.failure, REGISTRY_OK);
    assert_int_equal(response.status.revision, 9);
    assert_int_equal(response.result_count, 1);
    assert_int_equal(response.results[0].kv_count, 2);
    assert_int_equal(response.results[0].count, 5);
    assert_true(response.results[0].more);
    assert_true(str_eq(response.kvs[1].key, STR("b")) && str_eq(response.kvs[1].value, STR("v")));
    assert_int_equal(response.kvs[1].mod_revision, 4);
    decode(&ask, 200, "{" HEADER "}");
    assert_int_equal(response.results[0].kv_count, 0);
    assert_int_equal(response.kv_count, 0);
}

static void a_transaction_comes_back_operation_by_operation(void **state)
{
    (void)state;
    static const struct etcd_op ops[] = {{.kind = ETCD_PUT}, {.kind = ETCD_DELETE}, {.kind = ETCD_GET}};
    struct etcd_request ask = {.kind = ETCD_REQUEST_TXN, .txn = {.then = ops, .then_count = 3}};
    decode(
        &ask, 200,
        "{" HEADER ",\"succeeded\":true,\"responses\":[{\"response_put\":{\"prev_kv\":" KV(
            "YQ==", "3") "}},"
                         "{\"response_delete_range\":{\"deleted\":\"2\"}},{\"response_range\":{\"kvs\":[" KV(
                             "Yg==", "4") "],"
                                          "\"count\":\"1\"}}]}");
    assert_int_equal(response.status.failure, REGISTRY_OK);
    assert_true(response.succeeded);
    assert_int_equal(response.result_count, 3);
    assert_int_equal(response.results[1].count, 2);
    assert_int_equal(response.results[2].first, 1);
    assert_true(str_eq(response.kvs[response.results[2].first].key, STR("b")));
    decode(&ask, 200, "{" HEADER "}");
    assert_false(response.succeeded);
    assert_int_equal(response.result_count, 0);
}

static void leases_come_back(void **state)
{
    (void)state;
    struct etcd_request ask = {.kind = ETCD_REQUEST_TIME_TO_LIVE, .lease = 7};
    decode(&ask, 200,
           "{" HEADER ",\"ID\":\"7\",\"TTL\":\"59\",\"grantedTTL\":\"60\",\"keys\":[\"YQ==\",\"Yg==\"]}");
    assert_int_equal(response.ttl_ms, 59000);
    assert_int_equal(response.granted_ttl_ms, 60000);
    assert_true(response.kv_count == 2 && str_eq(response.kvs[1].key, STR("b")));
    decode(&ask, 200, "{" HEADER ",\"ID\":\"7\",\"TTL\":\"-1\"}");
    assert_int_equal(response.ttl_ms, -1);
    ask.kind = ETCD_REQUEST_LEASES;
    decode(&ask, 200, "{" HEADER ",\"leases\":[{\"ID\":\"7\"},{\"ID\":\"8\"}]}");
    assert_true(response.lease_count == 2 && response.leases[1] == 8);
    ask.kind = ETCD_REQUEST_KEEPALIVE;
    decode(&ask, 200, "{\"result\":{" HEADER ",\"ID\":\"7\",\"TTL\":\"5\"}}\n");
    assert_int_equal(response.ttl_ms, 5000);
    decode(&ask, 200, "{\"result\":{" HEADER ",\"ID\":\"7\"}}\n");
    assert_int_equal(response.status.failure, REGISTRY_LEASE_LOST);
}

static void a_malformed_response_fails_and_leaves_nothing(void **state)
{
    (void)state;
    static const struct etcd_op put = {.kind = ETCD_PUT};
    static const struct {
        struct etcd_request ask;
        int status;
        const char *body;
        enum registry_failure failure;
    } cases[] = {
        {{.op.kind = ETCD_GET}, 200, "", REGISTRY_RETRY},
        {{.op.kind = ETCD_PUT}, 200, "", REGISTRY_UNKNOWN},
        {{.op.kind = ETCD_GET}, 200, "{}", REGISTRY_RETRY},
        {{.op.kind = ETCD_GET}, 200, "{" HEADER ",\"kvs\":7}", REGISTRY_RETRY},
        {{.op.kind = ETCD_GET}, 200, "{" HEADER ",\"kvs\":[" KV("YQ==", "3") ",{}]}", REGISTRY_RETRY},
        {{.op.kind = ETCD_GET}, 200, "{" HEADER ",\"kvs\":[" KV("Y", "3") "]}", REGISTRY_RETRY},
        {{.kind = ETCD_REQUEST_TXN}, 200, "{" HEADER ",\"responses\":[{}]}", REGISTRY_RETRY},
        {{.kind = ETCD_REQUEST_TXN, .txn.otherwise_count = 1, .txn.otherwise = &put},
         200,
         "{" HEADER "}",
         REGISTRY_UNKNOWN},
        {{.kind = ETCD_REQUEST_GRANT, .lease = 7},
         200,
         "{" HEADER ",\"ID\":\"8\",\"TTL\":\"5\"}",
         REGISTRY_UNKNOWN},
        {{.kind = ETCD_REQUEST_REVOKE, .lease = 7},
         404,
         "{\"code\":5, \"message\":\"etcdserver: requested lease not found\"}",
         REGISTRY_LEASE_LOST},
        {{.op.kind = ETCD_PUT},
         403,
         "{\"code\":7, \"message\":\"etcdserver: permission denied\"}",
         REGISTRY_DENIED},
        {{.kind = ETCD_REQUEST_LEASES}, 200, "{" HEADER ",\"leases\":[7]}", REGISTRY_RETRY},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        decode(&cases[i].ask, cases[i].status, cases[i].body);
        assert_string_equal(registry_failure_name(response.status.failure),
                            registry_failure_name(cases[i].failure));
        assert_true(response.status.text[0] != '\0');
        assert_true(response.kv_count == 0 && response.result_count == 0 && response.lease_count == 0);
    }
    decode(&(struct etcd_request){.op.kind = ETCD_GET}, 400,
           "{\"code\":11, \"message\":\"etcdserver: mvcc: required revision has been compacted\"}");
    assert_true(response.status.revision_gone);
}

static void the_end_of_a_prefix_is_the_next_key_that_has_it_not(void **state)
{
    (void)state;
    static const struct {
        struct str prefix, end;
    } cases[] = {
        {STR_INIT("a"), STR_INIT("b")},
        {STR_INIT("a/"), STR_INIT("a0")},
        {STR_INIT("a\xff"), STR_INIT("b")},
        {STR_INIT("\xff\xff"), {"", 1}},
        {STR_INIT(""), {"", 1}},
        {STR_INIT("a\x7f"), STR_INIT("a\x80")},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf end = {0};
        etcd_prefix_end(cases[i].prefix, &end);
        assert_true(str_eq(buf_view(&end), cases[i].end));
        buf_fini(&end);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(each_question_has_its_path_and_body, forget),
        cmocka_unit_test_teardown(a_transaction_names_the_target_of_each_comparison, forget),
        cmocka_unit_test_teardown(ranges_come_back_with_all_their_keys, forget),
        cmocka_unit_test_teardown(a_transaction_comes_back_operation_by_operation, forget),
        cmocka_unit_test_teardown(leases_come_back, forget),
        cmocka_unit_test_teardown(a_malformed_response_fails_and_leaves_nothing, forget),
        cmocka_unit_test(the_end_of_a_prefix_is_the_next_key_that_has_it_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
