/* The candidate alone: how it gets its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "election_world.h"

#include <stdio.h>

/* ---- entering ---- */

static void the_only_one_leads(void **state)
{
    struct election_world *w = *state;
    election_world_lead(w);
    assert_int_equal(w->election.gained, 1);
}

static void its_key_was_written_by_a_request_without_an_answer(void **state)
{
    struct election_world *w = *state;
    election_world_step(w, ELECTION_ON_STAND);
    election_world_reply(w, (struct registry_reply){.ttl_ms = TTL_MS});
    election_world_fail(w, REGISTRY_UNKNOWN);
    assert_int_equal(w->asked.id, 0);
    election_world_advance(w, RETRY_FIRST_MS);
    assert_int_equal(w->asked.op, REGISTRY_PUT);
    struct registry_item own = election_world_item(w, 0, MINE);
    election_world_reply(w, (struct registry_reply){.kv = own.kv, .revision = 90});
    election_world_listed(w, &own, 1, 1);
    assert_true(election_world_leads(w));
}

static void a_key_of_another_at_its_place(void **state)
{
    struct election_world *w = *state;
    election_world_step(w, ELECTION_ON_STAND);
    election_world_reply(w, (struct registry_reply){.ttl_ms = TTL_MS});
    struct registry_lease before = w->election.lease.id;
    struct registry_item other = election_world_item(w, 7, 30);
    election_world_reply(w, (struct registry_reply){.kv = other.kv});
    assert_int_equal(w->asked.op, REGISTRY_REVOKE);
    election_world_reply(w, (struct registry_reply){.revision = 1});
    assert_int_equal(w->election.state, ELECTION_ENTERING);
    election_world_advance(w, RETRY_FIRST_MS);
    assert_int_equal(w->asked.op, REGISTRY_GRANT);
    assert_false(registry_lease_eq(w->asked.lease, before));
}

static void the_lease_is_gone_before_the_key_is_written(void **state)
{
    struct election_world *w = *state;
    election_world_step(w, ELECTION_ON_STAND);
    election_world_reply(w, (struct registry_reply){.ttl_ms = TTL_MS});
    struct registry_lease before = w->election.lease.id;
    election_world_fail(w, REGISTRY_LEASE_LOST);
    election_world_advance(w, 1000);
    assert_int_equal(w->asked.op, REGISTRY_GRANT);
    election_world_reply(w, (struct registry_reply){.ttl_ms = TTL_MS});
    assert_int_equal(w->asked.op, REGISTRY_PUT);
    assert_true(election_world_asked_own(w)); /* not at the place of the lease that is gone */
    assert_false(registry_lease_eq(w->asked.lease, before));
}

/* ---- the place ---- */

static void keys_that_are_no_candidates_are_skipped_and_counted(void **state)
{
    struct election_world *w = *state;
    election_world_place(w);
    struct registry_item leaseless = election_world_item(w, 5, 3), misnamed = election_world_item(w, 6, 4);
    leaseless.kv.lease = (struct registry_lease){0};
    misnamed.kv.lease.lo = 9;
    const struct registry_item items[] = {election_world_item(w, 0, MINE), leaseless, misnamed};
    election_world_listed(w, items, COUNT_OF(items), COUNT_OF(items));
    assert_true(election_world_leads(w));
    assert_int_equal(w->election.skipped, 2);
}

/* The one before has the highest create revision below the own, wherever it is in the list and whatever wrote it later. */
static void the_one_before_is_found(void **state)
{
    struct election_world *w = *state;
    election_world_place(w);
    struct registry_item rewritten = election_world_item(w, 3, 35);
    rewritten.kv.mod_revision = 60;
    const struct registry_item items[] = {rewritten, election_world_item(w, 2, 50),
                                          election_world_item(w, 0, MINE), election_world_item(w, 1, 20)};
    election_world_listed(w, items, COUNT_OF(items), COUNT_OF(items));
    assert_string_equal(w->before, PREFIX "3");
}

