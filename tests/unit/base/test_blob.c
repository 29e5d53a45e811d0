#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/blob.h"
#include "outrider/base/buf.h"

static void a_blob_is_a_copy(void **state)
{
    (void)state;
    char text[] = "record";
    struct blob *blob = blob_new(str_of(text));
    text[0] = 'X';
    assert_true(str_eq(blob_view(blob), STR("record")));
    assert_int_equal(blob_view(blob).data[6], '\0');
    blob_unref(blob);
}

/* The sanitizer sees a reference too few (use after free) or too many (leak). */
static void the_last_reference_frees(void **state)
{
    (void)state;
    struct blob *first = blob_new(STR("shared"));
    struct blob *second = blob_ref(first);
    assert_ptr_equal(first, second);
    blob_unref(first);
    assert_true(str_eq(blob_view(second), STR("shared")));
    blob_unref(second);
}

static void null_is_no_blob(void **state)
{
    (void)state;
    assert_null(blob_ref(NULL));
    blob_unref(NULL);
    assert_int_equal(blob_view(NULL).size, 0);
}

static void equal_means_the_same_bytes(void **state)
{
    (void)state;
    struct blob *a = blob_new(STR("x\0y")), *b = blob_new(STR("x\0y"));
    struct blob *other = blob_new(STR("x\0z")), *empty = blob_new((struct str){NULL, 0});
    assert_true(blob_eq(a, b) && blob_eq(a, a) && blob_eq(NULL, NULL) && blob_eq(empty, empty));
    assert_false(blob_eq(a, other) || blob_eq(a, empty));
    assert_false(blob_eq(a, NULL) || blob_eq(NULL, a) || blob_eq(empty, NULL));
    assert_int_equal(blob_view(empty).size, 0);
    blob_unref(a);
    blob_unref(b);
    blob_unref(other);
    blob_unref(empty);
}

/* As a list that many read: built by the first, gone with the last. */
static void a_watched_blob_is_not_kept(void **state)
{
    (void)state;
    struct blob *place = NULL, *blob = blob_new(STR("list"));
    blob_watch(blob, &place);
    assert_ptr_equal(place, blob);
    blob_ref(blob);
    blob_unref(blob);
    assert_ptr_equal(place, blob);
    blob_unref(blob);
    assert_null(place);
    blob = blob_new(STR("list"));
    blob_watch(blob, &place);
    blob_watch(blob, NULL);
    blob_unref(blob);
    assert_ptr_equal(place, blob); /* it was ended before */
}

static void a_buffer_is_taken_over(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_str(&text, STR("record"));
    struct blob *blob = blob_take(&text), *empty = blob_take(&text);
    assert_null(text.data);
    assert_true(str_eq(blob_view(blob), STR("record")));
    assert_int_equal(blob_view(blob).data[6], '\0');
    assert_int_equal(blob_view(empty).size, 0);
    blob_unref(blob);
    blob_unref(empty);
}

static void those_that_wait_are_counted(void **state)
{
    (void)state;
    struct blob *blob = blob_new(STR("x"));
    assert_true(blob_wait(blob));
    assert_false(blob_wait(blob));
    assert_false(blob_waited(blob));
    assert_true(blob_waited(blob));
    assert_true(blob_wait(blob));
    blob_unref(blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blob_is_a_copy),
        cmocka_unit_test(the_last_reference_frees),
        cmocka_unit_test(null_is_no_blob),
        cmocka_unit_test(equal_means_the_same_bytes),
        cmocka_unit_test(a_watched_blob_is_not_kept),
        cmocka_unit_test(a_buffer_is_taken_over),
        cmocka_unit_test(those_that_wait_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
