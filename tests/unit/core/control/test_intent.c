/* The intent alone: replies and watch events in orders that scenarios cannot produce. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/control/intent.h"

#include <string.h>

struct world {
    struct intent *intent;
    struct queue effects;
    struct instant now;
    struct intent_effect asked, adopted; /* the latest */
    unsigned requests, adoptions, settles, saves, dones;
    unsigned notes[INTENT_NOTE_LEFT + 1];
};

static void step(struct world *w, struct intent_event event)
{
    event.now = w->now;
    intent_step(w->intent, &event, &w->effects);
    struct intent_effect effect;
    while (queue_take(&w->effects, &effect)) {
        switch (effect.type) {
        case INTENT_DO_REQUEST:
            w->asked = effect;
            w->requests++;
            break;
        case INTENT_DO_ADOPT:
            w->adopted = effect;
            w->adoptions++;
            break;
        case INTENT_DO_SETTLE: w->settles++; break;
        case INTENT_DO_SAVE: w->saves++; break;
        case INTENT_DO_DONE: w->dones++; break;
        case INTENT_DO_NOTE: w->notes[effect.note]++; break;
        }
    }
}

static void begin(struct world *w, bool ephemeral)
{
    static const struct hold none = {.set = false};
    *w = (struct world){.now = {.mono = 10000, .boot = 500000, .wall = 9000000}};
    struct intent_settings settings = {
        .key = "/control/w/1", .request_timeout_ms = 1500, .ephemeral = ephemeral, .seed = 1};
    w->intent = intent_new(&settings);
    queue_init(&w->effects, sizeof(struct intent_effect));
    step(w, (struct intent_event){.type = INTENT_ON_START, .hold = &none});
}

static void finish(struct world *w)
{
    intent_free(w->intent);
    queue_fini(&w->effects);
}

static struct intent_value value_of(const char *reason)
{
    struct intent_value value = {.content = reason == NULL ? INTENT_ABSENT : INTENT_LIFTED};
    if (reason != NULL && reason[0] != '\0') {
        value.content = INTENT_HELD;
        value.hold = (struct hold){.set = true, .by = "x", .since_wall = 77};
        strncpy(value.hold.reason, reason, HOLD_REASON_MAX);
    }
    return value;
}

/* Answers the latest request: `reason` NULL: there is no key, "": lifted. */
static void answer(struct world *w, bool succeeded, const char *reason, int64_t mod_revision,
                   int64_t revision)
{
    struct intent_value value = value_of(reason);
    struct registry_reply reply = {.id = w->asked.request.id,
                                   .op = w->asked.request.op,
                                   .succeeded = succeeded,
                                   .revision = revision,
                                   .kv = {.found = reason != NULL, .mod_revision = mod_revision}};
    step(w, (struct intent_event){.type = INTENT_ON_REPLY, .reply = &reply, .value = &value});
}

static void refuse(struct world *w, enum registry_failure failure)
{
    struct intent_value value = {.content = INTENT_ABSENT};
    struct registry_reply reply = {.id = w->asked.request.id, .op = w->asked.request.op, .failure = failure};
    step(w, (struct intent_event){.type = INTENT_ON_REPLY, .reply = &reply, .value = &value});
}

static void report(struct world *w, const char *reason, int64_t revision)
{
    struct intent_value value = value_of(reason);
    step(w, (struct intent_event){.type = INTENT_ON_CHANGED, .revision = revision, .value = &value});
}

static void drain(struct world *w, const char *reason)
{
    struct hold hold = {.set = reason != NULL, .by = "here", .since_wall = w->now.wall};
    strncpy(hold.reason, reason == NULL ? "" : reason, HOLD_REASON_MAX);
    step(w, (struct intent_event){.type = INTENT_ON_LOCAL, .hold = &hold});
}

static void wait_out(struct world *w)
{
    w->now.mono = intent_deadline(w->intent).latest;
    step(w, (struct intent_event){.type = INTENT_ON_TICK});
}

static void test_settles_once_by_answer_or_failure(void **state)
{
    (void)state;
    for (int fails = 0; fails <= 1; fails++) {
        struct world w;
        begin(&w, false);
        assert_int_equal(w.asked.request.op, REGISTRY_GET);
        assert_false(intent_facts(w.intent).settled);
        if (fails) {
            refuse(&w, REGISTRY_RETRY);
            wait_out(&w);
        }
        answer(&w, false, NULL, 0, 5);
        assert_true(intent_facts(w.intent).settled && intent_facts(w.intent).known &&
                    intent_facts(w.intent).in_sync);
        assert_int_equal(w.settles, 1);
        assert_int_equal(w.saves, 0);
        assert_int_equal(intent_deadline(w.intent).latest, NEVER_MS);
        finish(&w);
    }
}

