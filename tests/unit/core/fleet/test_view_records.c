/* What is listed and what is not: records, invalid keys, limits, statistics, look-ups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "view_world.h"

#include <string.h>

static void start_synced(struct world *w, const char *const *keys)
{
    world_start(w);
    world_fill(w, keys);
}

static void an_invalid_key_is_counted_and_named_until_it_is_a_record(void **state)
{
    (void)state;
    struct world w;
    world_start(&w);
    world_put(&w, "/s/a/1", "!bad");
    world_put(&w, "/s/foreign", "r1");
    world_put(&w, "/s/a/2", "r1");
    world_settle(&w);
    world_check_equal(&w);
    assert_int_equal(view_facts(w.view)->unreadable, 2);
    assert_int_equal(view_facts(w.view)->name_count, 2);
    assert_true(str_eq(view_facts(w.view)->names[0].key, STR("/s/a/1")));
    assert_true(str_eq(view_facts(w.view)->names[0].why, STR("no record")));
    assert_int_equal(w.notes[VIEW_NOTE_UNREADABLE], 2);
    world_put(&w, "/s/a/1", "r1");     /* good */
    world_put(&w, "/s/a/1", "!bad");   /* invalid again: not listed, and no tombstone */
    world_put(&w, "/s/a/1", "!worse"); /* still counted once */
    world_settle(&w);
    world_check_equal(&w);
    assert_int_equal(view_facts(w.view)->tombstone_count, 0);
    world_put(&w, "/s/a/1", NULL);
    world_put(&w, "/s/a/9", "!new");
    world_settle(&w);
    world_check_equal(&w);
    assert_int_equal(view_facts(w.view)->name_count, 2);
    world_put(&w, "/s/a/9", "r1");
    world_put(&w, "/s/foreign", NULL);
    world_settle(&w);
    world_check_equal(&w);
    assert_int_equal(view_facts(w.view)->name_count, 0);
    world_end(&w);
}

static void invalid_keys_do_not_fill_the_log(void **state)
{
    (void)state;
    struct world w;
    world_start(&w);
    world_settle(&w);
    for (int i = 0; i < 60; i++) {
        world_put(&w, (char[]){'/', 's', '/', (char)('0' + i), 0}, "r1");
    }
    world_settle(&w);
    world_check_equal(&w);
    assert_int_equal(view_facts(w.view)->unreadable, 60);
    assert_int_equal(view_facts(w.view)->name_count, VIEW_NAMES_MAX);
    assert_int_equal(w.notes[VIEW_NOTE_UNREADABLE], 10);
    world_pass(&w, 60001);
    world_put(&w, "/s/~", "r1");
    world_settle(&w);
    assert_int_equal(w.notes[VIEW_NOTE_UNREADABLE], 11);
    assert_non_null(strstr(w.note, "; 50 more suppressed before"));
    world_end(&w);
}

static void more_records_than_the_limit_are_left_out(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, &(struct view_settings){.mode = VIEW_ALWAYS, .records_max = 2});
    w.strict = false;
    world_step(&w, VIEW_ON_START);
    world_put(&w, "/s/a/1", "r1");
    world_put(&w, "/s/a/2", "r1");
    world_put(&w, "/s/a/3", "r1");
    world_settle(&w);
    assert_int_equal(view_facts(w.view)->count, 2);
    assert_int_equal(view_facts(w.view)->unreadable, 1);
    assert_int_equal(view_facts(w.view)->skipped[VIEW_SKIP_ROOM], 1);
    assert_true(view_facts(w.view)->synced);
    world_put(&w, "/s/a/1", NULL);
    world_put(&w, "/s/a/3", "r2");
    world_settle(&w);
    assert_int_equal(view_facts(w.view)->count, 2);
    assert_int_equal(view_facts(w.view)->unreadable, 0);
    assert_int_equal(view_facts(w.view)->skipped[VIEW_SKIP_ROOM], 0);
    world_end(&w);
}

/* ---- signed records ---- */

/* The watch delivers a record of /s/a/1 that was signed at `wall`; 0: it is deleted. */
static void deliver_signed(struct world *w, int64_t wall)
{
    struct view_entry_facts facts = {0};
    int64_t revision = ++w->revision;
    struct view_place place = {.key = STR("/s/a/1"), .prefix_size = 2, .mod_revision = revision};
    struct view_item item = {.key = place.key, .deleted = wall == 0, .mod_revision = revision};
    struct registry_watch_event watch = {
        .id = w->watch.id, .type = REGISTRY_WATCH_CHANGED, .revision = revision};
    struct view_event event = {
        .type = VIEW_ON_WATCH, .now = w->now, .watch = &watch, .items = &item, .item_count = 1};
    if (wall != 0) {
        item.entry = view_entry_new(&place, STR("r"), &facts);
        item.entry->signature = VIEW_SIGNATURE_GOOD;
        item.signed_wall = wall;
    }
    view_step(w->view, &event, &w->effects);
    struct view_effect effect;
    while (queue_take(&w->effects, &effect)) {
        view_effect_fini(&effect);
    }
    view_entry_unref(item.entry);
}

