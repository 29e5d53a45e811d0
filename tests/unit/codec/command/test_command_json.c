#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/command/command_json.h"
#include "outrider/core/command/command.h"

#include <string.h>

#define ID "01JZZZZZZZ0000000000000001"
#define REST                                                                                                 \
    "\"from\":\"op:olga\",\"at\":\"2026-11-21T02:14:00.000Z\",\"until\":\"2026-11-21T02:14:30.000Z\","
#define QUEUED "{\"name\":\"say\",\"args\":\"hi\"," REST "\"state\":\"queued\"}"

static void test_both_ways(void **state)
{
    (void)state;
    struct server_command command;
    struct error err;
    struct buf out = {0};
    assert_int_equal(command_decode(STR(ID), STR(QUEUED), &command, &err), 0);
    assert_string_equal(command.id, ID);
    assert_string_equal(command.name, "say");
    assert_string_equal(command.args, "hi");
    assert_string_equal(command.from, "op:olga");
    assert_int_equal(command.until_wall - command.at_wall, 30000);
    assert_int_equal(command.state, COMMAND_QUEUED);
    assert_null(command.text);
    command_encode(&command, &out);
    assert_string_equal(buf_text(&out), QUEUED);
    buf_clear(&out);
    command_move(&command, COMMAND_ERROR, STR("no \"map\""));
    command_encode(&command, &out);
    assert_non_null(strstr(buf_text(&out), "\"state\":\"error\",\"text\":\"no \\\"map\\\"\"}"));
    command_fini(&command);
    buf_fini(&out);
}

static void test_largest(void **state)
{
    (void)state;
    struct server_command command, back;
    struct error err;
    struct buf out = {0};
    static char args[COMMAND_ARGS_MAX + 1];
    memset(args, '\x01', COMMAND_ARGS_MAX);
    assert_int_equal(command_decode(STR(ID), STR(QUEUED), &command, &err), 0);
    command_fini(&command);
    command.args = args;
    command_encode(&command, &out);
    command.args = NULL;
    assert_int_equal(command_decode(STR(ID), buf_view(&out), &back, &err), 0);
    assert_string_equal(back.args, args);
    command_fini(&back);
    buf_fini(&out);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "{\"name\":\"say\",\"args\":\"\"," REST "\"state\":\"queued\",\"more\":1}",
        "{\"name\":\"say\",\"name\":\"say\",\"args\":\"\"," REST "\"state\":\"queued\"}",
        "{\"name\":\"Say\",\"args\":\"\"," REST "\"state\":\"queued\"}",
        "{\"name\":\"say\",\"args\":{}," REST "\"state\":\"queued\"}",
        "{\"name\":\"say\",\"args\":\"\\u0000\"," REST "\"state\":\"queued\"}",
        "{\"name\":\"say\",\"args\":\"\"," REST "\"state\":\"done\"}",
        "{\"name\":\"say\",\"args\":\"\"," REST "\"state\":\"ok\",\"text\":\"a\\nEVENT result\"}",
        "{\"name\":\"say\",\"args\":\"\"," REST "\"state\":\"queued\"} x",
        "{\"name\":\"say\",\"args\":\"\",\"from\":\"a b\",\"at\":\"2026-11-21T02:14:00.000Z\",\"until\":"
        "\"2026-11-21T02:14:30.000Z\",\"state\":\"queued\"}",
        "{\"name\":\"say\",\"args\":\"\",\"from\":\"a\",\"at\":\"2026-11-21T02:14:00.000Z\",\"until\":"
        "\"2026-11-21T03:14:00.001Z\",\"state\":\"queued\"}",
        "{\"name\":\"say\",\"args\":\"\",\"from\":\"a\",\"at\":\"2026-11-21T02:14:00.000Z\",\"until\":"
        "\"2026-11-21T02:14:00.999Z\",\"state\":\"queued\"}",
    };
    struct server_command command = {.name = "kept"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct error err = {0};
        assert_int_equal(command_decode(STR(ID), str_of(bad[i]), &command, &err), -1);
        assert_string_not_equal(err.text, "");
        assert_string_equal(command.name, "kept");
    }
    struct error err;
    static char large[COMMAND_JSON_MAX + 1];
    assert_int_equal(command_decode(STR("x"), STR(QUEUED), &command, &err), -1);
    assert_int_equal(command_decode(STR(ID), (struct str){large, sizeof(large)}, &command, &err), -1);
    assert_int_equal(err.code, ERROR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_largest),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
