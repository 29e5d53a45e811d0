#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/server/flapping.h"

static const struct flapping_limits limits = {.changes = 6, .within_ms = 300000, .hold_ms = 120000};

static void step(struct flapping *flapping, int64_t at, bool ready)
{
    flapping_step(flapping, &limits, ready, false, &(struct instant){.mono = at, .wall = 7000000 + at});
}

/* `moves` moves, a second each, the last at `until`; ready at first. */
static void flap(struct flapping *flapping, unsigned moves, int64_t until)
{
    step(flapping, until - 1000 * (int64_t)moves, true);
    for (unsigned i = 0; i < moves; i++) {
        step(flapping, until - 1000 * (int64_t)(moves - 1 - i), i % 2 != 0);
    }
}

static void the_seventh_move_turns_it_on(void **state)
{
    (void)state;
    struct flapping flapping = {0};
    flap(&flapping, 6, 100000);
    assert_int_equal(flapping.state, FLAPPING_OFF);
    assert_int_equal(flapping.changes, 6);
    step(&flapping, 101000, false);
    assert_int_equal(flapping.state, FLAPPING_ON);
    assert_int_equal(flapping.on_wall, 7101000);
    assert_int_equal(flapping_due(&flapping), NEVER_MS);
}

static void a_move_is_forgotten_after_its_time(void **state)
{
    (void)state;
    struct flapping flapping = {0};
    flap(&flapping, 6, 100000);
    /* The first of them was at 95000. */
    step(&flapping, 394999, false);
    assert_int_equal(flapping.state, FLAPPING_ON);
    flapping = (struct flapping){0};
    flap(&flapping, 6, 100000);
    step(&flapping, 395000, false);
    assert_int_equal(flapping.state, FLAPPING_OFF);
    assert_int_equal(flapping.changes, 6);
}

static void it_ends_when_it_was_ready_for_as_long_as_the_hold(void **state)
{
    (void)state;
    struct flapping flapping = {0};
    flap(&flapping, 7, 100000);
    assert_int_equal(flapping.state, FLAPPING_ON);
    step(&flapping, 110000, true);
    assert_int_equal(flapping_due(&flapping), 230000);
    step(&flapping, 229999, false);
    step(&flapping, 230000, true);
    assert_int_equal(flapping_due(&flapping), 350000);
    step(&flapping, 349999, true);
    assert_int_equal(flapping.state, FLAPPING_ON);
    step(&flapping, 350000, true);
    assert_int_equal(flapping.state, FLAPPING_OFF);
    assert_int_equal(flapping.changes, 0);
    assert_int_equal(flapping.on_wall, 0);
    /* It needs as many moves again. */
    flap(&flapping, 6, 360000);
    assert_int_equal(flapping.state, FLAPPING_OFF);
    step(&flapping, 361000, false);
    assert_int_equal(flapping.state, FLAPPING_ON);
}

static void the_first_time_ready_is_no_move(void **state)
{
    (void)state;
    struct flapping flapping = {0};
    step(&flapping, 1000, false);
    step(&flapping, 2000, false);
    step(&flapping, 3000, true);
    assert_int_equal(flapping.changes, 0);
    step(&flapping, 4000, false);
    assert_int_equal(flapping.changes, 1);
}

static void what_is_excused_counts_neither_way(void **state)
{
    (void)state;
    struct flapping flapping = {0};
    struct instant now = {.mono = 1000};
    flapping_step(&flapping, &limits, true, true, &now);
    flapping_step(&flapping, &limits, false, true, &now);
    flapping_step(&flapping, &limits, false, false, &now);
    flapping_step(&flapping, &limits, true, false, &now);
    assert_int_equal(flapping.changes, 0);
    flapping_step(&flapping, &limits, false, false, &now);
    flapping_step(&flapping, &limits, true, false, &now);
    assert_int_equal(flapping.changes, 2);
    /* Excused only later, as by a hold during the failure: that it comes back does not count. */
    flapping_step(&flapping, &limits, false, false, &now);
    flapping_step(&flapping, &limits, false, true, &now);
    flapping_step(&flapping, &limits, true, false, &now);
    assert_int_equal(flapping.changes, 3);
}

static void an_operator_ends_it(void **state)
{
    (void)state;
    struct flapping flapping = {0};
    flap(&flapping, 7, 100000);
    flapping_end(&flapping);
    assert_int_equal(flapping.state, FLAPPING_OFF);
    step(&flapping, 101000, true);
    assert_int_equal(flapping.changes, 1);
    flapping_end(&flapping);
    assert_int_equal(flapping.changes, 0);
}

static void without_a_limit_it_is_never_on(void **state)
{
    (void)state;
    static const struct flapping_limits none = {.changes = 0, .within_ms = 300000, .hold_ms = 120000};
    struct flapping flapping = {0};
    for (int64_t i = 0; i < 1000; i++) {
        flapping_step(&flapping, &none, i % 2 == 0, false, &(struct instant){.mono = 1000 + i});
    }
    assert_int_equal(flapping.state, FLAPPING_OFF);
    assert_int_equal(flapping.changes, FLAPPING_CHANGES_MAX + 1);
    flap(&flapping, 7, 100000);
    assert_int_equal(flapping.state, FLAPPING_ON);
    flapping_step(&flapping, &none, true, false, &(struct instant){.mono = 100001});
    assert_int_equal(flapping.state, FLAPPING_OFF);
}

static void the_largest_limit_is_reached(void **state)
{
    (void)state;
    static const struct flapping_limits most = {
        .changes = FLAPPING_CHANGES_MAX, .within_ms = 300000, .hold_ms = 1000};
    struct flapping flapping = {0};
    for (int64_t i = 0; i <= FLAPPING_CHANGES_MAX; i++) {
        assert_int_equal(flapping.state, FLAPPING_OFF);
        flapping_step(&flapping, &most, i % 2 == 0, false, &(struct instant){.mono = 1000 + i});
    }
    assert_int_equal(flapping.state, FLAPPING_OFF);
    flapping_step(&flapping, &most, false, false, &(struct instant){.mono = 2000});
    assert_int_equal(flapping.state, FLAPPING_ON);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_seventh_move_turns_it_on),
        cmocka_unit_test(a_move_is_forgotten_after_its_time),
        cmocka_unit_test(it_ends_when_it_was_ready_for_as_long_as_the_hold),
        cmocka_unit_test(the_first_time_ready_is_no_move),
        cmocka_unit_test(what_is_excused_counts_neither_way),
        cmocka_unit_test(an_operator_ends_it),
        cmocka_unit_test(without_a_limit_it_is_never_on),
        cmocka_unit_test(the_largest_limit_is_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