/* What the view says of the signature of /s/a/1; UNCHECKED where it is not served. */
static enum view_signature signature(const struct world *w)
{
    const struct view_entry *entry = view_find(w->view, STR("a"), STR("1"));
    return entry == NULL ? VIEW_SIGNATURE_UNCHECKED : (enum view_signature)entry->signature;
}

static void begin_signed(struct world *w, bool require)
{
    world_begin(w, &(struct view_settings){
                       .mode = VIEW_ALWAYS, .trust = 7, .require_signed = require, .records_max = 3});
    w->strict = false;
    world_step(w, VIEW_ON_START);
    world_settle(w);
}

/* An old record of the same server, whose signature is good, is put back. */
static void an_older_signed_record_is_not_believed(void **state)
{
    (void)state;
    struct world w;
    for (int require = 0; require <= 1; require++) {
        begin_signed(&w, require == 1);
        deliver_signed(&w, 1000);
        deliver_signed(&w, 2000);
        assert_int_equal(signature(&w), VIEW_SIGNATURE_GOOD);
        deliver_signed(&w, 1000);
        assert_int_equal(signature(&w), require ? VIEW_SIGNATURE_UNCHECKED : VIEW_SIGNATURE_BAD);
        assert_int_equal(view_facts(w.view)->skipped[VIEW_SKIP_OLDER], require);
        assert_int_equal(view_facts(w.view)->signatures[VIEW_SIGNATURE_BAD], 1 - require);
        deliver_signed(&w, 2000); /* the same again is no older one */
        assert_int_equal(signature(&w), VIEW_SIGNATURE_GOOD);
        deliver_signed(&w, 0);
        deliver_signed(&w, 1999);
        assert_int_equal(signature(&w), require ? VIEW_SIGNATURE_UNCHECKED : VIEW_SIGNATURE_BAD);
        deliver_signed(&w, 2001);
        assert_int_equal(signature(&w), VIEW_SIGNATURE_GOOD);
        assert_int_equal(view_facts(w.view)->skipped[VIEW_SKIP_OLDER], 0);
        world_end(&w);
    }
}

/* A clock that ran ahead and was set right costs five minutes at most. */
static void a_record_of_the_future_does_not_shut_its_server_out(void **state)
{
    (void)state;
    struct world w;
    begin_signed(&w, true);
    deliver_signed(&w, w.now.wall + INT64_C(86400000));
    assert_int_equal(signature(&w), VIEW_SIGNATURE_GOOD);
    deliver_signed(&w, w.now.wall + 299999);
    assert_int_equal(signature(&w), VIEW_SIGNATURE_UNCHECKED);
    deliver_signed(&w, w.now.wall + 300000);
    assert_int_equal(signature(&w), VIEW_SIGNATURE_GOOD);
    world_end(&w);
}

/* Records so large that two make a page, then small ones: a page too large is asked for again at once, half as
 * large; larger ones are tried now and then. */
static void a_page_too_large_is_halved_at_once(void **state)
{
    (void)state;
    struct world w;
    size_t pages = 0, refused = 0;
    world_begin(&w, &(struct view_settings){.mode = VIEW_ALWAYS, .page = 16});
    for (char i = 0; i < 60; i++) {
        world_put(&w, (char[]){'/', 's', '/', 'a', '/', (char)('A' + i), 0}, "r1");
    }
    world_step(&w, VIEW_ON_START);
    for (; w.asked.id != 0 && strcmp(view_facts(w.view)->state, "listing") == 0; pages++) {
        bool large = w.asked.key.size < 6 || w.asked.key.data[5] < 'A' + 20;
        if (large && w.asked.limit > 2) {
            world_refuse_size(&w);
            refused++;
        } else {
            world_answer(&w);
        }
    }
    assert_string_equal(view_facts(w.view)->state, "opening");
    assert_int_equal(refused, 3 + 2); /* 16, 8, 4; and another 4 after each four pages */
    assert_true(pages - refused < 10 + 10);
    assert_int_equal(w.notes[VIEW_NOTE_OUTAGE], 0);
    world_settle(&w);
    world_check_equal(&w);
    assert_int_equal(view_facts(w.view)->count, 60);
    world_end(&w);
}

