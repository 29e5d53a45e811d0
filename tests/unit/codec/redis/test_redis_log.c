#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/codec/redis/redis_log.h"
#include "outrider/codec/redis/redis_reply.h"

#include "outrider/base/attr.h"

static struct redis_reply text(const char *text)
{
    return (struct redis_reply){.type = REDIS_IS_STRING, .text = str_of(text)};
}

static struct redis_reply list(struct redis_reply *items, size_t count)
{
    return (struct redis_reply){.type = REDIS_IS_ARRAY, .items = items, .count = count};
}

/* ---- what an answer begins with ---- */

static int head_of(const char *id, const char *epoch, const char *revision, struct redis_log_head *head)
{
    struct redis_reply items[] = {text(id), text(epoch), text(revision)};
    struct redis_reply reply = list(items, COUNT_OF(items));
    return redis_log_head_read(&reply, head);
}

static void an_answer_says_which_store_it_is_of(void **state)
{
    (void)state;
    struct redis_log_head head;
    assert_int_equal(head_of("9223372036854775807", "3", "1048577", &head), 0);
    assert_true(head.cluster == UINT64_C(9223372036854775807));
    assert_int_equal(head.epoch, 3);
    assert_int_equal(head.revision, 1048577);
}

static void what_names_no_store_is_no_answer(void **state)
{
    (void)state;
    struct redis_log_head head;
    assert_int_equal(head_of("0", "1", "1", &head), -1);
    assert_int_equal(head_of("7", "0", "1", &head), -1);
    assert_int_equal(head_of("7", "1", "0", &head), -1);
    assert_int_equal(head_of("7", "1", "4611686018427387904", &head), -1); /* above the largest revision */
    assert_int_equal(head_of("7", "1", "1e+15", &head), -1);
    assert_int_equal(head_of("-7", "1", "1", &head), -1);
    struct redis_reply nil[3] = {{.type = REDIS_IS_NIL}, {.type = REDIS_IS_NIL}, {.type = REDIS_IS_NIL}};
    struct redis_reply empty = list(nil, 3), few = list(nil, 2), status = text("OK");
    assert_int_equal(redis_log_head_read(&empty, &head), -1);
    assert_int_equal(redis_log_head_read(&few, &head), -1);
    assert_int_equal(redis_log_head_read(&status, &head), -1);
}

/* ---- a key ---- */

static void a_key_is_unpacked(void **state)
{
    (void)state;
    struct registry_kv kv;
    assert_int_equal(redis_log_packed_read(STR("17 12 ab00000000000000cd\na\nb\0c"), &kv), 0);
    assert_true(kv.found);
    assert_int_equal(kv.mod_revision, 17);
    assert_int_equal(kv.create_revision, 12);
    assert_int_equal(kv.lease.hi, 0xab);
    assert_int_equal(kv.lease.lo, 0xcd);
    assert_true(str_eq(kv.value, STR("a\nb\0c")));
    assert_int_equal(redis_log_packed_read(STR("2 2 0\n"), &kv), 0);
    assert_true(kv.found && registry_lease_is_none(kv.lease) && kv.value.size == 0);
    assert_int_equal(redis_log_packed_read(STR(""), &kv), 0);
    assert_false(kv.found);
}

static void what_others_store_is_no_key(void **state)
{
    (void)state;
    static const char *const foreign[] = {"x",         "1 1 0",     "2 1\nv",  "1 2 0\nv",  "2 0 0\nv",
                                          "2 1 00\nv", "2 1 g\nv",  "2  0\nv", " 2 1 0\nv", "2 1 0 \nv",
                                          "\n",        "-2 1 0\nv", "2 1 -\nv"};
    struct registry_kv kv;
    for (size_t i = 0; i < COUNT_OF(foreign); i++) {
        assert_int_equal(redis_log_packed_read(str_of(foreign[i]), &kv), -1);
    }
}

/* ---- the stream ---- */

static int entry_of(const char *id, const char *const words[], size_t count, struct redis_log_entry *entry)
{
    struct redis_reply fields[16], items[2];
    for (size_t i = 0; i < count; i++) {
        fields[i] = text(words[i]);
    }
    items[0] = text(id);
    items[1] = list(fields, count);
    struct redis_reply reply = list(items, 2);
    return redis_log_entry_read(&reply, entry);
}

