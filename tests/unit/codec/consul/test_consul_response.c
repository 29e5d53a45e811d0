#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/codec/consul/consul_response.h"

#define UUID "adf4238a-882b-9ddc-4a9d-5b6758e4159e"

/* As Consul 1.8.7 writes them. */
#define KV(key, value, create, mod)                                                                          \
    "{\"LockIndex\":0,\"Key\":\"" key "\",\"Flags\":0,\"Value\":" value ",\"CreateIndex\":" create           \
    ",\"ModifyIndex\":" mod "}"

static void a_listing_is_sorted_and_placed(void **state)
{
    (void)state;
    struct consul_kvs kvs = {0};
    assert_int_equal(consul_kvs_decode(STR("[" KV("b", "\"MQ==\"", "3", "4") "," KV(
                                           "a", "null", "5", "5") ",{\"Key\":\"c\",\"Value\":\"\","
                                                                  "\"Session\":\"" UUID
                                                                  "\",\"CreateIndex\":6,\"ModifyIndex\":7}]"),
                                       &kvs),
                     0);
    assert_int_equal(kvs.count, 3);
    assert_true(str_eq(kvs.list[0].key, STR("a")));
    assert_int_equal(kvs.list[0].value.size, 0);
    assert_true(str_eq(kvs.list[1].value, STR("1")));
    assert_int_equal(kvs.list[1].create, 3);
    assert_int_equal(kvs.list[1].mod, 4);
    assert_true(registry_lease_is_none(kvs.list[1].session));
    assert_false(registry_lease_is_none(kvs.list[2].session));
    assert_true(str_eq(consul_slashed(kvs.list[2].key, true), STR("/c")));
    assert_ptr_equal(consul_kvs_find(&kvs, STR("b")), &kvs.list[1]);
    assert_null(consul_kvs_find(&kvs, STR("bb")));
    assert_int_equal(consul_kvs_decode(STR("null"), &kvs), 0);
    assert_int_equal(kvs.count, 0);
    consul_kvs_fini(&kvs);
}

static void what_is_no_listing_is_refused_whole(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "{}",
        "[1]",
        "[{}]",
        "nonsense",
        "[" KV("a", "\"MQ==\"", "1", "1"),
        "[" KV("", "\"MQ==\"", "1", "1") "]",
        "[" KV("a", "\"M\"", "1", "1") "]",
        "[" KV("a", "7", "1", "1") "]",
        "[" KV("a", "\"MQ==\"", "0", "1") "]",
        "[" KV("a", "\"MQ==\"", "1", "-1") "]",
        "[" KV("a", "\"MQ==\"", "1", "4611686018427387904") "]",
        "[" KV("a", "\"MQ==\"", "\"1\"", "1") "]",
        "[{\"Key\":\"a\",\"Session\":\"x\",\"CreateIndex\":1,\"ModifyIndex\":1}]",
        "[" KV("a", "null", "1", "1") "," KV("a", "null", "2", "2") "]",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct consul_kvs kvs = {0};
        assert_int_equal(consul_kvs_decode(str_of(wrong[i]), &kvs), -1);
        assert_int_equal(kvs.count, 0);
        assert_null(kvs.list);
    }
}

static void a_transaction_says_what_it_did(void **state)
{
    (void)state;
    struct consul_txn_answer answer = {0};
    assert_int_equal(
        consul_txn_decode(
            200,
            STR("{\"Results\":[{\"KV\":" KV("outrider/id", "null", "4", "4") "},{\"KV\":" KV(
                "k", "null", "6", "9") "},{\"KV\":" KV("k", "\"MQ==\"", "6", "9") "}],\"Errors\":null}"),
            3, &answer),
        0);
    assert_int_equal(answer.refusal_count, 0);
    assert_int_equal(answer.kvs.count, 2);
    assert_true(str_eq(consul_kvs_find(&answer.kvs, STR("k"))->value, STR("1")));
    assert_int_equal(consul_txn_decode(200, STR("{\"Results\":[],\"Errors\":null}"), 1, &answer), 0);
    consul_txn_answer_fini(&answer);
}

