/* The candidate alone: how long it leads, and what ends that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "election_world.h"

#include <stdio.h>

static enum election_reason lost(const struct election_world *w)
{
    const struct election_effect *effect = election_world_did(w, ELECTION_DO_LOST);
    assert_non_null(effect);
    assert_int_equal(effect->token, MINE);
    return effect->reason;
}

/* ---- leading ---- */

static void belief_ends_before_the_lease(void **state)
{
    struct election_world *w = *state;
    election_world_lead(w);
    election_world_pass(w, TTL_MS - MARGIN_MS - 1);
    assert_true(election_world_leads(w));
    election_world_pass(w, 1);
    assert_false(election_world_leads(w)); /* nothing has stepped it */
    election_world_step(w, ELECTION_ON_TICK);
    assert_int_equal(lost(w), ELECTION_EXPIRED);
    assert_int_equal(w->asked.op, REGISTRY_KEEPALIVE);
}

static void belief_counts_from_when_the_keepalive_was_sent(void **state)
{
    struct election_world *w = *state;
    election_world_lead(w);
    election_world_advance(w, TTL_MS / 3);
    election_world_pass(w, 1900);
    election_world_reply(w, (struct registry_reply){.ttl_ms = TTL_MS});
    election_world_pass(w, TTL_MS - MARGIN_MS - 1900 - 1);
    assert_true(election_world_leads(w));
    election_world_pass(w, 1);
    assert_false(election_world_leads(w));
}

static void the_deadline_is_the_end_of_belief(void **state)
{
    struct election_world *w = *state;
    election_world_lead(w);
    election_world_advance(w, TTL_MS / 3); /* a keepalive that gets no answer */
    assert_int_equal(election_deadline(&w->election).latest, 10000 + TTL_MS - MARGIN_MS);
}

/* While the machine sleeps the monotonic clock stands still. */
static void suspend_ends_belief(void **state)
{
    struct election_world *w = *state;
    election_world_lead(w);
    w->now.boot += TTL_MS;
    assert_false(election_world_leads(w));
    election_world_step(w, ELECTION_ON_TICK);
    assert_int_equal(lost(w), ELECTION_EXPIRED);
}

/* Nothing that comes in after a stop finds it leading, whatever comes first. */
static void the_first_event_after_a_stop(void **state)
{
    struct election_world *w = *state;
    election_world_lead(w);
    election_world_pass(w, 10 * TTL_MS);
    election_world_watch(w, (struct registry_watch_event){.type = REGISTRY_WATCH_CHANGED});
    assert_int_equal(w->did[0].type, ELECTION_DO_LOST);
    assert_int_equal(lost(w), ELECTION_EXPIRED);
}

static void it_leads_again_with_the_same_token(void **state)
{
    struct election_world *w = *state;
    election_world_lead(w);
    election_world_advance(w, TTL_MS - 1);
    assert_int_equal(w->asked.op, REGISTRY_KEEPALIVE);
    election_world_reply(w, (struct registry_reply){.ttl_ms = TTL_MS});
    assert_int_equal(w->asked.op, REGISTRY_LIST); /* the key may have gone meanwhile */
    const struct registry_item items[] = {election_world_item(w, 0, MINE)};
    election_world_listed(w, items, 1, 1);
    assert_true(election_world_leads(w));
    assert_int_equal(w->election.gained, 2);
}

/* The listing says that it is first, and its time is over: it must not lead by that. */
static void a_listing_that_comes_too_late(void **state)
{
    struct election_world *w = *state;
    election_world_place(w);
    struct registry_request list = w->asked;
    const struct registry_item items[] = {election_world_item(w, 0, MINE)};
    election_world_advance(w, TTL_MS - MARGIN_MS);
    w->asked = list;
    election_world_listed(w, items, 1, 1);
    assert_null(election_world_did(w, ELECTION_DO_GAINED));
    assert_int_equal(w->election.state, ELECTION_PLACING);
}

static void its_key_is_deleted(void **state)
{
    struct election_world *w = *state;
    election_world_lead(w);
    election_world_gone(w, w->election.key, 120);
    assert_int_equal(lost(w), ELECTION_KEY_GONE);
    assert_int_equal(w->asked.op, REGISTRY_REVOKE);
    assert_false(election_world_leads(w));
}

