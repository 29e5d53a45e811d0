#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/control/control_write.h"

#include <stdio.h>

static struct hold drain(const char *reason)
{
    struct hold hold = {.set = true, .since_wall = 1000};
    snprintf(hold.reason, sizeof(hold.reason), "%s", reason);
    snprintf(hold.by, sizeof(hold.by), "operator");
    return hold;
}

static const struct hold LIFT = {.set = false};

/* An answer that has the key at `revision` (0: absent) with `hold`. */
static void found(struct control_write *write, int64_t revision, const struct hold *hold)
{
    struct registry_reply reply = {.revision = 100, .kv = {.found = revision > 0, .mod_revision = revision}};
    struct intent_value value = {.content = INTENT_ABSENT};
    if (revision > 0) {
        value.content = hold->set ? INTENT_HELD : INTENT_LIFTED;
        value.hold = *hold;
    }
    control_write_reply(write, &reply, &value);
}

static void put_done(struct control_write *write, int64_t revision)
{
    struct registry_reply reply = {.revision = revision, .succeeded = true};
    control_write_reply(write, &reply, &(struct intent_value){.content = INTENT_ABSENT});
}

static void failed(struct control_write *write, enum registry_failure failure)
{
    struct registry_reply reply = {.failure = failure};
    control_write_reply(write, &reply, &(struct intent_value){.content = INTENT_ABSENT});
}

static void test_transitions(void **state)
{
    (void)state;
    static const char *const rows[] = {
        [CONTROL_WRITE_READING] = ".xxxx",  [CONTROL_WRITE_PUTTING] = "xxxxx", [CONTROL_WRITE_DONE] = ".....",
        [CONTROL_WRITE_CONFLICT] = ".....", [CONTROL_WRITE_FAILED] = ".....",
    };
    for (int from = CONTROL_WRITE_READING; from <= CONTROL_WRITE_FAILED; from++) {
        for (int to = CONTROL_WRITE_READING; to <= CONTROL_WRITE_FAILED; to++) {
            assert_int_equal(
                control_write_may_move((enum control_write_state)from, (enum control_write_state)to),
                rows[from][to] == 'x');
        }
    }
}

static void test_reads_and_puts(void **state)
{
    (void)state;
    struct control_write write;
    struct hold hold = drain("patch");
    control_write_init(&write, &hold);
    assert_int_equal(write.state, CONTROL_WRITE_READING);
    found(&write, 0, NULL);
    assert_int_equal(write.state, CONTROL_WRITE_PUTTING);
    assert_int_equal(write.revision, 0);
    put_done(&write, 7);
    assert_int_equal(write.state, CONTROL_WRITE_DONE);
    assert_int_equal(write.revision, 7);
}

static void test_what_is_there_already_is_done(void **state)
{
    (void)state;
    struct control_write write;
    struct hold hold = drain("patch"), other = drain("other");
    control_write_init(&write, &hold);
    found(&write, 5, &hold);
    assert_int_equal(write.state, CONTROL_WRITE_DONE);
    assert_int_equal(write.revision, 5);
    control_write_init(&write, &LIFT);
    found(&write, 5, &LIFT);
    assert_int_equal(write.state, CONTROL_WRITE_DONE);
    control_write_init(&write, &LIFT); /* an absent key is lifted in writing */
    found(&write, 0, NULL);
    assert_int_equal(write.state, CONTROL_WRITE_PUTTING);
    control_write_init(&write, &LIFT); /* the drain that was there before is what is lifted */
    found(&write, 5, &other);
    assert_int_equal(write.state, CONTROL_WRITE_PUTTING);
    assert_int_equal(write.revision, 5);
}

static void test_a_drain_that_comes_between_wins(void **state)
{
    (void)state;
    struct control_write write;
    struct hold hold = drain("patch"), other = drain("other");
    control_write_init(&write, &LIFT);
    found(&write, 5, &other);
    found(&write, 6, &other);
    assert_int_equal(write.state, CONTROL_WRITE_CONFLICT);
    control_write_init(&write, &hold);
    found(&write, 5, &other);
    found(&write, 6, &other);
    assert_int_equal(write.state, CONTROL_WRITE_PUTTING);
    assert_int_equal(write.revision, 6);
}

static void test_others_that_always_write_are_a_conflict(void **state)
{
    (void)state;
    struct control_write write;
    struct hold hold = drain("patch"), other = drain("other");
    control_write_init(&write, &hold);
    for (int i = 0; i < 4; i++) {
        found(&write, 5 + i, &other);
        assert_int_equal(write.state, CONTROL_WRITE_PUTTING);
    }
    found(&write, 9, &other);
    assert_int_equal(write.state, CONTROL_WRITE_CONFLICT);
}

static void test_a_put_without_an_answer(void **state)
{
    (void)state;
    struct control_write write;
    struct hold hold = drain("patch"), other = drain("other");
    control_write_init(&write, &hold);
    found(&write, 5, &other);
    failed(&write, REGISTRY_UNKNOWN);
    assert_int_equal(write.state, CONTROL_WRITE_READING);
    found(&write, 6, &hold); /* it was done */
    assert_int_equal(write.state, CONTROL_WRITE_DONE);
    assert_int_equal(write.revision, 6);
    /* An undrain that finds a drain after it may have been done: that drain is newer. */
    control_write_init(&write, &LIFT);
    found(&write, 5, &other);
    failed(&write, REGISTRY_UNKNOWN);
    found(&write, 7, &other);
    assert_int_equal(write.state, CONTROL_WRITE_CONFLICT);
}

static void test_failures(void **state)
{
    (void)state;
    struct control_write write;
    struct hold hold = drain("patch");
    control_write_init(&write, &hold);
    failed(&write, REGISTRY_DENIED);
    assert_int_equal(write.state, CONTROL_WRITE_FAILED);
    assert_int_equal(write.failure, REGISTRY_DENIED);
    /* Once a put has no answer, a later failure does not say that nothing was written. */
    control_write_init(&write, &hold);
    found(&write, 0, NULL);
    failed(&write, REGISTRY_UNKNOWN);
    failed(&write, REGISTRY_RETRY);
    assert_int_equal(write.state, CONTROL_WRITE_FAILED);
    assert_int_equal(write.failure, REGISTRY_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transitions),
        cmocka_unit_test(test_reads_and_puts),
        cmocka_unit_test(test_what_is_there_already_is_done),
        cmocka_unit_test(test_a_drain_that_comes_between_wins),
        cmocka_unit_test(test_others_that_always_write_are_a_conflict),
        cmocka_unit_test(test_a_put_without_an_answer),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