static void each_refusal_has_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        enum consul_reason reason;
    } rows[] = {
        {"failed index check for key \\\"k\\\", current modify index 15 != 1", CONSUL_CHANGED},
        {"key \\\"k\\\" exists", CONSUL_CHANGED},
        {"key \\\"k\\\" doesn't exist", CONSUL_ABSENT},
        {"failed to check index, key \\\"k\\\" doesn't exist", CONSUL_ABSENT},
        {"failed to check session, key \\\"k\\\" doesn't exist", CONSUL_ABSENT},
        {"failed to set key \\\"k\\\", index is stale", CONSUL_CHANGED},
        {"failed to delete key \\\"k\\\", index is stale", CONSUL_CHANGED},
        {"failed to lock key \\\"k\\\", lock is already held", CONSUL_HELD},
        {"failed to lock key \\\"k\\\" due to lock delay", CONSUL_DELAYED},
        {"invalid session \\\"" UUID "\\\"", CONSUL_NO_SESSION},
        {"Permission denied", CONSUL_DENIED},
        {"key \\\"x\\\\\\\" doesn't exist\\\" exists", CONSUL_CHANGED}, /* a key that looks like an end */
        {"Must provide key", CONSUL_OTHER},
        {"", CONSUL_OTHER},
    };
    struct consul_txn_answer answer = {0};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf body = {0};
        buf_printf(&body, "{\"Results\":null,\"Errors\":[{\"OpIndex\":1,\"What\":\"%s\"}]}", rows[i].what);
        assert_int_equal(consul_txn_decode(409, buf_view(&body), 2, &answer), 0);
        assert_null(consul_txn_refusal(&answer, 0));
        assert_int_equal(consul_txn_refusal(&answer, 1)->reason, rows[i].reason);
        buf_fini(&body);
    }
    consul_txn_answer_fini(&answer);
}

static void what_is_no_transaction_is_refused(void **state)
{
    (void)state;
    struct consul_txn_answer answer = {0};
    static const struct {
        int status;
        const char *body;
    } wrong[] = {{200, ""},
                 {200, "[]"},
                 {409, "{\"Errors\":null}"},
                 {409, "{}"},
                 {200, "{\"Errors\":[{\"OpIndex\":0,\"What\":\"x\"}]}"},
                 {409, "{\"Errors\":[{\"OpIndex\":2,\"What\":\"x\"}]}"},
                 {409, "{\"Errors\":[{\"OpIndex\":-1,\"What\":\"x\"}]}"},
                 {409, "{\"Errors\":[{\"What\":\"x\"}]}"},
                 {200, "{\"Results\":{}}"},
                 {200, "{\"Results\":[{\"KV\":{}}]}"}};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(consul_txn_decode(wrong[i].status, str_of(wrong[i].body), 2, &answer), -1);
        assert_int_equal(answer.kvs.count, 0);
    }
}

static void sessions_are_read(void **state)
{
    (void)state;
    struct registry_lease id = {0}, other = {.lo = 1};
    int64_t ttl_ms;
    assert_int_equal(consul_session_decode(STR("{\"ID\":\"" UUID "\"}"), &id), 0);
    assert_int_equal(consul_session_decode(STR("{}"), &id), -1);
    assert_int_equal(consul_session_decode(STR("true"), &id), -1);
#define SESSION(ttl) "[{\"ID\":\"" UUID "\",\"TTL\":\"" ttl "\"}]"
    static const struct {
        const char *body;
        int rc;
        int64_t ttl_ms;
    } rows[] = {{SESSION("10s"), 0, 10000},
                {SESSION("1m30s"), 0, 90000},
                {SESSION("24h0m0s"), 0, 86400000},
                {SESSION("500ms"), 0, 500},
                {"[]", 0, -1},
                {"null", 0, -1},
                {SESSION("10"), -1, 0},
                {SESSION(""), -1, 0},
                {SESSION("s"), -1, 0},
                {SESSION("99999999999h"), -1, 0},
                {"{}", -1, 0},
                {"", -1, 0}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(consul_session_ttl_decode(str_of(rows[i].body), id, &ttl_ms), rows[i].rc);
        assert_true(rows[i].rc < 0 || ttl_ms == rows[i].ttl_ms);
    }
    assert_int_equal(consul_session_ttl_decode(STR(SESSION("10s")), other, &ttl_ms), -1);
    assert_int_equal(
        consul_least_ttl(STR("grant: Invalid Session TTL '5000000000', must be between [10s=24h0m0s]")),
        10000);
    assert_int_equal(consul_least_ttl(STR("something else")), 0);
}

