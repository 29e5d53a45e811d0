#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/state/session_journal.h"

static const struct session_change changes[] = {
    {.kind = SESSION_CHANGE_PUT,
     .session = {.id = STR_INIT("s1"),
                 .player = STR_INIT("p\xc3\xa4 1"),
                 .server = STR_INIT("world/w1"),
                 .data = STR_INIT("{\"a\":1}"),
                 .created_ms = 1795227240001,
                 .touched_ms = 1795227240002,
                 .expires_ms = 1795227240003},
     .until_ms = 1795227240004},
    {.kind = SESSION_CHANGE_TOUCH,
     .session = {.id = STR_INIT("s1"), .touched_ms = 1795227240005, .expires_ms = 1795227240006}},
    {.kind = SESSION_CHANGE_END, .session = {.id = STR_INIT("s1")}},
    {.kind = SESSION_CHANGE_ORPHAN,
     .session = {.server = STR_INIT("world/w1"), .touched_ms = 1795227240007},
     .until_ms = 1795227240008},
    {.kind = SESSION_CHANGE_RESTORE,
     .session = {.server = STR_INIT("world/w1"), .touched_ms = 1795227240009}},
};

static void compare(const struct session_change *is, const struct session_change *was)
{
    assert_int_equal(is->kind, was->kind);
    assert_true(str_eq(is->session.id, was->session.id));
    assert_true(str_eq(is->session.player, was->session.player));
    assert_true(str_eq(is->session.server, was->session.server));
    assert_true(str_eq(is->session.data, was->session.data));
    assert_int_equal(is->session.created_ms, was->session.created_ms);
    assert_int_equal(is->session.touched_ms, was->session.touched_ms);
    assert_int_equal(is->session.expires_ms, was->session.expires_ms);
    assert_int_equal(is->until_ms, was->until_ms);
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    struct buf out = {0};
    struct error err;
    session_journal_begin(&out);
    assert_int_equal(out.size, SESSION_JOURNAL_HEAD_SIZE);
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        session_journal_add(&changes[i], out.size, &out);
    }
    assert_int_equal(session_journal_check(buf_view(&out), &err), 0);
    size_t at = SESSION_JOURNAL_HEAD_SIZE, used = 0;
    for (size_t i = 0; i < COUNT_OF(changes); i++, at += used) {
        struct session_change change;
        struct str rest = {out.data + at, out.size - at};
        assert_int_equal(session_journal_read(rest, at, &change, &used), SESSION_JOURNAL_CHANGE);
        compare(&change, &changes[i]);
    }
    assert_int_equal(at, out.size);
    buf_fini(&out);
}

static void each_cut_is_short_and_each_flip_is_damage(void **state)
{
    (void)state;
    struct buf out = {0};
    struct session_change change;
    size_t used;
    session_journal_add(&changes[0], 1000, &out);
    for (size_t size = 0; size < out.size; size++) {
        assert_int_equal(session_journal_read((struct str){out.data, size}, 1000, &change, &used),
                         SESSION_JOURNAL_SHORT);
    }
    for (size_t i = 0; i < out.size * 8; i++) {
        out.data[i / 8] = (char)(out.data[i / 8] ^ 1 << i % 8);
        assert_int_not_equal(session_journal_read(buf_view(&out), 1000, &change, &used),
                             SESSION_JOURNAL_CHANGE);
        out.data[i / 8] = (char)(out.data[i / 8] ^ 1 << i % 8);
    }
    /* A record of another place. */
    assert_int_equal(session_journal_read(buf_view(&out), 1001, &change, &used), SESSION_JOURNAL_DAMAGED);
    assert_int_equal(session_journal_read(buf_view(&out), 1000, &change, &used), SESSION_JOURNAL_CHANGE);
    buf_fini(&out);
}

static void what_no_change_can_be_is_damage(void **state)
{
    (void)state;
    struct session_change bad[6];
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        bad[i] = changes[0];
    }
    bad[0].session.id = STR("");
    bad[1].session.player = STR("a\0b");
    bad[2].session.server = STR("world");
    bad[3].session.expires_ms = INT64_MIN;
    bad[4].kind = (enum session_change_kind)17;
    bad[5].kind = SESSION_CHANGE_NONE;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct buf out = {0};
        struct session_change change;
        size_t used;
        session_journal_add(&bad[i], 5, &out);
        assert_int_equal(session_journal_read(buf_view(&out), 5, &change, &used), SESSION_JOURNAL_DAMAGED);
        buf_fini(&out);
    }
}

static void another_file_is_none(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(session_journal_check(STR("outrider view\n something longer"), &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    assert_int_equal(session_journal_check(STR("outrider sessions\n\2\0\0\0"), &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(session_journal_check(STR("outrider sessions\n\1\0\0"), &err), -1);
    assert_int_equal(session_journal_check(STR("outrider sessions\n\1\0\0\0"), &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(each_cut_is_short_and_each_flip_is_damage),
        cmocka_unit_test(what_no_change_can_be_is_damage),
        cmocka_unit_test(another_file_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
