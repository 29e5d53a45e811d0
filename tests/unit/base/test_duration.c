#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/duration.h"

static const struct {
    const char *text;
    int64_t ms;
} spans[] = {
    {"0ms", 0},
    {"0s", 0},
    {"1ms", 1},
    {"500ms", 500},
    {"10s", 10000},
    {"010s", 10000},
    {"5m", 300000},
    {"1h", 3600000},
    {"87600h", 315360000000},
    {"5256000m", 315360000000},
    {"315360000s", 315360000000},
    {"315360000000ms", 315360000000},
};

static void spans_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(spans); i++) {
        int64_t ms = -1;
        assert_int_equal(duration_parse(str_of(spans[i].text), &ms), 0);
        assert_int_equal(ms, spans[i].ms);
    }
}

static const struct str no_spans[] = {
    STR_INIT(""),
    STR_INIT("10"),
    STR_INIT("s"),
    STR_INIT("ms"),
    STR_INIT("-1s"),
    STR_INIT("+1s"),
    STR_INIT("1.5s"),
    STR_INIT(" 1s"),
    STR_INIT("1s "),
    STR_INIT("1 s"),
    STR_INIT("1S"),
    STR_INIT("1d"),
    STR_INIT("1sec"),
    STR_INIT("1m30s"),
    STR_INIT("0x1s"),
    STR_INIT("1s\0"),
    STR_INIT("87601h"),
    STR_INIT("5256001m"),
    STR_INIT("1us"),
    STR_INIT("\xc2\xb5s"),
    STR_INIT("1mss"),
    STR_INIT("1\0s"),
    STR_INIT("315360001s"),
    STR_INIT("315360000001ms"),
    STR_INIT("99999999999999999999999999s"),
    STR_INIT("18446744073709551616ms"),
    STR_INIT("9223372036854775807h"),
};

static void what_is_no_span_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(no_spans); i++) {
        int64_t ms = 77;
        assert_int_equal(duration_parse(no_spans[i], &ms), -1);
        assert_int_equal(ms, 77);
    }
    int64_t ms = 77;
    assert_int_equal(duration_parse((struct str){NULL, 0}, &ms), -1);
}

static const struct {
    int64_t ms;
    const char *exact, *human;
} written[] = {
    {0, "0s", "0.0 s"},
    {1, "1ms", "0.0 s"},
    {400, "400ms", "0.4 s"},
    {999, "999ms", "0.9 s"},
    {1000, "1s", "1.0 s"},
    {1500, "1500ms", "1.5 s"},
    {9999, "9999ms", "9.9 s"},
    {10000, "10s", "10 s"},
    {59999, "59999ms", "59 s"},
    {60000, "1m", "1 min 0 s"},
    {90000, "90s", "1 min 30 s"},
    {300000, "5m", "5 min 0 s"},
    {3599999, "3599999ms", "59 min 59 s"},
    {3600000, "1h", "1 h 0 min"},
    {7800000, "130m", "2 h 10 min"},
    {315360000000, "87600h", "87600 h 0 min"},
    {-1500, "-1500ms", "0.0 s"},
    {INT64_MAX, "9223372036854775807ms", "2562047788015 h 12 min"},
    {INT64_MIN, "-9223372036854775808ms", "0.0 s"},
};

static void spans_are_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(written); i++) {
        char exact[24], human[32];
        assert_string_equal(duration_format(written[i].ms, exact), written[i].exact);
        assert_string_equal(duration_human(written[i].ms, human), written[i].human);
        int64_t ms;
        if (written[i].ms >= 0 && written[i].ms < INT64_MAX) {
            assert_int_equal(duration_parse(str_of(exact), &ms), 0);
            assert_int_equal(ms, written[i].ms);
        }
    }
}

/* The numbers are those of date -u -d TEXT +%s. */
static const struct {
    int64_t ms;
    const char *text;
} moments[] = {
    {0, "1970-01-01T00:00:00.000Z"},
    {1, "1970-01-01T00:00:00.001Z"},
    {-1, "1969-12-31T23:59:59.999Z"},
    {1795227240123, "2026-11-21T02:14:00.123Z"},
    {951782399999, "2000-02-28T23:59:59.999Z"},
    {951782400000, "2000-02-29T00:00:00.000Z"},
    {951868800000, "2000-03-01T00:00:00.000Z"},
    {1709164800000, "2024-02-29T00:00:00.000Z"},
    {1735603200000, "2024-12-31T00:00:00.000Z"},
    {1735689599999, "2024-12-31T23:59:59.999Z"},
    {1735689600000, "2025-01-01T00:00:00.000Z"},
    {4107542400000, "2100-03-01T00:00:00.000Z"},
    {-2203891200000, "1900-03-01T00:00:00.000Z"},
    {253402300799999, "9999-12-31T23:59:59.999Z"},
    {-62167219200000, "0000-01-01T00:00:00.000Z"},
};

