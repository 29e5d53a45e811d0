/* The check beside the watch, and retries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "view_world.h"

/* The next check of the stream is due, and answered. */
static void check(struct world *w)
{
    world_pass(w, 5000);
    world_answer(w);
}

/* A fleet without changes costs one read of a key that does not exist for each check, and its watch is not taken for
 * dead. */
static void a_quiet_fleet_costs_one_small_read(void **state)
{
    struct world *w = *state;
    unsigned before = w->requests;
    for (int i = 0; i < 10; i++) {
        world_pass(w, 5000);
        assert_int_equal(w->asked.op, REGISTRY_GET);
        world_answer(w);
    }
    assert_int_equal(w->requests, before + 10);
    assert_int_equal(w->stale, 0);
    assert_int_equal(view_facts(w->view)->opens, 1);
}

/* Other keys are written: the revision rises and the stream rightly delivers nothing. That is checked once. */
static void other_keys_are_no_stall(void **state)
{
    struct world *w = *state;
    w->revision += 10;
    check(w);
    world_pass(w, 5000);
    assert_int_equal(w->asked.op, REGISTRY_LIST);
    assert_true(w->asked.newest_first);
    assert_int_equal(w->asked.limit, 1);
    world_answer(w);
    assert_true(view_facts(w->view)->synced);
    world_pass(w, 5000);
    assert_int_equal(w->asked.op, REGISTRY_GET); /* everything up to there is known */
    world_answer(w);
    /* A reconnect begins from there, though the stream delivered nothing. */
    world_cut_and_check(w, REGISTRY_RETRY);
    assert_int_equal(w->watch.from_revision, w->revision + 1);
}

static void progress_of_the_stream_counts(void **state)
{
    struct world *w = *state;
    w->revision += 10;
    world_progress(w, w->revision);
    check(w);
    world_pass(w, 5000);
    assert_int_equal(w->asked.op, REGISTRY_GET);
}

static void find_stall(struct world *w)
{
    check(w);
    world_pass(w, 5000);
    assert_int_equal(w->asked.op, REGISTRY_LIST);
    world_answer(w);
    assert_true(view_facts(w->view)->synced); /* it may be on its way */
    world_pass(w, 1500);
    assert_false(view_facts(w->view)->synced);
    assert_int_equal(w->stale, 1);
    assert_int_equal(w->unwatches, 1);
    assert_int_equal(view_facts(w->view)->stalls, 1);
    assert_int_equal(w->notes[VIEW_NOTE_STALLED], 1);
}

static void a_stalled_stream_is_found_by_an_update(void **state)
{
    struct world *w = *state;
    const struct view_facts *facts = view_facts(w->view);
    world_put(w, "/s/a/1", "r2");
    find_stall(w);
    world_pass(w, 300);
    world_answer(w);
    assert_int_equal(w->watch.from_revision, 4);
    world_check_synced(w);
    assert_int_equal(facts->listings, 1);
}

static void a_stalled_stream_is_found_by_a_delete(void **state)
{
    struct world *w = *state;
    world_put(w, "/s/a/1", NULL);
    find_stall(w);
    world_pass(w, 300);
    world_check_synced(w);
}

/* A second stream does not deliver it either: what is held must be wrong, and is listed again. */
static void two_stalls_in_a_row_list_again(void **state)
{
    struct world *w = *state;
    const struct view_facts *facts = view_facts(w->view);
    world_put(w, "/s/a/1", NULL);
    find_stall(w);
    world_pass(w, 300);
    world_answer(w);
    world_open(w);
    world_answer(w);
    world_pass(w, 1500);
    assert_int_equal(facts->stalls, 2);
    world_pass(w, 1000);
    world_check_synced(w);
    assert_int_equal(facts->listings, 2);
}

