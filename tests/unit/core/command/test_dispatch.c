#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/command/dispatch.h"

#include <stdio.h>

static struct dispatch dispatch;
static struct instant now;
static bool lost;

static struct server_command made(void)
{
    return (struct server_command){.id = "01J00000000000000000000001",
                                   .name = "say",
                                   .from = "op:olga",
                                   .at_wall = 100000,
                                   .until_wall = 130000};
}

static void begin(enum dispatch_op op)
{
    struct server_command command = made();
    now = (struct instant){.mono = 1000, .boot = 9000, .wall = 100000};
    dispatch_init(&dispatch, op, &command, 5000, &now);
}

static void answer(struct dispatch_reply reply)
{
    assert_true(dispatch_wants(&dispatch, &now));
    dispatch_asked(&dispatch);
    assert_false(dispatch_wants(&dispatch, &now));
    dispatch_reply(&dispatch, &reply, &now, &lost);
}

static void ends(enum dispatch_result result)
{
    assert_int_equal(dispatch.state, DISPATCH_DONE);
    assert_int_equal(dispatch.result, result);
    assert_false(dispatch_wants(&dispatch, &now));
    assert_int_equal(dispatch_due(&dispatch), NEVER_MS);
    dispatch_fini(&dispatch);
}

static void to_writing(enum dispatch_op op)
{
    begin(op);
    answer((struct dispatch_reply){.count = COMMAND_INBOX_MAX - 1});
    assert_int_equal(dispatch.state, DISPATCH_GRANTING);
    answer((struct dispatch_reply){.lease = {0, 7}});
    assert_int_equal(dispatch.state, DISPATCH_WRITING);
    assert_int_equal(dispatch.lease.lo, 7);
}

/* The next request, when its time has come. */
static void until_due(void)
{
    int64_t due = dispatch_due(&dispatch);
    now.wall += due - now.mono;
    now.mono = due;
    dispatch_tick(&dispatch, &now);
}

static struct dispatch_reply found(const struct server_command *command)
{
    return (struct dispatch_reply){.found = true, .command = command, .revision = 20, .lease = {0, 8}};
}

static void test_send(void **state)
{
    (void)state;
    to_writing(DISPATCH_SEND);
    /* Its time, what clocks may differ by, a late result, a minute to read it, and what others may share. */
    assert_int_equal(dispatch.lease_ttl_ms, 30000 + 2000 + 10000 + 60000 + COMMAND_LEASE_SHARE_MS);
    answer((struct dispatch_reply){.succeeded = true, .revision = 12});
    assert_int_equal(dispatch.revision, 12);
    assert_true(dispatch.fresh);
    ends(DISPATCH_SENT);
    begin(DISPATCH_SEND);
    answer((struct dispatch_reply){.count = COMMAND_INBOX_MAX});
    ends(DISPATCH_FULL);
}

/* The answer to the put was lost, or the sender has asked twice: the key has it already. */
static void test_twice(void **state)
{
    (void)state;
    struct server_command other = made();
    to_writing(DISPATCH_SEND);
    answer((struct dispatch_reply){.failure = REGISTRY_UNKNOWN});
    assert_false(dispatch_wants(&dispatch, &now));
    until_due();
    other.state = COMMAND_DELIVERED;
    answer(found(&other));
    assert_int_equal(dispatch.command.state, COMMAND_DELIVERED);
    assert_true(dispatch.fresh); /* as far as anyone can know */
    ends(DISPATCH_SENT);
    to_writing(DISPATCH_SEND);
    answer(found(&other));
    assert_false(dispatch.fresh);
    ends(DISPATCH_SENT);
    to_writing(DISPATCH_SEND);
    other.name[0] = 'x';
    answer(found(&other));
    ends(DISPATCH_TAKEN);
    to_writing(DISPATCH_SEND);
    answer(found(NULL));
    ends(DISPATCH_FOREIGN);
}

static void test_failures(void **state)
{
    (void)state;
    begin(DISPATCH_SEND);
    answer((struct dispatch_reply){.failure = REGISTRY_DENIED, .error = STR("no permission")});
    assert_int_equal(dispatch.failure, REGISTRY_DENIED);
    assert_string_equal(dispatch.error, "no permission");
    ends(DISPATCH_FAILED);
    to_writing(DISPATCH_SEND);
    answer((struct dispatch_reply){.failure = REGISTRY_UNKNOWN});
    int tries = 1;
    for (; dispatch.state == DISPATCH_WRITING; tries++) {
        until_due();
        answer((struct dispatch_reply){.failure = REGISTRY_RETRY});
    }
    assert_in_range(tries, 6, 9);
    assert_int_equal(dispatch.failure, REGISTRY_UNKNOWN); /* the first one may have been written */
    ends(DISPATCH_FAILED);
    begin(DISPATCH_SEND);
    answer((struct dispatch_reply){.failure = REGISTRY_UNKNOWN});
    while (dispatch.state == DISPATCH_COUNTING) {
        until_due();
        answer((struct dispatch_reply){.failure = REGISTRY_RETRY});
    }
    assert_int_equal(dispatch.failure, REGISTRY_RETRY);
    ends(DISPATCH_FAILED);
}

