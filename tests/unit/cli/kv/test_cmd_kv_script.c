#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/kv/cmd_kv_internal.h"
#include "outrider/base/error.h"
#include "unit/cli/captured.h"

static void lines_become_a_transaction(void **state)
{
    (void)state;
    struct error err;
    struct kv_script script = {0};
    static const char text[] = "\xef\xbb\xbf# a swap\r\n"
                               "if missing a\n"
                               "if  value  b !=\t\"x \\\"y\\\"\\n\\x00\"  # why\n"
                               "if lease c = 1f\n"
                               "\n"
                               "then put a v --lease=1f\n"
                               "then del p/ --prefix\n"
                               "else get \"\\xff\"";
    assert_int_equal(kv_script_parse(&script, str_of(text), &err), 0);
    const struct etcd_txn *txn = &script.txn;
    assert_true(txn->compare_count == 3 && txn->then_count == 2 && txn->otherwise_count == 1);
    assert_true(txn->compares[0].target == ETCD_TARGET_CREATE && txn->compares[0].relation == ETCD_EQUAL &&
                txn->compares[0].number == 0);
    assert_true(txn->compares[1].relation == ETCD_NOT_EQUAL &&
                str_eq(txn->compares[1].value, (struct str){"x \"y\"\n\0", 7}));
    assert_int_equal(txn->compares[2].number, 0x1f);
    assert_true(txn->then[0].kind == ETCD_PUT && txn->then[0].lease == 0x1f &&
                str_eq(txn->then[0].value, STR("v")));
    assert_true(txn->then[1].kind == ETCD_DELETE && str_eq(txn->then[1].end, STR("p0")));
    assert_true(txn->otherwise[0].kind == ETCD_GET && str_eq(txn->otherwise[0].key, STR("\xff")) &&
                txn->otherwise[0].end.size == 0);
    kv_script_fini(&script);
}

static void a_wrong_line_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "nothing to do"},
        {"if exists a\n", "nothing to do"},
        {"when a\n", "line 1: a line begins with"},
        {"\nthen\n", "line 2: after `then`"},
        {"then move a b\n", "after `then` and `else` comes"},
        {"then put a\n", "put KEY VALUE"},
        {"then put a b c\n", "only `--lease=ID`"},
        {"then put a b --lease=x\n", "only `--lease=ID`"},
        {"then put \"\" b\n", "missing or empty"},
        {"then get a b\n", "get KEY"},
        {"then get a \"b\n", "a quote is not closed"},
        {"then get \"a\"b\n", "after a closing quote"},
        {"then get \"\\q\"\n", "after a \\ comes"},
        {"then get \"\\x1\"\n", "after a \\ comes"},
        {"then get \"\\", "after a \\ comes"},
        {"if a b c\n", "`if exists KEY`"},
        {"if version a ~ 1\n", "`if exists KEY`"},
        {"if version a = x\n", "compared with a number"},
        {"if lease a = xyz\n", "hexadecimal"},
        {"if exists \"\"\n", "a key is not empty"},
        {"then put a b c d e f g\n", "too many words"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err;
        struct kv_script script = {0};
        assert_int_equal(kv_script_parse(&script, str_of(cases[i].text), &err), -1);
        assert_contains(err.text, cases[i].says);
        kv_script_fini(&script);
    }
}

static void usage_errors_come_before_any_request(void **state)
{
    (void)state;
    static const struct {
        const char *words[8];
        const char *says;
    } cases[] = {
        {{"kv"}, "what is to be done?"},
        {{"kv", "gte"}, "unknown command `gte`"},
        {{"kv", "get"}, "an argument is missing"},
        {{"kv", "get", ""}, "a key is not empty"},
        {{"kv", "get", "a", "b", "c"}, "unexpected word `c`"},
        {{"kv", "get", "a", "b", "--prefix"}, "one of --prefix"},
        {{"kv", "get", "a", "--limit", "0"}, "--limit: `0`"},
        {{"kv", "get", "a", "--rev=x"}, "--rev: `x`"},
        {{"kv", "get", "--", "--prefix", "a", "b"}, "unexpected word `b`"},
        {{"kv", "put", "a"}, "an argument is missing"},
        {{"kv", "put", "", "v"}, "a key is not empty"},
        {{"kv", "put", "a", "v", "--lease", "xyz"}, "`xyz` is not a lease id"},
        {{"kv", "put", "a", "v", "--lease", "0"}, "`0` is not a lease id"},
        {{"kv", "del", "--prefix", ""}, "an empty prefix matches every key"},
        {{"kv", "watch", "a", "--rev", "-1"}, "--rev: `-1`"},
        {{"kv", "lease"}, "what is to be done?"},
        {{"kv", "lease", "grant", "30"}, "`30` is not a duration"},
        {{"kv", "lease", "revoke", "12345678901234567"}, "is not a lease id"},
    };
    struct captured captured = {0};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(captured_run(&captured, cases[i].words), EX_USAGE);
        assert_contains(captured.err, cases[i].says);
        assert_string_equal(captured.out, "");
    }
    assert_int_equal(RUN(&captured, "kv", "get", "-c", "/nonexistent/o.yaml", "a"), EX_CONFIG);
    assert_int_equal(RUN(&captured, "kv", "lease", "keep-alive", "--help"), EX_DONE);
    assert_contains(captured.out, "renew a lease");
    captured_fini(&captured);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_become_a_transaction),
        cmocka_unit_test(a_wrong_line_is_named),
        cmocka_unit_test(usage_errors_come_before_any_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
