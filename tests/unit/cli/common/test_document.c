#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/cli/common/document.h"

#include <stdlib.h>

static json_t *parse(const char *text)
{
    return document_parse(str_of(text));
}

static void what_is_no_json_is_nothing(void **state)
{
    (void)state;
    assert_null(document_parse((struct str){NULL, 0}));
    assert_null(parse("{"));
    assert_null(parse("[1e999]"));
    assert_null(parse("{\"a\":99999999999999999999"));
}

/* One record of another writer must not hide all others or change them. */
static void numbers_beyond_int64_are_no_end(void **state)
{
    (void)state;
    int64_t number = 0;
    json_t *root =
        parse("{\"a\":[99999999999999999999,8001,{\"b\":-3,\"c\":0.5}],\"d\":0,\"e\":-99999999999999999999}");
    assert_non_null(root);
    const json_t *list = document_at(root, "a");
    assert_true(json_is_real(json_array_get(list, 0)));
    assert_true(json_is_integer(json_array_get(list, 1)));
    assert_int_equal(json_integer_value(json_array_get(list, 1)), 8001);
    assert_true(document_number(json_array_get(list, 2), "b", &number) && number == -3);
    assert_true(json_is_real(document_at(json_array_get(list, 2), "c")));
    assert_true(json_is_integer(document_at(root, "d")));
    assert_false(document_number(root, "e", &number));
    json_decref(root);
    root = parse("[9223372036854775807,1.0]");
    assert_true(json_is_integer(json_array_get(root, 0)));
    assert_true(json_is_real(json_array_get(root, 1)));
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_json_is_nothing),
        cmocka_unit_test(numbers_beyond_int64_are_no_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
