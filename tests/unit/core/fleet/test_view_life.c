/* When a view follows the fleet, tombstones, and a view kept over a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "view_world.h"

#include <stdio.h>
#include <string.h>

static int set_up(void **state, enum view_mode mode)
{
    static struct world world;
    world_start_mode(&world, mode);
    *state = &world;
    return 0;
}

static int set_up_auto(void **state)
{
    return set_up(state, VIEW_AUTO);
}

static int set_up_always(void **state)
{
    set_up(state, VIEW_ALWAYS);
    world_fill(*state, world_two);
    return 0;
}

#define AUTO(test) cmocka_unit_test_setup_teardown(test, set_up_auto, world_tear_down)
#define ALWAYS(test) cmocka_unit_test_setup_teardown(test, set_up_always, world_tear_down)

static void a_sidecar_watches_only_while_it_is_wanted(void **state)
{
    struct world *w = *state;
    const struct view_facts *facts = view_facts(w->view);
    assert_int_equal(w->requests, 0);
    assert_int_equal(view_deadline(w->view).latest, NEVER_MS);
    world_step(w, VIEW_ON_WANT);
    world_settle(w);
    assert_true(facts->synced);
    world_pass(w, 40000);
    world_step(w, VIEW_ON_WANT);
    world_settle(w);
    world_pass(w, 40000);
    assert_int_not_equal(w->watch.id, 0);
    world_settle(w);
    world_pass(w, 25000);
    assert_string_equal(facts->state, "off");
    assert_int_equal(w->watch.id, 0);
    assert_false(facts->synced);
    assert_true(facts->known); /* stale, but there */
    unsigned before = w->requests;
    world_pass(w, 600000);
    assert_int_equal(w->requests, before);
    world_put(w, "/s/a/1", "r1");
    assert_false(facts->waking);
    world_step(w, VIEW_ON_WANT);
    assert_true(facts->waking); /* what is held is old, and a listing is on its way */
    world_settle(w);
    assert_false(facts->waking);
    world_check_equal(w);
    world_pass(w, 70000);
    world_step(w, VIEW_ON_WANT);
    assert_true(facts->waking);
    world_refuse(w, REGISTRY_RETRY, false);
    assert_false(facts->waking); /* nothing newer can be had */
}

static void subscribers_keep_it_on(void **state)
{
    struct world *w = *state;
    const struct view_facts *facts = view_facts(w->view);
    world_event(w, (struct view_event){.type = VIEW_ON_SUBSCRIBERS, .count = 1});
    world_settle(w);
    world_live(w, 500000);
    assert_string_equal(facts->state, "watching");
    world_event(w, (struct view_event){.type = VIEW_ON_SUBSCRIBERS, .count = 0});
    world_live(w, 70000);
    assert_string_equal(facts->state, "off");
}

static void reload_turns_it_on_and_off(void **state)
{
    (void)state;
    struct world w;
    world_start_mode(&w, VIEW_NEVER);
    world_step(&w, VIEW_ON_WANT);
    assert_int_equal(w.requests, 0);
    world_event(&w, (struct view_event){.type = VIEW_ON_RELOAD, .mode = VIEW_ALWAYS});
    world_settle(&w);
    assert_true(view_facts(w.view)->synced);
    world_event(&w, (struct view_event){.type = VIEW_ON_RELOAD, .mode = VIEW_NEVER});
    assert_string_equal(view_facts(w.view)->state, "off");
    world_end(&w);
}

static void a_record_that_vanishes_leaves_a_tombstone(void **state)
{
    struct world *w = *state;
    const struct view_facts *facts = view_facts(w->view);
    world_put(w, "/s/a/1", NULL);
    world_settle(w);
    assert_false(w->last_clean);
    assert_int_equal(facts->tombstone_count, 1);
    assert_int_equal(view_tombstone_next(w->view, NULL)->gone_wall, w->now.wall);
    world_put(w, "/s/a/2", "s1");
    world_put(w, "/s/a/2", NULL);
    world_settle(w);
    assert_true(w->last_clean);
    assert_int_equal(facts->tombstone_count, 1);
    world_put(w, "/s/a/1", "i1"); /* it is back */
    world_settle(w);
    assert_int_equal(facts->tombstone_count, 0);
    world_put(w, "/s/a/1", NULL);
    world_settle(w);
    world_live(w, 600000);
    world_pass(w, 2000);
    assert_int_equal(facts->tombstone_count, 0);
}

static void tombstones_are_bounded(void **state)
{
    struct world *w = *state;
    for (char id = '1'; id <= '8'; id++) {
        const char key[] = {'/', 's', '/', 'b', '/', id, 0};
        world_put(w, key, "r1");
        world_put(w, key, NULL);
    }
    world_settle(w);
    assert_int_equal(view_facts(w->view)->tombstone_count, 3);
    assert_true(str_eq(view_entry_id(view_tombstone_next(w->view, NULL)->entry), STR("6")));
}

