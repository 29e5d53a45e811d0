#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/record/control_json.h"
#include "outrider/core/server/hold.h"

#include <stdlib.h>

static void test_form(void **state)
{
    (void)state;
    struct hold hold = {.set = true,
                        .reason = "patch \"1.4\"",
                        .by = "api uid 0",
                        .since_wall = 1795227240123,
                        .deadline_wall = 1795229040123,
                        .expires_wall = 1795232640000};
    struct buf out = {0};
    control_encode(&hold, &out);
    assert_string_equal(buf_text(&out),
                        "{\"hold\":{\"reason\":\"patch \\\"1.4\\\"\",\"by\":\"api uid 0\","
                        "\"since\":\"2026-11-21T02:14:00.123Z\",\"deadline\":\"2026-11-21T02:44:00.123Z\","
                        "\"expires\":\"2026-11-21T03:44:00.000Z\"}}");
    struct error err;
    struct hold back;
    assert_int_equal(control_decode(buf_view(&out), &back, &err), 0);
    assert_true(back.set);
    assert_string_equal(back.reason, hold.reason);
    assert_string_equal(back.by, hold.by);
    assert_int_equal(back.since_wall, hold.since_wall);
    assert_int_equal(back.deadline_wall, hold.deadline_wall);
    assert_int_equal(back.expires_wall, hold.expires_wall);
    assert_int_equal(back.deadline_mono, NEVER_MS);
    buf_fini(&out);
}

static void test_lifted(void **state)
{
    (void)state;
    struct hold hold = {.set = false, .reason = "of before"}, back = {.set = true};
    struct buf out = {0};
    struct error err;
    control_encode(&hold, &out);
    assert_string_equal(buf_text(&out), "{\"hold\":null}");
    assert_int_equal(control_decode(buf_view(&out), &back, &err), 0);
    assert_false(back.set);
    buf_fini(&out);
}

/* What people type. */
static void test_by_hand(void **state)
{
    (void)state;
    static const char *const values[] = {"{\"hold\":{\"reason\":\"x\"}}", "\xef\xbb\xbf{\"hold\":{}}",
                                         " { \"hold\" : { } } ",
                                         "{\"hold\":{\"reason\":\"x\",\"ticket\":7},\"owner\":\"ops\"}",
                                         "{\"hold\":{\"since\":\"2026-11-21T02:14:00Z\",\"by\":null}}"};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct error err;
        struct hold hold;
        assert_int_equal(control_decode(str_of(values[i]), &hold, &err), 0);
        assert_true(hold.set);
    }
}

/* 0 means that there is none: a moment that long ago must not read as that. */
static void test_times_of_long_ago(void **state)
{
    (void)state;
    static const struct {
        const char *time;
        int64_t wall;
    } rows[] = {{"1970-01-01T00:00:00Z", 1},
                {"1970-01-01T00:00:00.000Z", 1},
                {"1970-01-01T00:00:00.0009Z", 1},
                {"1970-01-01T00:00:00.002Z", 2},
                {"1969-12-31T23:59:59.999Z", 1},
                {"0000-01-01T00:00:00Z", 1},
                {"9999-12-31T23:59:59.999Z", INT64_C(253402300799999)}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct error err;
        struct hold hold;
        struct buf text = {0};
        buf_printf(&text, "{\"hold\":{\"since\":\"%s\",\"deadline\":\"%s\",\"expires\":\"%s\"}}",
                   rows[i].time, rows[i].time, rows[i].time);
        assert_int_equal(control_decode(buf_view(&text), &hold, &err), 0);
        assert_int_equal(hold.since_wall, rows[i].wall);
        assert_int_equal(hold.deadline_wall, rows[i].wall);
        assert_int_equal(hold.expires_wall, rows[i].wall);
        buf_fini(&text);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *value, *error;
    } cases[] = {
        {"", "not JSON"},
        {"drain please", "not JSON"},
        {"[]", "not a JSON object"},
        {"{}", "hold: missing; it is an object, or null to lift it"},
        {"{\"drain\":true}", "hold: missing"},
        {"{\"hold\":true}", "hold: not an object"},
        {"{\"hold\":\"drain\"}", "hold: not an object"},
        {"{\"hold\":{\"reason\":7}}", "hold: reason: not a string"},
        {"{\"hold\":{\"reason\":\"a\\nb\"}}", "hold: reason: control characters are not allowed"},
        {"{\"hold\":{\"expires\":\"2h\"}}", "hold: expires: not a time like 2026-11-21T02:14:00.123Z"},
        {"{\"hold\":{\"deadline\":1795227240}}", "hold: deadline: not a string"},
        {"{\"hold\":null,\"hold\":{}}", "not JSON"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err;
        struct hold hold = {.since_wall = 42};
        assert_int_equal(control_decode(str_of(cases[i].value), &hold, &err), -1);
        assert_int_equal(err.code, ERROR_INVALID);
        if (strstr(err.text, cases[i].error) == NULL) {
            fail_msg("%s: %s, not %s", cases[i].value, err.text, cases[i].error);
        }
        assert_int_equal(hold.since_wall, 42);
    }
}

static void test_limits(void **state)
{
    (void)state;
    struct hold hold;
    struct error err;
    struct buf text = {0};
    buf_printf(&text, "{\"hold\":{\"reason\":\"%0*d\"}}", HOLD_REASON_MAX, 7);
    assert_int_equal(control_decode(buf_view(&text), &hold, &err), 0);
    buf_clear(&text);
    buf_printf(&text, "{\"hold\":{\"reason\":\"%0*d\"}}", HOLD_REASON_MAX + 1, 7);
    assert_int_equal(control_decode(buf_view(&text), &hold, &err), -1);
    assert_int_equal(err.code, ERROR_LIMIT);
    buf_clear(&text);
    buf_printf(&text, "{\"hold\":null,\"more\":\"%0*d\"}", CONTROL_MAX, 7);
    assert_int_equal(control_decode(buf_view(&text), &hold, &err), -1);
    assert_int_equal(err.code, ERROR_LIMIT);
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form),    cmocka_unit_test(test_lifted),
        cmocka_unit_test(test_by_hand), cmocka_unit_test(test_times_of_long_ago),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
