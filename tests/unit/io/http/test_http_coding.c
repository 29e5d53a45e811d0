#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/io/http/http_coding.h"
#include "outrider/io/http/http_parse.h"

static const struct {
    const char *value;
    bool gzip;
} cases[] = {
    {"gzip", true},
    {"gzip, deflate, br, zstd", true}, /* browsers */
    {"GZip", true},
    {"x-gzip", true},
    {"deflate,\t gzip ;q=0.1", true},
    {"gzip;Q=1.000", true},
    {"gzip;q=0.001", true},
    {"*", true},
    {"*;q=0.5", true},
    {"br;q=1, *;q=0.1", true},
    {"identity;q=0, *", true},
    {"identity;q=0, gzip;q=0.2", true},
    {"gzip, *;q=0", true}, /* bytes as they are, by `*`, are refused */
    {"identity;q=0.5, gzip;q=0.5", true},
    {",, gzip,,", true},
    {"gzip;level=9", true},
    {"", false},
    {"identity", false},
    {"br", false},
    {"gzip;q=0", false},
    {"gzip;q=0.000", false},
    {"gzip ; q=0, *", false},
    {"*;q=0", false},
    {"identity;q=0", false}, /* and gzip was not named */
    {"identity, gzip;q=0.9", false},
    {"gzip;q=0.5, *", false}, /* as bytes as they are, by `*` */
    {"*;q=0.5, identity", false},
    {"gzip, gzip;q=0", false}, /* the lowest counts, in whatever order */
    {"gzip;q=0, gzip", false},
    {"x-gzip;q=0, gzip", false},
    {"gzip;q=0;q=1", false},
    {"gzips", false},
    {"gz ip", false},
    {"xgzip", false},
    {"\"gzip\"", false},
    /* Malformed weights are as if the element were not there. */
    {"gzip;q=", false},
    {"gzip;q=2", false},
    {"gzip;q=1.001", false},
    {"gzip;q=-1", false},
    {"gzip;q=0.0001", false},
    {"gzip;q=.5", false},
    {"gzip;q=1e0", false},
    {"gzip;q=1 0", false},
    {"gzip;q=one, *;q=0.5", true},
    {"gzip;q=99999999999999999999", false},
};

static bool wants(const char *value)
{
    struct http_codings codings = HTTP_CODINGS_NONE;
    http_codings_add(&codings, str_of(value));
    return http_codings_gzip(&codings);
}

static void what_is_named_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (wants(cases[i].value) != cases[i].gzip) {
            fail_msg("`%s`: want %d", cases[i].value, cases[i].gzip);
        }
    }
}

static bool head_wants(const char *headers)
{
    struct buf text = {0};
    struct http_head head;
    struct http_fault fault;
    size_t scanned = 0;
    buf_printf(&text, "GET / HTTP/1.1\r\nHost: h\r\n%s\r\n", headers);
    assert_int_equal(http_parse_head(buf_view(&text), &scanned, 0, &head, &fault), HTTP_PARSE_DONE);
    bool wanted = http_wants_gzip(&head);
    buf_fini(&text);
    return wanted;
}

static void a_repeated_header_is_one_list(void **state)
{
    (void)state;
    assert_false(head_wants(""));
    assert_true(head_wants("accept-encoding: gzip\r\n"));
    assert_true(head_wants("Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n"));
    assert_false(head_wants("Accept-Encoding: gzip\r\nX: y\r\nAccept-Encoding: gzip;q=0\r\n"));
    assert_true(head_wants("Accept-Encoding: gzip\r\nAccept-Encoding: br\r\n"));
    assert_false(head_wants("Accept-Encoding: gzip;q=0.3\r\nAccept-Encoding: identity\r\n"));
    assert_false(head_wants("Accept: gzip\r\nTE: gzip\r\n"));
}

/* As long as a head may be. */
static void a_giant_header_is_read_to_its_end(void **state)
{
    (void)state;
    struct buf text = {0};
    while (text.size < 8000) {
        buf_str(&text, STR("gzip;q=0.5,"));
    }
    assert_true(wants(buf_text(&text)));
    buf_str(&text, STR("gzip;q=0"));
    assert_false(wants(buf_text(&text)));
    buf_clear(&text);
    while (text.size < 8000) {
        buf_str(&text, STR(";,=*q"));
    }
    buf_str(&text, STR(",gzip"));
    assert_true(wants(buf_text(&text)));
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_named_counts),
        cmocka_unit_test(a_repeated_header_is_one_list),
        cmocka_unit_test(a_giant_header_is_read_to_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
