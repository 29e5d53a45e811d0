#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/server/hold.h"

#include <string.h>

static const struct instant noon = {.mono = 1000, .boot = 9000, .wall = 500000};

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(hold_name(HOLD_OPS), "ops");
    assert_string_equal(hold_name(HOLD_SELF), "self");
    assert_string_equal(hold_name(HOLD_RELOAD), "reload");
    assert_string_equal(hold_name(HOLD_STOP), "stop");
    assert_string_equal(drain_outcome_name(DRAIN_WAITING), "waiting");
    assert_string_equal(drain_outcome_name(DRAIN_EMPTY), "empty");
    assert_string_equal(drain_outcome_name(DRAIN_GONE), "gone");
    assert_string_equal(drain_outcome_name(DRAIN_DEADLINE), "deadline");
}

static void test_set_and_again(void **state)
{
    (void)state;
    struct hold hold = {0};
    hold_set(&hold, NULL, NULL, 0, 0, &noon);
    assert_true(hold.set);
    assert_string_equal(hold.reason, "");
    assert_string_equal(hold.by, "");
    assert_int_equal(hold.deadline_mono, NEVER_MS);
    assert_int_equal(hold.deadline_wall, 0);
    assert_int_equal(hold.expires_mono, NEVER_MS);
    hold.outcome = DRAIN_DEADLINE;
    struct instant later = {.mono = 3000, .boot = 11000, .wall = 502000};
    hold_set(&hold, "patch", "ann", 60000, 90000, &later);
    assert_int_equal(hold.since_mono, 1000);
    assert_int_equal(hold.since_wall, 500000);
    assert_int_equal(hold.deadline_mono, 63000);
    assert_int_equal(hold.deadline_wall, 562000);
    assert_int_equal(hold.expires_mono, 93000);
    assert_int_equal(hold.expires_wall, 592000);
    assert_int_equal(hold.outcome, DRAIN_WAITING);
    assert_string_equal(hold.by, "ann");
    hold_clear(&hold);
    assert_false(hold.set);
    assert_string_equal(hold.reason, "");
}

static void test_texts_are_cut_between_characters(void **state)
{
    (void)state;
    struct hold hold = {0};
    char text[400];
    memset(text, 'x', sizeof(text));
    text[399] = '\0';
    hold_set(&hold, text, text, 0, 0, &noon);
    assert_int_equal(strlen(hold.reason), HOLD_REASON_MAX);
    assert_int_equal(strlen(hold.by), HOLD_BY_MAX);
    /* A three-byte character across the limit goes as a whole. */
    memcpy(text + HOLD_REASON_MAX - 2, "\xe2\x82\xac", 3);
    hold_set(&hold, text, "", 0, 0, &noon);
    assert_int_equal(strlen(hold.reason), HOLD_REASON_MAX - 2);
    /* One that just fits stays. */
    memset(text, 'x', HOLD_REASON_MAX);
    memcpy(text + HOLD_REASON_MAX - 3, "\xe2\x82\xac", 3);
    text[HOLD_REASON_MAX] = '\0';
    hold_set(&hold, text, "", 0, 0, &noon);
    assert_int_equal(strlen(hold.reason), HOLD_REASON_MAX);
}

static void test_restore_counts_by_the_wall(void **state)
{
    (void)state;
    struct hold kept = {
        .set = true, .reason = "patch", .by = "ann", .since_wall = 440000, .deadline_wall = 560000};
    struct hold hold = {0};
    hold_restore(&hold, &kept, &noon);
    assert_true(hold.set);
    assert_int_equal(hold.since_mono, 1000 - 60000);
    assert_int_equal(hold.deadline_mono, 1000 + 60000);
    assert_int_equal(hold.expires_mono, NEVER_MS);
    kept.expires_wall = 400000;
    hold_restore(&hold, &kept, &noon);
    assert_true(hold.expires_mono < noon.mono);
}

/* Whatever another writer put there: nothing overflows, and the hold can still end. */
static void test_restore_of_extreme_times(void **state)
{
    (void)state;
    struct hold kept = {.set = true, .since_wall = 1, .deadline_wall = 1, .expires_wall = 1}, hold = {0};
    hold_restore(&hold, &kept, &noon);
    assert_true(hold.since_mono < noon.mono && hold.deadline_mono < noon.mono &&
                hold.expires_mono < noon.mono);
    kept.since_wall = kept.deadline_wall = kept.expires_wall = INT64_C(253402300799999);
    hold_restore(&hold, &kept, &noon);
    assert_int_equal(hold.since_mono, noon.mono);
    assert_int_equal(hold.deadline_mono, INT64_C(253402300799999) - 500000 + 1000);
    assert_int_equal(hold.expires_mono, hold.deadline_mono);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_set_and_again),
        cmocka_unit_test(test_texts_are_cut_between_characters),
        cmocka_unit_test(test_restore_counts_by_the_wall),
        cmocka_unit_test(test_restore_of_extreme_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
