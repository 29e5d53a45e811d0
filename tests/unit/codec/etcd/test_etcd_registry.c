/* Bytes of real servers, both gateway generations: HDR34 is etcd 3.4.23, HDR35 is 3.5.16 with its blanks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decoded.h"
#include "outrider/base/attr.h"
#include "outrider/base/blob.h"
#include "outrider/base/mem.h"

#include <stdlib.h>

#define HDR34(rev)                                                                                           \
    "\"header\":{\"cluster_id\":\"2869789905813296339\",\"member_id\":\"7287767319371570540\","              \
    "\"revision\":\"" rev "\",\"raft_term\":\"2\"}"
#define HDR35(rev)                                                                                           \
    "\"header\":{\"cluster_id\":\"11498121404831545961\", \"member_id\":\"5090092287876944956\", "           \
    "\"revision\":\"" rev "\", \"raft_term\":\"2\"}"
#define CLUSTER34 UINT64_C(2869789905813296339)
#define CLUSTER35 UINT64_C(11498121404831545961)

#define KV34(key, create, mod, version, rest)                                                                \
    "{\"key\":\"" key "\",\"create_revision\":\"" create "\",\"mod_revision\":\"" mod                        \
    "\",\"version\":\"" version "\"" rest "}"
#define KV35(key, create, mod, version, rest)                                                                \
    "{\"key\":\"" key "\", \"create_revision\":\"" create "\", \"mod_revision\":\"" mod                      \
    "\", \"version\":\"" version "\"" rest "}"

static void requests_are_spelled_as_the_gateway_wants_them(void **state)
{
    (void)state;
    expect_encoded(
        &(struct registry_request){.op = REGISTRY_GRANT, .lease = {.lo = INT64_MAX}, .ttl_ms = 10000},
        "{\"TTL\":\"10\",\"ID\":\"9223372036854775807\"}");
    expect_encoded(&(struct registry_request){.op = REGISTRY_GRANT, .lease = {.lo = 1}, .ttl_ms = 2001},
                   "{\"TTL\":\"3\",\"ID\":\"1\"}");
    expect_encoded(&(struct registry_request){.op = REGISTRY_GRANT, .lease = {.lo = 1}, .ttl_ms = 999},
                   "{\"TTL\":\"1\",\"ID\":\"1\"}");
    expect_encoded(&(struct registry_request){.op = REGISTRY_KEEPALIVE, .lease = {.lo = 4660}},
                   "{\"ID\":\"4660\"}");
    expect_encoded(&(struct registry_request){.op = REGISTRY_REVOKE, .lease = {.lo = 4660}},
                   "{\"ID\":\"4660\"}");
    expect_encoded(&(struct registry_request){.op = REGISTRY_LEASE_TTL, .lease = {.lo = 4660}},
                   "{\"ID\":\"4660\"}");
    expect_encoded(&(struct registry_request){.op = REGISTRY_GET, .key = STR("foo")}, "{\"key\":\"Zm9v\"}");
}

static void a_put_compares_writes_or_reads(void **state)
{
    (void)state;
    struct blob *value = blob_new(STR("v1"));
    struct registry_request put = {
        .op = REGISTRY_PUT, .key = STR("t1"), .value = value, .lease = {.lo = 4660}};
    expect_encoded(&put, "{\"compare\":[{\"key\":\"dDE=\",\"result\":\"EQUAL\",\"target\":\"CREATE\","
                         "\"create_revision\":\"0\"}],\"success\":[{\"request_put\":{\"key\":\"dDE=\","
                         "\"value\":\"djE=\",\"lease\":\"4660\"}}],"
                         "\"failure\":[{\"request_range\":{\"key\":\"dDE=\"}}]}");
    put.expect_revision = 812;
    put.lease = (struct registry_lease){0};
    expect_encoded(&put, "{\"compare\":[{\"key\":\"dDE=\",\"result\":\"EQUAL\",\"target\":\"MOD\","
                         "\"mod_revision\":\"812\"}],\"success\":[{\"request_put\":{\"key\":\"dDE=\","
                         "\"value\":\"djE=\"}}],\"failure\":[{\"request_range\":{\"key\":\"dDE=\"}}]}");
    blob_unref(value);
    struct registry_request delete = {.op = REGISTRY_DELETE, .key = STR("t1"), .expect_revision = 7};
    expect_encoded(&delete,
                   "{\"compare\":[{\"key\":\"dDE=\",\"result\":\"EQUAL\",\"target\":\"MOD\","
                   "\"mod_revision\":\"7\"}],\"success\":[{\"request_delete_range\":{\"key\":\"dDE=\"}}],"
                   "\"failure\":[{\"request_range\":{\"key\":\"dDE=\"}}]}");
}

static void a_transaction_has_every_kind_of_comparison_and_operation(void **state)
{
    (void)state;
    struct blob *value = blob_new(STR("v"));
    struct registry_txn txn = {0};
    registry_txn_if(&txn, (struct registry_compare){.key = STR("a")});
    registry_txn_if(&txn, (struct registry_compare){.key = STR("a"), .revision = 7});
    registry_txn_if(&txn, (struct registry_compare){.kind = REGISTRY_IF_PRESENT, .key = STR("b")});
    registry_txn_if(&txn,
                    (struct registry_compare){.kind = REGISTRY_IF_VALUE, .key = STR("c"), .value = STR("v")});
    registry_txn_if(
        &txn, (struct registry_compare){.kind = REGISTRY_IF_LEASE, .key = STR("d"), .lease = {.lo = 9}});
    registry_txn_then(&txn, (struct registry_action){
                                .kind = REGISTRY_WRITE, .key = STR("a"), .value = value, .lease = {.lo = 9}});
    registry_txn_then(&txn, (struct registry_action){.kind = REGISTRY_REMOVE, .key = STR("b")});
    registry_txn_then(&txn, (struct registry_action){.kind = REGISTRY_READ, .key = STR("c")});
    registry_txn_otherwise(&txn, (struct registry_action){.kind = REGISTRY_READ, .key = STR("a")});
    expect_encoded(
        &(struct registry_request){.op = REGISTRY_TXN, .txn = &txn},
        "{\"compare\":[{\"key\":\"YQ==\",\"result\":\"EQUAL\",\"target\":\"CREATE\",\"create_revision\":"
        "\"0\"},"
        "{\"key\":\"YQ==\",\"result\":\"EQUAL\",\"target\":\"MOD\",\"mod_revision\":\"7\"},"
        "{\"key\":\"Yg==\",\"result\":\"GREATER\",\"target\":\"CREATE\",\"create_revision\":\"0\"},"
        "{\"key\":\"Yw==\",\"result\":\"EQUAL\",\"target\":\"VALUE\",\"value\":\"dg==\"},"
        "{\"key\":\"ZA==\",\"result\":\"EQUAL\",\"target\":\"LEASE\",\"lease\":\"9\"}],"
        "\"success\":[{\"request_put\":{\"key\":\"YQ==\",\"value\":\"dg==\",\"lease\":\"9\"}},"
        "{\"request_delete_range\":{\"key\":\"Yg==\"}},{\"request_range\":{\"key\":\"Yw==\"}}],"
        "\"failure\":[{\"request_range\":{\"key\":\"YQ==\"}}]}");
    blob_unref(value);
}

static void the_reads_of_the_branch_come_back(void **state)
{
    (void)state;
    struct registry_txn txn = {0};
    struct etcd_request_parts parts;
    struct etcd_request request;
    struct decoded decoded = {0};
    registry_txn_then(&txn, (struct registry_action){.kind = REGISTRY_REMOVE, .key = STR("a")});
    registry_txn_then(&txn, (struct registry_action){.kind = REGISTRY_READ, .key = STR("b")});
    registry_txn_then(&txn, (struct registry_action){.kind = REGISTRY_READ, .key = STR("foo")});
    etcd_request_of(&(struct registry_request){.op = REGISTRY_TXN, .txn = &txn}, &parts, &request);
    struct str body =
        str_of("{" HDR34("6") ",\"succeeded\":true,\"responses\":[{\"response_delete_range\":{}},"
                              "{\"response_range\":{}},{\"response_range\":{\"kvs\":[" KV34(
                                  "Zm9v", "2", "4", "3", ",\"value\":\"YmFy\"") "],\"count\":\"1\"}}]}");
    etcd_response_decode(&request, REGISTRY_TXN, 200, body, &decoded.response);
    etcd_response_reply(REGISTRY_TXN, &decoded.response, &decoded.reply);
    assert_true(decoded.reply.failure == REGISTRY_OK && decoded.reply.succeeded);
    assert_int_equal(decoded.reply.item_count, 2);
    assert_false(decoded.reply.items[0].kv.found);
    assert_true(str_eq(decoded.reply.items[1].kv.value, STR("bar")));
    /* one result less than there are operations */
    registry_txn_then(&txn, (struct registry_action){.kind = REGISTRY_READ, .key = STR("c")});
    etcd_request_of(&(struct registry_request){.op = REGISTRY_TXN, .txn = &txn}, &parts, &request);
    etcd_response_decode(&request, REGISTRY_TXN, 200, body, &decoded.response);
    assert_int_equal(decoded.response.status.failure, REGISTRY_UNKNOWN);
    decoded_fini(&decoded);
}

