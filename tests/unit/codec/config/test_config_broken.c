/* Broken configurations, each with every line that check prints for it: the files of broken_configs. A case
 * is
 *
 *     ### title
 *     the file
 *     => LINE:COLUMN: path.to.key: what is wrong
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/codec/config/config_yaml.h"
#include "support/read_text.h"

#include <stdio.h>
#include <stdlib.h>

static char long_value[(64 << 10) + 2];

static const char *env(const char *name, void *user)
{
    static const struct {
        const char *name, *value;
    } variables[] = {{"WORLD", "world"}, {"EMPTY", ""},       {"TEN", "10"},     {"BAD_PORTS", "8001,x"},
                     {"NULL", "null"},   {"LATIN", "k\xe9r"}, {"LINES", "a\nb"}, {"LONG", long_value}};
    (void)user;
    for (size_t i = 0; i < COUNT_OF(variables); i++) {
        if (strcmp(name, variables[i].name) == 0) {
            return variables[i].value;
        }
    }
    return NULL;
}

/* The output for `text`, without the file name, each line after "=> ". */
static void print_problems(struct str text, struct buf *out)
{
    struct config config;
    struct config_problems problems;
    if (config_yaml_load(STR("f"), text, env, NULL, &config, &problems) == 0) {
        config_fini(&config);
        buf_printf(out, "nothing is wrong\n");
    }
    struct buf lines = {0};
    config_problems_print(&problems, &lines);
    for (struct str rest = buf_view(&lines); rest.size > 0;) {
        struct str line = str_split(rest, '\n', &rest);
        assert_true(str_starts(line, STR("f:")));
        buf_printf(out, "=> %.*s\n", (int)(line.size - 2), line.data + 2);
    }
    buf_fini(&lines);
    config_problems_fini(&problems);
}

static bool run_case(const char *title, const struct buf *file, const struct buf *expected)
{
    struct buf printed = {0};
    print_problems(buf_view(file), &printed);
    bool same = str_eq(buf_view(&printed), buf_view(expected));
    if (!same) {
        print_error("### %s\n%sexpected:\n%sgot:\n%s\n", title, buf_text(file), buf_text(expected),
                    buf_text(&printed));
    }
    buf_fini(&printed);
    return same;
}

/* Runs every case of the text; returns their number and adds to `failed`. */
static unsigned run_cases(struct str text, unsigned *failed)
{
    struct buf title = {0}, file = {0}, expected = {0};
    unsigned count = 0;
    while (true) {
        struct str line = str_split(text, '\n', &text);
        bool begins = str_starts(line, STR("### ")), end = text.size == 0 && line.size == 0;
        if ((begins || end) && title.size > 0) {
            count++;
            *failed += run_case(buf_text(&title), &file, &expected) ? 0 : 1;
        }
        if (end) {
            break;
        }
        if (begins) {
            buf_clear(&title);
            buf_clear(&file);
            buf_clear(&expected);
            buf_str(&title, (struct str){line.data + 4, line.size - 4});
        } else if (title.size > 0 && str_starts(line, STR("=> "))) {
            buf_printf(&expected, "%.*s\n", STR_ARG(line));
        } else if (title.size > 0 && line.size > 0) {
            buf_printf(&file, "%.*s\n", STR_ARG(line));
        }
    }
    buf_fini(&title);
    buf_fini(&file);
    buf_fini(&expected);
    return count;
}

static void check_file(const char *name, unsigned least)
{
    char path[128];
    struct buf text = {0};
    unsigned failed = 0;
    snprintf(path, sizeof(path), "tests/unit/codec/config/broken_configs/%s.txt", name);
    read_text(path, &text);
    unsigned count = run_cases(buf_view(&text), &failed);
    buf_fini(&text);
    assert_int_equal(failed, 0);
    assert_true(count >= least);
}

static void test_syntax(void **state)
{
    (void)state;
    check_file("syntax", 30);
}

static void test_keys(void **state)
{
    (void)state;
    check_file("keys", 25);
}

static void test_values(void **state)
{
    (void)state;
    check_file("values", 90);
}

static void test_rules(void **state)
{
    (void)state;
    check_file("rules", 30);
}

static void test_environment(void **state)
{
    (void)state;
    check_file("environment", 25);
}

/* Bytes that a text file cannot show. */
static void test_bytes(void **state)
{
    const struct {
        struct str text;
        const char *expected;
    } rows[] = {
        {STR("log: {}\nserver: \x01\n"), "=> 2:9: yaml: a control character: remove it\n"},
        {STR("log: {}\nserver: a\0b\n"), "=> 2:10: yaml: a control character: remove it\n"},
        {STR("server: w\xf6rld\n"), "=> 1:10: yaml: this is not UTF-8 text\n"},
        {STR("server: \xc3"), "=> 1:9: yaml: this is not UTF-8 text\n"},
        {STR("# \xe4\xb8\x96\xe7\x95\x8c\nserver: \xed\xa0\x80\n"), "=> 2:9: yaml: this is not UTF-8 text\n"},
        /* columns count characters */
        {STR("server: {type: w, ports: 1, region: \"\xe4\xb8\x96\xe7\x95\x8c\", x: 1}\n"),
         "=> 1:43: server.x: unknown key: known here are type, id, host, ports, region, zone, group, "
         "version, "
         "capacity, weight, tags, labels, require_status, watchdog, initializing_max, deregister_after, "
         "flapping, idle\n"},
        {STR("server:\r\n  type: w\r\n  ports: x\r\n"),
         "=> 3:10: server.ports: `x` is not a port from 1 to 65535, nor the word dynamic\n"},
        {STR("server: {type: w, ports: 1, id: \"a\\0b\"}\n"),
         "=> 1:33: server.id: `a?b` is not printable UTF-8 text on one line\n"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf printed = {0};
        print_problems(rows[i].text, &printed);
        assert_string_equal(buf_text(&printed), rows[i].expected);
        buf_fini(&printed);
    }
}

static void test_too_large(void **state)
{
    struct buf text = {0}, printed = {0};
    (void)state;
    while (text.size <= 1 << 20) {
        buf_printf(&text, "# a comment is text as well\n");
    }
    print_problems(buf_view(&text), &printed);
    assert_string_equal(buf_text(&printed), "=> 1:1: yaml: the file is larger than 1 MiB\n");
    buf_fini(&text);
    buf_fini(&printed);
}

static void test_too_many_values(void **state)
{
    struct buf text = {0}, printed = {0};
    (void)state;
    for (int i = 0; i < 4096; i++) {
        buf_printf(&text, "k%d: 1\n", i);
    }
    print_problems(buf_view(&text), &printed);
    assert_string_equal(buf_text(&printed), "=> 2048:8: yaml: too many values: at most 4096 are read\n");
    buf_fini(&text);
    buf_fini(&printed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_syntax),      cmocka_unit_test(test_keys),
        cmocka_unit_test(test_values),      cmocka_unit_test(test_rules),
        cmocka_unit_test(test_environment), cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_too_large),   cmocka_unit_test(test_too_many_values),
    };
    memset(long_value, 'x', sizeof(long_value) - 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
