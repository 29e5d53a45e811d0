#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/fleet/view_entry.h"
#include "outrider/core/fleet/view_log.h"

static struct view_entry *entry(void)
{
    struct view_entry_facts facts = {0};
    struct view_place place = {.key = STR("/s/a/1"), .prefix_size = 2};
    return view_entry_new(&place, STR("0123456789"), &facts);
}

static void add(struct view_log *log, int64_t revision)
{
    struct view_change change = {.revision = revision, .is = entry()};
    view_log_add(log, &change);
    view_entry_unref(change.is);
}

/* The number of changes after a revision; -1: a snapshot is needed. */
static int after(const struct view_log *log, int64_t revision)
{
    uint64_t cursor;
    int count = 0;
    int64_t last = revision;
    const struct view_change *change;
    if (view_log_find(log, revision, &cursor) < 0) {
        return -1;
    }
    while ((change = view_log_next(log, &cursor)) != NULL) {
        assert_true(change->revision > revision && change->revision >= last);
        last = change->revision;
        count++;
    }
    return count;
}

static void what_came_after_a_revision(void **state)
{
    (void)state;
    struct view_log *log = view_log_new(100, 1 << 20);
    assert_int_equal(after(log, 5), -1);
    view_log_restart(log, 10);
    assert_int_equal(after(log, 9), -1);
    assert_int_equal(after(log, 10), 0);
    add(log, 11);
    add(log, 11);
    add(log, 14);
    assert_int_equal(after(log, 10), 3);
    assert_int_equal(after(log, 11), 1);
    assert_int_equal(after(log, 13), 1);
    assert_int_equal(after(log, 14), 0);
    assert_int_equal(after(log, 99), 0);
    view_log_restart(log, 20);
    assert_int_equal(after(log, 14), -1);
    assert_int_equal(after(log, 20), 0);
    view_log_free(log);
    view_log_free(NULL);
}

/* What has everything up to a place in the log goes on from there, whatever the revisions are. */
static void what_came_after_a_place(void **state)
{
    (void)state;
    struct view_log *log = view_log_new(2, 1 << 20);
    view_log_restart(log, 10);
    add(log, 11);
    uint64_t end = view_log_end(log), cursor = end;
    assert_null(view_log_next(log, &cursor));
    view_log_restart(log, 30); /* set back: the revisions up to 30 are given again */
    assert_true(view_log_keeps(log, end));
    add(log, 9);
    add(log, 12);
    assert_true(view_log_keeps(log, end));
    assert_int_equal(view_log_next(log, &cursor)->revision, 9);
    assert_int_equal(view_log_next(log, &cursor)->revision, 12);
    assert_null(view_log_next(log, &cursor));
    add(log, 13); /* the third does not fit */
    assert_false(view_log_keeps(log, end));
    view_log_free(log);
}

static void a_jump_has_no_inside(void **state)
{
    (void)state;
    struct view_log *log = view_log_new(100, 1 << 20);
    view_log_restart(log, 10);
    add(log, 12);
    view_log_jump(log, 13, 20);
    add(log, 20);
    add(log, 20);
    add(log, 21);
    assert_int_equal(after(log, 10), 4);
    assert_int_equal(after(log, 12), 3);
    assert_int_equal(after(log, 13), 3);
    for (int64_t revision = 14; revision < 20; revision++) {
        assert_int_equal(after(log, revision), -1);
    }
    assert_int_equal(after(log, 20), 1);
    view_log_jump(log, 25, 30); /* a listing without differences */
    assert_int_equal(after(log, 27), -1);
    assert_int_equal(after(log, 21), 0);
    assert_int_equal(after(log, 25), 0);
    assert_int_equal(after(log, 30), 0);
    view_log_jump(log, 30, 30);
    assert_int_equal(after(log, 10), 4);
    view_log_free(log);
}

/* A revision of which a part was dropped is not resumed from. */
static void old_changes_make_room(void **state)
{
    (void)state;
    struct view_log *log = view_log_new(3, 1 << 20);
    view_log_restart(log, 10);
    for (int64_t revision = 11; revision <= 300; revision++) {
        add(log, revision);
    }
    add(log, 300);
    assert_int_equal(after(log, 299), 2);
    assert_int_equal(after(log, 298), 3);
    assert_int_equal(after(log, 297), -1);
    add(log, 301);
    assert_int_equal(after(log, 298), -1);
    assert_int_equal(after(log, 299), 3);
    add(log, 302);
    assert_int_equal(after(log, 299), -1);
    assert_int_equal(after(log, 300), 2);
    view_log_free(log);
}

static void bytes_are_bounded(void **state)
{
    (void)state;
    struct view_entry *one = entry();
    size_t size = view_entry_size(one);
    struct view_log *log = view_log_new(1000, 5 * size);
    view_log_restart(log, 1);
    for (int64_t revision = 2; revision < 40; revision++) {
        add(log, revision);
    }
    assert_int_equal(after(log, 34), 5);
    assert_int_equal(after(log, 33), -1);
    view_log_restart(log, 50); /* what was dropped makes room for as much */
    for (int64_t revision = 51; revision <= 55; revision++) {
        add(log, revision);
        assert_int_equal(after(log, 50), revision - 50);
    }
    view_log_free(log);
    /* Where not even one change fits, no subscriber can resume from before it. */
    log = view_log_new(1000, 1);
    view_log_restart(log, 1);
    add(log, 2);
    assert_int_equal(after(log, 1), -1);
    assert_int_equal(after(log, 2), 0);
    view_log_free(log);
    view_entry_unref(one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_came_after_a_revision), cmocka_unit_test(what_came_after_a_place),
        cmocka_unit_test(a_jump_has_no_inside),       cmocka_unit_test(old_changes_make_room),
        cmocka_unit_test(bytes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