static void a_stream_that_was_only_slow_is_kept(void **state)
{
    struct world *w = *state;
    world_put(w, "/s/a/1", "r2");
    check(w);
    check(w);
    world_pass(w, 1000);
    world_tell(w, 1);
    world_pass(w, 3000);
    assert_int_equal(w->stale, 0);
    assert_int_equal(view_facts(w->view)->opens, 1);
}

static void a_check_that_fails_ends_the_stream(void **state)
{
    struct world *w = *state;
    const struct view_facts *facts = view_facts(w->view);
    world_pass(w, 5000);
    world_refuse(w, REGISTRY_OVERLOADED, false); /* the registry answers: nothing is closed */
    assert_true(facts->synced);
    world_pass(w, 5000);
    world_refuse(w, REGISTRY_RETRY, false);
    assert_string_equal(facts->state, "waiting");
    assert_int_equal(w->unwatches, 1);
    assert_int_equal(facts->count, 2);
    /* Its age counts from when it was last certain, not from when that was noticed. */
    world_pass(w, 200);
    assert_in_range(view_age(w->view, &w->now), 10000, 10400);
}

static void a_check_that_passes_makes_it_certain_again(void **state)
{
    struct world *w = *state;
    check(w); /* without a change */
    world_pass(w, 5000);
    world_refuse(w, REGISTRY_RETRY, false);
    assert_in_range(view_age(w->view, &w->now), 4900, 5100);
    assert_int_equal(view_facts(w->view)->true_wall, w->now.wall - view_age(w->view, &w->now));
}

static void a_registry_set_back_is_noticed_by_the_check(void **state)
{
    struct world *w = *state;
    const struct view_facts *facts = view_facts(w->view);
    w->strict = false;
    world_wipe(w, 0xc1, 2);
    check(w);
    assert_string_equal(facts->state, "waiting");
    world_pass(w, 500);
    world_check_synced(w);
    assert_int_equal(facts->count, 0);
}

static void a_reply_overtaken_by_the_stream_is_no_step_back(void **state)
{
    struct world *w = *state;
    const struct view_facts *facts = view_facts(w->view);
    world_pass(w, 5000);
    int64_t then = w->revision;
    world_put(w, "/s/a/3", "r1");
    world_tell(w, 1);
    int64_t now = w->revision;
    w->revision = then;
    world_answer(w);
    w->revision = now;
    assert_true(facts->synced);
    assert_string_equal(facts->state, "watching");
}

static void after_sleep_it_is_checked_at_once(void **state)
{
    struct world *w = *state;
    world_step(w, VIEW_ON_TICK);
    w->now.boot += 3600000;
    w->now.wall += 3600000;
    world_step(w, VIEW_ON_TICK);
    assert_int_equal(w->asked.op, REGISTRY_GET);
}

static void denied_is_retried_slowly(void **state)
{
    struct world *w = *state;
    world_refuse(w, REGISTRY_DENIED, false);
    world_pass(w, 14900);
    assert_int_equal(w->requests, 1);
    world_pass(w, 15200);
    assert_int_equal(w->requests, 2);
    world_refuse(w, REGISTRY_DENIED, false);
    assert_int_equal(w->notes[VIEW_NOTE_OUTAGE], 1);
}

/* A stream that ends as soon as it opens is not opened in a tight loop. */
static void reconnects_are_spread(void **state)
{
    struct world *w = *state;
    world_settle(w);
    unsigned before = w->watches;
    for (int64_t until = w->now.mono + 60000; w->now.mono < until;) {
        if (w->watch.id != 0 || w->asked.id != 0) {
            world_settle(w);
            world_cut(w, REGISTRY_OK);
        }
        world_pass(w, 10);
    }
    assert_in_range(w->watches - before, 10, 60);
    assert_int_equal(w->notes[VIEW_NOTE_RELIST], 0);
}

/* A member that lags behind opens the watch at an older revision: nothing was set back, and subscribers can still
 * resume. */
