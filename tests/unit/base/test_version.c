#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/str.h"
#include "outrider/base/version.h"

static void three_numbers_with_points(void **state)
{
    (void)state;
    struct str rest = str_of(version_text());
    for (int i = 0; i < 3; i++) {
        uint64_t number;
        assert_int_equal(str_to_u64(str_split(rest, '.', &rest), 1000000, &number), 0);
    }
    assert_int_equal(rest.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(three_numbers_with_points)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