static void paths_and_kinds(void **state)
{
    (void)state;
    static const char *const paths[] = {"/v3/lease/grant",      "/v3/lease/keepalive", "/v3/lease/revoke",
                                        "/v3/lease/timetolive", "/v3/kv/range",        "/v3/kv/txn",
                                        "/v3/kv/txn",           "/v3/kv/range",        "/v3/kv/txn",
                                        "/v3/kv/txn",           "/v3/kv/txn"};
    for (int op = 0; op < REGISTRY_OP_COUNT; op++) {
        static const struct registry_txn none;
        struct etcd_request_parts parts;
        struct etcd_request request;
        etcd_request_of(&(struct registry_request){.op = (enum registry_op)op, .key = STR("k"), .txn = &none},
                        &parts, &request);
        assert_string_equal(etcd_request_path(&request), paths[op]);
        assert_int_equal(etcd_only_reads((enum registry_op)op),
                         op == REGISTRY_GET || op == REGISTRY_LEASE_TTL || op == REGISTRY_LIST ||
                             op == REGISTRY_PROVE || op == REGISTRY_COMPARE);
    }
}

struct answer_row {
    enum registry_op op;
    int64_t lease;
    const char *body;
    enum registry_failure failure;
    int64_t revision;
    uint64_t cluster;
    int64_t ttl_ms;
    bool succeeded;
    struct {
        bool found;
        const char *value;
        int64_t mod, create, lease;
    } kv;
};

