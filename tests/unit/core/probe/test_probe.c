#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/probe/probe.h"
#include "support/queue_size.h"

#include <string.h>

struct world {
    struct probe probe;
    struct queue effects;
    struct instant now;
};

static void begin(struct world *w, int64_t first_due)
{
    *w = (struct world){.now = {.mono = 10000}};
    queue_init(&w->effects, sizeof(struct probe_effect));
    struct probe_rhythm rhythm = {.interval_ms = 1000, .fast_ms = 100, .rise = 2, .fall = 3};
    probe_init(&w->probe, 3, &rhythm, first_due);
}

static void step(struct world *w, enum probe_event_type type, int64_t at)
{
    w->now.mono = at;
    probe_step(&w->probe, &(struct probe_event){.type = type, .now = w->now}, &w->effects);
}

static void result(struct world *w, uint64_t id, enum probe_outcome outcome, const char *detail, int64_t at)
{
    w->now.mono = at;
    probe_step(&w->probe,
               &(struct probe_event){
                   .type = PROBE_ON_RESULT,
                   .now = w->now,
                   .try_id = id,
                   .result = &(struct probe_result){.outcome = outcome, .detail = detail, .duration_us = 77}},
               &w->effects);
}

static struct probe_effect take(struct world *w)
{
    struct probe_effect effect;
    assert_true(queue_take(&w->effects, &effect));
    assert_int_equal(effect.index, 3);
    return effect;
}

static uint64_t expect_try(struct world *w)
{
    struct probe_effect effect = take(w);
    assert_int_equal(effect.type, PROBE_DO_TRY);
    return effect.try_id;
}

static void expect_verdict(struct world *w, enum verdict verdict)
{
    struct probe_effect effect = take(w);
    assert_int_equal(effect.type, PROBE_DO_VERDICT);
    assert_int_equal(effect.verdict, verdict);
}

static void test_interval(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 10400);
    w.probe.fast_ms = w.probe.interval_ms;
    assert_int_equal(probe_deadline(&w.probe).latest, 10400);
    step(&w, PROBE_ON_TICK, 10399);
    assert_int_equal(queue_size(&w.effects), 0);
    /* A late wake-up does not delay the later ones. */
    step(&w, PROBE_ON_TICK, 10450);
    uint64_t id = expect_try(&w);
    assert_int_equal(probe_deadline(&w.probe).latest, NEVER_MS);
    result(&w, id, PROBE_REFUSED, "connection refused", 10460);
    assert_int_equal(probe_deadline(&w.probe).latest, 11400);
    /* After a long sleep there is one try, not one for each interval missed. */
    step(&w, PROBE_ON_TICK, 99000);
    result(&w, expect_try(&w), PROBE_REFUSED, "connection refused", 99001);
    assert_int_equal(probe_deadline(&w.probe).latest, 100000);
    queue_fini(&w.effects);
}

static void try_next(struct world *w, enum probe_outcome outcome, const char *detail)
{
    step(w, PROBE_ON_TICK, w->now.mono + 1000);
    result(w, expect_try(w), outcome, detail, w->now.mono);
}

static void test_undecided_keeps_the_verdict(void **state)
{
    (void)state;
    struct world w;
    char text[128];
    begin(&w, 0);
    try_next(&w, PROBE_PASSED, "");
    result(&w, expect_try(&w), PROBE_PASSED, "", 11001);
    expect_verdict(&w, VERDICT_PASSING);
    try_next(&w, PROBE_REFUSED, NULL);
    try_next(&w, PROBE_REFUSED, NULL);
    for (int i = 0; i < 5; i++) {
        try_next(&w, PROBE_NOT_RESOLVED, "name not resolved: no such name");
        assert_int_equal(queue_size(&w.effects), 0);
        assert_string_equal(probe_evidence(&w.probe, text), "name not resolved: no such name");
        assert_int_equal(w.probe.failures, 2);
    }
    try_next(&w, PROBE_REFUSED, NULL); /* the third in a row that decides */
    expect_verdict(&w, VERDICT_FAILING);
    assert_string_equal(probe_evidence(&w.probe, text), "connection refused (3 of 3)");
    try_next(&w, PROBE_NOT_RESOLVED, NULL);
    assert_int_equal(queue_size(&w.effects), 0);
    assert_string_equal(probe_evidence(&w.probe, text), "name not resolved");
    queue_fini(&w.effects);
}

/* Without a verdict the server shows the evidence as its reason, so a change of it is emitted, once. */
static void test_undecided_before_any_verdict(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 0);
    try_next(&w, PROBE_NOT_RESOLVED, NULL);
    expect_verdict(&w, VERDICT_UNKNOWN);
    try_next(&w, PROBE_NOT_RESOLVED, NULL);
    assert_int_equal(queue_size(&w.effects), 0); /* and no attempt before the interval is over */
    try_next(&w, PROBE_REFUSED, NULL);
    expect_verdict(&w, VERDICT_UNKNOWN);
    try_next(&w, PROBE_REFUSED, NULL);
    assert_int_equal(queue_size(&w.effects), 0);
    queue_fini(&w.effects);
}

