#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lease_world.h"

/* ---- clusters ---- */

static void meet(struct lease_world *w, uint64_t cluster)
{
    lease_world_step(w, (struct lease_event){
                            .type = LEASE_ON_CLUSTER, .cluster = cluster, .endpoint = STR("http://a:2379")});
}

static void test_another_cluster_makes_it_suspect(void **state)
{
    struct lease_world *w = *state;
    meet(w, 1);
    assert_true(w->clusters == 0 && w->moves == 0);
    meet(w, 1);
    meet(w, 0);
    assert_true(w->clusters == 0 && w->moves == 0);
    meet(w, 2);
    assert_int_equal(w->clusters, 1);
    lease_world_assert_moved(w, LEASE_HELD, LEASE_SUSPECT, LEASE_CAUSE_CLUSTER);
    assert_int_equal(w->lease.cluster.before, 1);
}

static void test_answers_of_the_previous_cluster_do_not_count(void **state)
{
    struct lease_world *w = *state;
    meet(w, 1);
    lease_world_advance_to_deadline(w); /* a heartbeat is in flight */
    lease_world_advance(w, 10);
    meet(w, 2);
    struct registry_reply old = {.failure = REGISTRY_LEASE_LOST, .cluster = 1};
    assert_non_null(lease_outdated(&w->lease, &old, w->lease.flight.sent_mono));
    lease_world_reply(w, old);
    assert_int_equal(w->lease.state, LEASE_HELD);
    assert_int_equal(w->failed, 1);
    assert_null(lease_outdated(&w->lease, &old, w->now.mono));
}

/* The same for the histories of one cluster. A restored backup has an older one as well, and that counts. */
static void test_answers_of_an_older_epoch_do_not_count(void **state)
{
    struct lease_world *w = *state;
    struct lease_event met = {
        .type = LEASE_ON_CLUSTER, .cluster = 1, .epoch = 4, .endpoint = STR("http://a:1")};
    lease_world_hold(w);
    lease_world_step(w, met);
    lease_world_advance_to_deadline(w);
    assert_int_equal(w->asked.op, REGISTRY_KEEPALIVE);
    struct registry_reply old = {
        .id = w->asked.id, .op = REGISTRY_KEEPALIVE, .ttl_ms = GRANTED_MS, .cluster = 1, .epoch = 4};
    int64_t deadline = w->lease.deadline_boot;
    lease_world_advance(w, 100);
    met.epoch = 5;
    lease_world_step(w, met);
    assert_int_equal(w->clusters, 1);
    lease_world_step(w, (struct lease_event){.type = LEASE_ON_REPLY, .reply = &old});
    assert_true(w->clusters == 0 && w->failed == 1 && w->renewed == 0);
    assert_true(w->lease.cluster.epoch == 5 && w->lease.deadline_boot == deadline);
    lease_world_advance_to_deadline(w);
    assert_int_equal(w->asked.op, REGISTRY_KEEPALIVE);
    lease_world_reply(w, (struct registry_reply){.ttl_ms = GRANTED_MS, .cluster = 1, .epoch = 4});
    assert_true(w->clusters == 1 && w->failed == 0 && w->lease.cluster.epoch == 4);
}

static void test_clusters_in_turn_slow_down_grants(void **state)
{
    struct lease_world *w = *state;
    int64_t longest = 0;
    for (int i = 0; i < 40; i++) {
        meet(w, (uint64_t)(i % 2 + 1));
        lease_world_advance(w, 5000);
        lease_world_event(w, LEASE_ON_LOST);
        if (w->lease.state == LEASE_NONE) {
            int64_t wait = lease_deadline(&w->lease).latest - w->now.mono;
            longest = wait > longest ? wait : longest;
            lease_world_advance_to_deadline(w);
        }
        lease_world_reply_ok(w);
        assert_int_equal(w->lease.state, LEASE_HELD);
    }
    assert_in_range(longest, 10000, 60000);
}