static const struct answer_row answers[] = {
    {REGISTRY_GRANT,
     4660,
     "{" HDR34("10") ",\"ID\":\"4660\",\"TTL\":\"60\"}",
     REGISTRY_OK,
     10,
     CLUSTER34,
     60000,
     false,
     {0}},
    {REGISTRY_GRANT,
     4660,
     "{" HDR35("10") ", \"ID\":\"4660\", \"TTL\":\"60\"}",
     REGISTRY_OK,
     10,
     CLUSTER35,
     60000,
     false,
     {0}},
    {REGISTRY_GRANT,
     -5,
     "{" HDR35("10") ", \"ID\":\"-5\", \"TTL\":\"60\"}",
     REGISTRY_OK,
     10,
     CLUSTER35,
     60000,
     false,
     {0}},
    {REGISTRY_GRANT,
     INT64_MAX,
     "{" HDR35("10") ", \"ID\":\"9223372036854775807\", \"TTL\":\"60\"}",
     REGISTRY_OK,
     10,
     CLUSTER35,
     60000,
     false,
     {0}},
    {REGISTRY_GRANT,
     4660,
     "{\"ID\":4660,\"TTL\":60,\"header\":{\"revision\":10,\"cluster_id\":7,\"new\":[{}]}}",
     REGISTRY_OK,
     10,
     7,
     60000,
     false,
     {0}},
    {REGISTRY_KEEPALIVE,
     INT64_C(6731933645983105317),
     "{\"result\":{" HDR34("10") ",\"ID\":\"6731933645983105317\",\"TTL\":\"5\"}}\n",
     REGISTRY_OK,
     10,
     CLUSTER34,
     5000,
     false,
     {0}},
    {REGISTRY_KEEPALIVE,
     12345,
     "{\"result\":{" HDR34("10") ",\"ID\":\"12345\"}}\n",
     REGISTRY_LEASE_LOST,
     10,
     CLUSTER34,
     0,
     false,
     {0}},
    {REGISTRY_REVOKE, 4660, "{" HDR34("12") "}", REGISTRY_OK, 12, CLUSTER34, 0, false, {0}},
    {REGISTRY_LEASE_TTL,
     4660,
     "{" HDR35("11") ", \"ID\":\"4660\", \"TTL\":\"59\", \"grantedTTL\":\"60\", \"keys\":[\"ay9s\"]}",
     REGISTRY_OK,
     11,
     CLUSTER35,
     59000,
     false,
     {0}},
    {REGISTRY_LEASE_TTL,
     999,
     "{" HDR35("11") ", \"ID\":\"999\", \"TTL\":\"-1\"}",
     REGISTRY_OK,
     11,
     CLUSTER35,
     -1,
     false,
     {0}},
    {REGISTRY_LEASE_TTL,
     999,
     "{" HDR35("11") ", \"ID\":\"999\", \"grantedTTL\":\"60\"}",
     REGISTRY_OK,
     11,
     CLUSTER35,
     0,
     false,
     {0}},
    {REGISTRY_GET, 0, "{" HDR34("1") "}", REGISTRY_OK, 1, CLUSTER34, 0, false, {0}},
    {REGISTRY_GET,
     0,
     "{" HDR34("5") ",\"kvs\":[" KV34("Zm9v", "2", "4", "3", ",\"value\":\"YmFy\"") "],\"count\":\"1\"}",
     REGISTRY_OK,
     5,
     CLUSTER34,
     0,
     false,
     {true, "bar", 4, 2, 0}},
    {REGISTRY_GET,
     0,
     "{" HDR35("11") ", \"kvs\":[" KV35("ay9s", "11", "11", "1",
                                        ", \"value\":\"eA==\", \"lease\":\"4660\"") "], \"count\":\"1\"}",
     REGISTRY_OK,
     11,
     CLUSTER35,
     0,
     false,
     {true, "x", 11, 11, 4660}},
    {REGISTRY_GET,
     0,
     "{" HDR35("5") ", \"kvs\":[" KV35("ZW1w", "5", "5", "1", "") "], \"count\":\"1\"}",
     REGISTRY_OK,
     5,
     CLUSTER35,
     0,
     false,
     {true, "", 5, 5, 0}},
    {REGISTRY_GET, 0, "{" HDR35("5") ", \"kvs\":null} trailing", REGISTRY_OK, 5, CLUSTER35, 0, false, {0}},
    {REGISTRY_GET, 0, "{" HDR35("5") ", \"kvs\":[]}", REGISTRY_OK, 5, CLUSTER35, 0, false, {0}},
    {REGISTRY_PUT,
     0,
     "{" HDR34(
         "6") ",\"succeeded\":true,\"responses\":[{\"response_put\":{\"header\":{\"revision\":\"6\"}}}]}",
     REGISTRY_OK,
     6,
     CLUSTER34,
     0,
     true,
     {0}},
    {REGISTRY_PUT,
     0,
     "{" HDR35("6") ", \"responses\":[{\"response_range\":{\"header\":{\"revision\":\"6\"}, \"kvs\":[" KV35(
         "dDE=", "6", "6", "1", ", \"value\":\"djE=\"") "], \"count\":\"1\"}}]}",
     REGISTRY_OK,
     6,
     CLUSTER35,
     0,
     false,
     {true, "v1", 6, 6, 0}},
    {REGISTRY_PUT,
     0,
     "{" HDR34("6") ",\"responses\":[{\"response_range\":{\"header\":{\"revision\":\"6\"}}}]}",
     REGISTRY_OK,
     6,
     CLUSTER34,
     0,
     false,
     {0}},
    {REGISTRY_DELETE,
     0,
     "{" HDR35("9") ", \"succeeded\":true, \"responses\":[{\"response_delete_range\":{\"header\":"
                    "{\"revision\":\"9\"}, \"deleted\":\"1\"}}]}",
     REGISTRY_OK,
     9,
     CLUSTER35,
     0,
     true,
     {0}},
};

