#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/rate.h"

static const struct rate_limit limit = {.burst = 3, .every_ms = 100};

static unsigned taken_at(struct rate *rate, int64_t now)
{
    unsigned count = 0;
    while (count < 100 && rate_take(rate, &limit, now)) {
        count++;
    }
    return count;
}

static void a_burst_and_then_one_in_each_interval(void **state)
{
    (void)state;
    struct rate rate = {0};
    assert_int_equal(taken_at(&rate, 5000), 3);
    assert_int_equal(rate_due(&rate, &limit), 5100);
    assert_int_equal(taken_at(&rate, 5099), 0);
    assert_int_equal(taken_at(&rate, 5100), 1);
    assert_int_equal(taken_at(&rate, 5299), 1);
    assert_int_equal(taken_at(&rate, 5300), 1);
}

static void what_was_not_used_comes_back_up_to_a_burst(void **state)
{
    (void)state;
    struct rate rate = {0};
    assert_int_equal(taken_at(&rate, 1000), 3);
    assert_int_equal(taken_at(&rate, 1250), 2);
    assert_int_equal(taken_at(&rate, 1000000), 3);
}

static void a_flood_gets_no_more_than_its_share(void **state)
{
    (void)state;
    struct rate rate = {0};
    unsigned count = 0;
    for (int64_t now = 0; now < 10000; now++) {
        count += taken_at(&rate, now);
    }
    assert_int_equal(count, 3 + 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_and_then_one_in_each_interval),
        cmocka_unit_test(what_was_not_used_comes_back_up_to_a_burst),
        cmocka_unit_test(a_flood_gets_no_more_than_its_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