static void its_key_is_compared(void **state)
{
    struct election_world *w = *state;
    election_world_lead(w);
    election_world_renew(w);
    assert_int_equal(w->asked.op, REGISTRY_COMPARE);
    assert_true(election_world_asked_own(w));
    assert_int_equal(w->asked.expect_revision, MINE);
    election_world_reply(w, (struct registry_reply){.succeeded = false});
    assert_true(election_world_leads(w)); /* the server asked may be behind */
    assert_int_equal(w->asked.op, REGISTRY_GET);
    struct registry_item own = election_world_item(w, 0, MINE);
    election_world_reply(w, (struct registry_reply){.kv = own.kv});
    assert_true(election_world_leads(w));
    election_world_renew(w);
    election_world_reply(w, (struct registry_reply){.succeeded = false});
    election_world_reply(w, (struct registry_reply){.revision = 140});
    assert_int_equal(lost(w), ELECTION_KEY_GONE);
}

static void the_lease_is_revoked_by_hand(void **state)
{
    struct election_world *w = *state;
    election_world_lead(w);
    election_world_advance(w, TTL_MS / 3);
    election_world_fail(w, REGISTRY_LEASE_LOST);
    assert_int_equal(lost(w), ELECTION_LEASE_LOST);
    assert_int_equal(w->election.state, ELECTION_ENTERING);
    assert_int_equal(w->asked.op, REGISTRY_GRANT);
}

/* ---- other registries ---- */

static void another_cluster_or_epoch_ends_it_at_once(void **state)
{
    struct election_world *w = *state;
    for (int epoch = 0; epoch < 2; epoch++) {
        election_world_begin(w, REGISTRY_CAN_ALL);
        election_world_step(w, ELECTION_ON_STAND);
        election_world_reply(w, (struct registry_reply){.ttl_ms = TTL_MS, .cluster = 1, .epoch = 1});
        election_world_reply(
            w, (struct registry_reply){.succeeded = true, .revision = MINE, .cluster = 1, .epoch = 1});
        const struct registry_item items[] = {election_world_item(w, 0, MINE)};
        election_world_listed(w, items, 1, 1);
        assert_true(election_world_leads(w));
        election_world_watch(w, (struct registry_watch_event){.type = REGISTRY_WATCH_OPENED,
                                                              .cluster = epoch == 1 ? 1 : 2,
                                                              .epoch = 2});
        assert_int_equal(lost(w), ELECTION_OTHER_REGISTRY);
        assert_non_null(election_world_did(w, ELECTION_DO_NOTE));
        assert_int_equal(w->asked.op, REGISTRY_KEEPALIVE); /* of what the watch said; then it is revoked */
        assert_int_equal(w->election.state, ELECTION_LEAVING);
    }
}

static void an_answer_of_another_cluster_gives_no_place(void **state)
{
    struct election_world *w = *state;
    election_world_step(w, ELECTION_ON_STAND);
    election_world_reply(w, (struct registry_reply){.ttl_ms = TTL_MS, .cluster = 1});
    election_world_reply(w, (struct registry_reply){.succeeded = true, .revision = MINE, .cluster = 2});
    assert_int_equal(w->election.state, ELECTION_LEAVING);
}

static void a_registry_that_chooses_the_lease(void **state)
{
    struct election_world *w = *state;
    election_world_begin(w, 0);
    election_world_place(w);
    assert_string_equal(w->election.key, PREFIX "abc");
}

/* ---- resigning ---- */

static void resigning_says_so_before_it_revokes(void **state)
{
    struct election_world *w = *state;
    election_world_lead(w);
    election_world_step(w, ELECTION_ON_RESIGN);
    assert_int_equal(w->did[0].type, ELECTION_DO_LOST);
    assert_int_equal(lost(w), ELECTION_RESIGNED);
    assert_int_equal(w->asked.op, REGISTRY_REVOKE);
    assert_false(election_world_leads(w));
    assert_null(election_world_did(w, ELECTION_DO_GONE));
    election_world_reply(w, (struct registry_reply){.revision = 130});
    assert_non_null(election_world_did(w, ELECTION_DO_GONE));
    assert_int_equal(w->election.state, ELECTION_OFF);
    assert_int_equal(election_deadline(&w->election).latest, NEVER_MS);
}

/* What a revoke without an answer did is not known: it is sent again, though the candidate is wanted again. */
static void it_stands_again_after_a_revoke_without_an_answer(void **state)
{
    struct election_world *w = *state;
    election_world_queue(w);
    election_world_step(w, ELECTION_ON_RESIGN);
    election_world_fail(w, REGISTRY_UNKNOWN);
    election_world_step(w, ELECTION_ON_STAND);
    election_world_advance(w, RETRY_CAP_MS);
    assert_int_equal(w->asked.op, REGISTRY_REVOKE);
    election_world_fail(w, REGISTRY_LEASE_LOST);
    assert_int_equal(w->asked.op, REGISTRY_GRANT);
}

