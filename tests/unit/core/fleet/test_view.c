/* Listing, watching and resuming, one ordering of events per test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "view_world.h"

#include <string.h>

/* Two pages. */
static void put_three(struct world *w)
{
    world_put(w, "/s/a/1", "r1");
    world_put(w, "/s/a/2", "r1");
    world_put(w, "/s/a/3", "r1");
}

static void nothing_is_known_before_the_first_listing(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, &(struct view_settings){.mode = VIEW_ALWAYS});
    assert_int_equal(view_deadline(w.view).latest, NEVER_MS);
    assert_string_equal(view_facts(w.view)->state, "off");
    world_step(&w, VIEW_ON_START);
    assert_string_equal(view_facts(w.view)->state, "listing");
    assert_int_equal(w.asked.limit, 500);
    assert_int_equal(w.asked.at_revision, 0);
    assert_false(view_facts(w.view)->known);
    assert_int_equal(view_age(w.view, &w.now), -1);
    world_answer(&w);
    /* Known to be empty. */
    assert_true(view_facts(w.view)->known);
    assert_int_equal(view_facts(w.view)->count, 0);
    assert_int_equal(view_facts(w.view)->revision, 1);
    assert_int_equal(w.revisions, 1);
    assert_false(view_facts(w.view)->synced);
    assert_int_equal(w.watch.from_revision, 2);
    world_open(&w);
    assert_true(view_facts(w.view)->synced);
    assert_int_equal(w.synced, 1);
    assert_int_equal(view_age(w.view, &w.now), 0);
    assert_int_equal(view_facts(w.view)->cluster, 0xc1);
    world_end(&w);
    view_free(NULL);
}

static void pages_are_of_one_revision(void **state)
{
    struct world *w = *state;
    const struct view_facts *facts = view_facts(w->view);
    for (char id = '1'; id <= '5'; id++) {
        world_put(w, (char[]){'/', 's', '/', 'a', '/', id, 0}, "r1");
    }
    world_answer(w);
    assert_int_equal(w->asked.at_revision, 6);
    assert_memory_equal(w->asked.key.data, "/s/a/2\0", 7);
    world_put(w, "/s/a/3", NULL);
    world_put(w, "/s/a/9", "r1");
    assert_int_equal(facts->count, 0); /* incomplete pages are not visible */
    world_answer(w);
    world_answer(w);
    assert_int_equal(facts->count, 5);
    assert_int_equal(w->revisions, 1);
    assert_int_equal(w->watch.from_revision, 7);
    /* Nothing was known before, so no subscriber can resume. */
    uint64_t cursor;
    assert_int_equal(view_resume(w->view, 5, w->cluster, &cursor), -1);
    world_check_synced(w);
}

static void compacted_between_pages_lists_again(void **state)
{
    struct world *w = *state;
    const struct view_facts *facts = view_facts(w->view);
    put_three(w);
    world_answer(w);
    world_put(w, "/s/a/4", "r1");
    w->compacted = w->revision;
    world_answer(w);
    assert_string_equal(facts->state, "waiting");
    assert_false(facts->known);
    world_pass(w, 300);
    assert_int_equal(w->asked.at_revision, 0);
    assert_memory_equal(w->asked.key.data, "/s/", 3);
    world_check_synced(w);
    assert_int_equal(w->notes[VIEW_NOTE_RELIST], 1);
}

static void a_failed_page_is_asked_for_again_and_smaller(void **state)
{
    struct world *w = *state;
    const struct view_facts *facts = view_facts(w->view);
    put_three(w);
    world_answer(w);
    world_refuse(w, REGISTRY_UNKNOWN, false);
    assert_string_equal(facts->state, "waiting");
    assert_string_equal(facts->last_error, "it went wrong");
    world_put(w, "/s/a/0", "r1");
    world_pass(w, 300);
    assert_int_equal(w->asked.at_revision, 4);
    assert_int_equal(w->asked.limit, 1);
    world_refuse(w, REGISTRY_UNKNOWN, false);
    world_pass(w, 5000);
    world_check_synced(w);
    /* One line for the whole outage, one for its end. */
    assert_int_equal(w->notes[VIEW_NOTE_OUTAGE], 1);
    assert_int_equal(w->notes[VIEW_NOTE_RECOVERED], 1);
    assert_string_equal(facts->last_error, "");
}

