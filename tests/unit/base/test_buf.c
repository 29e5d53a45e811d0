#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"

#include <inttypes.h>

static void an_untouched_buffer_reads_as_empty_text(void **state)
{
    (void)state;
    struct buf buf = {0};
    assert_string_equal(buf_text(&buf), "");
    assert_int_equal(buf_view(&buf).size, 0);
    buf_clear(&buf);
    buf_consume(&buf, 5);
    assert_string_equal(buf_text(&buf), "");
    buf_fini(&buf);
    buf_fini(NULL);
}

static void what_is_added_is_there_and_ends_in_nul(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_add(&buf, "ab\0c", 4);
    buf_str(&buf, STR("de"));
    buf_str(&buf, (struct str){NULL, 0});
    buf_printf(&buf, "%d-%s", 42, "x");
    assert_true(str_eq(buf_view(&buf), STR("ab\0cde42-x")));
    assert_int_equal(buf.data[buf.size], '\0');
    buf_printf(&buf, "%s", "");
    assert_int_equal(buf.size, 10);
    buf_fini(&buf);
    assert_null(buf.data);
    assert_int_equal(buf.size, 0);
}

static void it_grows_past_every_capacity(void **state)
{
    (void)state;
    struct buf one = {0}, formatted = {0};
    for (size_t i = 0; i < 1000; i++) {
        buf_add(&one, "0123456789" + i % 10, 1);
        buf_printf(&formatted, "%zu", i % 10);
        assert_int_equal(one.size, i + 1);
        assert_int_equal(strlen(buf_text(&one)), i + 1);
        assert_true(str_eq(buf_view(&one), buf_view(&formatted)));
    }
    buf_fini(&one);
    buf_fini(&formatted);
}

static void a_long_piece_fits_at_once(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_printf(&buf, "%5000d", 7);
    assert_int_equal(buf.size, 5000);
    assert_int_equal(buf.data[4999], '7');
    assert_int_equal(buf.data[5000], '\0');
    buf_fini(&buf);
}

static void consuming_drops_from_the_front(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_str(&buf, STR("line one\nline two"));
    buf_consume(&buf, 9);
    assert_string_equal(buf_text(&buf), "line two");
    buf_consume(&buf, 0);
    assert_string_equal(buf_text(&buf), "line two");
    buf_consume(&buf, 7);
    assert_string_equal(buf_text(&buf), "o");
    buf_consume(&buf, 99);
    assert_string_equal(buf_text(&buf), "");
    assert_int_equal(buf.size, 0);
    buf_fini(&buf);
}

static void clearing_keeps_the_memory(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_str(&buf, STR("something"));
    char *memory = buf.data;
    buf_clear(&buf);
    assert_string_equal(buf_text(&buf), "");
    buf_str(&buf, STR("else"));
    assert_ptr_equal(buf.data, memory);
    assert_string_equal(buf_text(&buf), "else");
    buf_fini(&buf);
}

static void numbers_are_what_printf_makes_of_them(void **state)
{
    (void)state;
    static const int64_t numbers[] = {0, 1, -1, 9, 10, 1234567890123456789, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        struct buf added = {0}, printed = {0};
        buf_int(&added, numbers[i]);
        buf_uint(&added, (uint64_t)numbers[i]);
        buf_printf(&printed, "%" PRId64 "%" PRIu64, numbers[i], (uint64_t)numbers[i]);
        assert_string_equal(buf_text(&added), buf_text(&printed));
        buf_fini(&added);
        buf_fini(&printed);
    }
}

static void room_that_is_made_at_once_stays(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_reserve(&buf, 300);
    const char *first = buf.data;
    assert_int_equal(buf.size, 0);
    for (size_t i = 0; i < 300; i++) {
        buf_add(&buf, "x", 1);
    }
    assert_ptr_equal(buf.data, first);
    buf_reserve(&buf, 1000);
    assert_int_equal(strlen(buf_text(&buf)), 300);
    buf_fini(&buf);
    buf_reserve(&buf, 0);
    assert_int_equal(buf_view(&buf).size, 0);
    buf_fini(&buf);
}

static void texts_that_are_kept_point_at_their_copies(void **state)
{
    (void)state;
    char first[] = "one", last[] = "three";
    struct buf buf = {0};
    struct str a = str_of(first), b = {NULL, 0}, c = str_of(last);
    buf_str(&buf, STR("what was there"));
    buf_keep(&buf, (struct str *const[]){&a, &b, &c}, 3);
    first[0] = last[0] = 'X';
    assert_true(str_eq(buf_view(&buf), STR("onethree")));
    assert_true(str_eq(a, STR("one")) && str_eq(b, STR("")) && str_eq(c, STR("three")));
    assert_true(a.data == buf.data && c.data == buf.data + 3);
    buf_keep(&buf, NULL, 0);
    assert_string_equal(buf_text(&buf), "");
    buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_untouched_buffer_reads_as_empty_text),
        cmocka_unit_test(what_is_added_is_there_and_ends_in_nul),
        cmocka_unit_test(it_grows_past_every_capacity),
        cmocka_unit_test(a_long_piece_fits_at_once),
        cmocka_unit_test(consuming_drops_from_the_front),
        cmocka_unit_test(clearing_keeps_the_memory),
        cmocka_unit_test(numbers_are_what_printf_makes_of_them),
        cmocka_unit_test(room_that_is_made_at_once_stays),
        cmocka_unit_test(texts_that_are_kept_point_at_their_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
