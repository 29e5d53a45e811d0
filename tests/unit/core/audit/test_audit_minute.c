#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/audit/audit_minute.h"

#include <stdio.h>

static void count(struct audit_minute *minute, const char *from, const char *who, const char *what,
                  enum audit_outcome outcome, int64_t now)
{
    struct audit_entry attempt = {.outcome = outcome};
    attempt.texts[AUDIT_FROM] = str_of(from);
    attempt.texts[AUDIT_WHO] = str_of(who);
    attempt.texts[AUDIT_WHAT] = str_of(what);
    attempt.texts[AUDIT_REASON] = STR("never kept");
    audit_minute_count(minute, &attempt, now);
}

struct seen {
    char text[4000];
    size_t lines;
    uint64_t attempts;
};

static void see(void *user, const struct audit_entry *entry)
{
    struct seen *seen = user;
    assert_int_equal(entry->texts[AUDIT_REASON].size, 0);
    seen->attempts += entry->count;
    if (seen->lines++ < 10) {
        size_t size = strlen(seen->text);
        snprintf(seen->text + size, sizeof(seen->text) - size, "%.*s|%.*s|%.*s|%s|%d ",
                 STR_ARG(entry->texts[AUDIT_FROM]), STR_ARG(entry->texts[AUDIT_WHO]),
                 STR_ARG(entry->texts[AUDIT_WHAT]), audit_outcome_names[entry->outcome], (int)entry->count);
    }
}

static void test_one_line_each(void **state)
{
    (void)state;
    struct audit_minute *minute = audit_minute_new();
    struct seen seen = {.lines = 0};
    assert_true(audit_minute_due(minute) == INT64_MAX);
    count(minute, "10.0.0.9:4001", "", "drain", AUDIT_REFUSED, 1000);
    count(minute, "10.0.0.9:4002", "", "drain", AUDIT_REFUSED, 1500);
    count(minute, "10.0.0.9:4003", "", "undrain", AUDIT_OK, 1500);
    count(minute, "[::1]:4003", "", "drain", AUDIT_OK, 1500);
    count(minute, "[::1]:4004", "", "undrain", AUDIT_OK, 1500);
    count(minute, "fe80::1", "lobby", "join", AUDIT_OK, 1500);
    count(minute, "", "", "drain", AUDIT_OK, 1500);
    assert_true(audit_minute_due(minute) == 1000 + AUDIT_MINUTE_MS);
    audit_minute_end(minute, see, &seen);
    assert_string_equal(seen.text, "10.0.0.9||drain|refused|2 10.0.0.9||undrain|ok|1 [::1]||several|ok|2 "
                                   "fe80::1|lobby|join|ok|1 ||drain|ok|1 ");
    assert_true(audit_minute_due(minute) == INT64_MAX);
    audit_minute_end(minute, see, &seen);
    assert_int_equal(seen.lines, 5);
    audit_minute_free(minute);
}

/* A crowd of addresses takes no more room, and none of them is lost. */
static void test_crowd(void **state)
{
    (void)state;
    struct audit_minute *minute = audit_minute_new();
    struct seen seen = {.lines = 0};
    for (int i = 0; i < 5000; i++) {
        char from[32];
        snprintf(from, sizeof(from), "10.0.%d.%d:1", i / 256, i % 256);
        count(minute, from, "", "drain", AUDIT_REFUSED, 0);
    }
    audit_minute_end(minute, see, &seen);
    assert_int_equal(seen.lines, AUDIT_MINUTE_MAX + 1);
    assert_int_equal(seen.attempts, 5000);
    audit_minute_free(minute);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_line_each),
        cmocka_unit_test(test_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
