#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/core/config/extract.h"

#include <stdlib.h>
#include <string.h>

static void patterns_are_checked(void **state)
{
    static const struct {
        const char *pattern, *wrong; /* NULL: good */
    } rows[] = {
        {"([0-9]+)/[0-9]+", NULL},
        {"players: ([0-9]{1,5})", NULL},
        {"a\\\\1(b)", NULL},
        {"([0-9]+)/[0-9]+ on (.*)", NULL},
        {"", "is empty"},
        {"[0-9]+", "has no group"},
        {"([0-9]+", "no extended regular expression"},
        {"*(", "no extended regular expression"},
        {"([0-9]+)\\1", "refers back"},
        {"((((a{99}){99}){99}){99})", "repeats"},
        {"(a{1001})", "repeats"},
        {"(a{10,}){101}", "repeats"},
        {"(a\x01)", "printable"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct error err;
        int result = extract_check(str_of(rows[i].pattern), &err);
        if ((rows[i].wrong == NULL) != (result == 0) ||
            (result < 0 && strstr(err.text, rows[i].wrong) == NULL)) {
            fail_msg("%s: %s", rows[i].pattern, result < 0 ? err.text : "accepted");
        }
    }
    char text[258];
    memset(text, 'a', sizeof(text));
    text[0] = '(';
    text[255] = ')';
    struct error err;
    assert_int_equal(extract_check((struct str){text, 256}, &err), 0);
    assert_int_equal(extract_check((struct str){text, 257}, &err), -1);
}

static void the_first_group_is_the_count(void **state)
{
    static const struct {
        const char *pattern, *text;
        int64_t count; /* -1: none */
    } rows[] = {
        {"([0-9]+)/[0-9]+", "12/64 on harbor", 12},
        {"([0-9]+)/[0-9]+", "0/64", 0},
        {"[0-9]+/([0-9]+)", "12/64 on harbor", 64},
        {"([0-9]+)/[0-9]+", "a boss fight", -1},
        {"([0-9]+)", "4294967295", 4294967295},
        {"([0-9]+)", "4294967296", -1},
        {"(-?[0-9]+)", "-3", -1},
        {"(.*)", "", -1},
        {"x|([0-9]+)", "x", -1},
        {"^([0-9]+) (in|on)", "7 on harbor", 7},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct extract *extract = extract_new(rows[i].pattern);
        uint32_t count = 0;
        int64_t found = extract_count(extract, rows[i].text, &count) ? (int64_t)count : -1;
        assert_int_equal(found, rows[i].count);
        extract_free(extract);
    }
    uint32_t count;
    assert_null(extract_new(NULL));
    assert_false(extract_count(NULL, "12/64", &count));
    extract_free(NULL);
}

/* Patterns on which a backtracking search would not end; a test run ends at once. */
static void hostile_patterns_end(void **state)
{
    static const char *const patterns[] = {"^(a+)+$", "^((a|a)*)*$", "(a*)*b", "^(([a-z])+.)+[A-Z]([a-z])+$",
                                           "(.*)(.*)(.*)(.*)(.*)[0-9]x"};
    char text[1025];
    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    text[1023] = '!';
    text[1024] = '\0';
    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        struct error err;
        uint32_t count;
        assert_int_equal(extract_check(str_of(patterns[i]), &err), 0);
        struct extract *extract = extract_new(patterns[i]);
        assert_false(extract_count(extract, text, &count));
        extract_free(extract);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_are_checked),
        cmocka_unit_test(the_first_group_is_the_count),
        cmocka_unit_test(hostile_patterns_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
