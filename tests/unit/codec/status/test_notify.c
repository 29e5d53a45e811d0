#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/status/notify.h"
#include "outrider/core/server/status_message.h"

#define BYTES(literal)                                                                                       \
    {                                                                                                        \
        literal, sizeof(literal) - 1                                                                         \
    }

static struct status_message accept(struct str datagram)
{
    struct status_message message;
    struct error err;
    if (notify_parse(datagram, &message, &err) < 0) {
        fail_msg("refused: %.*s: %s", STR_ARG(datagram), err.text);
    }
    return message;
}

static void test_assignments(void **state)
{
    (void)state;
    /* What `systemd-notify --ready --status=...` sends. */
    struct status_message message =
        accept(STR("READY=1\nSTATUS=12/64 on harbor\nMAINPID=4242\nX_OUTRIDER_PLAYERS=12/64\n"));
    assert_int_equal(message.reported, REPORTED_READY);
    assert_true(message.has_text && str_eq(message.text, STR("12/64 on harbor")));
    assert_true(message.has_mainpid);
    assert_int_equal(message.mainpid, 4242);
    assert_int_equal(message.unknown_keys, 1);

    message = accept(STR("\xef\xbb\xbfREADY=1\n"));
    assert_true(message.reported == REPORTED_READY && message.unknown_keys == 0);
    assert_int_equal(accept(STR("\xef\xbb\xbf")).unknown_keys, 0);
    message = accept(STR("STOPPING=1"));
    assert_int_equal(message.reported, REPORTED_SHUTTING_DOWN);
    message = accept(STR("RELOADING=1\nMONOTONIC_USEC=123456\n"));
    assert_true(message.reloading);
    assert_int_equal(message.unknown_keys, 1);
    message = accept(STR("RELOADING=1\nREADY=1"));
    assert_true(!message.reloading && message.reported == REPORTED_READY);
    message = accept(STR("WATCHDOG=1"));
    assert_true(message.heartbeat && !message.watchdog_trigger && !message.has_watchdog);
    message = accept(STR("WATCHDOG=trigger"));
    assert_true(message.watchdog_trigger && !message.heartbeat);
    message = accept(STR("WATCHDOG=1\nWATCHDOG_USEC=20000000"));
    assert_true(message.heartbeat && message.has_watchdog);
    assert_int_equal(message.watchdog_ms, 20000);
    assert_int_equal(accept(STR("WATCHDOG_USEC=1")).watchdog_ms, 1);
    assert_int_equal(accept(STR("WATCHDOG_USEC=0")).watchdog_ms, 0);
    assert_true(accept(STR("BARRIER=1")).barrier);
    message = accept(STR("ERRNO=110"));
    assert_true(message.has_errno && message.reported == REPORTED_NOTHING);
    assert_int_equal(message.errno_value, 110);
    message = accept(STR("STATUS="));
    assert_true(message.has_text && message.text.size == 0);
}

static void test_words(void **state)
{
    (void)state;
    struct status_message message =
        accept(STR("READY=1\nX_OUTRIDER=players=12/64 label.map=harbor drain=5m # open"));
    assert_int_equal(message.reported, REPORTED_READY);
    assert_int_equal(message.players, 12);
    assert_int_equal(message.label_count, 1);
    assert_int_equal(message.drain_deadline_ms, 300000);
    assert_true(str_eq(message.text, STR("open")));
    /* A line that is no assignment is parsed as on the stream socket. */
    message = accept(STR("ready players=3\r\n\nheartbeat\n"));
    assert_true(message.reported == REPORTED_READY && message.has_players && message.heartbeat);
}

