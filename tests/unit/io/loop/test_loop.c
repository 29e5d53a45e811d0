#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"

#include <string.h>

static struct loop *loop;
static char trace[64];
static int depth, deepest;

static int setup(void **state)
{
    (void)state;
    struct error err;
    trace[0] = '\0';
    depth = deepest = 0;
    loop = loop_new(&err);
    return loop == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

struct call {
    struct deferred deferred;
    char name;
    struct call *queues, *cancels;
    int times;
};

static void run(void *user)
{
    struct call *call = user;
    depth++;
    deepest = depth > deepest ? depth : deepest;
    size_t end = strlen(trace);
    if (end + 1 < sizeof(trace)) {
        trace[end] = call->name;
        trace[end + 1] = '\0';
    }
    if (call->queues != NULL && call->times-- > 0) {
        loop_defer(loop, &call->queues->deferred);
    }
    if (call->cancels != NULL) {
        deferred_cancel(&call->cancels->deferred);
    }
    depth--;
}

static struct call call_named(char name)
{
    return (struct call){.name = name, .deferred = {.fn = run}};
}

static void defer(struct call *call)
{
    call->deferred.user = call;
    loop_defer(loop, &call->deferred);
}

static void deferred_run_in_order_once_and_never_nested(void **state)
{
    (void)state;
    struct call a = call_named('a'), b = call_named('b'), c = call_named('c');
    c.deferred.user = &c;
    a.queues = &c;
    a.times = 1;
    defer(&a);
    defer(&b);
    defer(&a);
    assert_string_equal(trace, "");
    loop_turn_once(loop, true);
    assert_string_equal(trace, "abc");
    assert_int_equal(deepest, 1);
    loop_turn_once(loop, false);
    assert_string_equal(trace, "abc");
}

static void deferred_can_be_cancelled_by_another(void **state)
{
    (void)state;
    struct call a = call_named('a'), b = call_named('b'), c = call_named('c');
    a.cancels = &b;
    defer(&a);
    defer(&b);
    defer(&c);
    loop_turn_once(loop, true);
    assert_string_equal(trace, "ac");
    deferred_cancel(&c.deferred);
    defer(&b);
    loop_turn_once(loop, true);
    assert_string_equal(trace, "acb");
}

static void fired(void *user)
{
    *(bool *)user = true;
}

/* A call that defers itself for ever must not keep the loop from its timers and sockets. */
static void an_endless_deferral_does_not_starve_timers(void **state)
{
    (void)state;
    bool ran = false;
    struct call a = call_named('a');
    a.queues = &a;
    a.times = 1 << 30;
    struct timer *timer = timer_new(loop, fired, &ran);
    timer_arm_us(timer, 0);
    defer(&a);
    for (int turns = 0; turns < 1000 && !ran; turns++) {
        loop_turn_once(loop, true);
    }
    assert_true(ran);
    timer_free(timer);
    deferred_cancel(&a.deferred);
}

static void stop(void *user)
{
    (void)user;
    loop_stop(loop);
}

static void runs_until_stopped(void **state)
{
    (void)state;
    struct call a = call_named('a');
    struct timer *timer = timer_new(loop, stop, NULL);
    timer_arm_ms(timer, 1);
    defer(&a);
    loop_run(loop);
    assert_string_equal(trace, "a");
    loop_stop(loop);
    loop_run(loop);
    timer_free(timer);
}

static void loop_free_drops_deferred_calls(void **state)
{
    (void)state;
    struct call a = call_named('a');
    defer(&a);
    loop_free(loop);
    loop = NULL;
    assert_null(a.deferred.next);
    loop_free(NULL);
}

struct shot {
    struct timer *timer;
    int64_t not_before_ms, not_before_us;
    int fired;
    bool early;
};

static void shoot(void *user)
{
    struct shot *shot = user;
    shot->fired++;
    shot->early =
        shot->early || clock_mono_ms() < shot->not_before_ms || clock_mono_us() < shot->not_before_us;
}

static void arm(struct shot *shot, int64_t delay_us)
{
    int64_t now = clock_mono_us();
    shot->not_before_us = now + delay_us;
    shot->not_before_ms = (now / 1000) + delay_us / 1000;
    timer_arm_us(shot->timer, delay_us);
}

static void timers_are_never_early(void **state)
{
    (void)state;
    struct shot shot = {.timer = timer_new(loop, shoot, &shot)};
    for (int round = 1; round <= 60; round++) {
        arm(&shot, round * 137 % 9000);
        while (shot.fired < round) {
            loop_turn_once(loop, true);
        }
        assert_int_equal(shot.fired, round);
        assert_false(timer_is_armed(shot.timer));
    }
    assert_false(shot.early);
    assert_true(loop_take_lag_us(loop) > 0);
    assert_int_equal(loop_take_lag_us(loop), 0);
    timer_free(shot.timer);
}

static struct shot held_up;

/* Armed in a callback that has run for a while, the timer counts from now, not from the start of the turn. */
static void arm_late(void *user)
{
    (void)user;
    int64_t until = clock_mono_us() + 4000;
    while (clock_mono_us() < until) {
    }
    arm(&held_up, 3000);
}

static void a_timer_armed_in_a_long_callback_is_not_early(void **state)
{
    (void)state;
    held_up = (struct shot){.timer = timer_new(loop, shoot, &held_up)};
    struct timer *first = timer_new(loop, arm_late, NULL);
    timer_arm_us(first, 0);
    while (held_up.fired == 0) {
        loop_turn_once(loop, true);
    }
    assert_false(held_up.early);
    timer_free(first);
    timer_free(held_up.timer);
}

static void timers_move_cancel_and_keep_their_order(void **state)
{
    (void)state;
    struct shot moved = {.timer = timer_new(loop, shoot, &moved)},
                cancelled = {.timer = timer_new(loop, shoot, &cancelled)};
    struct shot last = {.timer = timer_new(loop, shoot, &last)};
    timer_arm_ms(moved.timer, 3600000);
    timer_arm_ms(cancelled.timer, 1);
    arm(&last, 20000);
    arm(&moved, 2000);
    timer_arm_at_ms(cancelled.timer, INT64_MAX);
    assert_false(timer_is_armed(cancelled.timer));
    while (last.fired == 0) {
        loop_turn_once(loop, true);
    }
    assert_int_equal(moved.fired, 1);
    assert_int_equal(cancelled.fired, 0);
    assert_false(moved.early || last.early);
    timer_free(moved.timer);
    timer_free(cancelled.timer);
    timer_free(last.timer);
    timer_free(NULL);
}

static void absurd_delays_are_bounded(void **state)
{
    (void)state;
    struct shot shot = {.timer = timer_new(loop, shoot, &shot)};
    timer_arm_ms(shot.timer, INT64_MAX);
    timer_arm_us(shot.timer, INT64_MAX);
    timer_arm_at_ms(shot.timer, INT64_MAX - 1);
    loop_turn_once(loop, false);
    assert_int_equal(shot.fired, 0);
    timer_arm_ms(shot.timer, INT64_MIN);
    loop_turn_once(loop, true);
    timer_arm_at_ms(shot.timer, INT64_MIN);
    loop_turn_once(loop, true);
    timer_arm_us(shot.timer, INT64_MIN);
    loop_turn_once(loop, true);
    assert_int_equal(shot.fired, 3);
    timer_arm_at_ms(shot.timer, clock_mono_ms() + 2);
    shot.not_before_ms = clock_mono_ms() + 1;
    loop_turn_once(loop, true);
    assert_int_equal(shot.fired, 4);
    assert_false(shot.early);
    timer_free(shot.timer);
}

static void free_self(void *user)
{
    struct timer **timer = user;
    timer_free(*timer);
    *timer = NULL;
}

static void a_timer_may_free_itself(void **state)
{
    (void)state;
    struct timer *timer = timer_new(loop, free_self, &timer);
    timer_arm_us(timer, 0);
    loop_turn_once(loop, true);
    assert_null(timer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(deferred_run_in_order_once_and_never_nested, setup, teardown),
        cmocka_unit_test_setup_teardown(deferred_can_be_cancelled_by_another, setup, teardown),
        cmocka_unit_test_setup_teardown(an_endless_deferral_does_not_starve_timers, setup, teardown),
        cmocka_unit_test_setup_teardown(runs_until_stopped, setup, teardown),
        cmocka_unit_test_setup_teardown(loop_free_drops_deferred_calls, setup, teardown),
        cmocka_unit_test_setup_teardown(timers_are_never_early, setup, teardown),
        cmocka_unit_test_setup_teardown(a_timer_armed_in_a_long_callback_is_not_early, setup, teardown),
        cmocka_unit_test_setup_teardown(timers_move_cancel_and_keep_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(absurd_delays_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(a_timer_may_free_itself, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
