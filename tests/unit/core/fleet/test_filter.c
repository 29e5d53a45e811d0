#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/core/fleet/view_entry.h"

#include <stdio.h>
#include <string.h>

static struct view_entry *entry(unsigned status, const char *region)
{
    struct view_entry_facts facts = {.status = status,
                                     .fields = {[VIEW_REGION] = str_of(region), [VIEW_ZONE] = STR("kr-a")},
                                     .tags = {STR("pvp"), STR("eu")},
                                     .tag_count = 2,
                                     .labels = {{STR("map"), STR("harbor")}, {STR("mode"), STR("ctf")}},
                                     .label_count = 2};
    struct view_place place = {.key = STR("/s/world/1"), .prefix_size = 2, .mod_revision = 5};
    return view_entry_new(&place, STR("{}"), &facts);
}

static void add(struct filter *filter, const char *name, const char *value)
{
    struct error err = {0};
    assert_int_equal(filter_add(filter, str_of(name), str_of(value), &err), 0);
}

static bool passes(const char *name, const char *value)
{
    struct filter *filter = filter_new();
    struct view_entry *one = entry(STATUS_READY, "kr");
    add(filter, name, value);
    bool result = filter_matches(filter, one);
    view_entry_unref(one);
    filter_free(filter);
    return result;
}

static void each_parameter_matches_its_field(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
        bool passes;
    } rows[] = {
        {"type", "world", true},       {"type", "worl", false},
        {"type", "1", false},          {"status", "ready", true},
        {"status", "draining", false}, {"region", "kr", true},
        {"region", "k", false},        {"zone", "kr-a", true},
        {"zone", "kr-b", false},       {"group", "main", false},
        {"tag", "pvp", true},          {"tag", "eu", true},
        {"tag", "pve", false},         {"label.map", "harbor", true},
        {"label.map", "ctf", false},   {"label.other", "harbor", false},
        {"region", "", true},          {"label.other", "", true},
        {"include", "offline", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(passes(rows[i].name, rows[i].value), rows[i].passes);
    }
}

static void all_parameters_must_hold(void **state)
{
    (void)state;
    struct filter *filter = filter_new();
    struct view_entry *one = entry(STATUS_READY, "kr");
    assert_true(filter_is_empty(filter));
    assert_true(filter_matches(filter, one));
    assert_true(filter_matches(NULL, one));
    assert_false(filter_matches(filter, NULL));
    add(filter, "tag", "eu");
    add(filter, "tag", "pvp");
    add(filter, "label.mode", "ctf");
    assert_true(filter_matches(filter, one));
    assert_false(filter_is_empty(filter));
    add(filter, "tag", "pve");
    assert_false(filter_matches(filter, one));
    view_entry_unref(one);
    filter_free(filter);
    filter_free(NULL);
}

static void what_a_change_means(void **state)
{
    (void)state;
    struct filter *filter = filter_new();
    struct view_entry *here = entry(STATUS_READY, "kr"), *there = entry(STATUS_READY, "jp");
    add(filter, "region", "kr");
    assert_int_equal(filter_news(filter, NULL, here), FILTER_UPDATE);
    assert_int_equal(filter_news(filter, there, here), FILTER_UPDATE);
    assert_int_equal(filter_news(filter, here, here), FILTER_UPDATE);
    assert_int_equal(filter_news(filter, here, there), FILTER_REMOVE);
    assert_int_equal(filter_news(filter, here, NULL), FILTER_REMOVE);
    assert_int_equal(filter_news(filter, there, NULL), FILTER_NOTHING);
    assert_int_equal(filter_news(filter, NULL, there), FILTER_NOTHING);
    assert_int_equal(filter_news(NULL, there, NULL), FILTER_REMOVE);
    view_entry_unref(here);
    view_entry_unref(there);
    filter_free(filter);
}

static void wrong(const char *name, const char *value, enum error_code code, const char *text)
{
    struct filter *filter = filter_new();
    struct error err = {0};
    add(filter, "type", "world");
    assert_int_equal(filter_add(filter, str_of(name), str_of(value), &err), -1);
    assert_int_equal(err.code, code);
    assert_non_null(strstr(err.text, text));
    filter_free(filter);
}