/* The registry is listed again, because the changes in between are compacted. */
static void list_again(struct world *w)
{
    w->compacted = w->revision;
    world_cut(w, REGISTRY_RETRY);
    world_live(w, 4000);
    assert_true(view_facts(w->view)->synced);
}

static void write_forty(struct world *w, const char *value)
{
    for (int i = 0; i < 40; i++) {
        char key[32];
        snprintf(key, sizeof(key), "/s/a/%02d", i);
        world_put(w, key, value);
    }
}

static size_t tombstones_of(const struct view *view, const char *type)
{
    size_t count = 0, all = 0;
    for (const struct view_tombstone *stone = NULL; (stone = view_tombstone_next(view, stone)) != NULL;
         all++) {
        assert_non_null(stone->entry);
        count += str_eq(view_entry_type(stone->entry), str_of(type)) ? 1 : 0;
    }
    assert_int_equal(view_facts(view)->tombstone_count, all);
    return count;
}

/* A data centre is cut off for a while: the whole fleet goes at once, comes back, and goes again beside another. */
static void a_whole_fleet_goes_and_comes_back(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, &(struct view_settings){.mode = VIEW_ALWAYS, .seed = 7, .tombstones_max = 50});
    w.strict = false;
    world_step(&w, VIEW_ON_START);
    write_forty(&w, "r1");
    world_settle(&w);
    write_forty(&w, NULL);
    list_again(&w);
    assert_int_equal(tombstones_of(w.view, "a"), 40);
    write_forty(&w, "r2");
    world_put(&w, "/s/a/17", NULL);
    list_again(&w);
    assert_int_equal(tombstones_of(w.view, "a"), 1);
    world_settle(&w);
    world_put(&w, "/s/a/17", "r1");
    world_settle(&w);
    assert_int_equal(tombstones_of(w.view, "a"), 0);
    write_forty(&w, NULL);
    list_again(&w);
    world_pass(&w, 300000);
    world_settle(&w);
    for (int i = 0; i < 20; i++) {
        char key[32];
        snprintf(key, sizeof(key), "/s/b/%02d", i);
        world_put(&w, key, "r1");
        world_settle(&w);
        world_put(&w, key, NULL);
    }
    world_settle(&w);
    assert_int_equal(tombstones_of(w.view, "b"), 20);
    assert_int_equal(tombstones_of(w.view, "a"), 30); /* the oldest have made room */
    assert_true(str_eq(view_entry_id(view_tombstone_next(w.view, NULL)->entry), STR("10")));
    world_live(&w, 320000);
    assert_int_equal(tombstones_of(w.view, "b"), 20);
    assert_int_equal(tombstones_of(w.view, "a"), 0); /* their time is over */
    world_end(&w);
}

static void saves_are_few(void **state)
{
    struct world *w = *state;
    world_pass(w, 10);
    assert_int_equal(w->saves, 1);
    for (int i = 0; i < 600; i++) {
        world_put(w, "/s/a/1", i % 2 == 0 ? "r2" : "r3");
        world_settle(w);
        world_pass(w, 100);
    }
    assert_in_range(w->saves, 2, 4);
    world_pass(w, 31000);
    unsigned before = w->saves;
    world_live(w, 100000);
    assert_int_equal(w->saves, before); /* nothing changed */
    world_step(w, VIEW_ON_STOP);
    assert_int_equal(w->saves, before + 1);
    assert_string_equal(view_facts(w->view)->state, "off");
    assert_int_equal(w->watch.id, 0);
}

/* Where pages are of now, the first listing shows some records newer than its revision. Who resumed from that revision after a
 * restart would miss those, so it is not kept until the stream has come as far. */
static void what_was_at_no_revision_is_not_kept(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, &(struct view_settings){.mode = VIEW_ALWAYS,
                                            .page = 2,
                                            .seed = 7,
                                            .can = REGISTRY_CAN_ALL & ~(uint32_t)REGISTRY_CAN_LIST_AT});
    w.strict = false;
    world_put(&w, "/s/a/1", "r1");
    world_put(&w, "/s/a/2", "r1");
    world_put(&w, "/s/a/3", "r1");
    world_step(&w, VIEW_ON_START);
    world_answer(&w);
    world_put(&w, "/s/a/3", "r2");
    world_answer(&w);
    assert_true(view_facts(w.view)->known);
    assert_int_equal(view_facts(w.view)->revision, w.revision - 1);
    world_pass(&w, 1000);
    assert_int_equal(w.saves, 0);
    world_settle(&w);
    world_pass(&w, 1);
    assert_int_equal(view_facts(w.view)->revision, w.revision);
    assert_int_equal(w.saves, 1);
    world_end(&w);
}

