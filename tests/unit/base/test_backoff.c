#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/backoff.h"

#include "outrider/base/attr.h"

#include <limits.h>

static void every_wait_is_within_its_bound_and_reaches_both_ends(void **state)
{
    (void)state;
    static const int64_t bounds[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000};
    int64_t low[COUNT_OF(bounds)], high[COUNT_OF(bounds)] = {0};
    struct random random;
    random_seed(&random, 1);
    for (size_t i = 0; i < COUNT_OF(bounds); i++) {
        low[i] = INT64_MAX;
    }
    for (int round = 0; round < 2000; round++) {
        struct backoff backoff;
        backoff = (struct backoff){.first_ms = 100, .cap_ms = 5000};
        for (size_t i = 0; i < COUNT_OF(bounds); i++) {
            int64_t wait = backoff_next(&backoff, &random);
            assert_in_range(wait, 1, bounds[i]);
            low[i] = wait < low[i] ? wait : low[i];
            high[i] = wait > high[i] ? wait : high[i];
        }
    }
    for (size_t i = 0; i < COUNT_OF(bounds); i++) {
        assert_true(low[i] <= bounds[i] / 10);
        assert_true(high[i] >= bounds[i] - bounds[i] / 10);
    }
}

static void full_jitter_spreads_evenly(void **state)
{
    (void)state;
    unsigned tenths[10] = {0};
    struct random random;
    random_seed(&random, 7);
    for (int i = 0; i < 10000; i++) {
        struct backoff backoff;
        backoff = (struct backoff){.first_ms = 1000, .cap_ms = 5000};
        tenths[(backoff_next(&backoff, &random) - 1) / 100]++;
    }
    for (size_t i = 0; i < COUNT_OF(tenths); i++) {
        assert_in_range(tenths[i], 850, 1150);
    }
}

static void a_success_begins_with_the_first_wait_again(void **state)
{
    (void)state;
    struct random random;
    struct backoff backoff;
    random_seed(&random, 3);
    backoff = (struct backoff){.first_ms = 10, .cap_ms = 5000};
    for (int i = 0; i < 50; i++) {
        (void)backoff_next(&backoff, &random);
    }
    assert_int_equal(backoff.failures, 50);
    for (int i = 0; i < 100; i++) {
        backoff.failures = 0;
        assert_in_range(backoff_next(&backoff, &random), 1, 10);
    }
}

static void no_bound_and_no_count_overflows(void **state)
{
    (void)state;
    static const struct {
        int64_t first, cap, most;
    } rows[] = {{INT64_MAX - 1, INT64_MAX, INT64_MAX},
                {3, INT64_MAX, INT64_MAX},
                {0, 5000, 5000},
                {-5, 5000, 5000},
                {100, 0, 1},
                {100, -1, 1},
                {9000, 50, 50}};
    struct random random;
    random_seed(&random, 9);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct backoff backoff;
        backoff = (struct backoff){.first_ms = rows[i].first, .cap_ms = rows[i].cap};
        for (int k = 0; k < 200; k++) {
            int64_t wait = backoff_next(&backoff, &random);
            assert_true(wait >= 1 && wait <= rows[i].most);
        }
    }
    struct backoff old = {.first_ms = 0, .cap_ms = 5000, .failures = UINT_MAX};
    int64_t longest = 0;
    for (int i = 0; i < 100; i++) {
        int64_t wait = backoff_next(&old, &random);
        longest = wait > longest ? wait : longest;
    }
    assert_in_range(longest, 4000, 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_wait_is_within_its_bound_and_reaches_both_ends),
        cmocka_unit_test(full_jitter_spreads_evenly),
        cmocka_unit_test(a_success_begins_with_the_first_wait_again),
        cmocka_unit_test(no_bound_and_no_count_overflows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
