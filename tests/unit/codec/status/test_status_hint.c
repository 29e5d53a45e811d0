#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/codec/status/status_line.h"
#include "outrider/core/server/status_message.h"

#define LINE(literal)                                                                                        \
    {                                                                                                        \
        literal, sizeof(literal) - 1                                                                         \
    }

/* The whole reply, as the author of the server reads it. */
static void test_near_misses_say_what_was_meant(void **state)
{
    (void)state;
    static const struct {
        struct str line;
        const char *reply;
    } rows[] = {
        {LINE("players = 12"), "ERR word players: did you mean `players=12`, without blanks around the `=`?"},
        {LINE("players= 12"), "ERR value players: it takes a number, or PLAYERS/CAPACITY as in 12/64"},
        {LINE("players: 12"), "ERR word players:: did you mean `players=12`, without blanks around the `=`?"},
        {LINE("status=ready"), "ERR key status: a status is a word alone: did you mean `ready`?"},
        {LINE("state=Loading"), "ERR key state: a status is a word alone: did you mean `initializing`?"},
        {LINE("status=busy"), "ERR key status: a status is a word alone: did you mean `ready`?"},
        {LINE("Ready"), "ERR word Ready: did you mean `ready`?"},
        {LINE("redy"), "ERR word redy: did you mean `ready`?"},
        {LINE("stopping"), "ERR word stopping: did you mean `shutting_down`?"},
        {LINE("shutting-down"), "ERR word shutting-down: did you mean `shutting_down`?"},
        {LINE("ready=1"), "ERR key ready: it takes no value: did you mean `ready`?"},
        {LINE("player=3"), "ERR key player: did you mean `players=`?"},
        {LINE("Players=3"), "ERR key Players: did you mean `players=`?"},
        {LINE("map=harbor"), "ERR key map: for a label, write `label.map=...`"},
        {LINE("label map=harbor"),
         "ERR word label: did you mean `label.map=harbor`, without blanks around the `=`?"},
        {LINE("label.a/b=x"), "ERR key label.a/b: the name of a label has letters, digits, `_`, `.` and `-`"},
        {LINE("ready,players=1"), "ERR key ready,players: separate words with blanks"},
        {LINE("ready\tattach"), "ERR word ready?attach: separate words with blanks"},
        {LINE("{\"status\":\"ready\"}"),
         "ERR word {\"status\":\"ready\"}: a line has words, not JSON, as in `ready players=12/64`"},
        {LINE("ports=8001-8003"),
         "ERR value ports: it takes up to 64 different ports, from 1 to 65535, separated by commas"},
        {LINE("drain=soon"),
         "ERR value drain: it takes a duration such as 9m, or a number of seconds; 0: no deadline"},
        {LINE("GET / HTTP/1.1"), "ERR word /: this is the status socket, HTTP is at http.listen"},
        {LINE("READY=true"), "ERR value READY: it takes only 1"},
        {LINE("WATCHDOG=yes"), "ERR value WATCHDOG: it takes 1 or trigger"},
        {LINE("MAINPID=self"), "ERR value MAINPID: it takes a number"},
        /* nothing is near */
        {LINE("players=1 players=2"), "ERR twice players"},
        {LINE("bogus"), "ERR word bogus"},
        {LINE("=1"), "ERR key"},
        {LINE("\xed\x95\x9c"), "ERR word \xed\x95\x9c"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct status_message message;
        struct status_line_error error;
        struct buf out = {0};
        assert_int_equal(status_line_parse(rows[i].line, &message, &error), -1);
        status_line_error_reply(&out, &error);
        assert_string_equal(buf_text(&out), rows[i].reply);
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_near_misses_say_what_was_meant)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