static void test_tolerated(void **state)
{
    (void)state;
    assert_int_equal(accept(STR("")).unknown_keys, 0);
    assert_int_equal(accept((struct str){NULL, 0}).reported, REPORTED_NOTHING);
    assert_int_equal(accept(STR("\n\n")).reported, REPORTED_NOTHING);
    assert_int_equal(accept(STR("READY=1\0")).reported, REPORTED_READY);
    assert_int_equal(accept(STR("FDSTORE=1\nFDNAME=x\nFDNAME=x\nEXTEND_TIMEOUT_USEC=5")).unknown_keys, 4);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        struct str datagram;
        const char *what;
    } rows[] = {
        {BYTES("READY=2"), "READY: not a value of this key"},
        {BYTES("READY=yes"), "READY: not a value of this key"},
        {BYTES("STOPPING=0"), "STOPPING: not a value of this key"},
        {BYTES("RELOADING=0"), "RELOADING: not a value of this key"},
        {BYTES("BARRIER=2"), "BARRIER: not a value of this key"},
        {BYTES("WATCHDOG=0"), "WATCHDOG: not a value of this key"},
        {BYTES("WATCHDOG_USEC=10s"), "WATCHDOG_USEC: not a value of this key"},
        {BYTES("WATCHDOG_USEC=18446744073709551615"), "WATCHDOG_USEC: a value beyond its bounds"},
        {BYTES("MAINPID=0"), "MAINPID: not a value of this key"},
        {BYTES("MAINPID=-1"), "MAINPID: not a value of this key"},
        {BYTES("MAINPID=2147483648"), "MAINPID: not a value of this key"},
        {BYTES("ERRNO=ETIMEDOUT"), "ERRNO: not a value of this key"},
        {BYTES("READY=1\nREADY=1"), "status: twice in one datagram"},
        {BYTES("READY=1\nSTOPPING=1"), "status: twice in one datagram"},
        {BYTES("READY=1\nX_OUTRIDER=error"), "status: twice in one datagram"},
        {BYTES("READY=1\nSTATUS=\x1b[2J"), "text: not a value of this key"},
        {BYTES("STATUS=a\nSTATUS=b"), "text: twice in one datagram"},
        {BYTES("STATUS=a\nX_OUTRIDER=# b"), "text: twice in one datagram"},
        {BYTES("RELOADING=1\nRELOADING=1"), "RELOADING: twice in one datagram"},
        {BYTES("WATCHDOG=1\nWATCHDOG=trigger"), "WATCHDOG: twice in one datagram"},
        {BYTES("WATCHDOG_USEC=1\nWATCHDOG_USEC=2"), "WATCHDOG_USEC: twice in one datagram"},
        {BYTES("X_OUTRIDER=heartbeat=5s\nWATCHDOG_USEC=2"), "WATCHDOG_USEC: twice in one datagram"},
        {BYTES("MAINPID=1\nMAINPID=2"), "MAINPID: twice in one datagram"},
        {BYTES("BARRIER=1\nBARRIER=1"), "BARRIER: twice in one datagram"},
        {BYTES("ERRNO=1\nERRNO=2"), "ERRNO: twice in one datagram"},
        {BYTES("X_OUTRIDER=players=1\nX_OUTRIDER=capacity=2"), "X_OUTRIDER: twice in one datagram"},
        {BYTES("X_OUTRIDER=failed"), "failed: no such word on this socket"},
        {BYTES("X_OUTRIDER=attach"), "attach: no such word on this socket"},
        {BYTES("get"), "get: no such word on this socket"},
        {BYTES("watch"), "watch: no such word on this socket"},
        {BYTES("quit"), "quit: no such word on this socket"},
        {BYTES("status=busy"), "status: no such key"},
        {BYTES("READY=1\nSTATUS=a\0b"), "it has a NUL byte"},
        {BYTES("STATUS=\xff"), "it is not UTF-8"},
        {BYTES("READY=1\0\0"), "it has a NUL byte"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct status_message message = {.players = 4711};
        struct error err = {0};
        if (notify_parse(rows[i].datagram, &message, &err) == 0) {
            fail_msg("accepted: %.*s", STR_ARG(rows[i].datagram));
        }
        assert_int_equal(err.code, ERROR_INVALID);
        if (strstr(err.text, rows[i].what) == NULL) {
            fail_msg("\"%s\" does not say \"%s\"", err.text, rows[i].what);
        }
        assert_int_equal(message.players, 4711);
    }
}

static void test_long_line(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_str(&buf, STR("READY=1\nIGNORED="));
    while (buf.size < 20000) {
        buf_str(&buf, STR("x"));
    }
    struct status_message message;
    struct error err;
    assert_int_equal(notify_parse(buf_view(&buf), &message, &err), -1);
    assert_non_null(strstr(err.text, "more than 16384 bytes"));
    assert_int_equal(notify_parse(buf_view(&buf), &message, NULL), -1);
    buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_assignments), cmocka_unit_test(test_words),
        cmocka_unit_test(test_tolerated),   cmocka_unit_test(test_refused),
        cmocka_unit_test(test_long_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
