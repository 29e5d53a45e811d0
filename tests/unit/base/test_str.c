#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/str.h"

static const struct str none = {NULL, 0};

static void views_compare_by_bytes(void **state)
{
    (void)state;
    assert_true(str_eq(STR("a\0b"), STR("a\0b")));
    assert_true(str_eq(none, STR("")) && str_eq(none, str_of(NULL)));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_false(str_eq(STR("a"), STR("ab")) || str_eq(STR("a"), STR("A")) || str_eq(none, STR("a")));
    assert_true(str_eq_nocase(STR("Content-LENGTH"), STR("content-length")) && str_eq_nocase(none, STR("")));
    assert_false(str_eq_nocase(STR("a"), STR("ab")) || str_eq_nocase(STR("@"), STR("`")));
    assert_int_equal(str_of("four").size, 4);
}

static void beginnings(void **state)
{
    (void)state;
    assert_true(str_starts(STR("label.map"), STR("label.")));
    assert_true(str_starts(STR("x"), STR("x")) && str_starts(STR("x"), none) && str_starts(none, none));
    assert_false(str_starts(STR("label"), STR("label.")) || str_starts(none, STR("x")));
    assert_false(str_starts(STR("Label.x"), STR("label.")));
}

static void a_byte_order_mark_is_skipped_once(void **state)
{
    (void)state;
    assert_true(str_eq(str_skip_bom(STR("\xef\xbb\xbfready")), STR("ready")));
    assert_true(str_eq(str_skip_bom(STR("\xef\xbb\xbf")), none) && str_eq(str_skip_bom(none), none));
    assert_true(str_eq(str_skip_bom(STR("\xef\xbb\xbf\xef\xbb\xbf")), STR("\xef\xbb\xbf")));
    assert_true(str_eq(str_skip_bom(STR("\xef\xbbready")), STR("\xef\xbbready")));
}

static const struct {
    struct str text, head, rest;
} splits[] = {
    {STR_INIT("a,b,c"), STR_INIT("a"), STR_INIT("b,c")}, {STR_INIT("abc"), STR_INIT("abc"), STR_INIT("")},
    {STR_INIT("a,"), STR_INIT("a"), STR_INIT("")},       {STR_INIT(",a"), STR_INIT(""), STR_INIT("a")},
    {STR_INIT(","), STR_INIT(""), STR_INIT("")},         {{NULL, 0}, STR_INIT(""), STR_INIT("")},
    {STR_INIT("a\0,b"), STR_INIT("a\0"), STR_INIT("b")},
};

static void splitting_takes_the_first_part(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(splits); i++) {
        struct str rest = STR("junk");
        assert_true(str_eq(str_split(splits[i].text, ',', &rest), splits[i].head));
        assert_true(str_eq(rest, splits[i].rest));
        struct str text = splits[i].text;
        assert_true(str_eq(str_split(text, ',', &text), splits[i].head));
        assert_true(str_eq(text, splits[i].rest));
    }
}

static void trimming_takes_blanks_from_both_ends(void **state)
{
    (void)state;
    assert_true(str_eq(str_trim(STR(" \t\r\na b\n\r\t ")), STR("a b")));
    assert_true(str_eq(str_trim(STR(" \t\r\n")), none));
    assert_true(str_eq(str_trim(none), none));
    assert_true(str_eq(str_trim(STR("\v\fx\0 ")), STR("\v\fx\0")));
}

static const struct {
    struct str text;
    uint64_t max, value;
    int result;
} naturals[] = {
    {STR_INIT("0"), 10, 0, 0},
    {STR_INIT("10"), 10, 10, 0},
    {STR_INIT("11"), 10, 77, -1},
    {STR_INIT("0000010"), 10, 10, 0},
    {STR_INIT("18446744073709551615"), UINT64_MAX, UINT64_MAX, 0},
    {STR_INIT("18446744073709551616"), UINT64_MAX, 77, -1},
    {STR_INIT("18446744073709551620"), UINT64_MAX, 77, -1},
    {STR_INIT("99999999999999999999999"), UINT64_MAX, 77, -1},
    {STR_INIT("65535"), UINT16_MAX, UINT16_MAX, 0},
    {STR_INIT("65536"), UINT16_MAX, 77, -1},
    {STR_INIT(""), 10, 77, -1},
    {{NULL, 0}, 10, 77, -1},
    {STR_INIT("-1"), 10, 77, -1},
    {STR_INIT("+1"), 10, 77, -1},
    {STR_INIT(" 1"), 10, 77, -1},
    {STR_INIT("1 "), 10, 77, -1},
    {STR_INIT("1\0"), 10, 77, -1},
    {STR_INIT("0x1"), 10, 77, -1},
    {STR_INIT("1e1"), 10, 77, -1},
    {STR_INIT("/"), 10, 77, -1},
    {STR_INIT(":"), 10, 77, -1},
    {STR_INIT("\xd9\xa1"), 10, 77, -1}, /* a digit, but not ours */
};