/* ---- revoking ---- */

static void test_revoked(void **state)
{
    struct lease_world *w = *state;
    lease_world_goal(w, LEASE_GOAL_RELEASE);
    lease_world_assert_moved(w, LEASE_HELD, LEASE_REVOKING, LEASE_CAUSE_UNWANTED);
    assert_int_equal(w->asked.op, REGISTRY_REVOKE);
    lease_world_reply_failure(w, REGISTRY_UNKNOWN);
    assert_int_equal(w->lease.state, LEASE_REVOKING);
    lease_world_advance_to_deadline(w);
    assert_int_equal(w->asked.op, REGISTRY_REVOKE);
    lease_world_reply_ok(w);
    lease_world_assert_moved(w, LEASE_REVOKING, LEASE_NONE, LEASE_CAUSE_REVOKED);
    assert_int_equal(lease_deadline(&w->lease).latest, NEVER_MS);
}

static void test_release_waits_for_the_request_in_flight(void **state)
{
    struct lease_world *w = *state;
    lease_world_goal(w, LEASE_GOAL_HOLD);
    lease_world_goal(w, LEASE_GOAL_RELEASE);
    lease_world_assert_moved(w, LEASE_GRANTING, LEASE_REVOKING, LEASE_CAUSE_UNWANTED);
    assert_int_equal(w->asked.id, 0);
    lease_world_reply_ok(w);
    assert_int_equal(w->asked.op, REGISTRY_REVOKE);
    lease_world_reply_failure(w, REGISTRY_LEASE_LOST);
    lease_world_assert_moved(w, LEASE_REVOKING, LEASE_NONE, LEASE_CAUSE_REVOKED);
}

static void test_release_of_nothing(void **state)
{
    struct lease_world *w = *state;
    lease_world_goal(w, LEASE_GOAL_RELEASE);
    assert_int_equal(w->moves, 0);
}

static void test_release_while_recovering(void **state)
{
    struct lease_world *w = *state;
    lease_world_recover(w);
    lease_world_goal(w, LEASE_GOAL_RELEASE);
    lease_world_assert_moved(w, LEASE_RECOVERING, LEASE_REVOKING, LEASE_CAUSE_UNWANTED);
    lease_world_reply_failure(w, REGISTRY_LEASE_LOST); /* of the keepalive */
    lease_world_assert_moved(w, LEASE_REVOKING, LEASE_NONE, LEASE_CAUSE_NOT_FOUND);
}

static void test_release_of_a_suspect(void **state)
{
    struct lease_world *w = *state;
    lease_world_suspect(w);
    lease_world_goal(w, LEASE_GOAL_RELEASE);
    lease_world_assert_moved(w, LEASE_SUSPECT, LEASE_REVOKING, LEASE_CAUSE_UNWANTED);
}

static void test_wanted_again_while_the_revoke_is_in_flight(void **state)
{
    struct lease_world *w = *state;
    lease_world_goal(w, LEASE_GOAL_RELEASE);
    lease_world_goal(w, LEASE_GOAL_HOLD);
    assert_int_equal(w->moves, 0);
    lease_world_event(w, LEASE_ON_LOST); /* the answer to the revoke says the rest */
    assert_int_equal(w->moves, 0);
    lease_world_reply_failure(w, REGISTRY_UNKNOWN);
    lease_world_assert_moved(w, LEASE_REVOKING, LEASE_RECOVERING, LEASE_CAUSE_WANTED_AGAIN);
    lease_world_advance_to_deadline(w);
    assert_int_equal(w->asked.op, REGISTRY_KEEPALIVE);
}

static void test_wanted_again_between_revokes(void **state)
{
    struct lease_world *w = *state;
    lease_world_goal(w, LEASE_GOAL_RELEASE);
    lease_world_reply_failure(w, REGISTRY_RETRY);
    lease_world_goal(w, LEASE_GOAL_HOLD);
    lease_world_assert_moved(w, LEASE_REVOKING, LEASE_RECOVERING, LEASE_CAUSE_WANTED_AGAIN);
    assert_int_equal(w->asked.op, REGISTRY_KEEPALIVE);
}

