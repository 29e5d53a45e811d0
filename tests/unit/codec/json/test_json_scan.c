#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/json/json_scan.h"

#include <stdio.h>

/* Scans `text`, a copy of its exact size, as one string. */
static int scan(struct str text, bool keeps_all, struct buf *out)
{
    struct error err;
    char *copy = test_malloc(text.size + 1);
    memcpy(copy, text.data, text.size);
    struct json_scan scan = {.text = {copy, text.size}, .err = &err, .keeps_all = keeps_all};
    struct str found = {NULL, 0};
    int rc = json_scan_string(&scan, &found) == 0 ? json_scan_end(&scan) : -1;
    buf_clear(out);
    buf_str(out, found);
    json_scan_fini(&scan);
    test_free(copy);
    return rc;
}

/* A string is passed eight bytes at a time, so whatever ends a run of them may be at any place. */
static void a_string_ends_where_it_does(void **state)
{
    (void)state;
    struct buf out = {0};
    for (int before = 0; before <= 20; before++) {
        for (int byte = 0; byte < 256; byte++) {
            char text[64];
            int size = snprintf(text, sizeof(text), "\"%.*s_\\n%.*s\"", before, "aaaaaaaaaaaaaaaaaaaa",
                                20 - before, "bbbbbbbbbbbbbbbbbbbb");
            text[1 + before] = (char)byte;
            int rc = scan((struct str){text, (size_t)size}, false, &out);
            if (byte < 0x20 || byte == '"') {
                assert_int_equal(rc, -1);
            } else if (byte == '\\') { /* it escapes the other one */
                assert_int_equal(rc, 0);
                assert_int_equal(out.size, 22);
            } else {
                assert_int_equal(rc, 0);
                assert_int_equal(out.size, 22);
                assert_int_equal((unsigned char)out.data[before], byte);
                assert_int_equal(out.data[before + 1], '\n');
            }
        }
    }
    buf_fini(&out);
}

static void an_escaped_nul_is_kept_where_it_may_be(void **state)
{
    (void)state;
    struct buf out = {0};
    assert_int_equal(scan(STR("\"a\\u0000b\""), false, &out), -1);
    assert_int_equal(scan(STR("\"a\\u0000b\""), true, &out), 0);
    assert_int_equal(out.size, 3);
    assert_memory_equal(out.data, "a\0b", 3);
    assert_int_equal(scan(STR("\"a\0b\""), true, &out), -1);
    buf_fini(&out);
}

static void half_a_surrogate_pair_is_kept_where_it_may_be(void **state)
{
    (void)state;
    struct buf out = {0};
    assert_int_equal(scan(STR("\"\\ud83d\\ude00\""), false, &out), 0);
    assert_true(str_eq(buf_view(&out), STR("\xf0\x9f\x98\x80")));
    assert_int_equal(scan(STR("\"\\ud800\""), false, &out), -1);
    assert_int_equal(scan(STR("\"\\ud800\""), true, &out), 0);
    assert_true(str_eq(buf_view(&out), STR("\xed\xa0\x80")));
    assert_int_equal(scan(STR("\"\\ud800\\ud800\\udc00\""), true, &out), 0);
    assert_true(str_eq(buf_view(&out), STR("\xed\xa0\x80\xf0\x90\x80\x80")));
    assert_int_equal(scan(STR("\"\\udfff\\ud800\\u0041\""), true, &out), 0);
    assert_true(str_eq(buf_view(&out), STR("\xed\xbf\xbf\xed\xa0\x80"
                                           "A")));
    assert_int_equal(scan(STR("\"\\ud800\\u00\""), true, &out), -1);
    assert_int_equal(scan(STR("\"\\ud800\\udc0"), true, &out), -1);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_string_ends_where_it_does),
        cmocka_unit_test(an_escaped_nul_is_kept_where_it_may_be),
        cmocka_unit_test(half_a_surrogate_pair_is_kept_where_it_may_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
