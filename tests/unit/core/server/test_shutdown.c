#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/server/shutdown.h"
#include "support/queue_size.h"

#include <string.h>

enum { NO_EXIT = -1 };

struct world {
    struct shutdown shutdown;
    struct queue effects;
};

static void begin(struct world *w, bool drain)
{
    *w = (struct world){.shutdown = {.drain = drain, .linger_ms = 2000, .timeout_ms = 5000}};
    queue_init(&w->effects, sizeof(struct shutdown_effect));
}

static void step(struct world *w, enum shutdown_event_type type, int64_t at)
{
    struct shutdown_event event = {
        .type = type, .now = {.mono = at}, .visible = true, .leased = true, .state_kept = true};
    shutdown_step(&w->shutdown, &event, &w->effects);
}

static void expect(struct world *w, enum shutdown_effect_type type, int code)
{
    struct shutdown_effect effect;
    assert_true(queue_take(&w->effects, &effect));
    assert_int_equal(effect.type, type);
    assert_int_equal(effect.code, code);
}

static void expect_nothing(struct world *w)
{
    assert_int_equal(queue_size(&w->effects), 0);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const names[] = {"running", "draining", "saying", "lingering", "leaving", "done"};
    for (int phase = 0; phase <= SHUTDOWN_DONE; phase++) {
        assert_string_equal(shutdown_phase_name((enum shutdown_phase)phase), names[phase]);
    }
}

static void test_term_says_lingers_leaves(void **state)
{
    (void)state;
    struct world w;
    begin(&w, false);
    assert_int_equal(shutdown_deadline(&w.shutdown).latest, NEVER_MS);
    step(&w, SHUTDOWN_ON_TERM, 1000);
    expect(&w, SHUTDOWN_DO_SAY, 0);
    assert_int_equal(shutdown_deadline(&w.shutdown).latest, 3500);
    step(&w, SHUTDOWN_ON_PUBLISHED, 1400);
    assert_int_equal(w.shutdown.phase, SHUTDOWN_LINGERING);
    assert_int_equal(shutdown_deadline(&w.shutdown).latest, 3400);
    step(&w, SHUTDOWN_ON_TICK, 3399);
    expect_nothing(&w);
    step(&w, SHUTDOWN_ON_TICK, 3400);
    expect(&w, SHUTDOWN_DO_LEAVE, 0);
    /* Lingering did not use up the timeout: SAYING took 400 of 5000 ms. */
    assert_int_equal(shutdown_deadline(&w.shutdown).latest, 3400 + 4600);
    step(&w, SHUTDOWN_ON_GONE, 3500);
    expect_nothing(&w);
    step(&w, SHUTDOWN_ON_CONTROL_DONE, 3550);
    expect(&w, SHUTDOWN_DO_EXIT, 0);
    assert_int_equal(shutdown_deadline(&w.shutdown).latest, NEVER_MS);
    step(&w, SHUTDOWN_ON_TERM, 3600);
    step(&w, SHUTDOWN_ON_GONE, 3700);
    step(&w, SHUTDOWN_ON_TICK, 99999);
    expect_nothing(&w);
    queue_fini(&w.effects);
}

static void test_unconfirmed_is_exit_1(void **state)
{
    (void)state;
    struct world w;
    begin(&w, false);
    step(&w, SHUTDOWN_ON_TERM, 0);
    expect(&w, SHUTDOWN_DO_SAY, 0);
    step(&w, SHUTDOWN_ON_TICK, 2500);
    expect(&w, SHUTDOWN_DO_LEAVE, 0);
    step(&w, SHUTDOWN_ON_TICK, 4999);
    expect_nothing(&w);
    step(&w, SHUTDOWN_ON_TICK, 5000);
    expect(&w, SHUTDOWN_DO_EXIT, 1);
    queue_fini(&w.effects);
}

/* A second TERM or an INT ends drain and linger; requests in flight are still waited for. */
static void test_hurry_in_each_phase(void **state)
{
    (void)state;
    static const enum shutdown_event_type again[] = {SHUTDOWN_ON_TERM, SHUTDOWN_ON_INT, SHUTDOWN_ON_QUIT};
    for (size_t i = 0; i < 3; i++) {
        struct world w;
        begin(&w, true);
        step(&w, SHUTDOWN_ON_TERM, 0);
        expect(&w, SHUTDOWN_DO_DRAIN, 0);
        assert_int_equal(shutdown_deadline(&w.shutdown).latest, NEVER_MS);
        step(&w, again[i], 10);
        expect(&w, SHUTDOWN_DO_SAY, 0);
        step(&w, again[i], 20);
        expect_nothing(&w);
        step(&w, SHUTDOWN_ON_PUBLISHED, 30);
        expect(&w, SHUTDOWN_DO_LEAVE, 0);
        step(&w, again[i], 40);
        expect_nothing(&w);
        step(&w, SHUTDOWN_ON_CONTROL_DONE, 50);
        step(&w, SHUTDOWN_ON_GONE, 50);
        expect(&w, SHUTDOWN_DO_EXIT, 0);
        queue_fini(&w.effects);

        begin(&w, false);
        step(&w, SHUTDOWN_ON_TERM, 0);
        step(&w, SHUTDOWN_ON_PUBLISHED, 0);
        expect(&w, SHUTDOWN_DO_SAY, 0);
        step(&w, again[i], 100);
        expect(&w, SHUTDOWN_DO_LEAVE, 0);
        queue_fini(&w.effects);
    }
}

