#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/keys/key_scope.h"

static void own_ends_at_the_slash(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        bool covered;
    } cases[] = {
        {STR_INIT("/services/world/w1"), true},
        {STR_INIT("/services/"), true},
        {STR_INIT("/services/../etc"), true}, /* dots mean nothing to a registry */
        {STR_INIT("/services//"), true},
        {STR_INIT("/services/\xff\0x"), true},
        {STR_INIT("/outrider/services/control/world/w1"), true},
        {STR_INIT("/services"), false},
        {STR_INIT("/servicesX"), false},
        {STR_INIT("/servicesX/world/w1"), false},
        {STR_INIT("/services\0/world"), false},
        {STR_INIT("/services0"), false}, /* the first key beyond */
        {STR_INIT("/outrider/servicesX/a"), false},
        {STR_INIT("/outrider/"), false},
        {STR_INIT("/"), false},
        {STR_INIT(""), false},
        {STR_INIT("services/world"), false},
        {STR_INIT(" /services/world"), false},
    };
    struct key_scope scope;
    key_scope_init(&scope, false, "/services", "/outrider/services");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(key_scope_covers(&scope, cases[i].text), cases[i].covered);
    }
    assert_int_equal(scope.root_count, 2);
    assert_string_equal(buf_text(&scope.roots[0]), "/outrider/services/");
    assert_string_equal(buf_text(&scope.roots[1]), "/services/");
    key_scope_fini(&scope);
}

static void all_is_all(void **state)
{
    (void)state;
    struct key_scope scope;
    key_scope_init(&scope, true, "/services", "/outrider/services");
    assert_true(key_scope_covers(&scope, STR("")));
    assert_true(key_scope_covers(&scope, STR("\xff")));
    assert_true(key_scope_covers(&scope, STR("/servicesX")));
    key_scope_fini(&scope);
}

static void the_audit_is_only_shown(void **state)
{
    (void)state;
    for (int all = 0; all < 2; all++) {
        struct key_scope scope;
        key_scope_init(&scope, all == 1, "/services", "/ctl");
        assert_true(key_scope_keeps(&scope, STR("/ctl/audit/01H")));
        assert_true(key_scope_keeps(&scope, STR("/ctl/audit/")));
        assert_false(key_scope_keeps(&scope, STR("/ctl/audit")));
        assert_false(key_scope_keeps(&scope, STR("/ctl/auditor/x")));
        assert_false(key_scope_keeps(&scope, STR("/ctl/control/world/w1")));
        assert_true(key_scope_keeps_some(&scope, STR("/ctl/")));
        assert_true(key_scope_keeps_some(&scope, STR("/ctl/a")));
        assert_true(key_scope_keeps_some(&scope, STR("/")));
        assert_true(key_scope_keeps_some(&scope, STR("/ctl/audit/01H")));
        assert_false(key_scope_keeps_some(&scope, STR("/ctl/control/")));
        assert_false(key_scope_keeps_some(&scope, STR("/services/")));
        key_scope_fini(&scope);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_ends_at_the_slash),
        cmocka_unit_test(all_is_all),
        cmocka_unit_test(the_audit_is_only_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
