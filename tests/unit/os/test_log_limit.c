#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "os/log_limit_internal.h"

#include <stdio.h>

struct log {
    struct log_limit limit;
    int64_t now;
    char written[4096]; /* each line that was written, and the number suppressed before it */
};

static void note(struct log *log, struct str line, uint64_t suppressed)
{
    size_t at = strlen(log->written);
    snprintf(log->written + at, sizeof(log->written) - at, "%.*s+%u ", STR_ARG(line), (unsigned)suppressed);
}

static void add(struct log *log, const char *msg, enum log_rate how, const char *line)
{
    struct log_kind *kind = log_limit_kind(&log->limit, "m", msg);
    uint64_t suppressed;
    if (log_limit_take(kind, how, log->now, &suppressed)) {
        note(log, str_of(line), suppressed);
    } else {
        (void)log_limit_hold(&log->limit, kind, LOG_LEVEL_INFO, str_of(line), false);
    }
}

static void release(struct log *log)
{
    struct log_kind *kind;
    while ((kind = log_limit_next(&log->limit, log->now)) != NULL) {
        note(log, buf_view(&kind->held), kind->suppressed);
        log_limit_written(kind);
    }
}

static void expect(struct log *log, const char *written)
{
    assert_string_equal(log->written, written);
    log->written[0] = '\0';
}

static int setup(void **state)
{
    static struct log log;
    memset(&log, 0, sizeof(log));
    log.now = 1000000;
    *state = &log;
    return 0;
}

static int teardown(void **state)
{
    struct log *log = *state;
    for (size_t i = 0; i < log->limit.count; i++) {
        buf_fini(&log->limit.kinds[i].held);
    }
    return 0;
}

static void spend(struct log *log, const char *msg)
{
    for (int i = 0; i < 20; i++) {
        add(log, msg, LOG_OFTEN, "x");
    }
    expect(log, "x+0 x+0 x+0 x+0 x+0 x+0 x+0 x+0 x+0 x+0 x+0 x+0 x+0 x+0 x+0 x+0 x+0 x+0 x+0 x+0 ");
}

/* A status that changes each second, as at human speed, is never suppressed. */
static void human_speed_is_never_suppressed(void **state)
{
    struct log *log = *state;
    spend(log, "status");
    for (int i = 0; i < 100; i++) {
        log->now += 1000;
        add(log, "status", LOG_OFTEN, "ready");
        expect(log, "ready+0 ");
    }
    assert_true(log_limit_due(&log->limit) == INT64_MAX);
}

static void the_newest_is_written_when_it_may_be(void **state)
{
    struct log *log = *state;
    spend(log, "status");
    for (int i = 0; i < 500; i++) {
        add(log, "status", LOG_OFTEN, i % 2 == 0 ? "ready" : "error");
    }
    expect(log, "");
    int64_t due = log_limit_due(&log->limit);
    assert_int_equal(due, log->now + 1000);
    log->now = due - 1;
    release(log);
    expect(log, "");
    log->now = due;
    release(log);
    expect(log, "error+499 ");
    assert_true(log_limit_due(&log->limit) == INT64_MAX);
    add(log, "status", LOG_OFTEN, "ready");
    add(log, "status", LOG_OFTEN, "error");
    log->now += 1000;
    release(log);
    expect(log, "error+1 ");
}

/* A newer line than the one held makes that one old. */
static void a_newer_line_takes_the_place_of_the_one_held(void **state)
{
    struct log *log = *state;
    spend(log, "status");
    add(log, "status", LOG_OFTEN, "one");
    add(log, "status", LOG_OFTEN, "two");
    log->now += 1000;
    add(log, "status", LOG_OFTEN, "three");
    release(log);
    expect(log, "three+2 ");
}

static void lines_of_several_kinds_keep_their_order(void **state)
{
    struct log *log = *state;
    spend(log, "fails");
    spend(log, "succeeds");
    for (int i = 0; i < 10; i++) {
        add(log, "fails", LOG_OFTEN, "fails");
        add(log, "succeeds", LOG_OFTEN, "succeeds");
    }
    log->now += 1000;
    release(log);
    expect(log, "fails+9 succeeds+9 ");
    add(log, "succeeds", LOG_OFTEN, "succeeds");
    add(log, "fails", LOG_OFTEN, "fails");
    log->now = INT64_MAX; /* the end of the process */
    release(log);
    expect(log, "succeeds+0 fails+0 ");
}

static void kinds_beyond_the_table_share_one(void **state)
{
    struct log *log = *state;
    char msg[16];
    for (int i = 0; i < 2 * LOG_KINDS_MAX; i++) {
        snprintf(msg, sizeof(msg), "%d", i);
        (void)log_limit_kind(&log->limit, "m", msg);
    }
    assert_int_equal(log->limit.count, LOG_KINDS_MAX);
    assert_ptr_equal(log_limit_kind(&log->limit, "m", msg), &log->limit.kinds[LOG_KINDS_MAX - 1]);
    assert_ptr_equal(log_limit_kind(&log->limit, "m", "0"), &log->limit.kinds[0]);
    assert_ptr_not_equal(log_limit_kind(&log->limit, "n", "0"), &log->limit.kinds[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(human_speed_is_never_suppressed, setup, teardown),
        cmocka_unit_test_setup_teardown(the_newest_is_written_when_it_may_be, setup, teardown),
        cmocka_unit_test_setup_teardown(a_newer_line_takes_the_place_of_the_one_held, setup, teardown),
        cmocka_unit_test_setup_teardown(lines_of_several_kinds_keep_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(kinds_beyond_the_table_share_one, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
