#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/base64.h"

/* The vectors of RFC 4648 section 10, then the digits that only some bytes reach. */
static const struct {
    struct str bytes, text;
} pairs[] = {
    {STR_INIT(""), STR_INIT("")},
    {STR_INIT("f"), STR_INIT("Zg==")},
    {STR_INIT("fo"), STR_INIT("Zm8=")},
    {STR_INIT("foo"), STR_INIT("Zm9v")},
    {STR_INIT("foob"), STR_INIT("Zm9vYg==")},
    {STR_INIT("fooba"), STR_INIT("Zm9vYmE=")},
    {STR_INIT("foobar"), STR_INIT("Zm9vYmFy")},
    {STR_INIT("\0"), STR_INIT("AA==")},
    {STR_INIT("\0\0\0"), STR_INIT("AAAA")},
    {STR_INIT("\xff\xff\xff"), STR_INIT("////")},
    {STR_INIT("\xfb\xef\xbe"), STR_INIT("++++")},
    {STR_INIT("\x00\x10\x83\x10\x51\x87\x20\x92\x8b"), STR_INIT("ABCDEFGHIJKL")},
    {STR_INIT("/services/"), STR_INIT("L3NlcnZpY2VzLw==")},
};

static void both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        struct buf text = {0}, bytes = {0};
        buf_str(&text, STR("before"));
        base64_encode(pairs[i].bytes, &text);
        assert_true(str_starts(buf_view(&text), STR("before")));
        assert_int_equal(text.size, 6 + pairs[i].text.size);
        assert_string_equal(buf_text(&text) + 6, pairs[i].text.data);
        assert_int_equal(base64_decode(pairs[i].text, &bytes), 0);
        assert_true(str_eq(buf_view(&bytes), pairs[i].bytes));
        buf_fini(&text);
        buf_fini(&bytes);
    }
}

static void every_byte_survives(void **state)
{
    (void)state;
    char all[256];
    for (size_t i = 0; i < sizeof(all); i++) {
        all[i] = (char)(unsigned char)i;
    }
    for (size_t size = 0; size <= sizeof(all); size++) {
        struct buf text = {0}, bytes = {0};
        base64_encode((struct str){all + sizeof(all) - size, size}, &text);
        assert_int_equal(text.size, (size + 2) / 3 * 4);
        assert_int_equal(base64_decode(buf_view(&text), &bytes), 0);
        assert_true(str_eq(buf_view(&bytes), (struct str){all + sizeof(all) - size, size}));
        buf_fini(&text);
        buf_fini(&bytes);
    }
}

static const struct str broken[] = {
    STR_INIT("Z"),         STR_INIT("Zg"),       STR_INIT("Zg="),       STR_INIT("Zg==="),
    STR_INIT("===="),      STR_INIT("Z==="),     STR_INIT("=Zg="),      STR_INIT("Z=g="),
    STR_INIT("Zg=g"),      STR_INIT("Zg==Zg=="), STR_INIT("Zm8=Zm9v"),  STR_INIT("Zm9v===="),
    STR_INIT("Zm9v\n"),    STR_INIT("Zm 9"),     STR_INIT("Zm9v Zm9v"), STR_INIT("Zm-_"),
    STR_INIT("Zm9\0"),     STR_INIT("Zm9\xc3"),  STR_INIT("Zm9vZm9*"),  STR_INIT("Zm9vZ*9v"),
    STR_INIT("Zh=="),      STR_INIT("Zm9="),     STR_INIT("Z@9v"),      STR_INIT("Zm[v"),
    STR_INIT("Zm9vZm9vZ"), STR_INIT("Zm`v"),     STR_INIT("Zm{v"),      STR_INIT("\r\n\r\n"),
};

static void anything_else_is_refused_and_leaves_the_buffer(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(broken); i++) {
        struct buf out = {0};
        assert_int_equal(base64_decode(broken[i], &out), -1);
        assert_int_equal(out.size, 0);
        assert_string_equal(buf_text(&out), "");
        buf_str(&out, STR("kept"));
        assert_int_equal(base64_decode(broken[i], &out), -1);
        assert_int_equal(out.size, 4);
        assert_string_equal(buf_text(&out), "kept");
        buf_fini(&out);
    }
}

static void url_form_has_no_padding_and_one_encoding(void **state)
{
    (void)state;
    static const struct {
        struct str bytes, text;
    } cases[] = {{STR_INIT(""), STR_INIT("")},
                 {STR_INIT("f"), STR_INIT("Zg")},
                 {STR_INIT("fo"), STR_INIT("Zm8")},
                 {STR_INIT("foo"), STR_INIT("Zm9v")},
                 {STR_INIT("\xff\xfe"), STR_INIT("__4")},
                 {STR_INIT("\xfb\xef\xbe"), STR_INIT("----")},
                 {STR_INIT("\0"), STR_INIT("AA")}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf text = {0}, bytes = {0};
        base64url_encode(cases[i].bytes, &text);
        assert_true(str_eq(buf_view(&text), cases[i].text));
        assert_int_equal(base64url_decode(cases[i].text, &bytes), 0);
        assert_true(str_eq(buf_view(&bytes), cases[i].bytes));
        buf_fini(&text);
        buf_fini(&bytes);
    }
    static const struct str wrong[] = {
        STR_INIT("Zg=="), STR_INIT("Z"),    STR_INIT("Zm9vZ"), STR_INIT("Zh"),    STR_INIT("Zm9"),
        STR_INIT("Zm+v"), STR_INIT("Zm/v"), STR_INIT("Zm9 "),  STR_INIT("watch"), STR_INIT("delete-prefix"),
        STR_INIT("Z\0")};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct buf out = {0};
        buf_str(&out, STR("kept"));
        assert_int_equal(base64url_decode(wrong[i], &out), -1);
        assert_string_equal(buf_text(&out), "kept");
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways),
        cmocka_unit_test(every_byte_survives),
        cmocka_unit_test(url_form_has_no_padding_and_one_encoding),
        cmocka_unit_test(anything_else_is_refused_and_leaves_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