static void test_evidence(void **state)
{
    (void)state;
    struct world w;
    char text[128];
    begin(&w, 0);
    assert_string_equal(probe_evidence(&w.probe, text), "");
    for (int i = 0; i < 5; i++) {
        step(&w, PROBE_ON_TICK, 20000 + i * 1000);
        result(&w, expect_try(&w), PROBE_REFUSED, i == 4 ? NULL : "connection refused to 127.0.0.1",
               20001 + i * 1000);
        if (i == 1) {
            assert_string_equal(probe_evidence(&w.probe, text), "connection refused to 127.0.0.1 (2 of 3)");
        }
        if (i == 2) {
            expect_verdict(&w, VERDICT_FAILING);
        }
    }
    /* Never "5 of 3"; without a detail the text of the outcome. */
    assert_string_equal(probe_evidence(&w.probe, text), "connection refused (3 of 3)");
    assert_int_equal(w.probe.last_duration_us, 77);
    assert_int_equal(w.probe.last_passed_mono, 0);
    step(&w, PROBE_ON_TICK, 30000);
    result(&w, expect_try(&w), PROBE_PASSED, "passed", 30001);
    assert_string_equal(probe_evidence(&w.probe, text), "");
    assert_int_equal(w.probe.last_passed_mono, 30001);
    queue_fini(&w.effects);
}

static void test_back_to_back_until_passing(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 10000);
    step(&w, PROBE_ON_TICK, 10000);
    result(&w, expect_try(&w), PROBE_PASSED, "", 10001);
    result(&w, expect_try(&w), PROBE_PASSED, "", 10002);
    expect_verdict(&w, VERDICT_PASSING);
    assert_int_equal(queue_size(&w.effects), 0);
    /* While passing a contact starts nothing. */
    step(&w, PROBE_ON_CONTACT, 10100);
    assert_int_equal(queue_size(&w.effects), 0);
    queue_fini(&w.effects);
}

static void test_stale_results_are_dropped(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 10000);
    step(&w, PROBE_ON_TICK, 10000);
    uint64_t old = expect_try(&w);
    result(&w, old + 1, PROBE_PASSED, "", 10001);
    assert_int_equal(queue_size(&w.effects), 0);
    step(&w, PROBE_ON_RESET, 10002);
    result(&w, old, PROBE_PASSED, "", 10003);
    assert_int_equal(queue_size(&w.effects), 0);
    assert_false(w.probe.tried);
    step(&w, PROBE_ON_CONTACT, 10010);
    uint64_t fresh = expect_try(&w);
    assert_true(fresh != old);
    result(&w, fresh, PROBE_REFUSED, "", 10011);
    result(&w, fresh, PROBE_REFUSED, "", 10012);
    assert_int_equal(w.probe.failures, 1);
    queue_fini(&w.effects);
}

static void begin_passing(struct world *w)
{
    begin(w, 10000);
    step(w, PROBE_ON_TICK, 10000);
    result(w, expect_try(w), PROBE_PASSED, "", 10000);
    result(w, expect_try(w), PROBE_PASSED, "", 10000);
    expect_verdict(w, VERDICT_PASSING);
    assert_int_equal(probe_deadline(&w->probe).latest, 11000);
}

/* While nothing happens there are no more tries than the interval gives. */
static void test_fast_only_in_doubt(void **state)
{
    (void)state;
    struct world w;
    begin_passing(&w);
    step(&w, PROBE_ON_TICK, 11000);
    result(&w, expect_try(&w), PROBE_REFUSED, NULL, 11003);
    assert_int_equal(probe_deadline(&w.probe).latest, 11100);
    step(&w, PROBE_ON_TICK, 11100);
    result(&w, expect_try(&w), PROBE_PASSED, NULL, 11101);
    assert_int_equal(queue_size(&w.effects), 0);
    assert_int_equal(probe_deadline(&w.probe).latest, 12100);
    for (int64_t at = 12100; at <= 12300; at += 100) {
        step(&w, PROBE_ON_TICK, at);
        result(&w, expect_try(&w), PROBE_REFUSED, NULL, at);
    }
    expect_verdict(&w, VERDICT_FAILING);
    assert_int_equal(probe_deadline(&w.probe).latest, 13300);
    step(&w, PROBE_ON_TICK, 13300);
    result(&w, expect_try(&w), PROBE_REFUSED, NULL, 13300);
    assert_int_equal(probe_deadline(&w.probe).latest, 14300);
    queue_fini(&w.effects);
}

/* A server that hangs still has `fall` timeouts. */
static void test_hanging_has_its_timeouts(void **state)
{
    (void)state;
    struct world w;
    begin_passing(&w);
    int64_t at = 11000;
    for (int i = 0; i < 3; i++) {
        assert_true(probe_deadline(&w.probe).latest <= at);
        step(&w, PROBE_ON_TICK, at);
        assert_int_equal(probe_deadline(&w.probe).latest, NEVER_MS);
        at += 500;
        result(&w, expect_try(&w), PROBE_TIMED_OUT, NULL, at);
    }
    expect_verdict(&w, VERDICT_FAILING);
    assert_int_equal(w.now.mono, 12500);
    queue_fini(&w.effects);
}