static void errors_name_the_parameter(void **state)
{
    (void)state;
    char longest[400];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    wrong("typ", "world", ERROR_INVALID, "unknown parameter `typ`: this path takes type, status,");
    wrong("", "", ERROR_INVALID, "unknown parameter ``");
    wrong("label.", "x", ERROR_INVALID, "unknown parameter `label.`");
    wrong("type", "other", ERROR_INVALID, "type: given twice");
    wrong("status", "redy", ERROR_INVALID, "`redy` is not one of initializing, ready");
    wrong("include", "all", ERROR_INVALID, "only offline");
    wrong("limit", "0", ERROR_INVALID, "limit: want a number from 1 to 1000000");
    wrong("limit", "1000001", ERROR_INVALID, "limit: want a number");
    wrong("limit", "-1", ERROR_INVALID, "limit: want a number");
    wrong(longest, "x", ERROR_LIMIT, "longer than 256 bytes");
    wrong("region", longest, ERROR_LIMIT, "region: longer than 256 bytes");
}

static void terms_are_bounded(void **state)
{
    (void)state;
    struct filter *filter = filter_new();
    struct error err;
    char tag[16];
    for (int i = 0; i < FILTER_TERMS_MAX; i++) {
        snprintf(tag, sizeof(tag), "t%d", i);
        add(filter, "tag", tag);
        add(filter, "tag", tag); /* a repeated term is no new one */
    }
    assert_int_equal(filter_add(filter, STR("tag"), STR("one more"), &err), -1);
    assert_int_equal(err.code, ERROR_LIMIT);
    filter_free(filter);
}

static void equal_filters_have_one_text(void **state)
{
    (void)state;
    struct filter *a = filter_new(), *b = filter_new();
    struct buf text = {0};
    add(a, "tag", "b c");
    add(a, "label.x", "1&2");
    add(a, "include", "offline");
    add(a, "tag", "a");
    add(b, "tag", "a");
    add(b, "tag", "b c");
    add(b, "include", "offline");
    add(b, "region", "");
    add(b, "label.x", "1&2");
    filter_text(a, &text);
    assert_string_equal(buf_text(&text), "label.x=1%262&tag=a&tag=b%20c&include=offline");
    assert_int_equal(filter_hash(a), filter_hash(b));
    assert_true(filter_offline(a));
    add(b, "zone", "z");
    assert_int_not_equal(filter_hash(a), filter_hash(b));
    assert_int_not_equal(filter_hash(NULL), filter_hash(b));
    buf_clear(&text);
    filter_text(NULL, &text);
    assert_int_equal(text.size, 0);
    assert_false(filter_offline(NULL));
    buf_fini(&text);
    filter_free(a);
    filter_free(b);
}

static void a_page_is_no_condition(void **state)
{
    (void)state;
    struct filter *filter = filter_new();
    struct view_entry *one = entry(STATUS_READY, "kr");
    struct error err;
    struct buf text = {0};
    assert_false(filter_is_paged(filter) || filter_is_paged(NULL));
    assert_true(filter_limit(filter) == SIZE_MAX && filter_limit(NULL) == SIZE_MAX);
    assert_int_equal(filter_after(NULL).size, 0);
    add(filter, "limit", "");
    add(filter, "after", "");
    assert_false(filter_is_paged(filter));
    add(filter, "limit", "10");
    add(filter, "after", "world/w 1");
    assert_true(filter_is_paged(filter));
    assert_int_equal(filter_limit(filter), 10);
    assert_true(str_eq(filter_after(filter), STR("world/w 1")));
    assert_true(filter_is_empty(filter) && filter_matches(filter, one));
    assert_int_equal(filter_add(filter, STR("limit"), STR("11"), &err), -1);
    assert_string_equal(err.text, "limit: given twice");
    assert_int_equal(filter_add(filter, STR("after"), STR("x"), &err), -1);
    assert_string_equal(err.text, "after: given twice");
    filter_text(filter, &text);
    assert_string_equal(buf_text(&text), "limit=10&after=world%2Fw%201");
    buf_fini(&text);
    view_entry_unref(one);
    filter_free(filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_parameter_matches_its_field),
        cmocka_unit_test(all_parameters_must_hold),
        cmocka_unit_test(what_a_change_means),
        cmocka_unit_test(errors_name_the_parameter),
        cmocka_unit_test(terms_are_bounded),
        cmocka_unit_test(equal_filters_have_one_text),
        cmocka_unit_test(a_page_is_no_condition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