static void the_head_says_how_old_an_answer_is(void **state)
{
    (void)state;
    struct consul_head head;
    consul_head_decode(STR("Content-Type: application/json\r\nx-consul-index: 42\r\nX-Consul-Knownleader: "
                           "true\r\nX-Consul-Lastcontact: 7\r\n\r\n"),
                       &head);
    assert_int_equal(head.index, 42);
    assert_true(head.has_leader);
    assert_int_equal(head.last_contact, 7);
    consul_head_decode(STR("X-Consul-Index: 42x\r\nX-Consul-Knownleader: false\r\nX-Consul-Lastcontact: -"),
                       &head);
    assert_int_equal(head.index, 0);
    assert_false(head.has_leader);
    assert_true(head.last_contact > 1000);
    consul_head_decode(STR(""), &head);
    assert_int_equal(head.index, 0);
}

static void each_status_has_a_meaning(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
        enum registry_failure read, write;
        bool elsewhere;
        const char *says; /* NULL: nothing */
    } rows[] = {
        {200, "[]", REGISTRY_OK, REGISTRY_OK, false, NULL},
        {404, "", REGISTRY_OK, REGISTRY_OK, false, NULL},
        {409, "{}", REGISTRY_OK, REGISTRY_OK, false, NULL},
        {403, "Permission denied", REGISTRY_DENIED, REGISTRY_DENIED, false, "another right"},
        {403, "ACL not found", REGISTRY_DENIED, REGISTRY_DENIED, false, "not known there"},
        {413, "Request body(600000 bytes) too large", REGISTRY_REFUSED, REGISTRY_REFUSED, false, "too large"},
        {429, "", REGISTRY_OVERLOADED, REGISTRY_OVERLOADED, true, "429"},
        {400, "Client sent an HTTP request to an HTTPS server.", REGISTRY_REFUSED, REGISTRY_REFUSED, true,
         "use https://"},
        {301, "<a href=\"/v1/kv/a\">", REGISTRY_REFUSED, REGISTRY_REFUSED, true, "is it Consul?"},
        {500, "Invalid Session TTL '5000000000', must be between [10s=24h0m0s]", REGISTRY_REFUSED,
         REGISTRY_REFUSED, false, "TTL"},
        {500, "Missing node registration", REGISTRY_REFUSED, REGISTRY_REFUSED, false, "registry.consul.node"},
        {500, "invalid session \"x\"", REGISTRY_LEASE_LOST, REGISTRY_LEASE_LOST, false, "invalid session"},
        {500, "No cluster leader", REGISTRY_RETRY, REGISTRY_UNKNOWN, true, "No cluster leader"},
        {500, "rpc error making call: EOF", REGISTRY_RETRY, REGISTRY_UNKNOWN, true, "EOF"},
        {500, "rpc error getting client: failed to get conn: dial tcp: connection refused", REGISTRY_RETRY,
         REGISTRY_RETRY, true, "dial"},
        {503, "", REGISTRY_RETRY, REGISTRY_UNKNOWN, true, "503"},
        {500, "line\nline", REGISTRY_RETRY, REGISTRY_UNKNOWN, true, "not a line"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct consul_status status;
        consul_status_of(rows[i].status, str_of(rows[i].body), true, &status);
        assert_string_equal(registry_failure_name(status.failure), registry_failure_name(rows[i].write));
        consul_status_of(rows[i].status, str_of(rows[i].body), false, &status);
        assert_string_equal(registry_failure_name(status.failure), registry_failure_name(rows[i].read));
        assert_int_equal(status.elsewhere, rows[i].elsewhere);
        assert_int_equal(status.denied_token, rows[i].status == 403);
        if (rows[i].says == NULL) {
            assert_string_equal(status.text, "");
        } else {
            assert_non_null(strstr(status.text, rows[i].says));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listing_is_sorted_and_placed),
        cmocka_unit_test(what_is_no_listing_is_refused_whole),
        cmocka_unit_test(a_transaction_says_what_it_did),
        cmocka_unit_test(each_refusal_has_a_reason),
        cmocka_unit_test(what_is_no_transaction_is_refused),
        cmocka_unit_test(sessions_are_read),
        cmocka_unit_test(the_head_says_how_old_an_answer_is),
        cmocka_unit_test(each_status_has_a_meaning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
