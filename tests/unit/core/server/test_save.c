#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/server/save.h"

static void test_a_change_is_written_soon(void **state)
{
    (void)state;
    struct save save;
    save_init(&save, 5000);
    assert_int_equal(save.due_mono, NEVER_MS);
    save_touch(&save, 5000);
    assert_int_equal(save.due_mono, 5020);
    save_touch(&save, 5010);
    assert_int_equal(save.due_mono, 5020);
}

static void test_at_most_once_a_second(void **state)
{
    (void)state;
    struct save save;
    save_init(&save, 5000);
    save_done(&save, false, true, 5020);
    assert_int_equal(save.due_mono, NEVER_MS);
    save_touch(&save, 5100);
    assert_int_equal(save.due_mono, 6020);
    save_done(&save, false, true, 6020);
    save_touch(&save, 9000);
    assert_int_equal(save.due_mono, 9020);
}

static void test_an_equal_content_leaves_the_rhythm(void **state)
{
    (void)state;
    struct save save;
    save_init(&save, 5000);
    save_touch(&save, 5000);
    save_skip(&save);
    assert_int_equal(save.due_mono, NEVER_MS);
    save_touch(&save, 5100);
    assert_int_equal(save.due_mono, 5120);
}

static void test_a_failure_is_retried(void **state)
{
    (void)state;
    struct save save;
    save_init(&save, 5000);
    save_done(&save, true, true, 5020);
    assert_int_equal(save.due_mono, 15020);
    save_touch(&save, 5100); /* a change need not wait for the retry */
    assert_int_equal(save.due_mono, 6020);
    save_done(&save, true, true, 6020);
    assert_int_equal(save.due_mono, 16020);
    save_done(&save, false, true, 16020);
    assert_int_equal(save.due_mono, NEVER_MS);
}

static void test_a_write_that_is_not_synced_is_synced_within_a_second(void **state)
{
    (void)state;
    struct save save;
    save_init(&save, 5000);
    save_done(&save, false, false, 5000);
    assert_true(save.unsynced);
    assert_int_equal(save.due_mono, 6000);
    save_skip(&save); /* asked for again with the same content: the sync is still due */
    assert_int_equal(save.due_mono, 6000);
    save_done(&save, false, true, 6000);
    assert_false(save.unsynced);
    assert_int_equal(save.due_mono, NEVER_MS);
}

static void test_a_waiting_change_may_be_written_after_a_second(void **state)
{
    (void)state;
    struct save save;
    save_init(&save, 5000);
    assert_false(save_may_write(&save, 5000)); /* nothing waits */
    save_touch(&save, 5000);
    assert_true(save_may_write(&save, 5000));
    save_done(&save, false, true, 5000);
    save_touch(&save, 5100);
    assert_false(save_may_write(&save, 5999));
    assert_true(save_may_write(&save, 6000));
    save_done(&save, true, true, 6000);
    assert_false(save_may_write(&save, 8000)); /* a retry has its own time */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_change_is_written_soon),
        cmocka_unit_test(test_at_most_once_a_second),
        cmocka_unit_test(test_an_equal_content_leaves_the_rhythm),
        cmocka_unit_test(test_a_failure_is_retried),
        cmocka_unit_test(test_a_write_that_is_not_synced_is_synced_within_a_second),
        cmocka_unit_test(test_a_waiting_change_may_be_written_after_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
