#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lease_world.h"

#include <string.h>

/* ---- the diagram ---- */

static void test_allowed_transitions(void **state)
{
    (void)state;
    static const char *const rows[] = {
        /* to: none, recovering, granting, held, suspect, revoking */
        [LEASE_NONE] = ".xx...", [LEASE_RECOVERING] = "x..x.x", [LEASE_GRANTING] = "xx.x.x",
        [LEASE_HELD] = "xx..xx", [LEASE_SUSPECT] = "xx.x.x",    [LEASE_REVOKING] = "xx....",
    };
    for (int from = 0; from < LEASE_STATE_COUNT; from++) {
        for (int to = 0; to < LEASE_STATE_COUNT; to++) {
            assert_int_equal(lease_may_move((enum lease_state)from, (enum lease_state)to),
                             rows[from][to] == 'x');
        }
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(lease_state_name(LEASE_RECOVERING), "recovering");
    assert_string_equal(lease_state_name(LEASE_REVOKING), "revoking");
    for (int cause = 0; cause <= LEASE_CAUSE_ABANDONED; cause++) {
        assert_true(strlen(lease_cause_text((enum lease_cause)cause)) > 0);
    }
}

/* ---- granting ---- */

static void test_does_nothing_before_it_is_wanted(void **state)
{
    struct lease_world *w = *state;
    lease_world_event(w, LEASE_ON_TICK);
    assert_int_equal(w->asked.id, 0);
    assert_int_equal(lease_deadline(&w->lease).latest, NEVER_MS);
}

static void test_id_is_saved_before_the_grant(void **state)
{
    struct lease_world *w = *state;
    lease_world_goal(w, LEASE_GOAL_HOLD);
    lease_world_assert_moved(w, LEASE_NONE, LEASE_GRANTING, LEASE_CAUSE_WANTED);
    assert_true(w->saved_urgently && w->saved_before_request);
    assert_int_equal(w->asked.op, REGISTRY_GRANT);
    assert_true(registry_lease_eq(w->asked.lease, w->lease.id));
    assert_int_equal(w->asked.ttl_ms, TTL_MS);
    assert_int_equal(w->asked.timeout_ms, 1500);
    lease_world_advance(w, 300);
    lease_world_reply_ok(w);
    lease_world_assert_moved(w, LEASE_GRANTING, LEASE_HELD, LEASE_CAUSE_GRANTED);
    assert_true(w->saves == 1 && !w->saved_urgently);
    /* It counts from when the request was sent, and for what was granted. */
    assert_int_equal(w->lease.ttl_ms, GRANTED_MS);
    assert_int_equal(w->lease.deadline_boot, 500000 + GRANTED_MS);
    assert_int_equal(lease_deadline(&w->lease).earliest, 10000 + GRANTED_MS / 4);
    assert_int_equal(lease_deadline(&w->lease).latest, 10000 + GRANTED_MS / 3);
}

static void test_grant_of_unknown_outcome_repeats_the_id(void **state)
{
    struct lease_world *w = *state;
    lease_world_goal(w, LEASE_GOAL_HOLD);
    struct registry_lease id = w->lease.id;
    lease_world_reply_failure(w, REGISTRY_UNKNOWN);
    assert_int_equal(w->failed, 1);
    assert_int_equal(w->lease.state, LEASE_GRANTING);
    lease_world_advance_to_deadline(w);
    assert_int_equal(w->asked.op, REGISTRY_GRANT);
    assert_true(registry_lease_eq(w->asked.lease, id));
    assert_int_equal(w->saves, 0);
    lease_world_reply_failure(w, REGISTRY_LEASE_EXISTS);
    lease_world_assert_moved(w, LEASE_GRANTING, LEASE_RECOVERING, LEASE_CAUSE_EXISTS);
    assert_int_equal(w->answered, 1);
    assert_int_equal(w->asked.op, REGISTRY_KEEPALIVE);
    lease_world_reply_ok(w);
    lease_world_assert_moved(w, LEASE_RECOVERING, LEASE_HELD, LEASE_CAUSE_RENEWED);
}

static void test_refused_grant_is_retried_slowly(void **state)
{
    struct lease_world *w = *state;
    lease_world_goal(w, LEASE_GOAL_HOLD);
    lease_world_reply_failure(w, REGISTRY_DENIED);
    assert_in_range(lease_deadline(&w->lease).latest, w->now.mono + RETRY_SLOW_MS / 2,
                    w->now.mono + RETRY_SLOW_MS);
}

static void test_own_id_is_saved_before_the_grant_only(void **state)
{
    struct lease_world *w = *state;
    lease_world_goal(w, LEASE_GOAL_HOLD);
    lease_world_reply(w, (struct registry_reply){.ttl_ms = GRANTED_MS, .lease = w->lease.id});
    assert_int_equal(w->saves, 1);
    assert_false(w->saved_urgently);
}

static void test_id_of_the_registry_is_saved_before_writes(void **state)
{
    struct lease_world *w = *state;
    w->lease.settings.chooses_id = false;
    lease_world_goal(w, LEASE_GOAL_HOLD);
    assert_int_equal(w->saves, 0); /* there is no id yet */
    assert_true(registry_lease_is_none(w->asked.lease));
    lease_world_reply(w, (struct registry_reply){.ttl_ms = GRANTED_MS, .lease = {.hi = 1, .lo = 2}});
    assert_int_equal(w->lease.id.hi, 1);
    assert_true(w->saved_urgently);
}

/* A lease that the registry may have granted and not named cannot be revoked, and has no keys. */
static void test_unnamed_lease_is_dropped_when_it_is_not_wanted(void **state)
{
    struct lease_world *w = *state;
    w->lease.settings.chooses_id = false;
    lease_world_goal(w, LEASE_GOAL_HOLD);
    lease_world_reply_failure(w, REGISTRY_UNKNOWN);
    lease_world_goal(w, LEASE_GOAL_RELEASE);
    lease_world_assert_moved(w, LEASE_GRANTING, LEASE_NONE, LEASE_CAUSE_UNCONFIRMED);
    assert_int_equal(w->asked.id, 0);
}

static void test_gap_while_granting_asks_again(void **state)
{
    struct lease_world *w = *state;
    lease_world_goal(w, LEASE_GOAL_HOLD);
    uint64_t before = w->asked.id;
    lease_world_advance(w, 60000);
    lease_world_event(w, LEASE_ON_GAP);
    assert_int_equal(w->moves, 0);
    assert_int_equal(w->asked.op, REGISTRY_GRANT);
    assert_false(lease_awaits(&w->lease, before));
}

/* ---- holding ---- */

static void test_heartbeats(void **state)
{
    struct lease_world *w = *state;
    lease_world_advance(w, GRANTED_MS / 4 - 1);
    lease_world_event(w, LEASE_ON_TICK);
    assert_int_equal(w->asked.id, 0);
    lease_world_advance(w, 1);
    lease_world_event(w, LEASE_ON_TICK);
    assert_int_equal(w->asked.op, REGISTRY_KEEPALIVE);
    assert_int_equal(lease_deadline(&w->lease).latest, NEVER_MS);
    lease_world_advance(w, 200);
    lease_world_reply_ok(w);
    assert_true(w->renewed == 1 && w->answered == 1 && w->moves == 0 && w->saves == 0);
    assert_int_equal(w->lease.deadline_boot, w->now.boot - 200 + GRANTED_MS);
}

static void test_configured_heartbeat(void **state)
{
    struct lease_world *w = *state;
    w->lease.settings.heartbeat_ms = 2000;
    lease_world_hold(w);
    assert_int_equal(lease_deadline(&w->lease).earliest, 11500);
    assert_int_equal(lease_deadline(&w->lease).latest, 12000);
}

/* A registry that grants less than was asked for would let the lease end between two heartbeats. */
static void test_configured_heartbeat_is_at_most_a_third_of_the_granted_ttl(void **state)
{
    struct lease_world *w = *state;
    w->lease.settings.heartbeat_ms = 3000;
    lease_world_goal(w, LEASE_GOAL_HOLD);
    lease_world_reply(w, (struct registry_reply){.ttl_ms = 3000});
    assert_int_equal(lease_deadline(&w->lease).earliest, w->now.mono + 750);
    assert_int_equal(lease_deadline(&w->lease).latest, w->now.mono + 1000);
    assert_int_equal(w->shortened, 1);
    lease_world_advance_to_deadline(w);
    lease_world_reply(w, (struct registry_reply){.ttl_ms = 3000});
    assert_int_equal(w->shortened, 1);
    lease_world_advance_to_deadline(w);
    lease_world_reply(w, (struct registry_reply){.ttl_ms = 9000});
    assert_int_equal(lease_deadline(&w->lease).latest, w->now.mono + 3000);
    assert_int_equal(w->shortened, 1);
}

static void test_failed_heartbeats_are_retried_while_it_lives(void **state)
{
    struct lease_world *w = *state;
    w->lease.backoff.failures = 20;
    for (int i = 0; i < 200; i++) {
        lease_world_advance_to_deadline(w);
        assert_int_equal(w->asked.op, REGISTRY_KEEPALIVE);
        lease_world_reply_failure(w, REGISTRY_UNKNOWN);
        assert_int_equal(w->lease.state, LEASE_HELD);
        /* A heartbeat without an answer may have arrived, so the lease may live for ever. */
        int64_t left = w->lease.deadline_boot - w->now.boot;
        int64_t longest = left / 3 > 1000 ? left / 3 : 1000;
        assert_in_range(lease_deadline(&w->lease).latest, w->now.mono + 1, w->now.mono + longest);
    }
    /* None of them arrived, and the lease is over: backoff. */
    for (int i = 0; i < 60; i++) {
        lease_world_advance_to_deadline(w);
        lease_world_reply_failure(w, REGISTRY_RETRY);
    }
    int64_t longest = 0;
    for (int i = 0; i < 50; i++) {
        lease_world_advance_to_deadline(w);
        lease_world_reply_failure(w, REGISTRY_RETRY);
        int64_t wait = lease_deadline(&w->lease).latest - w->now.mono;
        longest = wait > longest ? wait : longest;
    }
    assert_in_range(longest, 2000, RETRY_CAP_MS);
}

static void test_sleep_makes_a_heartbeat_due(void **state)
{
    struct lease_world *w = *state;
    w->now.boot += 5000; /* mono stands still */
    lease_world_event(w, LEASE_ON_TICK);
    assert_int_equal(w->asked.op, REGISTRY_KEEPALIVE);
    /* Slept between request and answer: the lease counts from the request, and the next heartbeat is due. */
    w->now.boot += 5000;
    lease_world_reply_ok(w);
    assert_int_equal(w->lease.deadline_boot, w->now.boot - 5000 + GRANTED_MS);
    assert_int_equal(w->asked.op, REGISTRY_KEEPALIVE);
}

static void test_lost(void **state)
{
    struct lease_world *w = *state;
    struct registry_lease id = w->lease.id;
    lease_world_advance_to_deadline(w);
    lease_world_goal(w, LEASE_GOAL_KEEP); /* so that none is granted in the same step */
    lease_world_reply_failure(w, REGISTRY_LEASE_LOST);
    lease_world_assert_moved(w, LEASE_HELD, LEASE_NONE, LEASE_CAUSE_NOT_FOUND);
    assert_true(registry_lease_eq(w->moved_id, id));
    assert_true(registry_lease_is_none(w->lease.id));
    assert_true(w->saves == 1 && w->answered == 1 && w->failed == 0);
    lease_world_goal(w, LEASE_GOAL_HOLD);
    assert_int_equal(w->asked.op, REGISTRY_GRANT);
    assert_false(registry_lease_eq(w->lease.id, id));
}

static void test_lost_as_a_request_of_the_holder_says(void **state)
{
    struct lease_world *w = *state;
    lease_world_event(w, LEASE_ON_LOST);
    assert_int_equal(w->moves, 0);
    lease_world_hold(w);
    lease_world_advance(w, 2000);
    lease_world_event(w, LEASE_ON_LOST);
    assert_int_equal(w->moves, 2); /* to none, and a new one is granted at once */
    assert_int_equal(w->lease.state, LEASE_GRANTING);
    lease_world_event(w, LEASE_ON_LOST); /* of the one before */
    assert_int_equal(w->moves, 0);
}

static void test_young_lease_is_not_replaced_at_once(void **state)
{
    struct lease_world *w = *state;
    lease_world_advance(w, 100);
    lease_world_event(w, LEASE_ON_LOST);
    assert_int_equal(w->lease.state, LEASE_NONE);
    assert_int_equal(w->asked.id, 0);
    assert_in_range(lease_deadline(&w->lease).latest, w->now.mono + 1, w->now.mono + 1000);
    lease_world_advance_to_deadline(w);
    assert_int_equal(w->asked.op, REGISTRY_GRANT);
}

/* ---- recovering ---- */

static void test_recovered(void **state)
{
    struct lease_world *w = *state;
    lease_world_step(w, (struct lease_event){.type = LEASE_ON_RECOVER, .id = {.lo = 77}, .ttl_ms = TTL_MS});
    lease_world_assert_moved(w, LEASE_NONE, LEASE_RECOVERING, LEASE_CAUSE_RESTART);
    assert_int_equal(w->asked.op, REGISTRY_KEEPALIVE);
    assert_int_equal(w->asked.lease.lo, 77);
    lease_world_reply_failure(w, REGISTRY_RETRY);
    assert_int_equal(w->lease.state, LEASE_RECOVERING);
    lease_world_advance_to_deadline(w);
    lease_world_reply_ok(w);
    lease_world_assert_moved(w, LEASE_RECOVERING, LEASE_HELD, LEASE_CAUSE_RENEWED);
    assert_int_equal(w->saves, 1);
}

/* The grant of that id was never sent: the agent was killed between the save and the request. */
static void test_recovered_but_never_granted(void **state)
{
    struct lease_world *w = *state;
    lease_world_step(w, (struct lease_event){.type = LEASE_ON_RECOVER, .id = {.lo = 77}, .ttl_ms = 0});
    lease_world_reply_failure(w, REGISTRY_LEASE_LOST);
    lease_world_assert_moved(w, LEASE_RECOVERING, LEASE_NONE, LEASE_CAUSE_NOT_FOUND);
    assert_int_equal(lease_deadline(&w->lease).latest, NEVER_MS); /* nothing is wanted yet */
}

static void test_gap(void **state)
{
    struct lease_world *w = *state;
    lease_world_advance_to_deadline(w);
    uint64_t before = w->asked.id;
    lease_world_advance(w, 60000);
    lease_world_event(w, LEASE_ON_GAP);
    lease_world_assert_moved(w, LEASE_HELD, LEASE_RECOVERING, LEASE_CAUSE_GAP);
    assert_int_equal(w->asked.op, REGISTRY_KEEPALIVE);
    assert_false(lease_awaits(&w->lease, before));
    lease_world_event(w, LEASE_ON_GAP);
    assert_int_equal(w->moves, 0);
}

/* The lease may have ended during the gap: an answer of before it does not say that it is held. */
static void test_gap_while_recovering_asks_again(void **state)
{
    struct lease_world *w = *state;
    lease_world_recover(w);
    uint64_t before = w->asked.id;
    lease_world_advance(w, 60000);
    lease_world_event(w, LEASE_ON_GAP);
    assert_true(lease_awaits(&w->lease, before));
    lease_world_reply_ok(w);
    assert_int_equal(w->moves, 0);
    assert_int_equal(w->asked.op, REGISTRY_KEEPALIVE);
    lease_world_reply_ok(w);
    lease_world_assert_moved(w, LEASE_RECOVERING, LEASE_HELD, LEASE_CAUSE_RENEWED);
}

/* ---- suspect ---- */

static void test_suspect_ends_with_any_answer(void **state)
{
    (void)state;
    static const enum registry_failure failures[] = {REGISTRY_OK, REGISTRY_RETRY, REGISTRY_UNKNOWN};
    for (size_t i = 0; i < COUNT_OF(failures); i++) {
        struct lease_world w;
        lease_world_begin(&w);
        lease_world_hold(&w);
        lease_world_event(&w, LEASE_ON_SUSPECT);
        lease_world_assert_moved(&w, LEASE_HELD, LEASE_SUSPECT, LEASE_CAUSE_KEY_GONE);
        assert_int_equal(w.asked.op, REGISTRY_KEEPALIVE);
        lease_world_event(&w, LEASE_ON_SUSPECT);
        assert_int_equal(w.moves, 0);
        lease_world_reply(&w, (struct registry_reply){.failure = failures[i], .ttl_ms = GRANTED_MS});
        lease_world_assert_moved(&w, LEASE_SUSPECT, LEASE_HELD, LEASE_CAUSE_NOT_LOST);
        assert_int_equal(w.renewed, failures[i] == REGISTRY_OK);
        lease_world_finish(&w);
    }
}

static void test_suspect_is_lost(void **state)
{
    struct lease_world *w = *state;
    lease_world_suspect(w);
    lease_world_goal(w, LEASE_GOAL_KEEP);
    lease_world_reply_failure(w, REGISTRY_LEASE_LOST);
    lease_world_assert_moved(w, LEASE_SUSPECT, LEASE_NONE, LEASE_CAUSE_NOT_FOUND);
}

static void test_suspect_after_a_gap(void **state)
{
    struct lease_world *w = *state;
    lease_world_suspect(w);
    lease_world_event(w, LEASE_ON_GAP);
    lease_world_assert_moved(w, LEASE_SUSPECT, LEASE_RECOVERING, LEASE_CAUSE_GAP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allowed_transitions),
        cmocka_unit_test(test_names),
        FRESH(test_does_nothing_before_it_is_wanted),
        FRESH(test_id_is_saved_before_the_grant),
        FRESH(test_grant_of_unknown_outcome_repeats_the_id),
        FRESH(test_refused_grant_is_retried_slowly),
        FRESH(test_gap_while_granting_asks_again),
        HELD(test_heartbeats),
        FRESH(test_configured_heartbeat),
        FRESH(test_configured_heartbeat_is_at_most_a_third_of_the_granted_ttl),
        HELD(test_failed_heartbeats_are_retried_while_it_lives),
        HELD(test_sleep_makes_a_heartbeat_due),
        HELD(test_lost),
        FRESH(test_lost_as_a_request_of_the_holder_says),
        HELD(test_young_lease_is_not_replaced_at_once),
        FRESH(test_recovered),
        FRESH(test_recovered_but_never_granted),
        HELD(test_gap),
        FRESH(test_gap_while_recovering_asks_again),
        FRESH(test_own_id_is_saved_before_the_grant_only),
        FRESH(test_id_of_the_registry_is_saved_before_writes),
        FRESH(test_unnamed_lease_is_dropped_when_it_is_not_wanted),
        cmocka_unit_test(test_suspect_ends_with_any_answer),
        FRESH(test_suspect_is_lost),
        FRESH(test_suspect_after_a_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
