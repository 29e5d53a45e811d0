#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/access/failures.h"

static void each_failure_doubles_the_delay(void **state)
{
    (void)state;
    static const int64_t delays[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000};
    struct access_failures failures = {0};
    for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
        assert_int_equal(access_failures_count(&failures, 7, i, (int64_t)i), delays[i]);
    }
    assert_int_equal(access_failures_count(&failures, 8, 0, 10), 100); /* another address has its own */
    assert_int_equal(access_failures_count(&failures, 7, 100, 7 + ACCESS_FORGET_MS - 1), 5000);
    assert_int_equal(access_failures_count(&failures, 7, 101, 7 + 2 * ACCESS_FORGET_MS - 1), 100);
    assert_int_equal(failures.total, 11);
}

static void a_crowd_pushes_out_the_one_that_failed_longest_ago(void **state)
{
    (void)state;
    struct access_failures failures = {0};
    for (uint64_t i = 0; i < ACCESS_FAILURES_MAX; i++) {
        assert_int_equal(access_failures_count(&failures, i, 1, (int64_t)i), 100);
    }
    assert_int_equal(access_failures_count(&failures, 0, 1000, 1000), 200);
    assert_int_equal(access_failures_count(&failures, 9999, 1001, 1001), 100); /* in the place of 1 */
    assert_int_equal(access_failures_count(&failures, 0, 1002, 1002), 400);
    assert_int_equal(access_failures_count(&failures, 2, 1003, 1003), 200);
    assert_int_equal(access_failures_count(&failures, 1, 1004, 1004), 100);
}

static void an_old_token_is_no_guess(void **state)
{
    (void)state;
    struct access_failures failures = {0};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(access_failures_count(&failures, 7, 1, i), 100);
    }
    assert_int_equal(access_failures_count(&failures, 7, 2, 6), 200);
    assert_int_equal(access_failures_count(&failures, 7, 2, 7), 200);
    assert_int_equal(access_failures_count(&failures, 7, 1, 8), 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_failure_doubles_the_delay),
        cmocka_unit_test(an_old_token_is_no_guess),
        cmocka_unit_test(a_crowd_pushes_out_the_one_that_failed_longest_ago),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
