#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/cli/common/table.h"

static struct table small(void)
{
    struct table table = {.columns = 3};
    static const char *const cells[] = {"A", "EMPTY", "TEXT", "h\xc3\xa4user", NULL, "x\033[2J",
                                        "b", NULL,    NULL};
    for (size_t i = 0; i < 9; i++) {
        table_add(&table, cells[i], i == 5 ? "31" : NULL);
    }
    return table;
}

static void expect(size_t from, size_t to, size_t width, bool colour, const char *text)
{
    struct table table = small();
    struct buf out = {0};
    table_print(&table, from, to, width, colour, &out);
    assert_string_equal(buf_text(&out), text);
    assert_int_equal(table_rows(&table), 3);
    buf_fini(&out);
    table_fini(&table);
}

static void columns_are_aligned_by_characters(void **state)
{
    (void)state;
    expect(0, 9, 0, false, "A       EMPTY  TEXT\nh\xc3\xa4user         x?[2J\nb\n");
    expect(1, 2, 0, true, "h\xc3\xa4user         \033[31mx?[2J\033[0m\n");
}

static void a_line_is_no_wider_than_the_screen(void **state)
{
    (void)state;
    expect(0, 2, 17, false, "A       EMPTY  TE\nh\xc3\xa4user         x?\n");
    expect(0, 2, 15, false, "A       EMPTY\nh\xc3\xa4user\n");
    expect(1, 2, 2, false, "h\xc3\xa4\n");
}

static void a_text_is_cut_after_a_word(void **state)
{
    (void)state;
    static const char text[] =
        "probe game: connection refused (3 of 3), and the reason why is far too long for "
        "a line that people read";
    static const struct {
        size_t width;
        const char *shown;
    } rows[] = {
        {0, "w1  probe game: connection refused (3 of 3), and the reason why is far too long...\n"},
        {40, "w1  probe game: connection refused (3...\n"},
        {41, "w1  probe game: connection refused (3...\n"},
        {43, "w1  probe game: connection refused (3 of...\n"},
        {14, "w1  probe...\n"},
        {11, "w1  probe g\n"}, /* not even a word, and its mark */
        {2, "w1\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct table table = {.columns = 2};
        struct buf out = {0};
        table_add(&table, "w1", NULL);
        table_add(&table, text, NULL);
        table_print(&table, 0, 1, rows[i].width, false, &out);
        assert_string_equal(buf_text(&out), rows[i].shown);
        buf_fini(&out);
        table_fini(&table);
    }
}

static void the_next_table_is_aligned_with_the_last(void **state)
{
    (void)state;
    size_t least[2] = {0};
    struct buf out = {0};
    static const char *const texts[] = {"a", "long", "b",
                                        "very long indeed, and longer than all that a screen has room for"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct table table = {.columns = 2, .least = least};
        table_add(&table, texts[i], NULL);
        table_add(&table, "x", NULL);
        table_print(&table, 0, 1, 0, false, &out);
        table_fini(&table);
    }
    assert_string_equal(buf_text(&out),
                        "a  x\nlong  x\nb     x\n"
                        "very long indeed, and longer than all that a screen has room for  x\n");
    assert_true(least[0] < 50);
    buf_fini(&out);
}

static void wide_characters_take_two_columns(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t width;
    } rows[] = {
        {"", 0},
        {"ab", 2},
        {"h\xc3\xa4", 2},
        {"\xed\x95\x9c\xea\xb8\x80", 4}, /* Hangul */
        {"e\xcc\x81", 1},                /* a combining accent */
        {"\xf0\x9f\x8e\xae!", 3},        /* a game pad */
        {"\xef\xbd\xb1\xef\xbc\xa1", 3}, /* a half-width and a full-width letter */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(table_width(rows[i].text), rows[i].width);
    }
    struct table table = {.columns = 2};
    struct buf out = {0};
    table_add(&table, "\xed\x95\x9c\xea\xb8\x80", NULL);
    table_add(&table, "x", NULL);
    table_add(&table, "abcde", NULL);
    table_add(&table, "y", NULL);
    table_print(&table, 0, 2, 0, false, &out);
    assert_string_equal(buf_text(&out), "\xed\x95\x9c\xea\xb8\x80   x\nabcde  y\n");
    buf_clear(&out);
    table_print(&table, 0, 1, 3, false, &out); /* half a character is none */
    assert_string_equal(buf_text(&out), "\xed\x95\x9c\n");
    buf_fini(&out);
    table_fini(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_aligned_by_characters),
        cmocka_unit_test(a_line_is_no_wider_than_the_screen),
        cmocka_unit_test(a_text_is_cut_after_a_word),
        cmocka_unit_test(the_next_table_is_aligned_with_the_last),
        cmocka_unit_test(wide_characters_take_two_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
