#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/codec/json/json_pointer.h"

/* The document and the pointers of RFC 6901, 5. */
static const char document_text[] = "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/"
                                    "b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,\"i\\\\j\":5,\"k\\\"l\":6,\" \":7,"
                                    "\"m~n\":8,\"deep\":{\"er\":[{\"x\":9}]},\"01\":10}";

static void pointers_name_values(void **state)
{
    (void)state;
    static const struct {
        const char *pointer;
        int value;
    } cases[] = {{"/", 0},     {"/a~1b", 1}, {"/c%d", 2},  {"/e^f", 3},         {"/g|h", 4}, {"/i\\j", 5},
                 {"/k\"l", 6}, {"/ ", 7},    {"/m~0n", 8}, {"/deep/er/0/x", 9}, {"/01", 10}};
    json_t *document = json_loads(document_text, 0, NULL);
    assert_ptr_equal(json_pointer(document, ""), document);
    assert_true(json_is_array(json_pointer(document, "/foo")));
    assert_string_equal(json_string_value(json_pointer(document, "/foo/0")), "bar");
    assert_string_equal(json_string_value(json_pointer(document, "/foo/1")), "baz");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(json_is_integer(json_pointer(document, cases[i].pointer)));
        assert_int_equal(json_integer_value(json_pointer(document, cases[i].pointer)), cases[i].value);
    }
    json_decref(document);
}

static void what_is_not_there_is_null(void **state)
{
    (void)state;
    static const char *const pointers[] = {
        "/no",      "foo",    "/foo/2", "/foo/-",   "/foo/00",        "/foo/01",
        "/foo/-1",  "/foo/x", "/foo/",  "/foo/0/x", "/a/b",           "/m~n",
        "/m~2n",    "/m~",    "//",     "/deep/0",  "/deep/er/0/x/y", "/foo/99999999999999999999",
        "/foo/1e0",
    };
    json_t *document = json_loads(document_text, 0, NULL);
    for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++) {
        if (json_pointer(document, pointers[i]) != NULL) {
            fail_msg("%s", pointers[i]);
        }
    }
    json_decref(document);
    assert_null(json_pointer(NULL, "/foo"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pointers_name_values),
        cmocka_unit_test(what_is_not_there_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
