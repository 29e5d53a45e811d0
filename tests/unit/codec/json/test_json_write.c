#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/codec/json/json_write.h"

#include <jansson.h>

#define BYTES(literal)                                                                                       \
    {                                                                                                        \
        literal, sizeof(literal) - 1                                                                         \
    }

static void test_strings(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *json;
    } rows[] = {
        {BYTES(""), "\"\""},
        {BYTES("plain"), "\"plain\""},
        {BYTES("a\"b\\c/"), "\"a\\\"b\\\\c/\""},
        {BYTES("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\""},
        {BYTES("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001f\x7f\""},
        {BYTES("\xed\x95\x9c \xf0\x9f\x9a\x80"), "\"\xed\x95\x9c \xf0\x9f\x9a\x80\""},
        {BYTES("eight by eight ~ plain"), "\"eight by eight ~ plain\""},
        {BYTES("1234567\"1234567\\"), "\"1234567\\\"1234567\\\\\""},
        {BYTES("1234567\x1f,1234567\t"), "\"1234567\\u001f,1234567\\t\""},
        {BYTES("\x7f 345678"), "\"\x7f 345678\""},
        {BYTES("12345 \xed\x95\x9c"), "\"12345 \xed\x95\x9c\""},
        {BYTES("\xff\"\n"), "\"\xef\xbf\xbd\\\"\\n\""},
        {BYTES("\xed\x95"), "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {BYTES("\xed\x95\x9c\xc0"), "\"\xed\x95\x9c\xef\xbf\xbd\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out = {0};
        struct json_writer json = {.out = &out};
        json_write_string(&json, rows[i].text);
        assert_string_equal(buf_text(&out), rows[i].json);
        buf_fini(&out);
    }
}

/* Whatever the bytes, a parser of JSON must agree that this is a string. */
static void test_every_pair_of_bytes(void **state)
{
    (void)state;
    struct buf out = {0};
    for (unsigned pair = 0; pair < 65536; pair++) {
        const char bytes[2] = {(char)(pair >> 8), (char)(pair & 255)};
        struct json_writer json = {.out = &out};
        buf_clear(&out);
        json_write_string(&json, (struct str){bytes, 2});
        json_t *value = json_loadb(out.data, out.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        if (!json_is_string(value)) {
            fail_msg("%04x became %s", pair, buf_text(&out));
        }
        struct str back = {json_string_value(value), json_string_length(value)};
        if (str_is_utf8((struct str){bytes, 2})) {
            assert_true(str_eq(back, (struct str){bytes, 2}));
        }
        json_decref(value);
    }
    buf_fini(&out);
}

static void test_structure(void **state)
{
    (void)state;
    struct buf out = {0};
    buf_str(&out, STR("data: "));
    struct json_writer json = {.out = &out};
    json_write_object(&json);
    json_member_array(&json, "a");
    json_write_array_end(&json);
    json_member_array(&json, "b");
    json_write_int(&json, -1);
    json_write_object(&json);
    json_write_object_end(&json);
    json_write_array(&json);
    json_write_bool(&json, true);
    json_write_bool(&json, false);
    json_write_array_end(&json);
    json_write_null(&json);
    json_write_array_end(&json);
    json_member_text_if(&json, "absent", NULL);
    json_member_text_if(&json, "t\"", "x");
    json_member_text(&json, "n", NULL);
    json_member_string_or_null(&json, "e", STR(""));
    json_member_string_or_null(&json, "s", STR("y"));
    json_write_key(&json, "at");
    json_write_time(&json, 1795227240123);
    json_write_key(&json, "raw");
    json_write_raw(&json, STR("{\"x\":1}"));
    json_write_object_end(&json);
    assert_string_equal(
        buf_text(&out),
        "data: {\"a\":[],\"b\":[-1,{},[true,false],null],\"t\\\"\":\"x\",\"n\":null,\"e\":null,\"s\":\"y\","
        "\"at\":\"2026-11-21T02:14:00.123Z\",\"raw\":{\"x\":1}}");
    buf_fini(&out);
}

static void test_numbers(void **state)
{
    (void)state;
    struct buf out = {0};
    struct json_writer json = {.out = &out};
    json_write_array(&json);
    json_write_int(&json, 0);
    json_write_int(&json, INT64_MIN);
    json_write_int(&json, INT64_MAX);
    json_write_uint(&json, UINT64_MAX);
    json_write_int(&json, -10);
    json_write_array_end(&json);
    assert_string_equal(buf_text(&out),
                        "[0,-9223372036854775808,9223372036854775807,18446744073709551615,-10]");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_every_pair_of_bytes),
        cmocka_unit_test(test_structure),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
