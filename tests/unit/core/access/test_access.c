#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/access/access.h"

static void each_role_but_none_has_a_word(void **state)
{
    (void)state;
    for (int i = ACCESS_VIEWER; i < ACCESS_ROLE_COUNT; i++) {
        enum access_role role = ACCESS_NONE;
        assert_int_equal(access_role_of(str_of(access_role_name((enum access_role)i)), &role), 0);
        assert_int_equal(role, i);
    }
    static const char *const others[] = {"none", "", "Admin", "admin ", "root"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        enum access_role role = ACCESS_NONE;
        assert_int_equal(access_role_of(str_of(others[i]), &role), -1);
        assert_int_equal(role, ACCESS_NONE);
    }
}

static void proofs_have_names(void **state)
{
    (void)state;
    for (int i = 0; i < ACCESS_PROOF_COUNT; i++) {
        assert_non_null(access_proof_name((enum access_proof)i));
    }
    assert_string_equal(access_proof_name(ACCESS_CERTIFICATE), "certificate");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_role_but_none_has_a_word),
        cmocka_unit_test(proofs_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
