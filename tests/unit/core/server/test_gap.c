#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/server/gap.h"

enum { TTL = 10000, AHEAD = 5000 }; /* the boot clock is ahead of mono by AHEAD before anything happens */

static struct instant at(int64_t mono, int64_t slept)
{
    return (struct instant){.mono = mono, .boot = mono + AHEAD + slept};
}

static void begin(struct instant *seen, int64_t mono)
{
    *seen = at(mono, 0);
}

static int64_t step(struct instant *seen, int64_t mono, int64_t slept, struct gap_limits limits)
{
    struct instant now = at(mono, slept);
    return gap_step(seen, &now, &limits);
}

static void test_a_step_in_time_is_no_gap(void **state)
{
    (void)state;
    struct instant seen;
    begin(&seen, 1000);
    assert_int_equal(step(&seen, 3000, 0, (struct gap_limits){.due_mono = 3000, .ttl_ms = TTL}), 0);
    assert_int_equal(step(&seen, 900000, 0, (struct gap_limits){.due_mono = NEVER_MS, .ttl_ms = TTL}), 0);
}

static void test_a_late_step_is_a_gap_beyond_the_ttl(void **state)
{
    (void)state;
    struct instant seen;
    struct gap_limits limits = {.due_mono = 2000, .ttl_ms = TTL};
    begin(&seen, 1000);
    assert_int_equal(step(&seen, 2000 + TTL, 0, limits), 0);
    begin(&seen, 1000);
    assert_int_equal(step(&seen, 2001 + TTL, 0, limits), TTL + 1);
}

static void test_what_was_late_is_counted_once(void **state)
{
    (void)state;
    struct instant seen;
    struct gap_limits limits = {.due_mono = 2000, .ttl_ms = TTL};
    begin(&seen, 1000);
    assert_int_equal(step(&seen, 20000, 0, limits), 18000);
    assert_int_equal(step(&seen, 20000, 0, limits),
                     0); /* the timer is still due, its step is not late again */
    assert_int_equal(step(&seen, 20500, 0, limits), 0);
}

static void test_sleep_counts_beside_lateness(void **state)
{
    (void)state;
    struct instant seen;
    struct gap_limits limits = {.due_mono = 2000, .ttl_ms = TTL};
    begin(&seen, 1000);
    assert_int_equal(step(&seen, 2000, TTL, limits), 0);
    begin(&seen, 1000);
    assert_int_equal(step(&seen, 1500, TTL + 1, limits), TTL + 1);
    begin(&seen, 1000);
    assert_int_equal(step(&seen, 7000, 6000, limits), 11000);
}

static void test_a_lease_that_ends_makes_a_short_gap_long(void **state)
{
    (void)state;
    struct instant seen;
    struct gap_limits limits = {.due_mono = 2000, .ttl_ms = TTL, .lease_boot = 2500 + AHEAD};
    begin(&seen, 1000);
    assert_int_equal(step(&seen, 3000, 0, limits), 1000);
    begin(&seen, 1000);
    assert_int_equal(step(&seen, 2400, 0, limits), 0); /* it has not ended */
    begin(&seen, 1000);
    limits.due_mono = 2100;
    assert_int_equal(step(&seen, 3000, 0, limits),
                     0); /* late by less than INSTANT_SLEEP_MS: clocks read apart */
    limits.lease_boot = 500 + AHEAD;
    begin(&seen, 1000);
    assert_int_equal(step(&seen, 4000, 0, limits), 0); /* it had ended before */
}

static void test_no_lease_ends(void **state)
{
    (void)state;
    struct instant seen;
    begin(&seen, 1000);
    assert_int_equal(step(&seen, 8000, 0, (struct gap_limits){.due_mono = 2000, .ttl_ms = TTL}), 0);
}

static void test_a_boot_clock_that_steps_back_is_no_gap(void **state)
{
    (void)state;
    struct instant seen;
    begin(&seen, 1000);
    assert_int_equal(step(&seen, 1500, -3000, (struct gap_limits){.due_mono = 2000, .ttl_ms = TTL}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_step_in_time_is_no_gap),
        cmocka_unit_test(test_a_late_step_is_a_gap_beyond_the_ttl),
        cmocka_unit_test(test_what_was_late_is_counted_once),
        cmocka_unit_test(test_sleep_counts_beside_lateness),
        cmocka_unit_test(test_a_lease_that_ends_makes_a_short_gap_long),
        cmocka_unit_test(test_no_lease_ends),
        cmocka_unit_test(test_a_boot_clock_that_steps_back_is_no_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
