#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/record/leader_json.h"
#include "outrider/core/leader/candidate.h"

#include <stdio.h>

static void test_form(void **state)
{
    (void)state;
    struct candidate candidate = {
        .type = "world", .id = "w\"1", .host = "10.0.0.7", .since_wall = 1795227240123};
    struct candidate back;
    struct error err;
    struct buf out = {0};
    leader_encode(&candidate, &out);
    assert_string_equal(buf_text(&out), "{\"type\":\"world\",\"id\":\"w\\\"1\",\"host\":\"10.0.0.7\","
                                        "\"since\":\"2026-11-21T02:14:00.123Z\"}");
    assert_int_equal(leader_decode(buf_view(&out), &back, &err), 0);
    assert_string_equal(back.type, candidate.type);
    assert_string_equal(back.id, candidate.id);
    assert_string_equal(back.host, candidate.host);
    assert_int_equal(back.since_wall, candidate.since_wall);
    buf_clear(&out);
    leader_encode(&(struct candidate){.type = "lock", .id = "a"}, &out);
    assert_string_equal(buf_text(&out), "{\"type\":\"lock\",\"id\":\"a\"}");
    assert_int_equal(leader_decode(buf_view(&out), &back, &err), 0);
    assert_string_equal(back.host, "");
    assert_int_equal(back.since_wall, 0);
    buf_fini(&out);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *value, *error;
    } cases[] = {
        {"", "not JSON"},
        {"w1", "not JSON"},
        {"[]", "not a JSON object"},
        {"{}", "type: missing or empty"},
        {"{\"type\":\"world\"}", "id: missing or empty"},
        {"{\"type\":\"world\",\"id\":null}", "id: missing or empty"},
        {"{\"type\":\"\",\"id\":\"w1\"}", "type: missing or empty"},
        {"{\"type\":7,\"id\":\"w1\"}", "type: not a string"},
        {"{\"type\":\"world\",\"id\":\"w\\u001b[2J\"}", "id: control characters are not allowed"},
        {"{\"type\":\"world\",\"id\":\"w\\u202e1\"}", "id: control characters are not allowed"},
        {"{\"type\":\"world\",\"id\":\"w1\",\"host\":\"a\\nb\"}", "host: control characters are not allowed"},
        {"{\"type\":\"world\",\"id\":\"w1\",\"since\":7}", "since: not a string"},
        {"{\"type\":\"world\",\"id\":\"w1\",\"since\":\"now\"}", "since: not a time like"},
        {"{\"type\":\"world\",\"type\":\"town\",\"id\":\"w1\"}", "not JSON"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err;
        struct candidate candidate = {.since_wall = 42};
        assert_int_equal(leader_decode(str_of(cases[i].value), &candidate, &err), -1);
        assert_int_equal(err.code, ERROR_INVALID);
        if (strstr(err.text, cases[i].error) == NULL) {
            fail_msg("%s: %s, not %s", cases[i].value, err.text, cases[i].error);
        }
        assert_int_equal(candidate.since_wall, 42);
    }
}

static void test_limits(void **state)
{
    (void)state;
    static const struct {
        int id, more, result;
    } rows[] = {{CANDIDATE_TEXT_MAX, 1, 0}, {CANDIDATE_TEXT_MAX + 1, 1, -1}, {1, LEADER_VALUE_MAX, -1}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct candidate candidate;
        struct error err = {0};
        struct buf text = {0};
        buf_printf(&text, "{\"type\":\"world\",\"id\":\"%0*d\",\"more\":\"%0*d\"}", rows[i].id, 7,
                   rows[i].more, 7);
        assert_int_equal(leader_decode(buf_view(&text), &candidate, &err), rows[i].result);
        assert_int_equal(err.code, rows[i].result < 0 ? ERROR_LIMIT : ERROR_NONE);
        buf_fini(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_form), cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