static void one_record_too_large_for_any_page_is_an_outage(void **state)
{
    (void)state;
    struct world w;
    world_start(&w);
    world_put(&w, "/s/a/1", "r1");
    world_refuse_size(&w);
    assert_int_equal(w.asked.limit, 1);
    world_refuse_size(&w);
    assert_string_equal(view_facts(w.view)->state, "waiting");
    assert_string_equal(view_facts(w.view)->last_error, "it is too large");
    world_pass(&w, 30000);
    world_settle(&w);
    world_check_equal(&w);
    world_end(&w);
}

static void statistics_follow(void **state)
{
    (void)state;
    struct world w;
    start_synced(&w, (const char *const[]){"/s/b/1", "/s/a/1", "/s/a/2", NULL});
    world_put(&w, "/s/a/1", "e1");
    world_put(&w, "/s/a/2", "u1");
    world_settle(&w);
    const struct view_type *first = view_facts(w.view)->types, *second = first->hh.next;
    assert_true(str_eq(first->name, STR("a")));
    assert_int_equal(first->servers[STATUS_ERROR], 1);
    assert_int_equal(first->servers[STATUS_UNKNOWN], 1);
    assert_int_equal(second->servers[STATUS_READY], 1);
    assert_null(second->hh.next);
    assert_int_equal(view_facts(w.view)->servers[STATUS_READY], 1);
    assert_int_equal(view_facts(w.view)->json_bytes, 6);
    world_put(&w, "/s/b/1", NULL);
    world_settle(&w);
    assert_null(view_facts(w.view)->types->hh.next);
    world_end(&w);
}

static void records_are_found_by_type_and_id(void **state)
{
    (void)state;
    struct world w;
    size_t count;
    start_synced(&w, (const char *const[]){"/s/b/1", "/s/a/1", "/s/a/2", NULL});
    assert_non_null(view_find(w.view, STR("a"), STR("2")));
    assert_null(view_find(w.view, STR("b"), STR("2")));
    assert_null(view_find(w.view, STR(""), STR("2")));
    assert_null(view_find(w.view, STR("a/2"), STR("")));
    assert_non_null(view_find_id(w.view, STR("2"), &count));
    assert_int_equal(count, 1);
    assert_non_null(view_find_id(w.view, STR("1"), &count));
    assert_int_equal(count, 2);
    assert_null(view_find_id(w.view, STR("3"), &count));
    assert_int_equal(count, 0);
    assert_int_equal(view_facts(w.view)->count, 3);
    world_end(&w);
}

/* A registry that delivers each key as it is last: a key that is gone has the revision at which it was missed. Only behind
 * the last change the view is what the registry was at a revision, and only there a subscriber gets an id. */
static void coalesced_changes_are_one_revision(void **state)
{
    (void)state;
    struct world w;
    start_synced(&w, world_two); /* up to revision 3 */
    world_put(&w, "/s/a/1", NULL);
    world_put(&w, "/s/a/2", "d1");
    struct view_entry_facts facts = {.status = STATUS_DRAINING};
    struct view_item items[] = {
        {.key = STR_INIT("/s/a/2"), .mod_revision = 5, .create_revision = 3},
        {.key = STR_INIT("/s/a/1"), .mod_revision = 6, .deleted = true},
    };
    items[0].entry = view_entry_new(
        &(struct view_place){.key = items[0].key, .prefix_size = 2, .mod_revision = 5, .create_revision = 3},
        STR("d1"), &facts);
    struct registry_watch_event told = {
        .id = w.watch.id, .type = REGISTRY_WATCH_CHANGED, .revision = 6, .coalesced = true};
    unsigned before = w.revisions;
    w.revision = 6;
    w.told = w.event_count;
    world_event(&w,
                (struct view_event){
                    .type = VIEW_ON_WATCH, .watch = &told, .items = items, .item_count = COUNT_OF(items)});
    assert_int_equal(w.revisions, before + 1);
    assert_int_equal(view_facts(w.view)->revision, 6);
    uint64_t cursor;
    assert_int_equal(view_resume(w.view, 5, w.cluster, &cursor), 0);
    assert_non_null(view_log_next(view_facts(w.view)->log, &cursor));
    world_check_synced(&w);
    view_entry_unref(items[0].entry);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_invalid_key_is_counted_and_named_until_it_is_a_record),
        cmocka_unit_test(invalid_keys_do_not_fill_the_log),
        cmocka_unit_test(an_older_signed_record_is_not_believed),
        cmocka_unit_test(a_record_of_the_future_does_not_shut_its_server_out),
        cmocka_unit_test(more_records_than_the_limit_are_left_out),
        cmocka_unit_test(a_page_too_large_is_halved_at_once),
        cmocka_unit_test(one_record_too_large_for_any_page_is_an_outage),
        cmocka_unit_test(coalesced_changes_are_one_revision),
        cmocka_unit_test(statistics_follow),
        cmocka_unit_test(records_are_found_by_type_and_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