static void check_answer(const struct answer_row *row, const struct decoded *decoded)
{
    assert_int_equal(decoded->response.status.failure, row->failure);
    assert_int_equal(decoded->response.status.text[0] == '\0', row->failure == REGISTRY_OK);
    assert_false(decoded->response.status.elsewhere);
    assert_int_equal(decoded->reply.revision, row->revision);
    assert_int_equal(decoded->reply.cluster, row->cluster);
    assert_int_equal(decoded->reply.ttl_ms, row->ttl_ms);
    assert_int_equal(decoded->reply.succeeded, row->succeeded);
    assert_int_equal(decoded->reply.kv.found, row->kv.found);
    assert_true(str_eq(decoded->reply.kv.value, str_of(row->kv.value)));
    assert_int_equal(decoded->reply.kv.mod_revision, row->kv.mod);
    assert_int_equal(decoded->reply.kv.create_revision, row->kv.create);
    assert_int_equal(decoded->reply.kv.lease.lo, row->kv.lease);
}

static void answers_of_both_generations(void **state)
{
    (void)state;
    struct decoded decoded = {0}; /* one for all: nothing of an answer may show in the next */
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        const struct answer_row *row = &answers[i];
        print_message("answer %zu: %s\n", i, row->body);
        decoded_read(&decoded, row->op, row->lease, 200, str_of(row->body));
        check_answer(row, &decoded);
    }
    decoded_fini(&decoded);
}