static void a_page_of_another_store_lists_again(void **state)
{
    struct world *w = *state;
    const struct view_facts *facts = view_facts(w->view);
    put_three(w);
    world_answer(w);
    w->cluster = 0xc2;
    world_answer(w);
    assert_string_equal(facts->state, "waiting");
    world_pass(w, 300);
    world_check_synced(w);
    assert_int_equal(facts->cluster, 0xc2);
}

static void changes_while_listing_come_by_the_watch(void **state)
{
    struct world *w = *state;
    const struct view_facts *facts = view_facts(w->view);
    world_put(w, "/s/a/1", "r1");
    world_answer(w);
    world_put(w, "/s/a/1", "r2");
    world_put(w, "/s/a/2", "i1");
    world_open(w);
    /* The registry is ahead: synced only when all of it was delivered. */
    assert_false(facts->synced);
    world_answer(w);
    assert_false(facts->synced);
    world_tell(w, 1);
    assert_false(facts->synced);
    world_tell(w, 1);
    assert_true(facts->synced);
    world_check_equal(w);
}

static void a_reconnect_misses_nothing_and_repeats_nothing(void **state)
{
    struct world *w = *state;
    const struct view_facts *facts = view_facts(w->view);
    unsigned before = w->changes;
    world_put(w, "/s/a/3", "r1");
    world_tell(w, 1);
    w->now.mono += 20000;
    w->now.boot += 20000;
    world_cut(w, REGISTRY_UNKNOWN);
    assert_int_equal(w->stale, 1);
    assert_false(facts->synced);
    assert_int_equal(facts->count, 3); /* an outage never empties it */
    world_put(w, "/s/a/1", "d1");
    world_put(w, "/s/a/2", NULL);
    world_pass(w, 250);
    assert_string_equal(facts->state, "opening");
    assert_int_equal(w->asked.at_revision, 4);
    world_answer(w);
    assert_int_equal(w->watch.from_revision, 5);
    world_open(w);
    world_answer(w);
    world_tell(w, 1);
    assert_false(facts->synced); /* one key too many is held */
    world_tell(w, 1);
    assert_true(facts->synced);
    assert_int_equal(w->changes, before + 3);
    assert_int_equal(facts->listings, 1);
    world_check_equal(w);
}

static void events_delivered_twice_count_once(void **state)
{
    struct world *w = *state;
    world_put(w, "/s/a/1", "d1");
    world_put(w, "/s/a/1", NULL);
    world_tell(w, 2);
    unsigned before = w->changes;
    w->told -= 2;
    world_tell(w, 1);
    world_tell(w, 1);
    assert_int_equal(w->changes, before);
    world_check_equal(w);
}

static void one_revision_of_many_keys_is_one(void **state)
{
    struct world *w = *state;
    unsigned before = w->revisions;
    world_put(w, "/s/a/1", NULL);
    world_put_same(w, "/s/a/2", "s1");
    world_put_same(w, "/s/b/1", "r1");
    world_put(w, "/s/b/2", "r1");
    world_tell(w, 9);
    assert_int_equal(w->revisions, before + 2);
    world_check_equal(w);
}

static void a_compacted_watch_lists_again(void **state)
{
    struct world *w = *state;
    const struct view_facts *facts = view_facts(w->view);
    unsigned before = w->changes;
    world_cut(w, REGISTRY_RETRY);
    world_put(w, "/s/a/3", "r1");
    world_put(w, "/s/a/3", NULL);
    world_put(w, "/s/a/2", "e1");
    w->compacted = w->revision;
    world_pass(w, 250);
    world_answer(w);
    assert_string_equal(facts->state, "waiting");
    world_pass(w, 500);
    world_settle(w);
    /* Only the difference reached the subscriber. */
    assert_int_equal(w->changes, before + 1);
    assert_int_equal(facts->listings, 2);
    world_check_equal(w);
    uint64_t cursor;
    assert_int_equal(view_resume(w->view, 3, 0xc1, &cursor), 0);
    assert_int_equal(view_resume(w->view, 5, 0xc1, &cursor), -1); /* changes before it are unknown */
    assert_int_equal(view_resume(w->view, 6, 0xc1, &cursor), 0);
}