static void natural_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(naturals); i++) {
        uint64_t value = 77;
        assert_int_equal(str_to_u64(naturals[i].text, naturals[i].max, &value), naturals[i].result);
        assert_true(value == naturals[i].value);
    }
}

static const struct {
    struct str text;
    int64_t value;
    int result;
} integers[] = {
    {STR_INIT("0"), 0, 0},
    {STR_INIT("-0"), 0, 0},
    {STR_INIT("-5"), -5, 0},
    {STR_INIT("9223372036854775807"), INT64_MAX, 0},
    {STR_INIT("9223372036854775808"), 77, -1},
    {STR_INIT("-9223372036854775808"), INT64_MIN, 0},
    {STR_INIT("-9223372036854775809"), 77, -1},
    {STR_INIT("-"), 77, -1},
    {STR_INIT("--1"), 77, -1},
    {STR_INIT("+1"), 77, -1},
    {STR_INIT("- 1"), 77, -1},
    {STR_INIT("1-"), 77, -1},
    {STR_INIT(""), 77, -1},
    {{NULL, 0}, 77, -1},
};

static void whole_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(integers); i++) {
        int64_t value = 77;
        assert_int_equal(str_to_i64(integers[i].text, &value), integers[i].result);
        assert_true(value == integers[i].value);
    }
}

static const struct str utf8[] = {
    {NULL, 0},
    STR_INIT("plain"),
    STR_INIT("\0"),
    STR_INIT("\x7f"),
    STR_INIT("\xc2\x80"),         /* U+0080 */
    STR_INIT("\xdf\xbf"),         /* U+07FF */
    STR_INIT("\xe0\xa0\x80"),     /* U+0800 */
    STR_INIT("\xed\x9f\xbf"),     /* U+D7FF */
    STR_INIT("\xee\x80\x80"),     /* U+E000 */
    STR_INIT("\xef\xbf\xbf"),     /* U+FFFF */
    STR_INIT("\xf0\x90\x80\x80"), /* U+10000 */
    STR_INIT("\xf4\x8f\xbf\xbf"), /* U+10FFFF */
    STR_INIT("\xed\x95\xad\xea\xb5\xac 3/10"),
};

static const struct str not_utf8[] = {
    STR_INIT("\x80"), /* continuation alone */
    STR_INIT("\xbf"),
    STR_INIT("a\x80"),
    STR_INIT("\xc0\x80"),         /* overlong NUL */
    STR_INIT("\xc1\xbf"),         /* overlong U+007F */
    STR_INIT("\xe0\x9f\xbf"),     /* overlong U+07FF */
    STR_INIT("\xf0\x8f\xbf\xbf"), /* overlong U+FFFF */
    STR_INIT("\xed\xa0\x80"),     /* U+D800 */
    STR_INIT("\xed\xbf\xbf"),     /* U+DFFF */
    STR_INIT("\xf4\x90\x80\x80"), /* U+110000 */
    STR_INIT("\xf5\x80\x80\x80"),
    STR_INIT("\xf8\x88\x80\x80\x80"), /* five bytes */
    STR_INIT("\xfe"),
    STR_INIT("\xff"),
    STR_INIT("\xc2"), /* cut short */
    STR_INIT("\xe1\x80"),
    STR_INIT("\xf1\x80\x80"),
    STR_INIT("\xc2 "), /* a blank where the sequence goes on */
    STR_INIT("\xe1\x80 "),
    STR_INIT("\xf1\x80\x80 "),
    STR_INIT("\xf1\x80\xc0\x80"),
    STR_INIT("\xe1\xc0\x80"),
    STR_INIT("fine until \xc3\x28"),
};

static void only_well_formed_utf8_is_utf8(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(utf8); i++) {
        assert_true(str_is_utf8(utf8[i]));
    }
    for (size_t i = 0; i < COUNT_OF(not_utf8); i++) {
        assert_false(str_is_utf8(not_utf8[i]));
    }
}

static size_t encode(uint32_t code, char out[4])
{
    size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 63));
        code >>= 6;
    }
    out[0] = (char)(marks[length] | code);
    return length;
}

static void every_scalar_value_and_no_surrogate(void **state)
{
    (void)state;
    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        char bytes[4];
        size_t size = encode(code, bytes);
        bool surrogate = code >= 0xd800 && code <= 0xdfff;
        if (str_is_utf8((struct str){bytes, size}) == surrogate ||
            str_utf8_character((struct str){bytes, size}) != (surrogate ? 0 : size)) {
            fail_msg("U+%04X", (unsigned)code);
        }
    }
    static const struct str controls[] = {
        STR_INIT("\n"),           STR_INIT("\x1b"),         STR_INIT("\x7f"),        STR_INIT("\xc2\x9b"),
        STR_INIT("\xe2\x80\xa8"), STR_INIT("\xe2\x80\xae"), STR_INIT("\xe2\x81\xa9")};
    static const struct str others[] = {STR_INIT(" "),
                                        STR_INIT("~"),
                                        STR_INIT("\xc2\xa0"),
                                        STR_INIT("\xe2\x80\xa7"),
                                        STR_INIT("\xe2\x80\xaf"),
                                        STR_INIT("\xe2\x81\xaa"),
                                        STR_INIT("\xf0\x9f\x98\x80")};
    for (size_t i = 0; i < COUNT_OF(controls); i++) {
        assert_true(str_is_control(controls[i]));
        assert_false(str_is_control(others[i]));
    }
    assert_int_equal(str_utf8_character(STR("")), 0);
    assert_int_equal(str_utf8_character(STR("\xc3\xa9 is not all")), 2);
    assert_int_equal(str_utf8_character((struct str){"\xe2\x82", 2}), 0);
}

