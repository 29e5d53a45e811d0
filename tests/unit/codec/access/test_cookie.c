#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/codec/access/cookie.h"

#include <stdio.h>
#include <string.h>

static const struct str name = STR_INIT("outrider-7117"), key = STR_INIT("0123456789abcdef0123456789abcdef");

static struct access_session session(void)
{
    return access_session_begin("\xea\xb0\x80olga", UINT64_C(0xfedcba9876543210), INT64_C(1800000000000));
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    struct buf value = {0};
    struct access_session is = session(), back;
    cookie_write(&is, name, key, &value);
    assert_int_equal(
        strncmp(buf_text(&value), "1.eab0806f6c6761.1800000000000.1800043200000.fedcba9876543210.", 62), 0);
    assert_int_equal(strspn(buf_text(&value), "0123456789abcdef."), value.size);
    assert_int_equal(cookie_read(buf_view(&value), name, key, &back), 0);
    assert_string_equal(back.name, is.name);
    assert_true(back.issued_wall == is.issued_wall && back.expires_wall == is.expires_wall &&
                back.key == is.key);
    buf_fini(&value);
}

static void no_byte_can_be_changed(void **state)
{
    (void)state;
    struct buf value = {0};
    struct access_session is = session(), back;
    cookie_write(&is, name, key, &value);
    for (size_t i = 0; i < value.size; i++) {
        char was = value.data[i];
        for (const char *other = "0a.A"; *other != '\0'; other++) {
            value.data[i] = *other;
            assert_int_equal(cookie_read(buf_view(&value), name, key, &back), *other == was ? 0 : -1);
        }
        value.data[i] = was;
        assert_int_equal(cookie_read((struct str){value.data, i}, name, key, &back), -1);
    }
    buf_printf(&value, "0");
    assert_int_equal(cookie_read(buf_view(&value), name, key, &back), -1);
    buf_fini(&value);
}

static void it_is_of_one_name_and_one_key(void **state)
{
    (void)state;
    struct buf value = {0};
    struct access_session is = session(), back;
    cookie_write(&is, name, key, &value);
    assert_int_equal(cookie_read(buf_view(&value), STR("outrider-7118"), key, &back), -1);
    assert_int_equal(cookie_read(buf_view(&value), STR("outrider-711"), key, &back), -1);
    assert_int_equal(cookie_read(buf_view(&value), name, STR("1123456789abcdef0123456789abcdef"), &back), -1);
    buf_fini(&value);
}

static void what_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const values[] = {
        "", ".", "1", "1.....", "....................", "2.6f.1.2.0000000000000000."};
    struct access_session back;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        assert_int_equal(cookie_read(str_of(values[i]), name, key, &back), -1);
    }
}

static void each_of_a_name_is_found(void **state)
{
    (void)state;
    struct str rest =
                   STR("a=1; outrider-7117=x.y ;outrider-71170=no; =; outrider-7117;b;; outrider-7117=z=2"),
               value;
    assert_true(cookie_next(&rest, name, &value));
    assert_true(str_eq(value, STR("x.y")));
    assert_true(cookie_next(&rest, name, &value));
    assert_int_equal(value.size, 0);
    assert_true(cookie_next(&rest, name, &value));
    assert_true(str_eq(value, STR("z=2")));
    assert_false(cookie_next(&rest, name, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),      cmocka_unit_test(no_byte_can_be_changed),
        cmocka_unit_test(it_is_of_one_name_and_one_key), cmocka_unit_test(what_is_none_is_refused),
        cmocka_unit_test(each_of_a_name_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