static void an_entry_is_a_change(void **state)
{
    (void)state;
    struct redis_log_entry entry;
    const char *const put[] = {"o", "p", "k", "/a", "p", "5", "c", "3", "l", "ff", "v", "value"};
    assert_int_equal(entry_of("9-0", put, COUNT_OF(put), &entry), 0);
    assert_int_equal(entry.kind, REDIS_LOG_CHANGE);
    assert_int_equal(entry.revision, 9);
    assert_int_equal(entry.previous, 5);
    assert_false(entry.more);
    assert_false(entry.change.deleted);
    assert_int_equal(entry.change.mod_revision, 9);
    assert_int_equal(entry.change.create_revision, 3);
    assert_int_equal(entry.change.lease.lo, 0xff);
    assert_true(str_eq(entry.change.key, STR("/a")));
    assert_true(str_eq(entry.change.value, STR("value")));
    const char *const delete[] = {"o", "d+", "k", "/a", "p", "9", "c", "0", "l", "0", "v", ""};
    assert_int_equal(entry_of("10-3", delete, COUNT_OF(delete), &entry), 0);
    assert_true(entry.change.deleted);
    assert_true(entry.more);
    const char *const epoch[] = {"o", "e"};
    assert_int_equal(entry_of("1048586-0", epoch, COUNT_OF(epoch), &entry), 0);
    assert_int_equal(entry.kind, REDIS_LOG_EPOCH);
    assert_int_equal(entry.revision, 1048586);
}

/* Each differs in one word from an entry that is one. */
static void what_others_add_is_no_entry(void **state)
{
    (void)state;
    static const char *const wrong[][12] = {
        {"o", "x", "k", "/a", "p", "5", "c", "3", "l", "0", "v", "v"},
        {"o", "p-", "k", "/a", "p", "5", "c", "3", "l", "0", "v", "v"},
        {"o", "", "k", "/a", "p", "5", "c", "3", "l", "0", "v", "v"},
        {"o", "p", "k", "", "p", "5", "c", "3", "l", "0", "v", "v"},
        {"o", "p", "k", "/a", "p", "9", "c", "3", "l", "0", "v", "v"},  /* it was newer before */
        {"o", "p", "k", "/a", "p", "5", "c", "10", "l", "0", "v", "v"}, /* made after it was changed */
        {"o", "p", "k", "/a", "p", "5", "c", "0", "l", "0", "v", "v"},
        {"o", "d", "k", "/a", "p", "5", "c", "0", "l", "0", "v", "v"}, /* deleted, with a value */
        {"o", "d", "k", "/a", "p", "5", "c", "3", "l", "0", "v", ""},
        {"o", "p", "k", "/a", "p", "5", "c", "3", "l", "z", "v", "v"},
        {"o", "p", "key", "/a", "p", "5", "c", "3", "l", "0", "v", "v"},
    };
    struct redis_log_entry entry;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(entry_of("9-0", wrong[i], 12, &entry), -1);
    }
    const char *const put[] = {"o", "p", "k", "/a", "p", "5", "c", "3", "l", "0", "v", "v"};
    static const char *const ids[] = {"9", "9-", "-0", "0-0", "9-0-0", "a-0", ""};
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        assert_int_equal(entry_of(ids[i], put, 12, &entry), -1);
    }
    assert_int_equal(entry_of("9-0", put, 10, &entry), -1);
    assert_int_equal(entry_of("9-0", put, 0, &entry), -1);
    struct redis_reply nil = {.type = REDIS_IS_NIL};
    assert_int_equal(redis_log_entry_read(&nil, &entry), -1);
}

/* ---- channels ---- */

static void a_message_is_a_change_of_its_key(void **state)
{
    (void)state;
    struct redis_log_entry entry;
    assert_int_equal(redis_log_message_read(STR("/a"), STR("9-1 p+ 5 3 ff\nva\nlue"), &entry), 0);
    assert_true(str_eq(entry.change.key, STR("/a")));
    assert_true(str_eq(entry.change.value, STR("va\nlue")));
    assert_int_equal(entry.revision, 9);
    assert_int_equal(entry.previous, 5);
    assert_true(entry.more);
    assert_int_equal(redis_log_message_read(STR("/a"), STR("9-0 d 5 0 0\n"), &entry), 0);
    assert_true(entry.change.deleted);
    assert_int_equal(redis_log_message_read(STR(""), STR("e"), &entry), 0);
    assert_int_equal(entry.kind, REDIS_LOG_EPOCH);
}

static void what_others_send_is_no_message(void **state)
{
    (void)state;
    static const char *const foreign[] = {
        "",  "hello", "9-0 p 5 3 0", "9-0 p 5 3\nv", "9 p 5 3 0\nv", "9-0 p 5 3 0 \nv", "9-0 p 10 3 0\nv",
        "\n"};
    struct redis_log_entry entry;
    for (size_t i = 0; i < COUNT_OF(foreign); i++) {
        assert_int_equal(redis_log_message_read(STR("/a"), str_of(foreign[i]), &entry), -1);
    }
    assert_int_equal(redis_log_message_read(STR(""), STR("9-0 p 5 3 0\nv"), &entry), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_says_which_store_it_is_of),
        cmocka_unit_test(what_names_no_store_is_no_answer),
        cmocka_unit_test(a_key_is_unpacked),
        cmocka_unit_test(what_others_store_is_no_key),
        cmocka_unit_test(an_entry_is_a_change),
        cmocka_unit_test(what_others_add_is_no_entry),
        cmocka_unit_test(a_message_is_a_change_of_its_key),
        cmocka_unit_test(what_others_send_is_no_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
