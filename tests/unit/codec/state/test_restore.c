#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/codec/state/restore.h"
#include "outrider/codec/state/state_file.h"

static const struct saved_state full = {
    .id = "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    .key = "/services/world/w1",
    .boot_id = "boot",
    .lease = {.lo = 7},
    .ttl_ms = 10000,
    .ops = {.set = true,
            .reason = "patch",
            .by = "api",
            .operation = "01JZZZZZZZ0000000000000001",
            .since_wall = 1,
            .deadline_wall = 2,
            .expires_wall = 3,
            .revision = 4,
            .pending = true,
            .sent_wall = 5},
    .probe_has_passed = true,
    .has_message = true,
    .message = {.reported = REPORTED_READY, .has_mainpid = true, .mainpid = 812, .mainpid_start = 99},
};

static const struct restore_facts same = {
    .key = "/services/world/w1", .boot_id = "boot", .has_mainpid = true, .mainpid_start = 99};

static struct restore decide(const struct saved_state *saved, const struct restore_facts *facts)
{
    struct restore restore;
    restore_decide(saved, facts, &restore);
    return restore;
}

static void test_all_counts_in_the_same_boot(void **state)
{
    (void)state;
    struct restore restore = decide(&full, &same);
    assert_int_equal(restore.lease.lo, 7);
    assert_int_equal(restore.ttl_ms, 10000);
    assert_true(restore.passed);
    assert_ptr_equal(restore.message, &full.message);
}

static void test_the_ops_hold_always_counts(void **state)
{
    (void)state;
    struct restore restore = decide(&full, &(struct restore_facts){.key = "", .boot_id = ""});
    assert_true(restore.ops.set);
    assert_string_equal(restore.ops.reason, "patch");
    assert_string_equal(restore.ops.by, "api");
    assert_string_equal(restore.ops.operation, "01JZZZZZZZ0000000000000001");
    assert_int_equal(restore.ops.since_wall, 1);
    assert_int_equal(restore.ops.deadline_wall, 2);
    assert_int_equal(restore.ops.expires_wall, 3);
    assert_int_equal(restore.control_revision, 4);
    assert_true(restore.control_pending);
    assert_int_equal(restore.control_sent_wall, 5);
}

static void assert_no_lease(const struct saved_state *saved, const struct restore_facts *facts)
{
    struct restore restore = decide(saved, facts);
    assert_true(registry_lease_is_none(restore.lease));
    assert_false(restore.passed);
    assert_null(restore.message);
    assert_true(restore.ops.set);
}

static void test_no_lease_of_another_boot_or_key(void **state)
{
    (void)state;
    struct restore_facts facts = same;
    facts.boot_id = "another";
    assert_no_lease(&full, &facts);
    facts.boot_id = "";
    assert_no_lease(&full, &facts);
    facts = same;
    facts.key = "/services/world/w2";
    assert_no_lease(&full, &facts);
    struct saved_state saved = full;
    saved.boot_id = NULL;
    assert_no_lease(&saved, &same);
    saved = full;
    saved.key = NULL;
    assert_no_lease(&saved, &same);
    saved = full;
    saved.lease = (struct registry_lease){0};
    assert_no_lease(&saved, &same);
}

static void test_a_report_needs_its_process(void **state)
{
    (void)state;
    struct restore_facts facts = same;
    facts.has_mainpid = false;
    assert_null(decide(&full, &facts).message);
    facts = same;
    facts.mainpid_start = 100; /* another process with the same number */
    assert_null(decide(&full, &facts).message);
    struct saved_state saved = full;
    saved.message.has_mainpid = false;
    assert_null(decide(&saved, &same).message);
    saved = full;
    saved.has_message = false;
    assert_null(decide(&saved, &same).message);
    assert_int_equal(decide(&saved, &same).lease.lo, 7);
}

/* Its connection ended with the agent: nothing shows that it is the same process that comes back. */
static void test_an_attached_server_is_unproven(void **state)
{
    (void)state;
    struct saved_state saved = full;
    saved.message.attach = true;
    assert_false(decide(&saved, &same).unproven); /* its MAINPID runs */
    struct restore_facts facts = same;
    facts.has_mainpid = false;
    assert_null(decide(&saved, &facts).message); /* its MAINPID does not */
    saved.message.has_mainpid = false;
    assert_true(decide(&saved, &facts).unproven);
    assert_ptr_equal(decide(&saved, &facts).message, &saved.message);
    facts.boot_id = "another";
    assert_null(decide(&saved, &facts).message);
    assert_false(decide(&saved, &facts).unproven);
}

static void test_nothing_saved_is_a_first_start(void **state)
{
    (void)state;
    struct saved_state nothing = {0};
    struct restore restore = decide(&nothing, &same);
    assert_true(registry_lease_is_none(restore.lease));
    assert_false(restore.ops.set || restore.control_pending || restore.passed);
    assert_null(restore.message);
}

static void test_id(void **state)
{
    (void)state;
    assert_string_equal(restore_id("w1", &full), "w1");
    assert_string_equal(restore_id("auto", &full), full.id);
    struct saved_state saved = full;
    saved.id = "no ulid";
    assert_null(restore_id("auto", &saved));
    saved.id = NULL;
    assert_null(restore_id("auto", &saved));
}

static void test_an_unconfirmed_report_is_kept_for_the_next_restart(void **state)
{
    (void)state;
    struct restore restore = decide(&full, &same);
    struct saved_state silent = {0};
    restore_keep_unconfirmed(&restore, &silent);
    assert_true(silent.has_message && silent.probe_has_passed);
    assert_int_equal(silent.message.mainpid, 812);

    /* Nothing was reported, though the message is there with its watchdog. */
    struct saved_state probed = {.has_message = true, .message = {.has_watchdog = true}};
    restore_keep_unconfirmed(&restore, &probed);
    assert_int_equal(probed.message.reported, REPORTED_READY);

    struct saved_state newer = {.has_message = true, .message = {.reported = REPORTED_ERROR}};
    restore_keep_unconfirmed(&restore, &newer);
    assert_int_equal(newer.message.reported, REPORTED_ERROR);

    struct saved_state none = {0};
    restore.message = NULL;
    restore.passed = false;
    restore_keep_unconfirmed(&restore, &none);
    assert_false(none.has_message || none.probe_has_passed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_counts_in_the_same_boot),
        cmocka_unit_test(test_the_ops_hold_always_counts),
        cmocka_unit_test(test_no_lease_of_another_boot_or_key),
        cmocka_unit_test(test_a_report_needs_its_process),
        cmocka_unit_test(test_an_attached_server_is_unproven),
        cmocka_unit_test(test_nothing_saved_is_a_first_start),
        cmocka_unit_test(test_id),
        cmocka_unit_test(test_an_unconfirmed_report_is_kept_for_the_next_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