static void test_older_changes_of_the_watch_are_ignored(void **state)
{
    (void)state;
    struct world w;
    begin(&w, false);
    report(&w, "before the first read", 4); /* it will be read */
    answer(&w, false, NULL, 0, 9);
    report(&w, "deleted since", 8);
    assert_int_equal(w.adoptions, 0);
    report(&w, "news", 10);
    assert_int_equal(w.adoptions, 1);
    report(&w, "news", 10);
    report(&w, NULL, 9);
    assert_int_equal(w.adoptions, 1);
    assert_int_equal(intent_facts(w.intent).seen, 10);
    assert_true(intent_facts(w.intent).in_sync);
    finish(&w);
}

static void test_a_reply_older_than_the_watch_is_read_again(void **state)
{
    (void)state;
    struct world w;
    begin(&w, false);
    answer(&w, false, "", 3, 9);
    step(&w, (struct intent_event){.type = INTENT_ON_READ_BACK});
    unsigned requests = w.requests;
    report(&w, "news", 12);
    assert_int_equal(w.adoptions, 0);
    answer(&w, false, "", 3, 11);
    assert_int_equal(w.adoptions, 0);
    assert_int_equal(w.requests, requests + 1);
    answer(&w, false, "news", 12, 12);
    assert_int_equal(w.adoptions, 1);
    assert_string_equal(w.adopted.hold.reason, "news");
    finish(&w);
}

static void test_an_own_write_is_no_external_change(void **state)
{
    (void)state;
    struct world w;
    begin(&w, false);
    answer(&w, false, NULL, 0, 9);
    drain(&w, "mine");
    assert_int_equal(w.asked.request.op, REGISTRY_PUT);
    assert_true(registry_lease_is_none(w.asked.request.lease));
    assert_int_equal(w.asked.request.expect_revision, 0);
    assert_true(intent_facts(w.intent).pending);
    report(&w, "mine", 10); /* the watch is faster than the answer */
    answer(&w, true, NULL, 0, 10);
    report(&w, "mine", 10);
    assert_int_equal(w.adoptions, 0);
    assert_int_equal(w.notes[INTENT_NOTE_CONFLICT], 0);
    assert_false(intent_facts(w.intent).pending);
    assert_int_equal(intent_facts(w.intent).seen, 10);
    unsigned requests = w.requests;
    step(&w, (struct intent_event){.type = INTENT_ON_TICK});
    assert_int_equal(w.requests, requests);
    finish(&w);
}

static void test_changed_while_a_write_is_in_flight(void **state)
{
    (void)state;
    struct world w;
    begin(&w, false);
    answer(&w, false, NULL, 0, 9);
    drain(&w, "mine");
    report(&w, "", 12);
    answer(&w, true, NULL, 0, 10); /* and lifted at 12 by another writer */
    assert_int_equal(w.asked.request.op, REGISTRY_GET);
    answer(&w, false, "", 12, 12);
    assert_int_equal(w.adoptions, 1);
    assert_false(w.adopted.hold.set);
    finish(&w);
}

/* A request may arrive twice: that the second one fails says nothing about the first (found by the simulator). */
static void test_a_request_that_arrived_twice_is_recognized(void **state)
{
    (void)state;
    struct world w;
    begin(&w, false);
    answer(&w, false, NULL, 0, 9);
    drain(&w, "mine");
    struct intent_value landed = {.content = INTENT_HELD, .hold = w.asked.hold};
    drain(&w, NULL);
    refuse(&w, REGISTRY_OVERLOADED);
    wait_out(&w);
    assert_int_equal(w.asked.request.op, REGISTRY_PUT);
    assert_false(w.asked.hold.set);
    struct registry_reply reply = {.id = w.asked.request.id,
                                   .op = REGISTRY_PUT,
                                   .revision = 10,
                                   .kv = {.found = true, .mod_revision = 10}};
    step(&w, (struct intent_event){.type = INTENT_ON_REPLY, .reply = &reply, .value = &landed});
    assert_int_equal(w.notes[INTENT_NOTE_CONFLICT], 0);
    assert_int_equal(w.adoptions, 0);
    wait_out(&w);
    assert_int_equal(w.asked.request.expect_revision, 10);
    assert_false(w.asked.hold.set);
    finish(&w);
}

