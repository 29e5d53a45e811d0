#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/audit/audit_entry.h"
#include "outrider/core/audit/audit_windows.h"

#include <string.h>

#define HOUR_MS INT64_C(3600000)

/* Goes through all windows over keys at `walls`, in order, and counts what was found. Each window must join the one before. */
static size_t sweep(struct audit_windows *windows, const int64_t *walls, size_t count)
{
    size_t found = 0;
    char end[ULID_LENGTH + 1];
    do {
        size_t here = 0;
        memcpy(end, windows->end, sizeof(end));
        for (size_t i = 0; i < count; i++) {
            char id[ULID_LENGTH + 1];
            audit_id_floor(walls[i], id);
            here += strcmp(id, windows->begin) >= 0 && strcmp(id, windows->end) < 0 ? 1 : 0;
        }
        size_t keys = here < AUDIT_WINDOW_KEYS ? here : AUDIT_WINDOW_KEYS;
        if (!audit_windows_found(windows, keys, (int64_t)here)) {
            assert_string_equal(windows->end, end);
            continue;
        }
        found += keys;
        memcpy(end, windows->begin, sizeof(end));
        if (!audit_windows_next(windows)) {
            return found;
        }
        assert_string_equal(windows->end, end);
    } while (true);
}

static void test_an_empty_month_takes_few_listings(void **state)
{
    (void)state;
    struct audit_windows windows;
    int64_t now = 1795227240123;
    audit_windows_init(&windows, "", now, now - 720 * HOUR_MS);
    assert_int_equal(sweep(&windows, NULL, 0), 0);
    assert_true(audit_windows_ended(&windows));
    assert_in_range(windows.listed, 3, 8);
}

static void test_a_busy_hour_is_divided(void **state)
{
    (void)state;
    static int64_t walls[2000];
    struct audit_windows windows;
    int64_t now = 1795227240123;
    for (size_t i = 0; i < 2000; i++) {
        walls[i] = now - 600000 + (int64_t)i * 250;
    }
    audit_windows_init(&windows, "", now, now - 720 * HOUR_MS);
    assert_int_equal(sweep(&windows, walls, 2000), 2000);
    assert_true(audit_windows_ended(&windows));
    assert_in_range(windows.listed, 10, AUDIT_WINDOWS_MAX);
}

static void test_from_a_cursor_back(void **state)
{
    (void)state;
    static const int64_t walls[] = {1795227240000, 1795227240100, 1795227240123};
    struct audit_windows windows;
    char cursor[ULID_LENGTH + 1];
    audit_id_floor(walls[2], cursor);
    audit_windows_init(&windows, cursor, 1795227300000, 1795227240050);
    assert_int_equal(sweep(&windows, walls, 3), 1); /* not the cursor itself, and nothing that is too old */
    assert_true(audit_windows_ended(&windows));
}

static void test_nothing_before_the_oldest(void **state)
{
    (void)state;
    struct audit_windows windows;
    char cursor[ULID_LENGTH + 1];
    audit_id_floor(1000, cursor);
    audit_windows_init(&windows, cursor, 5000, 2000);
    assert_true(audit_windows_ended(&windows));
}

/* Listings for one page are limited; the next page goes on from there. */
static void test_it_gives_up_for_now(void **state)
{
    (void)state;
    struct audit_windows windows;
    int64_t now = 1795227240123;
    audit_windows_init(&windows, "", now, 0);
    unsigned rounds = 0;
    do {
        assert_true(audit_windows_found(&windows, AUDIT_WINDOW_KEYS, AUDIT_WINDOW_KEYS));
        rounds++;
    } while (audit_windows_next(&windows));
    assert_int_equal(rounds, AUDIT_WINDOWS_MAX);
    assert_false(audit_windows_ended(&windows));
}

/* More keys in one ms than a listing has: it goes on all the same. */
static void test_one_crowded_ms_does_not_hold_it(void **state)
{
    (void)state;
    struct audit_windows windows;
    int64_t now = 1795227240123;
    audit_windows_init(&windows, "", now, now - HOUR_MS);
    while (!audit_windows_found(&windows, AUDIT_WINDOW_KEYS, 100000)) {
        assert_true(windows.listed < AUDIT_WINDOWS_MAX);
    }
    assert_true(strcmp(windows.begin, windows.end) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_month_takes_few_listings),
        cmocka_unit_test(test_a_busy_hour_is_divided),
        cmocka_unit_test(test_from_a_cursor_back),
        cmocka_unit_test(test_nothing_before_the_oldest),
        cmocka_unit_test(test_it_gives_up_for_now),
        cmocka_unit_test(test_one_crowded_ms_does_not_hold_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
