#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/codec/consul/consul_request.h"

#define UUID "adf4238a-882b-9ddc-4a9d-5b6758e4159e"

static const struct registry_lease session = {.hi = 0xadf4238a882b9ddc, .lo = 0x4a9d5b6758e4159e};

static void each_operation_has_what_it_needs_and_no_more(void **state)
{
    (void)state;
    static const struct {
        enum consul_verb verb;
        const char *body;
    } rows[] = {
        {CONSUL_GET, "\"get\",\"Key\":\"k\\\"\""},
        {CONSUL_GET_TREE, "\"get-tree\",\"Key\":\"k\\\"\""},
        {CONSUL_CHECK_INDEX, "\"check-index\",\"Key\":\"k\\\"\",\"Index\":7"},
        {CONSUL_CHECK_ABSENT, "\"check-not-exists\",\"Key\":\"k\\\"\""},
        {CONSUL_SET, "\"set\",\"Key\":\"k\\\"\",\"Value\":\"dgA=\""},
        {CONSUL_CAS, "\"cas\",\"Key\":\"k\\\"\",\"Value\":\"dgA=\",\"Index\":7"},
        {CONSUL_LOCK, "\"lock\",\"Key\":\"k\\\"\",\"Value\":\"dgA=\",\"Session\":\"" UUID "\""},
        {CONSUL_UNLOCK, "\"unlock\",\"Key\":\"k\\\"\",\"Value\":\"dgA=\",\"Session\":\"" UUID "\""},
        {CONSUL_DELETE, "\"delete\",\"Key\":\"k\\\"\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct consul_op op = {
            .verb = rows[i].verb, .key = STR("k\""), .value = STR("v\0"), .index = 7, .session = session};
        struct buf out = {0}, expected = {0};
        consul_txn_encode(&op, 1, STR(""), &out);
        buf_printf(&expected, "[{\"KV\":{\"Verb\":%s}}]", rows[i].body);
        assert_string_equal(buf_text(&out), buf_text(&expected));
        buf_fini(&out);
        buf_fini(&expected);
    }
}

static void operations_follow_each_other(void **state)
{
    (void)state;
    struct buf out = {0};
    struct consul_op ops[] = {{.verb = CONSUL_GET, .key = STR("a")},
                              {.verb = CONSUL_DELETE, .key = STR("b")}};
    consul_txn_encode(ops, 2, STR("{\"Service\":{}}"), &out);
    assert_string_equal(buf_text(&out), "[{\"KV\":{\"Verb\":\"get\",\"Key\":\"a\"}},"
                                        "{\"KV\":{\"Verb\":\"delete\",\"Key\":\"b\"}},{\"Service\":{}}]");
    buf_fini(&out);
}

static void a_session_ends_with_its_keys_and_hinders_nobody(void **state)
{
    (void)state;
    struct buf out = {0};
    consul_session_encode(STR("outrider a"), STR("outrider"), 10001, &out);
    assert_string_equal(buf_text(&out), "{\"Name\":\"outrider a\",\"Node\":\"outrider\",\"TTL\":\"11s\","
                                        "\"LockDelay\":\"0s\",\"Behavior\":\"delete\",\"Checks\":[]}");
    buf_fini(&out);
}

static void an_id_is_a_uuid(void **state)
{
    (void)state;
    char text[CONSUL_SESSION_SIZE];
    struct registry_lease read = {0};
    assert_string_equal(consul_session_text(session, text), UUID);
    assert_int_equal(consul_session_parse(STR(UUID), &read), 0);
    assert_true(registry_lease_eq(read, session));
    static const char *const wrong[] = {"",
                                        "adf4238a-882b-9ddc-4a9d-5b6758e4159",
                                        UUID "0",
                                        "adf4238a0882b-9ddc-4a9d-5b6758e4159e",
                                        "adf4238a-882b-9ddc-4a9d-5b6758e4159g",
                                        "00000000-0000-0000-0000-000000000000"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(consul_session_parse(str_of(wrong[i]), &read), -1);
    }
}

static void keys_lose_their_first_slash_and_are_escaped(void **state)
{
    (void)state;
    struct buf out = {0};
    consul_path_encode(consul_key(STR("/services/a b%?#\xc3\xa9~")), &out);
    assert_string_equal(buf_text(&out), "/v1/kv/services/a%20b%25%3F%23%C3%A9~");
    buf_fini(&out);
    assert_true(str_eq(consul_key(STR("k")), STR("k")));
    assert_int_equal(consul_key(STR("/")).size, 0);
}

static void what_no_path_names_is_refused(void **state)
{
    (void)state;
    static const struct {
        struct str key;
        bool prefix, whole;
    } rows[] = {
        {STR_INIT("a/b"), true, true},      {STR_INIT(""), true, false},
        {STR_INIT("a/"), true, true},       {STR_INIT("a//b"), false, false},
        {STR_INIT("/a"), false, false},     {STR_INIT("a/./b"), false, false},
        {STR_INIT("a/../b"), false, false}, {STR_INIT("a/.."), false, false},
        {STR_INIT("."), false, false},      {STR_INIT("a\0b"), false, false},
        {STR_INIT("\xff"), false, false},   {STR_INIT("..a/.b"), true, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(consul_prefix_problem(rows[i].key) == NULL, rows[i].prefix);
        assert_int_equal(consul_key_problem(rows[i].key) == NULL, rows[i].whole);
    }
}

static void a_range_has_a_prefix(void **state)
{
    (void)state;
    static const struct {
        struct str key, end, prefix;
    } rows[] = {
        {STR_INIT("services/"), STR_INIT("services0"), STR_INIT("services/")},
        {STR_INIT("services/x"), STR_INIT("services0"), STR_INIT("services/")},
        {STR_INIT("a1"), STR_INIT("a~"), STR_INIT("a")},
        {STR_INIT("a"), STR_INIT("b"), STR_INIT("a")},
        {STR_INIT("a"), STR_INIT("c"), STR_INIT("")},
        {STR_INIT("a"), STR_INIT("\0"), STR_INIT("")},
        {STR_INIT("a\xc3\xa9"), STR_INIT("a\xc3\xaa"), STR_INIT("a\xc3\xa9")},
        {STR_INIT("a\xc3\xa9"), STR_INIT("a\xc3\xac"), STR_INIT("a")},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str prefix = consul_range_prefix(rows[i].key, rows[i].end);
        assert_int_equal(prefix.size, rows[i].prefix.size);
        assert_true(str_starts(rows[i].key, prefix));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_operation_has_what_it_needs_and_no_more),
        cmocka_unit_test(operations_follow_each_other),
        cmocka_unit_test(a_session_ends_with_its_keys_and_hinders_nobody),
        cmocka_unit_test(an_id_is_a_uuid),
        cmocka_unit_test(keys_lose_their_first_slash_and_are_escaped),
        cmocka_unit_test(what_no_path_names_is_refused),
        cmocka_unit_test(a_range_has_a_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
