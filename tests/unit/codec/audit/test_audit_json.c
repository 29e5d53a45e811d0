#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/base/error.h"
#include "outrider/codec/audit/audit_json.h"

#include <stdio.h>
#include <string.h>

#define ID "01HGW2BBG0ZZZZZZZZZZZZZZZZ"

static struct audit_entry some(void)
{
    struct audit_entry entry = {.id = ID, .when_wall = 1795227240123, .count = 1, .outcome = AUDIT_FAILED};
    entry.texts[AUDIT_WHO] = STR("olga");
    entry.texts[AUDIT_WHAT] = STR("drain");
    entry.texts[AUDIT_TARGET] = STR("world/w1");
    entry.texts[AUDIT_CODE] = STR("registry_away");
    return entry;
}

static void test_form(void **state)
{
    (void)state;
    struct audit_entry entry = some(), back;
    struct buf out = {0}, texts = {0};
    struct error err;
    audit_encode(&entry, &out);
    assert_string_equal(
        buf_text(&out),
        "{\"id\":\"" ID "\",\"when\":\"2026-11-21T02:14:00.123Z\",\"who\":\"olga\","
        "\"what\":\"drain\",\"target\":\"world/w1\",\"code\":\"registry_away\",\"outcome\":\"failed\"}");
    assert_int_equal(audit_decode(buf_view(&out), &texts, &back, &err), 0);
    buf_fini(&out); /* the texts are the buffer's */
    assert_string_equal(back.id, ID);
    assert_int_equal(back.when_wall, entry.when_wall);
    assert_int_equal(back.outcome, AUDIT_FAILED);
    assert_int_equal(back.count, 1);
    assert_true(str_eq(back.texts[AUDIT_TARGET], STR("world/w1")));
    assert_int_equal(back.texts[AUDIT_REASON].size, 0);
    buf_fini(&texts);
}

static void test_without_a_name(void **state)
{
    (void)state;
    struct audit_entry entry = {.id = ID, .when_wall = 1, .count = 17, .outcome = AUDIT_REFUSED};
    struct buf out = {0};
    audit_encode(&entry, &out);
    assert_non_null(
        strstr(buf_text(&out), "\"who\":null,\"what\":null,\"outcome\":\"refused\",\"count\":17}"));
    buf_fini(&out);
}

/* What a peer sends is on one line, and does nothing to a terminal. */
static void test_hostile_texts(void **state)
{
    (void)state;
    struct audit_entry entry = some(), back;
    struct buf out = {0}, texts = {0};
    struct error err;
    entry.texts[AUDIT_REASON] = STR("a\n{\"id\":1}\x1b[2J\xff \xe2\x80\xae<b>\"");
    audit_encode(&entry, &out);
    assert_null(strchr(buf_text(&out), '\n'));
    assert_null(strchr(buf_text(&out), '\x1b'));
    assert_int_equal(audit_decode(buf_view(&out), &texts, &back, &err), 0);
    assert_true(str_eq(back.texts[AUDIT_REASON], STR("a?{\"id\":1}?[2J? ?<b>\"")));
    buf_fini(&out);
    buf_fini(&texts);
}

/* Whatever it is given, a line has a limit, and can be read. */
static void test_giant_texts(void **state)
{
    (void)state;
    static char giant[1 << 20];
    struct audit_entry entry = some(), back;
    struct buf out = {0}, texts = {0};
    struct error err;
    memset(giant, '"', sizeof(giant));
    for (size_t i = 0; i < AUDIT_TEXTS; i++) {
        entry.texts[i] = (struct str){giant, sizeof(giant)};
    }
    audit_encode(&entry, &out);
    assert_true(out.size <= AUDIT_LINE_MAX);
    assert_int_equal(audit_decode(buf_view(&out), &texts, &back, &err), 0);
    for (size_t i = 0; i < AUDIT_TEXTS; i++) {
        assert_int_equal(back.texts[i].size, audit_text_rows[i].max);
    }
    buf_fini(&out);
    buf_fini(&texts);
}

/* The registry is written by others, too. */
static void test_read_texts_are_made_harmless(void **state)
{
    (void)state;
    struct audit_entry back;
    struct buf texts = {0};
    struct error err;
    assert_int_equal(
        audit_decode(STR("{\"id\":\"" ID "\",\"outcome\":\"ok\",\"who\":\"a\\u001bb\\nc\",\"new\":[1]}"),
                     &texts, &back, &err),
        0);
    assert_true(str_eq(back.texts[AUDIT_WHO], STR("a?b?c")));
    buf_fini(&texts);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *line, *error;
    } cases[] = {
        {"", "not JSON"},
        {"[]", "not a JSON object"},
        {"{}", "id: not a ULID"},
        {"{\"id\":\"x\",\"outcome\":\"ok\"}", "id: not a ULID"},
        {"{\"id\":\"" ID "\"}", "outcome: not ok, refused or failed"},
        {"{\"id\":\"" ID "\",\"outcome\":\"OK\"}", "outcome: not ok, refused or failed"},
        {"{\"id\":\"" ID "\",\"outcome\":\"ok\",\"count\":0}", "count"},
        {"{\"id\":\"" ID "\",\"outcome\":\"ok\",\"when\":\"now\"}", "when: not a time"},
        {"{\"id\":\"" ID "\",\"outcome\":\"ok\",\"reason\":{}}", "reason: not a string"},
        {"{\"id\":\"" ID "\",\"outcome\":\"o", "not JSON"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct audit_entry entry;
        struct buf texts = {0};
        struct error err = {0};
        assert_int_equal(audit_decode(str_of(cases[i].line), &texts, &entry, &err), -1);
        if (strstr(err.text, cases[i].error) == NULL) {
            fail_msg("%s: %s", cases[i].line, err.text);
        }
        buf_fini(&texts);
    }
}

static void test_csv(void **state)
{
    (void)state;
    struct audit_entry entry = some();
    struct buf out = {0};
    audit_csv_head(&out);
    assert_string_equal(buf_text(&out),
                        "id,when,who,role,how,from,session,agent,what,target,reason,before,after,"
                        "code,request,outcome,count\r\n");
    buf_clear(&out);
    entry.texts[AUDIT_WHO] = STR("=HYPERLINK(\"http://x\")");
    entry.texts[AUDIT_ROLE] = STR(" @x");
    entry.texts[AUDIT_HOW] = STR("\t=1");
    entry.texts[AUDIT_FROM] = STR("-1");
    entry.texts[AUDIT_SESSION] = STR("+1");
    entry.texts[AUDIT_REASON] = STR("a,b\r\nc=1");
    audit_csv_row(&entry, &out);
    assert_string_equal(
        buf_text(&out),
        ID ",2026-11-21T02:14:00.123Z,\"'=HYPERLINK(\"\"http://x\"\")\",\"' @x\",\"?=1\",\"'-1\",\"'+1\","
           "\"\",\"drain\",\"world/w1\",\"a,b??c=1\",\"\",\"\",\"registry_away\",\"\",failed,1\r\n");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_without_a_name),
        cmocka_unit_test(test_hostile_texts),
        cmocka_unit_test(test_giant_texts),
        cmocka_unit_test(test_read_texts_are_made_harmless),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_csv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