static void moments_go_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(moments); i++) {
        char text[32];
        int64_t ms = 77;
        assert_string_equal(timestamp_format(moments[i].ms, text), moments[i].text);
        assert_int_equal(timestamp_parse(str_of(moments[i].text), &ms), 0);
        assert_int_equal(ms, moments[i].ms);
    }
}

static void every_day_of_eight_centuries_follows_the_one_before(void **state)
{
    (void)state;
    char text[32], before[32] = "";
    for (int64_t day = -146097; day < 146097; day++) {
        int64_t ms;
        timestamp_format(day * 86400000, text);
        assert_true(strcmp(before, text) < 0);
        assert_int_equal(timestamp_parse(str_of(text), &ms), 0);
        assert_int_equal(ms, day * 86400000);
        memcpy(before, text, sizeof(before));
    }
}

static void the_ends_of_time_fit(void **state)
{
    (void)state;
    char text[32];
    assert_string_equal(timestamp_format(INT64_MAX, text), "292278994-08-17T07:12:55.807Z");
    assert_string_equal(timestamp_format(INT64_MIN, text), "-292275055-05-16T16:47:04.192Z");
}

static void fractions_are_optional_and_cut(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {{"1970-01-01T00:00:01Z", 1000},
                {"1970-01-01T00:00:01.5Z", 1500},
                {"1970-01-01T00:00:01.05Z", 1050},
                {"1970-01-01T00:00:01.123456789Z", 1123},
                {"1970-01-01T00:00:01.9999999999999999999999999Z", 1999}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t ms;
        assert_int_equal(timestamp_parse(str_of(rows[i].text), &ms), 0);
        assert_int_equal(ms, rows[i].ms);
    }
}

static const struct str no_moments[] = {
    STR_INIT(""),
    STR_INIT("Z"),
    STR_INIT("2026-11-21"),
    STR_INIT("2026-11-21T02:14:00"),
    STR_INIT("2026-11-21T02:14:00.Z"),
    STR_INIT("2026-11-21T02:14:00.123"),
    STR_INIT("2026-11-21T02:14:00.12x"),
    STR_INIT("2026-11-21T02:14:00,123Z"),
    STR_INIT("2026-11-21T02:14:00+00:00"),
    STR_INIT("2026-11-21T02:14:00z"),
    STR_INIT("2026-11-21t02:14:00Z"),
    STR_INIT("2026-11-21 02:14:00Z"),
    STR_INIT("2026-11-21T02:14:00Z "),
    STR_INIT("2026-11-21T02:14:00Z\0"),
    STR_INIT(" 2026-11-21T02:14:00Z"),
    STR_INIT("2026-1-21T02:14:00Z"),
    STR_INIT("26-11-21T02:14:00Z"),
    STR_INIT("+026-11-21T02:14:00Z"),
    STR_INIT("-026-11-21T02:14:00Z"),
    STR_INIT("2026-00-21T02:14:00Z"),
    STR_INIT("2026-13-21T02:14:00Z"),
    STR_INIT("2026-11-00T02:14:00Z"),
    STR_INIT("2026-11-31T02:14:00Z"),
    STR_INIT("2026-12-32T02:14:00Z"),
    STR_INIT("2026-02-29T02:14:00Z"),
    STR_INIT("2024-02-30T02:14:00Z"),
    STR_INIT("1900-02-29T00:00:00Z"),
    STR_INIT("2026-11-21T24:00:00Z"),
    STR_INIT("2026-11-21T02:60:00Z"),
    STR_INIT("2026-11-21T02:14:60Z"),
};

static void what_is_no_moment_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(no_moments); i++) {
        int64_t ms = 77;
        assert_int_equal(timestamp_parse(no_moments[i], &ms), -1);
        assert_int_equal(ms, 77);
    }
    int64_t ms = 77;
    assert_int_equal(timestamp_parse((struct str){NULL, 0}, &ms), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_are_read),
        cmocka_unit_test(what_is_no_span_is_refused),
        cmocka_unit_test(spans_are_written),
        cmocka_unit_test(moments_go_both_ways),
        cmocka_unit_test(every_day_of_eight_centuries_follows_the_one_before),
        cmocka_unit_test(the_ends_of_time_fit),
        cmocka_unit_test(fractions_are_optional_and_cut),
        cmocka_unit_test(what_is_no_moment_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
