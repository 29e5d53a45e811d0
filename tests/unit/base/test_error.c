#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"

#include <errno.h>
#include <string.h>

static void setting_says_code_and_text(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(error_set(&err, ERROR_LIMIT, "line of %d bytes", 17000), -1);
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_string_equal(err.text, "line of 17000 bytes");
}

static void a_system_error_has_the_words_of_errno(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(error_errno(&err, ENOENT, "open %s", "a.yaml"), -1);
    assert_int_equal(err.code, ERROR_SYSTEM);
    assert_string_equal(err.text, "open a.yaml: No such file or directory");
}

static void wrapping_puts_context_before_and_keeps_the_code(void **state)
{
    (void)state;
    struct error err = {0};
    error_set(&err, ERROR_BUSY, "pid 12 holds it");
    assert_int_equal(error_wrap(&err, "lock %s", "state"), -1);
    assert_int_equal(error_wrap(&err, "start"), -1);
    assert_int_equal(err.code, ERROR_BUSY);
    assert_string_equal(err.text, "start: lock state: pid 12 holds it");
}

static void long_text_is_cut_within_the_field(void **state)
{
    (void)state;
    char longer[2000];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    struct error err = {0};
    error_set(&err, ERROR_INVALID, "%s", longer);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    error_wrap(&err, "context");
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    assert_memory_equal(err.text, "context: x", 10);
    error_errno(&err, EIO, "%s", longer);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    error_wrap(&err, "%s", longer);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void nobody_needs_to_ask_for_the_text(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, ERROR_INVALID, "x"), -1);
    assert_int_equal(error_errno(NULL, EIO, "x"), -1);
    assert_int_equal(error_wrap(NULL, "x"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setting_says_code_and_text),
        cmocka_unit_test(a_system_error_has_the_words_of_errno),
        cmocka_unit_test(wrapping_puts_context_before_and_keeps_the_code),
        cmocka_unit_test(long_text_is_cut_within_the_field),
        cmocka_unit_test(nobody_needs_to_ask_for_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