struct bad_row {
    enum registry_op op;
    const char *body;
    enum registry_failure failure;
};

/* With status 200, about lease 4660. */
static const struct bad_row bad[] = {
    {REGISTRY_KEEPALIVE, "", REGISTRY_RETRY}, /* what 3.5 says to a body that is no JSON */
    {REGISTRY_KEEPALIVE, "{\"result\":{" HDR34("10") "}}\n", REGISTRY_RETRY},
    {REGISTRY_KEEPALIVE, "{\"result\":{" HDR34("10") ",\"ID\":\"12345\",\"TTL\":\"5\"}}\n", REGISTRY_RETRY},
    {REGISTRY_KEEPALIVE, "{\"result\":{" HDR34("10") ",\"ID\":\"4660\",\"TTL\":\"x\"}}\n", REGISTRY_RETRY},
    {REGISTRY_KEEPALIVE, "{\"result\":{" HDR34("10") ",\"ID\":\"4660\",\"TTL\":\"9000000001\"}}\n",
     REGISTRY_RETRY},
    {REGISTRY_KEEPALIVE, "{\"result\":\"4660\"}", REGISTRY_RETRY},
    {REGISTRY_KEEPALIVE, "{" HDR34("10") ",\"ID\":\"4660\",\"TTL\":\"5\"}", REGISTRY_RETRY},
    {REGISTRY_GRANT, "{" HDR34("10") ",\"ID\":\"4661\",\"TTL\":\"60\"}", REGISTRY_UNKNOWN},
    {REGISTRY_GRANT, "{" HDR34("10") ",\"ID\":\"4660\"}", REGISTRY_UNKNOWN},
    {REGISTRY_GRANT, "{" HDR34("10") ",\"ID\":\"4660\",\"TTL\":true}", REGISTRY_UNKNOWN},
    {REGISTRY_GRANT, "{" HDR34("10") ",\"ID\":\"4660\",\"TTL\":\"92233720368547758070\"}", REGISTRY_UNKNOWN},
    {REGISTRY_GRANT, "{\"ID\":\"4660\",\"TTL\":\"60\"}", REGISTRY_UNKNOWN},
    {REGISTRY_REVOKE, "{}", REGISTRY_UNKNOWN},
    {REGISTRY_REVOKE, "[]", REGISTRY_UNKNOWN},
    {REGISTRY_LEASE_TTL, "{" HDR34("10") ",\"TTL\":\"60\"}", REGISTRY_RETRY},
    {REGISTRY_GET, "", REGISTRY_RETRY},
    {REGISTRY_GET, "{", REGISTRY_RETRY},
    {REGISTRY_GET, "{\"header\":{\"cluster_id\":\"-1\"}}", REGISTRY_RETRY},
    {REGISTRY_GET, "{" HDR34("10") ",\"kvs\":{}}", REGISTRY_RETRY},
    {REGISTRY_GET, "{" HDR34("10") ",\"kvs\":[7]}", REGISTRY_RETRY},
    {REGISTRY_GET, "{" HDR34("10") ",\"kvs\":[" KV34("Zm9v", "2", "0", "3", "") "]}", REGISTRY_RETRY},
    {REGISTRY_GET, "{" HDR34("10") ",\"kvs\":[" KV34("Zm9v", "2", "4", "3", ",\"value\":7") "]}",
     REGISTRY_RETRY},
    {REGISTRY_GET, "{" HDR34("10") ",\"kvs\":[" KV34("Zm9v", "2", "4", "3", ",\"value\":\"YmF\"") "]}",
     REGISTRY_RETRY},
    {REGISTRY_GET, "{" HDR34("4611686018427387904") "}", REGISTRY_RETRY}, /* 2^62 */
    {REGISTRY_GET, "{" HDR34("9223372036854775807") "}", REGISTRY_RETRY},
    {REGISTRY_GET, "{" HDR34("-1") "}", REGISTRY_RETRY},
    {REGISTRY_GET, "{" HDR34("10") ",\"kvs\":[" KV34("Zm9v", "2", "4611686018427387904", "3", "") "]}",
     REGISTRY_RETRY},
    {REGISTRY_GET, "{" HDR34("10") ",\"kvs\":[" KV34("Zm9v", "9223372036854775807", "4", "3", "") "]}",
     REGISTRY_RETRY},
    {REGISTRY_GET, "{" HDR34("10") ",\"kvs\":[" KV34("Zm9v", "2", "4", "9223372036854775807", "") "]}",
     REGISTRY_RETRY},
    {REGISTRY_LIST, "{" HDR34("10") ",\"count\":\"9223372036854775807\"}", REGISTRY_RETRY},
    {REGISTRY_LIST, "{" HDR34("10") ",\"count\":\"-1\"}", REGISTRY_RETRY},
    {REGISTRY_KEEPALIVE, "{\"result\":{" HDR34("9223372036854775807") ",\"ID\":\"4660\",\"TTL\":\"5\"}}\n",
     REGISTRY_RETRY},
    {REGISTRY_PUT, "{" HDR34("10") "}", REGISTRY_UNKNOWN}, /* neither done nor a key as it is */
    {REGISTRY_PUT, "<html>captive portal</html>", REGISTRY_UNKNOWN},
    {REGISTRY_DELETE, "{" HDR34("10") ",\"responses\":[{\"response_put\":{}}]}", REGISTRY_UNKNOWN},
    {REGISTRY_OP_COUNT, "{" HDR34("10") "}", REGISTRY_UNKNOWN},
};