static const struct {
    const char *a, *b;
    size_t distance;
} distances[] = {
    {"", "", 0},
    {"", "abc", 3},
    {"abc", "", 3},
    {"abc", "abc", 0},
    {"abc", "abd", 1},
    {"abc", "ab", 1},
    {"ab", "abc", 1},
    {"kitten", "sitting", 3},
    {"ab", "ba", 2},
    {"intervall", "interval", 1},
    {"tineout", "timeout", 1},
    {"flaw", "lawn", 2},
};

static void distance_counts_edits_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(distances); i++) {
        assert_int_equal(str_distance(str_of(distances[i].a), str_of(distances[i].b)), distances[i].distance);
        assert_int_equal(str_distance(str_of(distances[i].b), str_of(distances[i].a)), distances[i].distance);
    }
}

static void order_is_by_bytes_and_a_prefix_comes_first(void **state)
{
    (void)state;
    assert_int_equal(str_compare(STR("a"), STR("a")), 0);
    assert_int_equal(str_compare(none, none), 0);
    assert_true(str_compare(none, STR("a")) < 0 && str_compare(STR("a"), none) > 0);
    assert_true(str_compare(STR("a"), STR("ab")) < 0 && str_compare(STR("ab"), STR("a")) > 0);
    assert_true(str_compare(STR("b"), STR("ab")) > 0 && str_compare(STR("\xff"), STR("a")) > 0);
}

static void hexadecimal_digits_have_values(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        const char *digits = "0123456789abcdef", *upper = "0123456789ABCDEF";
        const char *at = c == 0 ? NULL : strchr(digits, c);
        const char *above = c == 0 ? NULL : strchr(upper, c);
        int expected = at != NULL ? (int)(at - digits) : above != NULL ? (int)(above - upper) : -1;
        assert_int_equal(hex_value((char)c), expected);
    }
}

static void long_texts_have_no_distance(void **state)
{
    (void)state;
    char text[65];
    memset(text, 'x', sizeof(text));
    struct str fits = {text, 64}, longer = {text, 65};
    assert_int_equal(str_distance(fits, none), 64);
    assert_int_equal(str_distance(fits, fits), 0);
    assert_true(str_distance(longer, none) == SIZE_MAX);
    assert_true(str_distance(none, longer) == SIZE_MAX);
}

/* The test vector of the algorithm, and that the seed and every byte count. */
static void test_hash(void **state)
{
    (void)state;
    assert_true(str_hash(STR(""), 0) == UINT64_C(0xef46db3751d8e999));
    assert_true(str_hash(STR("a"), 0) != str_hash(STR("a"), 1));
    assert_true(str_hash(STR("http://a:1"), 7) != str_hash(STR("http://a:2"), 7));
}

/* ASCII is passed eight bytes at a time, so the first other byte may be at any place. */
static void utf8_is_checked_at_every_place(void **state)
{
    (void)state;
    for (size_t size = 2; size <= 20; size++) {
        for (size_t at = 0; at + 1 < size; at++) {
            char text[20];
            memset(text, 'a', sizeof(text));
            text[at] = (char)0xc3;
            assert_false(str_is_utf8((struct str){text, size}));
            text[at + 1] = (char)0xa9;
            assert_true(str_is_utf8((struct str){text, size}));
            assert_false(str_is_utf8((struct str){text, at + 1}));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_compare_by_bytes),
        cmocka_unit_test(beginnings),
        cmocka_unit_test(a_byte_order_mark_is_skipped_once),
        cmocka_unit_test(splitting_takes_the_first_part),
        cmocka_unit_test(trimming_takes_blanks_from_both_ends),
        cmocka_unit_test(natural_numbers),
        cmocka_unit_test(whole_numbers),
        cmocka_unit_test(only_well_formed_utf8_is_utf8),
        cmocka_unit_test(every_scalar_value_and_no_surrogate),
        cmocka_unit_test(distance_counts_edits_both_ways),
        cmocka_unit_test(order_is_by_bytes_and_a_prefix_comes_first),
        cmocka_unit_test(hexadecimal_digits_have_values),
        cmocka_unit_test(long_texts_have_no_distance),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(utf8_is_checked_at_every_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
