#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/probe/verdict.h"

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(verdict_name(VERDICT_UNKNOWN), "unknown");
    assert_string_equal(verdict_name(VERDICT_PASSING), "passing");
    assert_string_equal(verdict_name(VERDICT_FAILING), "failing");
}

static void test_outcomes(void **state)
{
    (void)state;
    static const char *const texts[] = {"passed",      "connection refused", "timed out",
                                        "unreachable", "connection reset",   "not found",
                                        "failed",      "name not resolved"};
    for (int outcome = PROBE_PASSED; outcome <= PROBE_NOT_RESOLVED; outcome++) {
        enum probe_class class = outcome == PROBE_PASSED         ? PROBE_CLASS_PASSED
                                 : outcome == PROBE_NOT_RESOLVED ? PROBE_CLASS_UNDECIDED
                                                                 : PROBE_CLASS_FAILED;
        assert_string_equal(probe_outcome_text((enum probe_outcome)outcome), texts[outcome]);
        assert_int_equal(probe_outcome_class((enum probe_outcome)outcome), class);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_outcomes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