static void test_lost_lease(void **state)
{
    (void)state;
    to_writing(DISPATCH_SEND);
    answer((struct dispatch_reply){.failure = REGISTRY_LEASE_LOST});
    assert_true(lost);
    assert_int_equal(dispatch.state, DISPATCH_GRANTING);
    dispatch_use_lease(&dispatch, (struct registry_lease){0, 9});
    assert_int_equal(dispatch.state, DISPATCH_WRITING);
    answer((struct dispatch_reply){.succeeded = true});
    assert_false(lost);
    ends(DISPATCH_SENT);
}

static void test_call(void **state)
{
    (void)state;
    struct server_command seen = made();
    char text[] = "done";
    to_writing(DISPATCH_CALL);
    answer((struct dispatch_reply){.succeeded = true, .revision = 12});
    assert_int_equal(dispatch.state, DISPATCH_WAITING);
    int64_t waits[6], before = now.mono;
    for (int i = 0; i < 6; i++) {
        assert_false(dispatch_wants(&dispatch, &now));
        until_due();
        waits[i] = now.mono - before;
        before = now.mono;
        assert_int_equal(dispatch.state, DISPATCH_READING);
        answer(found(&seen));
        assert_int_equal(dispatch.state, DISPATCH_WAITING);
    }
    assert_int_equal(waits[0], 100);
    assert_int_equal(waits[1], 200);
    assert_int_equal(waits[5], 1000);
    until_due();
    seen.state = COMMAND_OK, seen.text = text;
    answer(found(&seen));
    assert_string_equal(dispatch.command.text, "done");
    ends(DISPATCH_KNOWN);
}

/* One that another dispatch has sent is looked for until it is answered, and less often than a server waits for. */
static void test_follow(void **state)
{
    (void)state;
    struct server_command queued = made(), answered = made();
    char text[] = "done";
    begin(DISPATCH_FOLLOW);
    assert_int_equal(dispatch.state, DISPATCH_WAITING);
    assert_false(dispatch_wants(&dispatch, &now));
    int reads = 0;
    for (int64_t last = now.mono; now.mono < last + 20000; reads++) {
        until_due();
        assert_int_equal(dispatch.state, DISPATCH_READING);
        answer(found(&queued));
    }
    assert_in_range(reads, 7, 10);
    until_due();
    answered.state = COMMAND_OK, answered.text = text;
    answer(found(&answered));
    assert_int_equal(dispatch.command.state, COMMAND_OK);
    assert_string_equal(dispatch.command.text, "done");
    ends(DISPATCH_KNOWN);
}

static void to_reading_overdue(enum dispatch_op op)
{
    struct server_command seen = made();
    if (op == DISPATCH_READ) {
        begin(op);
    } else if (op == DISPATCH_FOLLOW) {
        begin(op);
        until_due();
    } else {
        to_writing(op);
        answer((struct dispatch_reply){.succeeded = true});
        until_due();
    }
    now.wall = 132000;
    answer(found(&seen));
    assert_int_equal(dispatch.state, DISPATCH_DECIDING);
    assert_int_equal(dispatch.command.state, COMMAND_EXPIRED);
    assert_int_equal(dispatch.lease.lo, 8);
    assert_int_equal(dispatch.revision, 20);
}

/* There is no answer: that is written by compare, and an answer that came in between stands. */
static void test_expiry(void **state)
{
    (void)state;
    struct server_command seen = made();
    begin(DISPATCH_READ);
    now.wall = 131999;
    answer(found(&seen));
    assert_int_equal(dispatch.command.state, COMMAND_QUEUED);
    ends(DISPATCH_KNOWN);
    for (int op = DISPATCH_CALL; op <= DISPATCH_READ; op++) {
        to_reading_overdue((enum dispatch_op)op);
        answer((struct dispatch_reply){.succeeded = true});
        assert_int_equal(dispatch.command.state, COMMAND_EXPIRED);
        ends(DISPATCH_KNOWN);
        to_reading_overdue((enum dispatch_op)op);
        seen.state = COMMAND_OK;
        answer(found(&seen));
        assert_int_equal(dispatch.command.state, COMMAND_OK);
        ends(DISPATCH_KNOWN);
        to_reading_overdue((enum dispatch_op)op);
        seen.state = COMMAND_DELIVERED; /* as late as that: decided again, at the new revision */
        answer(found(&seen));
        assert_int_equal(dispatch.state, DISPATCH_DECIDING);
        answer((struct dispatch_reply){.failure = REGISTRY_LEASE_LOST});
        ends(DISPATCH_KNOWN);
    }
}

