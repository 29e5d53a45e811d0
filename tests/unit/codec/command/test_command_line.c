#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/command/command_line.h"
#include "outrider/core/command/command.h"

#define ID "01JZZZZZZZ0000000000000001"

static void text_is(struct str text, const char *expected)
{
    assert_true(str_eq(text, str_of(expected)));
}

static void test_lines(void **state)
{
    (void)state;
    struct command_line line;
    struct error err;
    assert_int_equal(command_line_parse(STR("result " ID " ok all is well\r"), &line, &err), 0);
    assert_int_equal(line.kind, COMMAND_LINE_RESULT);
    assert_true(line.good);
    text_is(line.id, ID);
    text_is(line.text, "all is well");
    assert_int_equal(command_line_parse(STR("result " ID " error"), &line, &err), 0);
    assert_false(line.good);
    text_is(line.text, "");
    assert_int_equal(
        command_line_parse(STR("call world/w1 map.change  {\"map\":\"harbor\"} # x"), &line, &err), 0);
    assert_int_equal(line.kind, COMMAND_LINE_CALL);
    text_is(line.type, "world");
    text_is(line.server, "w1");
    text_is(line.name, "map.change");
    text_is(line.text, " {\"map\":\"harbor\"} # x");
    assert_int_equal(command_line_parse(STR("call world/w1 say"), &line, &err), 0);
    text_is(line.text, "");
    static const char *const others[] = {"", "ready", "results", "call=1", "RESULT x"};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        assert_int_equal(command_line_parse(str_of(others[i]), &line, &err), 0);
        assert_int_equal(line.kind, COMMAND_LINE_NONE);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "result",
        "result x ok",
        "result " ID,
        "result " ID " OK",
        "result " ID " ok a\x1b",
        "call",
        "call world",
        "call world/ say",
        "call /w1 say",
        "call world/w1",
        "call a/b/c say",
        "call world/w1 Say",
        "call world/w1 say \xff",
        "result " ID " ok a\xc2\x85",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct command_line line;
        struct error err = {0};
        assert_int_equal(command_line_parse(str_of(bad[i]), &line, &err), -1);
        assert_int_not_equal(line.kind, COMMAND_LINE_NONE);
        assert_string_not_equal(err.text, "");
    }
}

static void test_events(void **state)
{
    (void)state;
    char args[] = "a\"b\\c\r\nEVENT drain on\xc2\x85\xe2\x80\xa8\t\xea\xb0\x80\x7f";
    struct server_command command = {.id = ID, .name = "say", .from = "op:olga", .args = args};
    struct buf out = {0};
    command_event(&command, &out);
    assert_string_equal(buf_text(&out), "EVENT command id=" ID " name=say from=op:olga args="
                                        "\"a\\\"b\\\\c\\u000d\\u000aEVENT drain on\\u0085\\u2028\\u0009"
                                        "\xea\xb0\x80\\u007f\"");
    buf_clear(&out);
    command.args = NULL;
    command_event(&command, &out);
    assert_string_equal(buf_text(&out), "EVENT command id=" ID " name=say from=op:olga args=\"\"");
    buf_clear(&out);
    command_result_event(STR(ID), true, STR(""), &out);
    assert_string_equal(buf_text(&out), "EVENT result id=" ID " ok");
    buf_clear(&out);
    command_result_event(STR(ID), false, STR("no map"), &out);
    assert_string_equal(buf_text(&out), "EVENT result id=" ID " error no map");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
