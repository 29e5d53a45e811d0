#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/codec/status/status_line.h"
#include "outrider/codec/text/printable.h"
#include "outrider/core/instant.h"
#include "outrider/core/server/status_message.h"

#define LINE(literal)                                                                                        \
    {                                                                                                        \
        literal, sizeof(literal) - 1                                                                         \
    }

/* The reply to a bad line, without its hint. */
static void assert_refused(struct str line, const char *reply, bool fatal)
{
    struct status_message message = {.players = 4711};
    struct status_line_error error = {0};
    struct buf out = {0};
    if (status_line_parse(line, &message, &error) == 0) {
        fail_msg("accepted: %.*s, expected %s", STR_ARG(line), reply);
    }
    error.hint[0] = '\0';
    status_line_error_reply(&out, &error);
    assert_string_equal(buf_text(&out), reply);
    assert_int_equal(error.fatal, fatal);
    assert_int_equal(message.players, 4711);
    buf_fini(&out);
}

static struct status_message accept(struct str line)
{
    struct status_message message;
    struct status_line_error error;
    if (status_line_parse(line, &message, &error) < 0) {
        fail_msg("refused: %.*s: %s %s", STR_ARG(line), status_line_fault_name(error.fault), error.detail);
    }
    return message;
}

static void test_bad_lines(void **state)
{
    (void)state;
    static const struct {
        struct str line;
        const char *reply;
    } rows[] = {
        /* plausible mistakes */
        {LINE("failed"), "ERR word failed"},
        {LINE("plyers=3"), "ERR key plyers"},
        {LINE("players=-1"), "ERR value players"},
        {LINE("players=1e3"), "ERR value players"},
        {LINE("players=12/"), "ERR value players"},
        {LINE("status=busy"), "ERR key status"},
        {LINE("ready error"), "ERR twice status"},
        {LINE("players=1 players=2"), "ERR twice players"},
        {LINE("ready\0"), "ERR nul"},
        {LINE("# \0"), "ERR nul"},
        {LINE("# \xff"), "ERR utf8"},
        {LINE("label.map=\xc0\xaf"), "ERR utf8"},
        {LINE("# \xed\xa0\x80"), "ERR utf8"},
        /* control sequences */
        {LINE("ready # \x1b[31mred"), "ERR value text"},
        {LINE("# a\rb"), "ERR value text"},
        {LINE("# \x7f"), "ERR value text"},
        {LINE("# a\xc2\x9b"
              "31mb"),
         "ERR value text"},
        {LINE("STATUS=\x07"), "ERR value text"},
        {LINE("X_OUTRIDER=ready # \x01"), "ERR value text"},
        /* words and keys */
        {LINE("Ready"), "ERR word Ready"},
        {LINE("READY"), "ERR word READY"},
        {LINE("ready,players=1"), "ERR key ready,players"},
        {LINE("ready\tattach"), "ERR word ready?attach"},
        {LINE("players"), "ERR word players"},
        {LINE("nothing"), "ERR word nothing"},
        {LINE("ready=1"), "ERR key ready"},
        {LINE("attach=1"), "ERR key attach"},
        {LINE("get /"), "ERR word /"},
        {LINE("="), "ERR key"},
        {LINE("=1"), "ERR key"},
        {LINE("\xed\x95\x9c"), "ERR word \xed\x95\x9c"},
        {LINE("a\x1b[31mb"), "ERR word a?[31mb"},
        {LINE("a\xc2\x9b"
              "31mb"),
         "ERR word a?31mb"},
        /* numbers */
        {LINE("players="), "ERR value players"},
        {LINE("players=/"), "ERR value players"},
        {LINE("players=/5"), "ERR value players"},
        {LINE("players=1/2/3"), "ERR value players"},
        {LINE("players=1.5"), "ERR value players"},
        {LINE("players=+1"), "ERR value players"},
        {LINE("players=0x10"), "ERR value players"},
        {LINE("players=4294967296"), "ERR range players"},
        {LINE("players=1/4294967296"), "ERR range players"},
        {LINE("players=99999999999999999999999"), "ERR range players"},
        {LINE("capacity="), "ERR value capacity"},
        {LINE("capacity=64/64"), "ERR value capacity"},
        {LINE("capacity=4294967296"), "ERR range capacity"},
        {LINE("players=1/2 capacity=2"), "ERR twice capacity"},
        {LINE("capacity=2 players=1/2"), "ERR twice capacity"},
        {LINE("ports="), "ERR value ports"},
        {LINE("ports=1,"), "ERR value ports"},
        {LINE("ports=,1"), "ERR value ports"},
        {LINE("ports=1,,2"), "ERR value ports"},
        {LINE("ports=http"), "ERR value ports"},
        {LINE("ports=8001,8001"), "ERR value ports"},
        {LINE("ports=0"), "ERR range ports"},
        {LINE("ports=65536"), "ERR range ports"},
        {LINE("ports=1 ports=2"), "ERR twice ports"},
        /* labels */
        {LINE("label.=x"), "ERR key label."},
        {LINE("label.x"), "ERR word label.x"},
        {LINE("label.a/b=x"), "ERR key label.a/b"},
        {LINE("label.a=1 label.a=2"), "ERR twice label.a"},
        {LINE("label.a=1 label.a="), "ERR twice label.a"},
        {LINE("label.a=\x01"), "ERR value label.a"},
        {LINE("label.a=b\tc"), "ERR value label.a"},
        {LINE("label.a=\xc2\x85"), "ERR value label.a"},
        /* holds, heartbeats, connection */
        {LINE("drain="), "ERR value drain"},
        {LINE("drain=soon"), "ERR value drain"},
        {LINE("drain=-5"), "ERR value drain"},
        {LINE("drain=5d"), "ERR value drain"},
        {LINE("drain=99999999999h"), "ERR value drain"},
        {LINE("drain=315360001"), "ERR range drain"},
        {LINE("drain drain"), "ERR twice drain"},
        {LINE("drain undrain"), "ERR twice drain"},
        {LINE("drain drain=5m"), "ERR twice drain"},
        {LINE("undrain=1"), "ERR key undrain"},
        {LINE("heartbeat="), "ERR value heartbeat"},
        {LINE("heartbeat heartbeat"), "ERR twice heartbeat"},
        {LINE("heartbeat heartbeat=5s"), "ERR twice heartbeat"},
        {LINE("attach attach"), "ERR twice attach"},
        {LINE("get get"), "ERR twice get"},
        {LINE("watch watch"), "ERR twice watch"},
        {LINE("quit quit"), "ERR twice quit"},
        {LINE("claim="), "ERR value claim"},
        {LINE("claim=-x"), "ERR value claim"},
        {LINE("claim=a/b"), "ERR value claim"},
        {LINE("claim"), "ERR word claim"},
        {LINE("claim=a players=1 claim=a"), "ERR twice claim"},
        {LINE("claim=1 claim=2 claim=3 claim=4 claim=5 claim=6 claim=7 claim=8 claim=9 claim=10 claim=11 "
              "claim=12 claim=13 claim=14 claim=15 claim=16 claim=17"),
         "ERR range claim"},
        /* all or nothing, wherever the fault is */
        {LINE("players=5 ready bogus # text"), "ERR word bogus"},
        /* sd_notify on the stream */
        {LINE("READY=0"), "ERR value READY"},
        {LINE("READY="), "ERR value READY"},
        {LINE("READY=1 "), "ERR value READY"},
        {LINE("X_OUTRIDER=ready error"), "ERR twice status"},
        {LINE("X_OUTRIDER=plyers=3"), "ERR key plyers"},
        {LINE("STATUS=\xff"), "ERR utf8"},
        {LINE("Ready=1"), "ERR key Ready"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_refused(rows[i].line, rows[i].reply, false);
    }
}

static void test_http_closes(void **state)
{
    (void)state;
    static const struct {
        struct str line;
        const char *reply;
    } rows[] = {
        {LINE("GET / HTTP/1.1"), "ERR word /"},
        {LINE("GET / HTTP/1.1\r"), "ERR word /"},
        {LINE("POST /api/agent/drain HTTP/1.1"), "ERR word /api/agent/drain"},
        {LINE("PUT /x HTTP/1.1"), "ERR word /x"},
        {LINE("HEAD /\xff HTTP/1.1"), "ERR word /?"},
        {LINE("DELETE /x"), "ERR word /x"},
        {LINE("PATCH /x"), "ERR word /x"},
        {LINE("OPTIONS * HTTP/1.1"), "ERR word *"},
        {LINE("CONNECT host:1"), "ERR word host:1"},
        {LINE("TRACE /"), "ERR word /"},
        {LINE("PRI * HTTP/2.0"), "ERR word *"},
        {LINE("GET"), "ERR word GET"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_refused(rows[i].line, rows[i].reply, true);
    }
}

static struct str filled(struct buf *buf, const char *head, size_t size)
{
    buf_clear(buf);
    buf_str(buf, str_of(head));
    while (buf->size < size) {
        buf_str(buf, STR("x"));
    }
    return buf_view(buf);
}

static void test_lengths(void **state)
{
    (void)state;
    struct buf buf = {0};
    assert_refused(filled(&buf, "# ", STATUS_LINE_MAX + 1), "ERR too-long", true);
    assert_refused(filled(&buf, "# ", STATUS_LINE_MAX), "ERR range text", false);
    assert_refused(filled(&buf, "# ", 2 + STATUS_TEXT_MAX + 1), "ERR range text", false);
    assert_int_equal(accept(filled(&buf, "# ", 2 + STATUS_TEXT_MAX)).text.size, STATUS_TEXT_MAX);
    assert_refused(filled(&buf, "STATUS=", 7 + STATUS_TEXT_MAX + 1), "ERR range text", false);
    assert_refused(filled(&buf, "label.k=", 8 + STATUS_LABEL_VALUE_MAX + 1), "ERR range label.k", false);
    assert_int_equal(accept(filled(&buf, "label.k=", 8 + STATUS_LABEL_VALUE_MAX)).label_count, 1);

    /* A detail is never longer than 64 bytes, and ends between two characters. */
    struct status_line_error error;
    struct status_message message;
    assert_int_equal(status_line_parse(filled(&buf, "w", 9000), &message, &error), -1);
    assert_int_equal(strlen(error.detail), 64);
    buf_clear(&buf);
    buf_str(&buf, STR("w"));
    for (int i = 0; i < 40; i++) {
        buf_str(&buf, STR("\xed\x95\x9c"));
    }
    assert_int_equal(status_line_parse(buf_view(&buf), &message, &error), -1);
    assert_int_equal(strlen(error.detail), 64);
    assert_true(str_is_utf8(str_of(error.detail)));

    buf_clear(&buf);
    buf_printf(&buf, "label.%063d=x", 0);
    assert_int_equal(accept(buf_view(&buf)).label_count, 1);
    buf_clear(&buf);
    buf_printf(&buf, "label.%064d=x", 0);
    assert_int_equal(status_line_parse(buf_view(&buf), &message, &error), -1);
    assert_int_equal(error.fault, STATUS_LINE_RANGE);
    buf_fini(&buf);
}

static void test_counts(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_str(&buf, STR("ports=1"));
    for (int i = 2; i <= STATUS_PORTS_MAX; i++) {
        buf_printf(&buf, ",%d", i);
    }
    struct status_message message = accept(buf_view(&buf));
    assert_int_equal(message.port_count, STATUS_PORTS_MAX);
    assert_int_equal(message.ports[0], 1);
    assert_int_equal(message.ports[STATUS_PORTS_MAX - 1], STATUS_PORTS_MAX);
    buf_str(&buf, STR(",65"));
    assert_refused(buf_view(&buf), "ERR range ports", false);

    buf_clear(&buf);
    for (int i = 0; i < STATUS_LABELS_MAX; i++) {
        buf_printf(&buf, "label.k%d=v ", i);
    }
    assert_int_equal(accept(buf_view(&buf)).label_count, STATUS_LABELS_MAX);
    buf_str(&buf, STR("label.more=v"));
    assert_refused(buf_view(&buf), "ERR range labels", false);
    buf_fini(&buf);
}

static void test_status_and_text(void **state)
{
    (void)state;
    static const struct {
        struct str line;
        enum reported_status reported;
        const char *text; /* NULL: none */
    } rows[] = {
        {LINE("initializing # loading harbor 3/10"), REPORTED_INITIALIZING, "loading harbor 3/10"},
        {LINE("ready"), REPORTED_READY, NULL},
        {LINE("ready\r"), REPORTED_READY, NULL},
        {LINE("  ready  "), REPORTED_READY, NULL},
        {LINE("shutting_down#bye"), REPORTED_SHUTTING_DOWN, "bye"},
        {LINE("error # disk # full"), REPORTED_ERROR, "disk # full"},
        {LINE("# \xed\x95\x9c\xea\xb5\xad"), REPORTED_NOTHING, "\xed\x95\x9c\xea\xb5\xad"},
        {LINE("# a\tb\t"), REPORTED_NOTHING, "a\tb"},
        {LINE("# 20 \xc2\xb0"
              "C, caf\xc3\xa9\xc2\xa0!"),
         REPORTED_NOTHING,
         "20 \xc2\xb0"
         "C, caf\xc3\xa9\xc2\xa0!"},
        {LINE("#"), REPORTED_NOTHING, ""},
        {LINE("# GET / bogus=1"), REPORTED_NOTHING, "GET / bogus=1"},
        {LINE(""), REPORTED_NOTHING, NULL},
        {LINE("   "), REPORTED_NOTHING, NULL},
        {LINE("READY=1"), REPORTED_READY, NULL},
        {LINE("STOPPING=1"), REPORTED_SHUTTING_DOWN, NULL},
        {LINE("STATUS=12/64 # on harbor"), REPORTED_NOTHING, "12/64 # on harbor"},
        {LINE("X_OUTRIDER=ready # open"), REPORTED_READY, "open"},
        {LINE("SOMETHING_ELSE=ready"), REPORTED_NOTHING, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct status_message message = accept(rows[i].line);
        assert_int_equal(message.reported, rows[i].reported);
        assert_int_equal(message.has_text, rows[i].text != NULL);
        assert_true(str_eq(message.text, str_of(rows[i].text)));
    }
    assert_int_equal(accept(STR("SOMETHING_ELSE=ready")).unknown_keys, 1);
}

static void test_whole_line(void **state)
{
    (void)state;
    struct status_message message =
        accept(STR("ready players=12/64 ports=8001,8002 label.map=harbor label.mode= drain=30m "
                   "heartbeat=10s attach get watch quit # open"));
    assert_int_equal(message.reported, REPORTED_READY);
    assert_true(message.has_players && message.has_capacity);
    assert_int_equal(message.players, 12);
    assert_int_equal(message.capacity, 64);
    assert_int_equal(message.port_count, 2);
    assert_int_equal(message.ports[1], 8002);
    assert_int_equal(message.label_count, 2);
    assert_true(str_eq(message.labels[0].name, STR("map")) && str_eq(message.labels[0].value, STR("harbor")));
    assert_true(str_eq(message.labels[1].name, STR("mode")) && message.labels[1].value.size == 0);
    assert_true(message.drain && message.has_drain_deadline && !message.undrain);
    assert_int_equal(message.drain_deadline_ms, 30 * 60 * 1000);
    assert_true(message.heartbeat && message.has_watchdog);
    assert_int_equal(message.watchdog_ms, 10000);
    assert_true(message.attach && message.get && message.watch && message.quit);
    assert_true(str_eq(message.text, STR("open")));
}

static void test_values(void **state)
{
    (void)state;
    assert_int_equal(accept(STR("players=70/64")).players, 70);
    assert_true(accept(STR("players=4294967295")).players == UINT32_MAX);
    assert_false(accept(STR("players=5")).has_capacity);
    assert_int_equal(accept(STR("capacity=5")).capacity, 5);
    assert_int_equal(accept(STR("drain=540")).drain_deadline_ms, 540000);
    assert_int_equal(accept(STR("drain=0")).drain_deadline_ms, 0);
    assert_int_equal(accept(STR("drain=1500ms")).drain_deadline_ms, 1500);
    assert_int_equal(accept(STR("heartbeat=0")).watchdog_ms, 0);
    assert_int_equal(accept(STR("heartbeat=5")).watchdog_ms, 5000);
    struct status_message message = accept(STR("drain"));
    assert_true(message.drain && !message.has_drain_deadline);
    message = accept(STR("undrain"));
    assert_true(message.undrain && !message.drain);
    message = accept(STR("heartbeat"));
    assert_true(message.heartbeat && !message.has_watchdog);
    message = accept(STR("label.url=http://x/?a=b"));
    assert_true(str_eq(message.labels[0].value, STR("http://x/?a=b")));
}

static void test_replies(void **state)
{
    (void)state;
    struct buf out = {0};
    status_line_ok(&out, false, NEVER_MS);
    assert_string_equal(buf_text(&out), "OK");
    buf_clear(&out);
    status_line_ok(&out, true, 540000);
    assert_string_equal(buf_text(&out), "OK drain=1 deadline=540");
    buf_clear(&out);
    status_line_ok(&out, true, 1);
    assert_string_equal(buf_text(&out), "OK drain=1 deadline=1");
    buf_clear(&out);
    status_line_ok(&out, true, -7);
    assert_string_equal(buf_text(&out), "OK drain=1 deadline=0");
    buf_clear(&out);
    status_line_ok(&out, true, NEVER_MS);
    assert_string_equal(buf_text(&out), "OK drain=1");
    buf_clear(&out);
    struct status_line_error error = {.fatal = true};
    assert_int_equal(status_line_fail(&error, STATUS_LINE_TOO_MANY, STR("")), -1);
    status_line_error_reply(&out, &error);
    assert_string_equal(buf_text(&out), "ERR too-many");
    assert_true(error.fatal);
    assert_int_equal(status_line_fail(&error, STATUS_LINE_RANGE, STR("label.map")), -1);
    assert_false(error.fatal);
    assert_int_equal(status_line_fail(&error, STATUS_LINE_TOO_LONG, STR("")), -1);
    assert_true(error.fatal);
    buf_fini(&out);
}

static void test_drain_events(void **state)
{
    (void)state;
    static const struct {
        bool on;
        int64_t deadline_ms;
        const char *reason, *event;
    } rows[] = {
        {true, 540000, "patch 1.4.3", "EVENT drain on deadline=540 reason=patch 1.4.3"},
        {true, NEVER_MS, "patch", "EVENT drain on reason=patch"},
        {true, 999, "", "EVENT drain on deadline=1"},
        {true, NEVER_MS, NULL, "EVENT drain on"},
        {true, NEVER_MS, "a\r\nEVENT drain off\x7f\xff", "EVENT drain on reason=a  EVENT drain off  "},
        {false, 540000, "patch", "EVENT drain off"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out = {0};
        status_line_drain_event(&out, rows[i].on, rows[i].deadline_ms, str_of(rows[i].reason));
        assert_string_equal(buf_text(&out), rows[i].event);
        buf_fini(&out);
    }
}

static void test_long_reason_is_cut(void **state)
{
    (void)state;
    struct buf reason = {0}, out = {0};
    for (int i = 0; i < 3000; i++) {
        buf_str(&reason, STR("r"));
    }
    status_line_drain_event(&out, true, NEVER_MS, buf_view(&reason));
    assert_int_equal(out.size, strlen("EVENT drain on reason=") + 1024);
    buf_fini(&reason);
    buf_fini(&out);
}

static void test_printable(void **state)
{
    (void)state;
    char out[8];
    printable_copy(out, sizeof(out), STR("short"), '?');
    assert_string_equal(out, "short");
    printable_copy(out, sizeof(out), STR("much too long"), '?');
    assert_string_equal(out, "much to");
    printable_copy(out, sizeof(out), STR("12345\xed\x95\x9c"), '?');
    assert_string_equal(out, "12345");
    printable_copy(out, sizeof(out), STR("\xc2\xa0\xed\x95"), '?');
    assert_string_equal(out, "\xc2\xa0??");
    printable_copy(out, sizeof(out), STR("a\xe2\x80\xae\xe2\x81\xa6z"), '?');
    assert_string_equal(out, "a??z");
    printable_copy(out, sizeof(out), STR("\xe2\x80\xa9\xe2\x80\xaf"),
                   '?'); /* U+2029 ends a line for some readers */
    assert_string_equal(out, "?\xe2\x80\xaf");
    printable_copy(out, 1, STR("x"), '?');
    assert_string_equal(out, "");
    printable_copy(out, sizeof(out), (struct str){NULL, 0}, '?');
    assert_string_equal(out, "");
}

static void test_claims(void **state)
{
    (void)state;
    struct status_message message = accept(STR("players=3/8 claim=p-7 ready claim=a:b~c"));
    assert_int_equal(message.claim_count, 2);
    assert_true(str_eq(message.claims[0], STR("p-7")) && str_eq(message.claims[1], STR("a:b~c")));
    message = accept(STR("X_OUTRIDER=claim=p-7"));
    assert_int_equal(message.claim_count, 1);
    struct buf out = {0};
    status_line_claim_reply(&out, STR("p-7"), STR(""));
    assert_string_equal(buf_text(&out), "ERR claim p-7 is not reserved");
    buf_clear(&out);
    status_line_claim_reply(&out, STR("p-7"), STR("no\nanswer"));
    assert_string_equal(buf_text(&out), "ERR away p-7: no answer; say it again");
    buf_fini(&out);
}

static void test_said_names(void **state)
{
    (void)state;
    assert_string_equal(reported_status_name(REPORTED_NOTHING), "nothing");
    static const struct {
        const char *line;
        bool speaks;
    } rows[] = {
        {"", false},          {"get", false},        {"watch", false},          {"quit", false},
        {"BARRIER=1", false}, {"ERRNO=5", false},    {"FDSTORE=1", false},      {"ready", true},
        {"# text", true},     {"#", true},           {"players=0", true},       {"capacity=1", true},
        {"ports=1", true},    {"label.a=", true},    {"drain", true},           {"undrain", true},
        {"heartbeat", true},  {"attach", true},      {"WATCHDOG_USEC=1", true}, {"WATCHDOG=trigger", true},
        {"MAINPID=1", true},  {"RELOADING=1", true}, {"claim=p-7", true}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct status_message message = accept(str_of(rows[i].line));
        assert_int_equal(status_message_is_report(&message), rows[i].speaks);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_lines),       cmocka_unit_test(test_http_closes),
        cmocka_unit_test(test_lengths),         cmocka_unit_test(test_counts),
        cmocka_unit_test(test_status_and_text), cmocka_unit_test(test_whole_line),
        cmocka_unit_test(test_values),          cmocka_unit_test(test_replies),
        cmocka_unit_test(test_drain_events),    cmocka_unit_test(test_printable),
        cmocka_unit_test(test_said_names),      cmocka_unit_test(test_long_reason_is_cut),
        cmocka_unit_test(test_claims),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