static void test_lost_between_revokes(void **state)
{
    struct lease_world *w = *state;
    lease_world_goal(w, LEASE_GOAL_RELEASE);
    lease_world_reply_failure(w, REGISTRY_RETRY);
    lease_world_event(w, LEASE_ON_LOST);
    lease_world_assert_moved(w, LEASE_REVOKING, LEASE_NONE, LEASE_CAUSE_NOT_FOUND);
}

static void test_leaving(void **state)
{
    struct lease_world *w = *state;
    lease_world_advance_to_deadline(w);
    lease_world_goal(w, LEASE_GOAL_LEAVE); /* does not wait for the heartbeat's answer */
    lease_world_assert_moved(w, LEASE_HELD, LEASE_REVOKING, LEASE_CAUSE_UNWANTED);
    assert_int_equal(w->asked.op, REGISTRY_REVOKE);
    for (int i = 0; i < 20; i++) {
        lease_world_reply_failure(w, REGISTRY_DENIED);
        assert_in_range(lease_deadline(&w->lease).latest, w->now.mono + 1, w->now.mono + 500);
        lease_world_advance_to_deadline(w);
    }
    lease_world_goal(w, LEASE_GOAL_HOLD); /* final */
    assert_int_equal(w->lease.goal, LEASE_GOAL_LEAVE);
    lease_world_reply_ok(w);
    assert_int_equal(w->lease.state, LEASE_NONE);
}

static void test_leaving_an_unconfirmed_grant(void **state)
{
    struct lease_world *w = *state;
    lease_world_goal(w, LEASE_GOAL_HOLD);
    lease_world_goal(w, LEASE_GOAL_LEAVE);
    lease_world_assert_moved(w, LEASE_GRANTING, LEASE_NONE, LEASE_CAUSE_UNCONFIRMED);
    assert_int_equal(w->asked.id, 0);
}

static void test_abandoned(void **state)
{
    struct lease_world *w = *state;
    lease_world_event(w, LEASE_ON_ABANDON);
    assert_int_equal(w->moves, 0);
    lease_world_hold(w);
    lease_world_goal(w, LEASE_GOAL_KEEP);
    lease_world_event(w, LEASE_ON_ABANDON);
    lease_world_assert_moved(w, LEASE_HELD, LEASE_NONE, LEASE_CAUSE_ABANDONED);
    assert_int_equal(w->asked.id, 0);
}

static void test_stale_replies_are_ignored(void **state)
{
    struct lease_world *w = *state;
    struct registry_reply stale = {.id = 999, .op = REGISTRY_KEEPALIVE, .failure = REGISTRY_LEASE_LOST};
    lease_world_step(w, (struct lease_event){.type = LEASE_ON_REPLY, .reply = &stale});
    stale.id = 0;
    lease_world_step(w, (struct lease_event){.type = LEASE_ON_REPLY, .reply = &stale});
    assert_int_equal(w->lease.state, LEASE_HELD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HELD(test_another_cluster_makes_it_suspect),
        HELD(test_answers_of_the_previous_cluster_do_not_count),
        FRESH(test_answers_of_an_older_epoch_do_not_count),
        HELD(test_clusters_in_turn_slow_down_grants),
        HELD(test_revoked),
        FRESH(test_release_waits_for_the_request_in_flight),
        FRESH(test_release_of_nothing),
        FRESH(test_release_while_recovering),
        FRESH(test_release_of_a_suspect),
        HELD(test_wanted_again_while_the_revoke_is_in_flight),
        HELD(test_wanted_again_between_revokes),
        HELD(test_lost_between_revokes),
        HELD(test_leaving),
        FRESH(test_leaving_an_unconfirmed_grant),
        FRESH(test_abandoned),
        HELD(test_stale_replies_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
