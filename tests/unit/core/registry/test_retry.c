#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/registry/retry.h"

static void test_delays_by_class(void **state)
{
    (void)state;
    struct backoff backoff = RETRY_BACKOFF;
    struct random random;
    random_seed(&random, 7);
    for (int i = 0; i < 1000; i++) {
        backoff.failures = 0;
        assert_in_range(retry_delay(&backoff, REGISTRY_RETRY, &random), 1, RETRY_FIRST_MS);
        backoff.failures = 20;
        assert_in_range(retry_delay(&backoff, REGISTRY_UNKNOWN, &random), 1, RETRY_CAP_MS);
        unsigned failures = backoff.failures;
        assert_in_range(retry_delay(&backoff, REGISTRY_DENIED, &random), RETRY_SLOW_MS / 2, RETRY_SLOW_MS);
        assert_in_range(retry_delay(&backoff, REGISTRY_REFUSED, &random), RETRY_SLOW_MS / 2, RETRY_SLOW_MS);
        assert_in_range(retry_delay(&backoff, REGISTRY_OVERLOADED, &random), RETRY_SLOW_MS / 2,
                        RETRY_SLOW_MS);
        assert_int_equal(backoff.failures, failures);
        assert_in_range(retry_delay_leaving(&random), 1, 500);
        assert_in_range(retry_spread(1000, &random), 500, 999);
    }
}

static void test_one_line_for_each_class(void **state)
{
    (void)state;
    struct outage outage = {0};
    struct last_error lease = {0}, key = {0};
    struct instant now = {.mono = 1000, .boot = 1000, .wall = 50000};
    struct registry_reply refused = {
        .op = REGISTRY_PUT, .failure = REGISTRY_RETRY, .error = STR("connection refused")};
    struct registry_reply silent = {.op = REGISTRY_GRANT, .failure = REGISTRY_UNKNOWN};
    outage_fail(&outage, &key, &refused, &now);
    assert_string_equal(key.text, "connection refused");
    assert_true(outage_log_once(&outage, REGISTRY_RETRY));
    assert_false(outage_log_once(&outage, REGISTRY_RETRY));
    now.mono += 2000;
    now.wall += 2000;
    outage_fail(&outage, &lease, &silent, &now);
    outage_fail(&outage, &key, &refused, &now);
    assert_string_equal(lease.text, "grant failed");
    assert_true(outage_log_once(&outage, REGISTRY_UNKNOWN));
    assert_int_equal(key.since_wall, 50000);
    assert_int_equal(lease.since_wall, 52000);
    /* The outage lasts until both kinds of request succeed. */
    assert_false(outage_end(&outage, &key));
    assert_false(outage_end(&outage, &key));
    now.mono += 10000;
    assert_true(outage_end(&outage, &lease));
    char text[80];
    assert_string_equal(outage_summary(&outage, &now, text), "3 requests failed in 12 s");
    assert_false(outage_end(&outage, &lease));
    /* The next outage is logged from its beginning. */
    outage_fail(&outage, &key, &refused, &now);
    assert_true(outage_log_once(&outage, REGISTRY_RETRY));
    assert_int_equal(outage.count, 1);
    now.mono += 1000;
    assert_string_equal(outage_summary(&outage, &now, text), "1 request failed in 1.0 s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delays_by_class),
        cmocka_unit_test(test_one_line_for_each_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