static void what_etcd_does_not_say_is_not_believed(void **state)
{
    (void)state;
    struct decoded decoded = {0};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        print_message("bad %zu: %s\n", i, bad[i].body);
        decoded_read(&decoded, bad[i].op, 4660, 200, str_of(bad[i].body));
        assert_int_equal(decoded.response.status.failure, bad[i].failure);
        assert_true(decoded.response.status.elsewhere);
        assert_string_not_equal(decoded.response.status.text, "");
        assert_false(decoded.reply.kv.found);
        assert_false(decoded.reply.succeeded);
        assert_int_equal(decoded.reply.ttl_ms, 0);
    }
    decoded_fini(&decoded);
}

static void expect_rejected(struct buf *body)
{
    struct decoded decoded = {0};
    decoded_read(&decoded, REGISTRY_GET, 0, 200, buf_view(body));
    assert_int_equal(decoded.response.status.failure, REGISTRY_RETRY);
    decoded_fini(&decoded);
    buf_fini(body);
}

static void depth_width_and_size_are_bounded(void **state)
{
    (void)state;
    struct buf deep = {0};
    buf_str(&deep, STR("{" HDR34("10") ",\"a\":"));
    for (int i = 0; i < 100000; i++) {
        buf_str(&deep, STR("["));
    }
    expect_rejected(&deep);
    struct buf wide = {0};
    buf_str(&wide, STR("{" HDR34("10") ",\"a\":["));
    for (int i = 0; i < 20000; i++) {
        buf_str(&wide, STR("0,"));
    }
    buf_str(&wide, STR("0]}"));
    expect_rejected(&wide);
    struct buf large = {0};
    buf_str(&large, STR("{" HDR34("10") ",\"a\":\""));
    char *text = mem_zalloc(ETCD_RESPONSE_PAGE_MAX);
    memset(text, 'a', ETCD_RESPONSE_PAGE_MAX);
    buf_add(&large, text, ETCD_RESPONSE_PAGE_MAX);
    free(text);
    buf_str(&large, STR("\"}"));
    expect_rejected(&large);
}

/* Brackets and commas inside strings are text. */
static void text_does_not_count_as_structure(void **state)
{
    (void)state;
    struct buf body = {0};
    buf_str(&body, STR("{" HDR34("10") ",\"a\":\"\\\""));
    for (int i = 0; i < 20000; i++) {
        buf_str(&body, STR("[{,"));
    }
    buf_str(&body, STR("\"}"));
    struct decoded decoded = {0};
    decoded_read(&decoded, REGISTRY_GET, 0, 200, buf_view(&body));
    assert_int_equal(decoded.response.status.failure, REGISTRY_OK);
    decoded_fini(&decoded);
    etcd_response_fini(NULL);
    buf_fini(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_spelled_as_the_gateway_wants_them),
        cmocka_unit_test(a_put_compares_writes_or_reads),
        cmocka_unit_test(a_transaction_has_every_kind_of_comparison_and_operation),
        cmocka_unit_test(the_reads_of_the_branch_come_back),
        cmocka_unit_test(paths_and_kinds),
        cmocka_unit_test(answers_of_both_generations),
        cmocka_unit_test(what_etcd_does_not_say_is_not_believed),
        cmocka_unit_test(depth_width_and_size_are_bounded),
        cmocka_unit_test(text_does_not_count_as_structure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