/* A name that is not resolved is asked for no more often than before. */
static void test_undecided_is_not_fast(void **state)
{
    (void)state;
    struct world w;
    begin_passing(&w);
    step(&w, PROBE_ON_TICK, 11000);
    result(&w, expect_try(&w), PROBE_REFUSED, NULL, 11000);
    step(&w, PROBE_ON_TICK, 11100);
    result(&w, expect_try(&w), PROBE_NOT_RESOLVED, NULL, 11100);
    assert_int_equal(probe_deadline(&w.probe).latest, 12100);
    queue_fini(&w.effects);
}

static void test_hint(void **state)
{
    (void)state;
    struct world w;
    begin_passing(&w);
    step(&w, PROBE_ON_HINT, 10300);
    assert_int_equal(queue_size(&w.effects), 0);
    assert_int_equal(probe_deadline(&w.probe).latest, 10305);
    step(&w, PROBE_ON_TICK, 10305);
    uint64_t id = expect_try(&w);
    /* A hint during a try that may have reached the server before it: one more. */
    step(&w, PROBE_ON_HINT, 10306);
    result(&w, id, PROBE_PASSED, NULL, 10310);
    assert_int_equal(queue_size(&w.effects), 0);
    assert_int_equal(probe_deadline(&w.probe).latest, 10405);
    step(&w, PROBE_ON_TICK, 10405);
    result(&w, expect_try(&w), PROBE_PASSED, NULL, 10405);
    assert_int_equal(probe_deadline(&w.probe).latest, 11405);
    queue_fini(&w.effects);
}

/* One try in each fast_ms at most, however many connections close. */
static void test_hints_are_spaced(void **state)
{
    (void)state;
    struct world w;
    begin_passing(&w);
    int tries = 0;
    for (int64_t at = 10001; at <= 11000; at++) {
        step(&w, PROBE_ON_HINT, at);
        step(&w, PROBE_ON_TICK, at);
        for (; queue_size(&w.effects) > 0; tries++) {
            result(&w, expect_try(&w), PROBE_PASSED, NULL, at);
        }
    }
    assert_in_range(tries, 8, 10);
    queue_fini(&w.effects);
}

/* What is known to be down is not asked again because one more of its connections closes. */
static void test_no_hint_while_failing(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 10000);
    for (int64_t at = 10000; at <= 10200; at += 100) {
        step(&w, PROBE_ON_TICK, at);
        result(&w, expect_try(&w), PROBE_REFUSED, NULL, at);
    }
    while (queue_size(&w.effects) > 0) {
        (void)take(&w);
    }
    assert_int_equal(health_verdict(&w.probe.health), VERDICT_FAILING);
    step(&w, PROBE_ON_HINT, 10400);
    assert_int_equal(probe_deadline(&w.probe).latest, 11200);
    queue_fini(&w.effects);
}

/* A server may report ready as often as it likes (docs/design/protocol.md). */
static void test_contacts_are_spaced_and_do_not_starve(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 50000);
    step(&w, PROBE_ON_CONTACT, 10000);
    uint64_t id = expect_try(&w);
    for (int64_t at = 10001; at < 10400; at++) {
        step(&w, PROBE_ON_CONTACT, at);
    }
    assert_int_equal(queue_size(&w.effects), 0);
    result(&w, id, PROBE_TIMED_OUT, "timed out", 10400);
    assert_int_equal(w.probe.failures, 1);
    /* The contact during the spacing is served now. */
    assert_true(probe_deadline(&w.probe).latest <= 10400);
    step(&w, PROBE_ON_TICK, 10400);
    (void)expect_try(&w);
    queue_fini(&w.effects);
}

static void test_contact_too_soon_waits_its_turn(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 10000);
    step(&w, PROBE_ON_TICK, 10000);
    result(&w, expect_try(&w), PROBE_REFUSED, "", 10001);
    step(&w, PROBE_ON_CONTACT, 10002);
    assert_int_equal(queue_size(&w.effects), 0);
    assert_int_equal(probe_deadline(&w.probe).latest, 10005);
    queue_fini(&w.effects);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interval),
        cmocka_unit_test(test_undecided_keeps_the_verdict),
        cmocka_unit_test(test_undecided_before_any_verdict),
        cmocka_unit_test(test_evidence),
        cmocka_unit_test(test_back_to_back_until_passing),
        cmocka_unit_test(test_stale_results_are_dropped),
        cmocka_unit_test(test_fast_only_in_doubt),
        cmocka_unit_test(test_hanging_has_its_timeouts),
        cmocka_unit_test(test_undecided_is_not_fast),
        cmocka_unit_test(test_hint),
        cmocka_unit_test(test_hints_are_spaced),
        cmocka_unit_test(test_no_hint_while_failing),
        cmocka_unit_test(test_contacts_are_spaced_and_do_not_starve),
        cmocka_unit_test(test_contact_too_soon_waits_its_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
