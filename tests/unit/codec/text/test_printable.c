#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/codec/text/printable.h"

static void escapes(void **state)
{
    (void)state;
    const struct {
        struct str text;
        const char *one, *lines; /* for one line; for several */
    } rows[] = {
        {STR(""), "", ""},
        {STR("plain \xed\x95\xad \xf0\x9f\x98\x80 \\ \\n"), "plain \xed\x95\xad \xf0\x9f\x98\x80 \\ \\n",
         "plain \xed\x95\xad \xf0\x9f\x98\x80 \\ \\n"},
        {STR("a\tb\nc\rd"), "a\\tb\\nc\\rd", "a\tb\nc\\rd"},
        {STR("\x1b[2J\x07\x7f"), "\\u001b[2J\\u0007\\u007f", "\\u001b[2J\\u0007\\u007f"},
        {STR("nul\0."), "nul\\u0000.", "nul\\u0000."},
        {STR("\xc2\x80\xc2\x9f\xc2\xa0"), "\\u0080\\u009f\xc2\xa0", "\\u0080\\u009f\xc2\xa0"},
        {STR("\xe2\x80\xa8\xe2\x80\xae\xe2\x81\xa6\xe2\x81\xa9"), "\\u2028\\u202e\\u2066\\u2069",
         "\\u2028\\u202e\\u2066\\u2069"},
        {STR("\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa"),
         "\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa",
         "\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa"},
        {STR("\xff\xc2"), "\\xff\\xc2", "\\xff\\xc2"},
        {STR("\xe2\x80"), "\\xe2\\x80", "\\xe2\\x80"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out = {0};
        printable_escape(&out, rows[i].text, false);
        assert_string_equal(buf_text(&out), rows[i].one);
        buf_clear(&out);
        printable_escape(&out, rows[i].text, true);
        assert_string_equal(buf_text(&out), rows[i].lines);
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(escapes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