/* A thousand that enter must not read a thousand keys each. */
static void the_newest_keys_tell_who_is_before(void **state)
{
    struct election_world *w = *state;
    election_world_place(w);
    assert_true(w->asked.newest_first);
    assert_true(w->asked.limit > 0 && w->asked.limit <= 16);
    const struct registry_item items[] = {election_world_item(w, 0, MINE), election_world_item(w, 7, 39),
                                          election_world_item(w, 8, 38)};
    election_world_listed(w, items, COUNT_OF(items), 1000);
    assert_string_equal(w->before, PREFIX "7");
    assert_int_equal(w->lists, 1);
}

static void all_pages_are_read_where_the_newest_do_not_tell(void **state)
{
    struct election_world *w = *state;
    election_world_place(w);
    const struct registry_item newest[] = {election_world_item(w, 4, 90), election_world_item(w, 5, 80)};
    election_world_listed(w, newest, COUNT_OF(newest), 6);
    assert_false(w->asked.newest_first);
    assert_int_equal(w->asked.at_revision, 0);
    const struct registry_item first[] = {election_world_item(w, 1, 10), election_world_item(w, 2, 20)};
    election_world_listed(w, first, COUNT_OF(first), 6);
    assert_int_equal(w->asked.at_revision, 100);
    assert_string_equal(w->key, PREFIX "2"); /* and a NUL behind it */
    assert_int_equal(w->asked.key.size, sizeof(PREFIX "2"));
    const struct registry_item last[] = {election_world_item(w, 4, 90), election_world_item(w, 5, 80),
                                         election_world_item(w, 0, MINE)};
    election_world_listed(w, last, COUNT_OF(last), 3);
    assert_string_equal(w->before, PREFIX "2");
}

static void a_registry_that_lists_by_key_alone(void **state)
{
    struct election_world *w = *state;
    election_world_begin(w, REGISTRY_CAN_PAGE);
    election_world_place(w);
    assert_false(w->asked.newest_first);
    const struct registry_item first[] = {election_world_item(w, 0, MINE)};
    election_world_listed(w, first, 1, 2);
    assert_int_equal(w->asked.at_revision, 0); /* of now: it cannot list what was */
    const struct registry_item last[] = {election_world_item(w, 7, 30)};
    election_world_listed(w, last, 1, 1);
    assert_string_equal(w->before, PREFIX "7");
}

static void pages_that_are_too_large_or_gone(void **state)
{
    struct election_world *w = *state;
    election_world_begin(w, REGISTRY_CAN_ALL & ~(uint32_t)REGISTRY_CAN_NEWEST_FIRST);
    election_world_place(w);
    int64_t limit = w->asked.limit;
    election_world_reply(w, (struct registry_reply){.failure = REGISTRY_REFUSED, .too_large = true});
    assert_int_equal(w->asked.limit, limit / 2);
    const struct registry_item first[] = {election_world_item(w, 7, 30)};
    election_world_listed(w, first, 1, 2);
    election_world_reply(w, (struct registry_reply){.failure = REGISTRY_REFUSED, .revision_gone = true});
    assert_int_equal(w->asked.at_revision, 0);
    assert_string_equal(w->key, PREFIX);
}

static void its_own_key_is_not_listed(void **state)
{
    struct election_world *w = *state;
    election_world_place(w);
    election_world_listed(w, NULL, 0, 0);
    assert_null(election_world_did(w, ELECTION_DO_GAINED));
    assert_int_equal(w->election.state, ELECTION_LEAVING);
}

/* Its key was deleted, and an earlier request wrote it again: it is last now. */
static void its_own_key_was_created_again(void **state)
{
    struct election_world *w = *state;
    election_world_place(w);
    const struct registry_item items[] = {election_world_item(w, 0, MINE + 5)};
    election_world_listed(w, items, 1, 1);
    assert_int_equal(w->election.state, ELECTION_LEAVING);
}

/* ---- the queue ---- */

static void the_next_lists_when_the_one_before_goes(void **state)
{
    struct election_world *w = *state;
    election_world_queue(w);
    assert_false(election_world_leads(w));
    assert_string_equal(w->election.watched.key, PREFIX "7");
    election_world_gone(w, PREFIX "7", 120);
    assert_int_equal(w->asked.op, REGISTRY_LIST);
    const struct registry_item items[] = {election_world_item(w, 0, MINE)};
    election_world_listed(w, items, 1, 1);
    assert_non_null(election_world_did(w, ELECTION_DO_UNWATCH));
    assert_true(election_world_leads(w));
    assert_true(str_eq(w->watched.ranges[0].key, str_of(w->election.key)));
}