static void test_read(void **state)
{
    (void)state;
    begin(DISPATCH_READ);
    answer((struct dispatch_reply){.found = false});
    ends(DISPATCH_NOT_FOUND);
    begin(DISPATCH_READ);
    answer(found(NULL));
    ends(DISPATCH_FOREIGN);
}

/* The registry is away for a part of a call: the answer is still found. And once its lease has ended, nothing is. */
static void test_away(void **state)
{
    (void)state;
    struct server_command seen = made();
    to_writing(DISPATCH_CALL);
    answer((struct dispatch_reply){.succeeded = true});
    until_due();
    while (now.wall < 150000) {
        answer((struct dispatch_reply){.failure = REGISTRY_RETRY});
        assert_int_equal(dispatch.state, DISPATCH_READING);
        until_due();
    }
    seen.state = COMMAND_ERROR;
    answer(found(&seen));
    assert_int_equal(dispatch.command.state, COMMAND_ERROR);
    ends(DISPATCH_KNOWN);
    to_writing(DISPATCH_CALL);
    answer((struct dispatch_reply){.succeeded = true});
    until_due();
    answer((struct dispatch_reply){.found = false});
    assert_int_equal(dispatch.command.state, COMMAND_EXPIRED);
    ends(DISPATCH_KNOWN);
}

static uint64_t find_lease(const struct command_leases *leases, const char *inbox, int64_t need_ms)
{
    return command_leases_find(leases, str_of(inbox), need_ms, &now).lo;
}

static void test_leases(void **state)
{
    (void)state;
    struct command_leases leases = {0};
    now = (struct instant){.mono = 1000, .boot = 9000, .wall = 100000};
    assert_int_equal(find_lease(&leases, "w1", 1000), 0);
    command_leases_keep(&leases, STR("w1"), (struct registry_lease){0, 5}, now.boot, 160000);
    assert_int_equal(find_lease(&leases, "w1", 100000), 5);
    assert_int_equal(find_lease(&leases, "w2", 100000), 0); /* another inbox has its own */
    assert_int_equal(find_lease(&leases, "w1", 160000), 5);
    assert_int_equal(find_lease(&leases, "w1", 160001), 0);
    assert_int_equal(find_lease(&leases, "w1", 99999), 0); /* it stands too long */
    now.boot += 61000;                                     /* also asleep */
    assert_int_equal(find_lease(&leases, "w1", 100000), 0);
    for (unsigned i = 0; i < COMMAND_LEASES_MAX; i++) {
        command_leases_keep(&leases, STR("w1"), (struct registry_lease){0, 10 + i}, now.boot,
                            200000 + 1000 * i);
    }
    assert_int_equal(find_lease(&leases, "w1", 98000), 0); /* the one that ended first made room */
    assert_int_equal(find_lease(&leases, "w1", 230500), 9 + COMMAND_LEASES_MAX);
    command_leases_drop(&leases, (struct registry_lease){0, 9 + COMMAND_LEASES_MAX});
    assert_int_equal(find_lease(&leases, "w1", 230500), 0);
    assert_int_equal(find_lease(&leases, "w1", 229500), 8 + COMMAND_LEASES_MAX);
}

static void test_table(void **state)
{
    (void)state;
    for (int from = 0; from < DISPATCH_STATE_COUNT; from++) {
        assert_false(dispatch_may_move(DISPATCH_DONE, (enum dispatch_state)from));
        assert_false(dispatch_may_move((enum dispatch_state)from, DISPATCH_COUNTING));
        bool done = from != DISPATCH_DONE && from != DISPATCH_WAITING;
        assert_int_equal(dispatch_may_move((enum dispatch_state)from, DISPATCH_DONE), done);
        assert_string_not_equal(dispatch_state_name((enum dispatch_state)from), "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_send),       cmocka_unit_test(test_twice), cmocka_unit_test(test_failures),
        cmocka_unit_test(test_lost_lease), cmocka_unit_test(test_call),  cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_follow),     cmocka_unit_test(test_read),  cmocka_unit_test(test_away),
        cmocka_unit_test(test_leases),     cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