static void test_a_stale_reply_changes_nothing(void **state)
{
    (void)state;
    struct world w;
    begin(&w, false);
    answer(&w, false, NULL, 0, 9);
    answer(&w, false, "late twin", 8, 9);
    assert_int_equal(w.adoptions, 0);
    w.asked.request.id = 0;
    answer(&w, false, "no request of this machine", 8, 9);
    assert_int_equal(w.adoptions, 0);
    assert_int_equal(intent_facts(w.intent).seen, 0);
    finish(&w);
}

/* A failing read that nothing waits for is no outage of its own: few requests, no log line. */
static void test_idle_reads_are_retried_seldom(void **state)
{
    (void)state;
    struct world w;
    begin(&w, false);
    answer(&w, false, NULL, 0, 9);
    step(&w, (struct intent_event){.type = INTENT_ON_READ_BACK});
    refuse(&w, REGISTRY_RETRY);
    unsigned requests = w.requests;
    int64_t until = w.now.mono + 600000;
    while (intent_deadline(w.intent).latest < until) {
        wait_out(&w);
        refuse(&w, REGISTRY_RETRY);
    }
    assert_in_range(w.requests - requests, 40, 82);
    assert_int_equal(w.notes[INTENT_NOTE_OUTAGE], 0);
    /* A pending change does not wait so long. */
    drain(&w, "mine");
    int64_t worst = 0;
    for (int i = 0; i < 200; i++) {
        int64_t before = w.now.mono;
        wait_out(&w);
        worst = w.now.mono - before > worst && i > 0 ? w.now.mono - before : worst;
        refuse(&w, REGISTRY_RETRY);
    }
    assert_in_range(worst, 1000, 5000);
    assert_int_equal(w.notes[INTENT_NOTE_OUTAGE], 1);
    finish(&w);
}

/* Leaving with an ephemeral id: a write in flight may create the key. */
static void test_leaving_while_a_write_is_in_flight(void **state)
{
    (void)state;
    struct world w;
    begin(&w, true);
    answer(&w, false, NULL, 0, 9);
    drain(&w, "mine");
    step(&w, (struct intent_event){.type = INTENT_ON_LEAVE});
    assert_int_equal(w.asked.request.op, REGISTRY_PUT);
    refuse(&w, REGISTRY_UNKNOWN);
    wait_out(&w);
    assert_int_equal(w.asked.request.op, REGISTRY_DELETE);
    assert_int_equal(w.asked.request.expect_revision, 0);
    answer(&w, false, "mine", 10, 10);
    assert_int_equal(w.asked.request.op, REGISTRY_DELETE);
    assert_int_equal(w.asked.request.expect_revision, 10);
    assert_int_equal(w.dones, 0);
    answer(&w, true, NULL, 0, 11);
    assert_int_equal(w.dones, 1);
    assert_int_equal(intent_deadline(w.intent).latest, NEVER_MS);
    finish(&w);
}

static void test_leaving_gives_up(void **state)
{
    (void)state;
    struct world w;
    begin(&w, true);
    answer(&w, false, "", 3, 9);
    step(&w, (struct intent_event){.type = INTENT_ON_LEAVE});
    for (int i = 0; i < 20 && w.dones == 0; i++) {
        refuse(&w, REGISTRY_RETRY);
        if (w.dones == 0) {
            wait_out(&w);
        }
    }
    assert_int_equal(w.dones, 1);
    assert_int_equal(w.notes[INTENT_NOTE_LEFT], 1);
    finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settles_once_by_answer_or_failure),
        cmocka_unit_test(test_older_changes_of_the_watch_are_ignored),
        cmocka_unit_test(test_a_reply_older_than_the_watch_is_read_again),
        cmocka_unit_test(test_an_own_write_is_no_external_change),
        cmocka_unit_test(test_changed_while_a_write_is_in_flight),
        cmocka_unit_test(test_a_request_that_arrived_twice_is_recognized),
        cmocka_unit_test(test_a_stale_reply_changes_nothing),
        cmocka_unit_test(test_idle_reads_are_retried_seldom),
        cmocka_unit_test(test_leaving_while_a_write_is_in_flight),
        cmocka_unit_test(test_leaving_gives_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