static void changes_of_the_one_before(void **state)
{
    static const struct {
        struct registry_change change;
        bool places;
    } rows[] = {
        {{.mod_revision = 110, .create_revision = 30, .lease = {.lo = 7}}, false}, /* written again */
        {{.mod_revision = 110, .create_revision = 110, .lease = {.lo = 7}}, true}, /* created again */
        {{.mod_revision = 110, .create_revision = 30}, true},                      /* in other hands */
        {{.mod_revision = 30, .create_revision = 30, .deleted = true}, false},     /* of before */
    };
    struct election_world *w = *state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        election_world_begin(w, REGISTRY_CAN_ALL);
        election_world_queue(w);
        struct registry_change change = rows[i].change;
        change.key = STR(PREFIX "7");
        election_world_watch(
            w, (struct registry_watch_event){
                   .type = REGISTRY_WATCH_CHANGED, .changes = &change, .change_count = 1, .coalesced = true});
        assert_int_equal(w->election.state, rows[i].places ? ELECTION_PLACING : ELECTION_QUEUED);
    }
}

/* What went while no watch was open is found by the read that follows. */
static void it_went_before_the_watch_opened(void **state)
{
    struct election_world *w = *state;
    election_world_queue(w);
    election_world_watch(
        w, (struct registry_watch_event){.type = REGISTRY_WATCH_ENDED, .failure = REGISTRY_RETRY});
    assert_non_null(election_world_did(w, ELECTION_DO_FAILED));
    assert_string_equal(election_error(&w->election), "the watch ended");
    election_world_advance(w, RETRY_FIRST_MS);
    assert_true(w->watched.id != 0);
    assert_int_equal(w->watched.from_revision, 0);
    election_world_watch(w, (struct registry_watch_event){.type = REGISTRY_WATCH_OPENED});
    election_world_fail(w, REGISTRY_RETRY);
    election_world_advance(w, RETRY_FIRST_MS);
    assert_int_equal(w->asked.op, REGISTRY_GET); /* a read without an answer is made again */
    election_world_reply(w, (struct registry_reply){.revision = 130});
    assert_int_equal(w->asked.op, REGISTRY_LIST);
    assert_string_equal(election_error(&w->election), "");
}

static void a_silent_watch_is_found_beside_a_keepalive(void **state)
{
    struct election_world *w = *state;
    election_world_queue(w);
    election_world_renew(w);
    assert_int_equal(w->asked.op, REGISTRY_COMPARE);
    assert_string_equal(w->key, PREFIX "7");
    assert_int_equal(w->asked.expect_revision, 30);
    assert_true(str_eq(w->asked.range_end, str_of(w->election.key)));
    assert_int_equal(w->asked.at_revision, MINE);
    election_world_reply(w, (struct registry_reply){.succeeded = true});
    assert_int_equal(w->election.state, ELECTION_QUEUED);
    election_world_renew(w);
    election_world_reply(w, (struct registry_reply){.succeeded = false});
    assert_int_equal(w->asked.op, REGISTRY_LIST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_only_one_leads),
        TEST(its_key_was_written_by_a_request_without_an_answer),
        TEST(a_key_of_another_at_its_place),
        TEST(the_lease_is_gone_before_the_key_is_written),
        TEST(keys_that_are_no_candidates_are_skipped_and_counted),
        TEST(the_one_before_is_found),
        TEST(the_newest_keys_tell_who_is_before),
        TEST(all_pages_are_read_where_the_newest_do_not_tell),
        TEST(a_registry_that_lists_by_key_alone),
        TEST(pages_that_are_too_large_or_gone),
        TEST(its_own_key_is_not_listed),
        TEST(its_own_key_was_created_again),
        TEST(the_next_lists_when_the_one_before_goes),
        TEST(changes_of_the_one_before),
        TEST(it_went_before_the_watch_opened),
        TEST(a_silent_watch_is_found_beside_a_keepalive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