/* It stands again under another lease, so at the end of the queue, and only once the key of before is gone. */
static void it_stands_again(void **state)
{
    struct election_world *w = *state;
    election_world_queue(w);
    struct registry_lease before = w->election.lease.id;
    election_world_step(w, ELECTION_ON_RESIGN);
    assert_non_null(election_world_did(w, ELECTION_DO_UNWATCH));
    struct registry_request revoke = w->asked;
    election_world_step(w, ELECTION_ON_STAND);
    assert_int_equal(w->asked.id, 0);
    w->asked = revoke;
    election_world_reply(w, (struct registry_reply){.revision = 130});
    assert_null(election_world_did(w, ELECTION_DO_GONE));
    assert_int_equal(w->asked.op, REGISTRY_GRANT);
    assert_false(registry_lease_eq(w->asked.lease, before));
}

static void a_revoke_without_an_answer_is_sent_again(void **state)
{
    struct election_world *w = *state;
    election_world_lead(w);
    election_world_step(w, ELECTION_ON_LEAVE);
    election_world_fail(w, REGISTRY_UNKNOWN);
    assert_null(election_world_did(w, ELECTION_DO_GONE));
    election_world_advance(w, 500);
    assert_int_equal(w->asked.op, REGISTRY_REVOKE);
    election_world_fail(w, REGISTRY_LEASE_LOST);
    assert_non_null(election_world_did(w, ELECTION_DO_GONE));
    election_world_step(w, ELECTION_ON_STAND); /* it has left for good */
    assert_int_equal(w->election.state, ELECTION_OFF);
}

static void nothing_is_left_of_one_that_has_no_lease(void **state)
{
    struct election_world *w = *state;
    election_world_step(w, ELECTION_ON_RESIGN);
    assert_non_null(election_world_did(w, ELECTION_DO_GONE));
    election_world_step(w, ELECTION_ON_STAND);
    election_world_step(w, ELECTION_ON_LEAVE); /* while the grant is under way */
    assert_non_null(election_world_did(w, ELECTION_DO_GONE));
}

/* ---- the whole ---- */

static void an_outage_is_told_once(void **state)
{
    struct election_world *w = *state;
    election_world_step(w, ELECTION_ON_STAND);
    unsigned told = 0;
    for (int i = 0; i < 5; i++) {
        election_world_fail(w, REGISTRY_RETRY);
        told += election_world_did(w, ELECTION_DO_FAILED) != NULL ? 1 : 0;
        election_world_advance(w, RETRY_CAP_MS);
        assert_int_equal(w->asked.op, REGISTRY_GRANT);
    }
    assert_int_equal(told, 1);
    assert_string_equal(election_error(&w->election), "no answer");
    election_world_reply(w, (struct registry_reply){.ttl_ms = TTL_MS});
    assert_non_null(election_world_did(w, ELECTION_DO_RECOVERED));
}

static void transitions(void **state)
{
    (void)state;
    for (enum election_state at = 0; at < ELECTION_STATE_COUNT; at++) {
        assert_false(election_may_move(at, at));
        assert_true(strlen(election_state_name(at)) > 0);
    }
    assert_false(election_may_move(ELECTION_OFF, ELECTION_LEADING));
    assert_false(election_may_move(ELECTION_QUEUED, ELECTION_LEADING));
    assert_false(election_may_move(ELECTION_LEAVING, ELECTION_PLACING));
    assert_int_equal(election_margin(TTL_MS), MARGIN_MS);
    assert_int_equal(election_margin(1000), 200);
    for (enum election_reason reason = 0; reason < ELECTION_REASON_COUNT; reason++) {
        assert_true(strlen(election_reason_name(reason)) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(belief_ends_before_the_lease),
        TEST(belief_counts_from_when_the_keepalive_was_sent),
        TEST(the_deadline_is_the_end_of_belief),
        TEST(suspend_ends_belief),
        TEST(the_first_event_after_a_stop),
        TEST(it_leads_again_with_the_same_token),
        TEST(a_listing_that_comes_too_late),
        TEST(its_key_is_deleted),
        TEST(its_key_is_compared),
        TEST(the_lease_is_revoked_by_hand),
        TEST(another_cluster_or_epoch_ends_it_at_once),
        TEST(an_answer_of_another_cluster_gives_no_place),
        TEST(a_registry_that_chooses_the_lease),
        TEST(resigning_says_so_before_it_revokes),
        TEST(it_stands_again),
        TEST(it_stands_again_after_a_revoke_without_an_answer),
        TEST(a_revoke_without_an_answer_is_sent_again),
        TEST(nothing_is_left_of_one_that_has_no_lease),
        TEST(an_outage_is_told_once),
        TEST(transitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
