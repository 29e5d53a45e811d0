#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/io/program/program_message.h"

#include <string.h>

static const struct program_request request = {.id = 7,
                                               .timeout_ms = 500,
                                               .user = "game",
                                               .words = {"/bin/check", "", "--fast"},
                                               .word_count = 3,
                                               .variables = {"OUTRIDER_EVENT=drain"},
                                               .variable_count = 1};

static void a_request_is_read_back_and_no_part_of_it_is_one(void **state)
{
    (void)state;
    struct buf bytes = {0};
    struct program_request back;
    program_request_encode(&request, &bytes);
    assert_int_equal(program_request_decode(buf_view(&bytes), &back), 0);
    assert_int_equal(back.op, PROGRAM_RUN);
    assert_int_equal(back.id, 7);
    assert_int_equal(back.timeout_ms, 500);
    assert_string_equal(back.user, "game");
    assert_int_equal(back.word_count, 3);
    assert_string_equal(back.words[1], "");
    assert_string_equal(back.words[2], "--fast");
    assert_int_equal(back.variable_count, 1);
    assert_string_equal(back.variables[0], "OUTRIDER_EVENT=drain");
    for (size_t size = 0; size < bytes.size; size++) {
        assert_int_equal(program_request_decode((struct str){bytes.data, size}, &back), -1);
    }
    buf_add(&bytes, "x", 1);
    assert_int_equal(program_request_decode(buf_view(&bytes), &back), -1);
    buf_fini(&bytes);
}

static void assert_refused(struct program_request changed)
{
    struct buf bytes = {0};
    struct program_request back;
    program_request_encode(&changed, &bytes);
    assert_int_equal(program_request_decode(buf_view(&bytes), &back), -1);
    buf_fini(&bytes);
}

static void limits_hold(void **state)
{
    (void)state;
    struct program_request changed = request;
    changed.timeout_ms = 0;
    assert_refused(changed);
    changed.timeout_ms = PROGRAM_TIMEOUT_MAX_MS + 1;
    assert_refused(changed);
    changed = request;
    changed.word_count = 0;
    assert_refused(changed);
    changed = request;
    changed.op = (enum program_op)2;
    assert_refused(changed);
}

static void a_result_is_read_back(void **state)
{
    (void)state;
    struct buf bytes = {0};
    struct program_result result = {
        .id = 9, .end = PROGRAM_KILLED, .code = 9, .duration_us = 12, .output = STR("a\nb")};
    struct program_result back;
    program_result_encode(&result, &bytes);
    assert_int_equal(program_result_decode(buf_view(&bytes), &back), 0);
    assert_int_equal(back.id, 9);
    assert_int_equal(back.end, PROGRAM_KILLED);
    assert_int_equal(back.code, 9);
    assert_int_equal(back.duration_us, 12);
    assert_true(str_eq(back.output, STR("a\nb")));
    assert_int_equal(program_result_decode((struct str){bytes.data, 8}, &back), -1);
    buf_clear(&bytes);
    result.end = (enum program_end)4;
    program_result_encode(&result, &bytes);
    assert_int_equal(program_result_decode(buf_view(&bytes), &back), -1);
    buf_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_read_back_and_no_part_of_it_is_one),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(a_result_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
