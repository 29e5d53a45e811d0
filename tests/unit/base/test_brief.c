#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/brief.h"

static void expect(const char *text, size_t max, const char *shown)
{
    char out[128];
    brief_copy(out, max + 1, str_of(text));
    assert_string_equal(out, shown);
    assert_true(strlen(out) <= max);
}

static void what_fits_is_whole(void **state)
{
    (void)state;
    expect("", 10, "");
    expect("patch", 5, "patch");
    expect("patch 1.4.2", 11, "patch 1.4.2");
}

static void what_does_not_fit_ends_with_a_word(void **state)
{
    (void)state;
    expect("connection refused by the firewall", 30, "connection refused by the...");
    expect("connection refused by the firewall", 33, "connection refused by the...");
    expect("connection refused, and more of it", 24, "connection refused...");
    expect("one two three four", 16, "one two three...");
}

/* A word that is longer than half the space, and characters of several bytes. */
static void a_long_word_ends_with_a_character(void **state)
{
    (void)state;
    expect("abcdefghijklmnop", 10, "abcdefg...");
    expect("a bcdefghijklmnopqrstuvwxyz", 20, "a bcdefghijklmnop...");
    expect("\xed\x95\x9c\xed\x95\x9c\xed\x95\x9c\xed\x95\x9c", 8, "\xed\x95\x9c...");
    expect("\xed\x95\x9c\xed\x95\x9c", 5, "...");
    expect("abcdef", 3, "...");
}

static void without_room_for_the_dots_no_byte_is_beyond_it(void **state)
{
    (void)state;
    static const char *const shown[] = {"", ".", "..", "..."};
    for (size_t max = 0; max < 4; max++) {
        char out[8] = "#######";
        brief_copy(out, max + 1, STR("permission denied"));
        assert_string_equal(out, shown[max]);
        assert_int_equal(out[max + 1], '#');
    }
}

static void formatted(void **state)
{
    (void)state;
    char out[24];
    brief_format(out, sizeof(out), "probe %s: %s", "game", "ok");
    assert_string_equal(out, "probe game: ok");
    brief_format(out, sizeof(out), "%s and so on, and on", out);
    assert_string_equal(out, "probe game: ok and...");
    brief_format(out, sizeof(out), "%3000s", "");
    assert_int_equal(strlen(out), sizeof(out) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_is_whole),
        cmocka_unit_test(what_does_not_fit_ends_with_a_word),
        cmocka_unit_test(a_long_word_ends_with_a_character),
        cmocka_unit_test(without_room_for_the_dots_no_byte_is_beyond_it),
        cmocka_unit_test(formatted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