static void a_wiped_registry_is_listed_as_it_is(void **state)
{
    struct world *w = *state;
    const struct view_facts *facts = view_facts(w->view);
    world_put(w, "/s/a/3", "r1");
    world_tell(w, 1);
    w->strict = false;
    world_cut(w, REGISTRY_UNKNOWN);
    world_wipe(w, 0xc1, 2);
    world_put(w, "/s/a/2", "r1");
    w->revision = 3;
    world_pass(w, 250);
    for (int i = 0; i < 6; i++) {
        world_refuse(w, REGISTRY_RETRY, false); /* a long outage */
        world_pass(w, 5000);
    }
    world_answer(w); /* its revision is below the one known */
    assert_string_equal(facts->state, "waiting");
    world_pass(w, 250); /* it answers again: no need to wait long */
    world_check_synced(w);
    /* Revisions of the old past are not accepted, not even those that the new one has reached. */
    uint64_t cursor;
    assert_int_equal(view_resume(w->view, 3, 0xc1, &cursor), -1);
    assert_int_equal(facts->tombstone_count, 2);
}

/* The cluster id is the same and its revision has passed the one known: only its past shows it. */
static void a_registry_filled_again_is_noticed(void **state)
{
    (void)state;
    for (int way = 0; way < 3; way++) {
        struct world w;
        world_start(&w);
        world_fill(&w, world_two);
        w.strict = false;
        world_cut(&w, REGISTRY_UNKNOWN);
        world_wipe(&w, 0xc1, 1);
        world_put(&w, "/s/a/1", way == 0 ? "r2" : "r1");
        if (way != 1) {
            world_put(&w, way == 2 ? "/s/a/3" : "/s/a/2", way == 0 ? "r2" : "r1");
        }
        w.revision = 20;
        world_pass(&w, 250);
        world_answer(&w);
        assert_string_equal(view_facts(w.view)->state, "waiting");
        world_pass(&w, 500);
        world_settle(&w);
        assert_int_equal(view_facts(w.view)->listings, 2);
        world_check_equal(&w);
        /* From then on subscribers can resume again. */
        int64_t known = w.revision;
        uint64_t cursor;
        assert_int_equal(view_resume(w.view, known, 0xc1, &cursor), 0);
        world_put(&w, "/s/a/7", "r1");
        w.compacted = w.revision;
        world_cut(&w, REGISTRY_RETRY);
        world_pass(&w, 5000);
        world_settle(&w);
        world_pass(&w, 5000);
        world_settle(&w);
        assert_int_equal(view_facts(w.view)->listings, 3);
        assert_int_equal(view_resume(w.view, known, 0xc1, &cursor), 0);
        assert_int_equal(view_log_next(view_facts(w.view)->log, &cursor)->revision, known + 1);
        world_end(&w);
    }
}

static void a_watch_that_opens_on_another_store_is_closed(void **state)
{
    struct world *w = *state;
    world_cut_and_check(w, REGISTRY_RETRY);
    w->cluster = 0xc2;
    world_open(w);
    assert_string_equal(view_facts(w->view)->state, "waiting");
    assert_int_equal(w->watch.id, 0);
}

static void a_watch_whose_revision_is_compacted_lists_again(void **state)
{
    struct world *w = *state;
    const struct view_facts *facts = view_facts(w->view);
    world_cut_and_check(w, REGISTRY_RETRY);
    world_put(w, "/s/a/3", "r1");
    world_put(w, "/s/a/4", "r1");
    w->compacted = w->revision;
    world_open(w);
    assert_string_equal(facts->state, "waiting");
    world_pass(w, 500);
    world_check_synced(w);
    assert_int_equal(facts->listings, 2);
}

static void pages_that_do_not_add_up_are_read_again(void **state)
{
    struct world *w = *state;
    const struct view_facts *facts = view_facts(w->view);
    put_three(w);
    world_answer(w);
    world_wipe(w, 0xc1, 1);
    world_put(w, "/s/a/1", "r1");
    w->revision = 9;
    world_answer(w);
    assert_string_equal(facts->state, "waiting");
    assert_false(facts->known);
    world_pass(w, 300);
    world_check_synced(w);
}