static void a_member_that_is_behind_is_not_one_set_back(void **state)
{
    struct world *w = *state;
    const struct view_facts *facts = view_facts(w->view);
    uint64_t cursor;
    world_put(w, "/s/a/3", "r1");
    world_tell(w, 1);
    int64_t now = w->revision;
    world_cut_and_check(w, REGISTRY_RETRY);
    w->revision = now - 1;
    world_open(w);
    assert_string_equal(facts->state, "waiting");
    assert_int_equal(w->watch.id, 0);
    assert_false(facts->synced);
    w->revision = now;
    world_pass(w, 600);
    world_settle(w);
    assert_true(facts->synced);
    assert_int_equal(w->notes[VIEW_NOTE_RELIST], 0);
    assert_int_equal(facts->listings, 1);
    assert_int_equal(view_resume(w->view, now - 1, w->cluster, &cursor), 0);
}

/* A linearizable read shows whether the registry was set back. */
static void set_back_behind_the_watch_is_noticed(void **state)
{
    struct world *w = *state;
    const struct view_facts *facts = view_facts(w->view);
    w->strict = false;
    world_cut_and_check(w, REGISTRY_RETRY);
    world_wipe(w, 0xc1, 1);
    world_open(w);
    world_pass(w, 600);
    world_answer(w);
    world_pass(w, 600);
    world_settle(w);
    assert_true(facts->synced);
    assert_int_equal(facts->listings, 2);
    assert_int_equal(facts->count, 0);
}

/* What a read saw before the watch opened must be delivered, though the member that opened it does not have it
 * yet. */
static void what_a_read_has_seen_must_be_delivered(void **state)
{
    struct world *w = *state;
    const struct view_facts *facts = view_facts(w->view);
    int64_t told = w->revision;
    world_cut(w, REGISTRY_RETRY);
    world_put(w, "/s/a/3", "r1");
    int64_t now = w->revision;
    world_pass(w, 300);
    world_answer(w);
    w->revision = told;
    world_open(w);
    assert_string_equal(facts->state, "watching");
    assert_false(facts->synced);
    w->revision = now;
    world_check_synced(w);
}

/* The same for a listing: a later page has seen more than the revision that is listed. */
static void what_the_last_page_has_seen_must_be_delivered(void **state)
{
    (void)state;
    struct world w;
    world_start(&w);
    world_put(&w, "/s/a/1", "r1");
    world_put(&w, "/s/a/2", "r1");
    world_put(&w, "/s/a/3", "r1");
    int64_t listed = w.revision;
    world_answer(&w);
    world_put(&w, "/s/a/4", "r1");
    int64_t now = w.revision;
    world_answer(&w);
    w.revision = listed;
    world_open(&w);
    assert_string_equal(view_facts(w.view)->state, "watching");
    assert_false(view_facts(w.view)->synced);
    w.revision = now;
    world_check_synced(&w);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SYNCED(a_quiet_fleet_costs_one_small_read),
        SYNCED(other_keys_are_no_stall),
        SYNCED(progress_of_the_stream_counts),
        SYNCED(a_stalled_stream_is_found_by_an_update),
        SYNCED(a_stalled_stream_is_found_by_a_delete),
        SYNCED(two_stalls_in_a_row_list_again),
        SYNCED(a_stream_that_was_only_slow_is_kept),
        SYNCED(a_check_that_fails_ends_the_stream),
        SYNCED(a_check_that_passes_makes_it_certain_again),
        SYNCED(a_registry_set_back_is_noticed_by_the_check),
        SYNCED(a_reply_overtaken_by_the_stream_is_no_step_back),
        SYNCED(after_sleep_it_is_checked_at_once),
        STARTED(denied_is_retried_slowly),
        STARTED(reconnects_are_spread),
        SYNCED(a_member_that_is_behind_is_not_one_set_back),
        SYNCED(set_back_behind_the_watch_is_noticed),
        SYNCED(what_a_read_has_seen_must_be_delivered),
        cmocka_unit_test(what_the_last_page_has_seen_must_be_delivered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