static void test_int_does_not_drain(void **state)
{
    (void)state;
    struct world w;
    begin(&w, true);
    step(&w, SHUTDOWN_ON_INT, 0);
    expect(&w, SHUTDOWN_DO_SAY, 0);
    step(&w, SHUTDOWN_ON_PUBLISHED, 1);
    expect(&w, SHUTDOWN_DO_LEAVE, 0);
    queue_fini(&w.effects);
}

static void test_quit_hands_over_only_while_running(void **state)
{
    (void)state;
    struct world w;
    begin(&w, true);
    step(&w, SHUTDOWN_ON_QUIT, 0);
    expect(&w, SHUTDOWN_DO_EXIT, EXIT_HANDED_OVER);
    expect_nothing(&w);
    queue_fini(&w.effects);

    begin(&w, true);
    step(&w, SHUTDOWN_ON_TERM, 0);
    expect(&w, SHUTDOWN_DO_DRAIN, 0);
    step(&w, SHUTDOWN_ON_QUIT, 1);
    expect(&w, SHUTDOWN_DO_SAY, 0);
    expect_nothing(&w);
    queue_fini(&w.effects);
}

static void test_quit_hands_over_a_lease_that_the_next_agent_finds(void **state)
{
    (void)state;
    const struct shutdown_event events[] = {{.type = SHUTDOWN_ON_QUIT},
                                            {.type = SHUTDOWN_ON_QUIT, .leased = true},
                                            {.type = SHUTDOWN_ON_QUIT, .state_kept = true}};
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        struct world w;
        begin(&w, false);
        shutdown_step(&w.shutdown, &events[i], &w.effects);
        expect(&w, SHUTDOWN_DO_SAY, 0);
        queue_fini(&w.effects);
    }
}

static void test_nothing_to_see_needs_no_lingering(void **state)
{
    (void)state;
    struct world w;
    begin(&w, false);
    step(&w, SHUTDOWN_ON_TERM, 0);
    expect(&w, SHUTDOWN_DO_SAY, 0);
    struct shutdown_event event = {.type = SHUTDOWN_ON_PUBLISHED, .visible = false};
    shutdown_step(&w.shutdown, &event, &w.effects);
    expect(&w, SHUTDOWN_DO_LEAVE, 0);
    queue_fini(&w.effects);
}

/* The exit status does not depend on the removal of the control key. */
static void test_untidy_is_exit_0_once_the_lease_is_gone(void **state)
{
    (void)state;
    for (int gone = 0; gone <= 1; gone++) {
        struct world w;
        begin(&w, false);
        step(&w, SHUTDOWN_ON_INT, 0);
        expect(&w, SHUTDOWN_DO_SAY, 0);
        step(&w, SHUTDOWN_ON_PUBLISHED, 1);
        expect(&w, SHUTDOWN_DO_LEAVE, 0);
        step(&w, gone ? SHUTDOWN_ON_GONE : SHUTDOWN_ON_CONTROL_DONE, 2);
        expect_nothing(&w);
        step(&w, SHUTDOWN_ON_TICK, 5000);
        expect(&w, SHUTDOWN_DO_EXIT, gone ? 0 : 1);
        queue_fini(&w.effects);
    }
}

static void test_strays_change_nothing(void **state)
{
    (void)state;
    struct world w;
    begin(&w, true);
    step(&w, SHUTDOWN_ON_PUBLISHED, 0);
    step(&w, SHUTDOWN_ON_GONE, 0);
    step(&w, SHUTDOWN_ON_DRAIN_OVER, 0);
    step(&w, SHUTDOWN_ON_TICK, 0);
    expect_nothing(&w);
    assert_int_equal(w.shutdown.phase, SHUTDOWN_RUNNING);
    step(&w, SHUTDOWN_ON_TERM, 0);
    expect(&w, SHUTDOWN_DO_DRAIN, 0);
    step(&w, SHUTDOWN_ON_DRAIN_OVER, 5);
    expect(&w, SHUTDOWN_DO_SAY, 0);
    step(&w, SHUTDOWN_ON_DRAIN_OVER, 6);
    expect_nothing(&w);
    queue_fini(&w.effects);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_term_says_lingers_leaves),
        cmocka_unit_test(test_unconfirmed_is_exit_1),
        cmocka_unit_test(test_hurry_in_each_phase),
        cmocka_unit_test(test_int_does_not_drain),
        cmocka_unit_test(test_quit_hands_over_only_while_running),
        cmocka_unit_test(test_quit_hands_over_a_lease_that_the_next_agent_finds),
        cmocka_unit_test(test_nothing_to_see_needs_no_lingering),
        cmocka_unit_test(test_untidy_is_exit_0_once_the_lease_is_gone),
        cmocka_unit_test(test_strays_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