/* A view kept over a restart is served at once, stale; what changed meanwhile arrives as a difference. */
static void a_kept_view_is_served_until_it_is_synced(void **state)
{
    (void)state;
    struct world w, before;
    world_start_mode(&before, VIEW_ALWAYS);
    world_fill(&before, world_two);
    world_put(&before, "/s/b/1", "r1");
    world_put(&before, "/s/b/1", NULL);
    world_put(&before, "/s/a/1", "d1");
    world_settle(&before);
    struct view_entry *entries[2];
    struct view_tombstone stone = *view_tombstone_next(before.view, NULL);
    for (size_t i = 0; i < 2; i++) {
        entries[i] = (struct view_entry *)(uintptr_t)view_facts(before.view)->entries[i];
    }
    struct view_kept kept = {.revision = view_facts(before.view)->revision,
                             .cluster = view_facts(before.view)->cluster,
                             .true_wall = before.now.wall - 5000,
                             .entries = entries,
                             .entry_count = 2,
                             .tombstones = &stone,
                             .tombstone_count = 1};
    world_begin(&w, &(struct view_settings){.mode = VIEW_ALWAYS, .tombstones_max = 5, .seed = 1});
    memcpy(w.events, before.events, before.event_count * sizeof(w.events[0]));
    w.event_count = before.event_count;
    w.revision = before.revision;
    world_event(&w, (struct view_event){.type = VIEW_ON_LOAD, .kept = &kept});
    world_step(&w, VIEW_ON_START);
    assert_true(view_facts(w.view)->known);
    assert_false(view_facts(w.view)->synced);
    assert_false(view_facts(w.view)->waking);
    assert_int_equal(view_age(w.view, &w.now), 5000);
    assert_int_equal(view_facts(w.view)->count, 2);
    assert_int_equal(view_facts(w.view)->tombstone_count, 1);
    assert_int_equal(w.reader.count, 2);
    world_put(&w, "/s/a/2", NULL);
    world_put(&w, "/s/b/1", "r2");
    unsigned changes = w.changes;
    world_settle(&w);
    assert_true(view_facts(w.view)->synced);
    assert_int_equal(w.changes, changes + 2);
    assert_int_equal(view_facts(w.view)->tombstone_count, 1);
    world_check_equal(&w);
    uint64_t cursor;
    assert_int_equal(view_resume(w.view, kept.revision, 0xc1, &cursor), 0);
    assert_int_equal(view_log_next(view_facts(w.view)->log, &cursor)->revision, w.revision);
    assert_int_equal(view_resume(w.view, kept.revision - 1, 0xc1, &cursor), -1);
    assert_int_equal(view_resume(w.view, w.revision + 1, 0xc1, &cursor), -1);
    assert_int_equal(view_resume(w.view, w.revision, 0xc2, &cursor), -1);
    world_end(&w);
    world_end(&before);
}

/* The ten minutes of a tombstone pass while no agent runs, and a clock that was set back does not extend them. */
static void a_kept_tombstone_is_as_old_as_it_is(void **state)
{
    (void)state;
    struct world w;
    struct view_entry_facts facts = {0};
    struct view_place place = {.key = STR("/s/a/1"), .prefix_size = 2}, other = place, third = place;
    other.key = STR("/s/a/2");
    third.key = STR("/s/a/3");
    world_begin(&w, &(struct view_settings){.mode = VIEW_NEVER, .tombstones_max = 5});
    struct view_tombstone stones[] = {
        {view_entry_new(&place, STR("r1"), &facts), w.now.wall - 600000},
        {view_entry_new(&other, STR("r1"), &facts), w.now.wall - 590000},
        {view_entry_new(&third, STR("r1"), &facts), w.now.wall + 3600000},
    };
    struct view_kept kept = {.revision = 5, .tombstones = stones, .tombstone_count = 3};
    world_event(&w, (struct view_event){.type = VIEW_ON_LOAD, .kept = &kept});
    assert_int_equal(view_facts(w.view)->tombstone_count, 2);
    world_pass(&w, 11000);
    assert_int_equal(view_facts(w.view)->tombstone_count, 1);
    world_pass(&w, 600000 - 11000 + 1000);
    assert_int_equal(view_facts(w.view)->tombstone_count, 0);
    for (size_t i = 0; i < 3; i++) {
        view_entry_unref(stones[i].entry);
    }
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        AUTO(a_sidecar_watches_only_while_it_is_wanted),
        AUTO(subscribers_keep_it_on),
        cmocka_unit_test(reload_turns_it_on_and_off),
        ALWAYS(a_record_that_vanishes_leaves_a_tombstone),
        ALWAYS(tombstones_are_bounded),
        cmocka_unit_test(a_whole_fleet_goes_and_comes_back),
        ALWAYS(saves_are_few),
        cmocka_unit_test(what_was_at_no_revision_is_not_kept),
        cmocka_unit_test(a_kept_view_is_served_until_it_is_synced),
        cmocka_unit_test(a_kept_tombstone_is_as_old_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