static void another_cluster_is_listed_again(void **state)
{
    struct world *w = *state;
    const struct view_facts *facts = view_facts(w->view);
    world_cut(w, REGISTRY_RETRY);
    unsigned before = w->changes;
    /* The same records at the same revisions in another store do not count as the same. */
    w->cluster = 0xc2;
    world_pass(w, 250);
    world_answer(w);
    assert_string_equal(facts->state, "waiting");
    assert_int_equal(w->watch.id, 0);
    world_pass(w, 500);
    world_settle(w);
    assert_int_equal(facts->cluster, 0xc2);
    assert_int_equal(w->changes, before); /* no record differs */
    uint64_t cursor;
    assert_int_equal(view_resume(w->view, 3, 0xc1, &cursor), -1);
    assert_int_equal(view_resume(w->view, 3, 0xc2, &cursor), 0);
}

static void late_replies_are_ignored(void **state)
{
    struct world *w = *state;
    const struct view_facts *facts = view_facts(w->view);
    struct registry_request page = w->asked;
    world_refuse(w, REGISTRY_RETRY, false);
    world_pass(w, 300);
    struct registry_request again = w->asked;
    assert_int_not_equal(page.id, again.id);
    w->asked = page;
    world_answer(w);
    assert_false(facts->known);
    w->asked = again;
    w->asked.key.data = w->asked_key;
    world_settle(w);
    assert_true(facts->synced);
    /* So are events of a closed watch. */
    struct registry_watch old = w->watch;
    world_cut(w, REGISTRY_RETRY);
    world_put(w, "/s/a/1", "r1");
    w->watch = old;
    w->opened = true;
    world_tell(w, 1);
    assert_int_equal(facts->count, 0);
    w->watch.id = 0;
    world_pass(w, 300);
    world_check_synced(w);
}

static void deliver_one(struct world *w, const char *value, int64_t revision)
{
    struct view_entry_facts facts = {0};
    struct view_place place = {.key = STR("/s/a/1"), .prefix_size = 2, .mod_revision = revision};
    struct view_item item = {.key = place.key, .mod_revision = revision, .create_revision = 2};
    struct registry_reply reply = {.id = w->asked.id, .op = REGISTRY_LIST, .revision = 5, .count = 1};
    struct registry_watch_event watch = {
        .id = w->watch.id, .type = REGISTRY_WATCH_CHANGED, .revision = revision};
    struct view_event event = {.type = w->asked.id != 0 ? VIEW_ON_REPLY : VIEW_ON_WATCH,
                               .now = w->now,
                               .reply = &reply,
                               .watch = &watch,
                               .items = &item,
                               .item_count = 1};
    w->asked.id = 0;
    item.entry = view_entry_new(&place, str_of(value), &facts);
    view_step(w->view, &event, &w->effects);
    world_step(w, VIEW_ON_TICK);
    view_entry_unref(item.entry);
}

/* As of a registry that lists the present and not a revision: the page is of 5, a record in it was written at 7. */
static void a_record_newer_than_its_listing_is_kept(void **state)
{
    struct world *w = *state;
    w->strict = false;
    deliver_one(w, "r7", 7);
    w->revision = 5;
    world_open(w);
    unsigned before = w->changes;
    deliver_one(w, "r6", 6);
    deliver_one(w, "r7", 7);
    assert_int_equal(w->changes, before);
    deliver_one(w, "r8", 8);
    assert_int_equal(w->changes, before + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_before_the_first_listing),
        STARTED(pages_are_of_one_revision),
        STARTED(compacted_between_pages_lists_again),
        STARTED(a_failed_page_is_asked_for_again_and_smaller),
        STARTED(a_page_of_another_store_lists_again),
        STARTED(changes_while_listing_come_by_the_watch),
        SYNCED(a_reconnect_misses_nothing_and_repeats_nothing),
        SYNCED(events_delivered_twice_count_once),
        SYNCED(one_revision_of_many_keys_is_one),
        SYNCED(a_compacted_watch_lists_again),
        SYNCED(a_wiped_registry_is_listed_as_it_is),
        cmocka_unit_test(a_registry_filled_again_is_noticed),
        SYNCED(a_watch_that_opens_on_another_store_is_closed),
        SYNCED(a_watch_whose_revision_is_compacted_lists_again),
        STARTED(pages_that_do_not_add_up_are_read_again),
        SYNCED(another_cluster_is_listed_again),
        STARTED(late_replies_are_ignored),
        STARTED(a_record_newer_than_its_listing_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
