#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/cli/common/cli.h"

#include <string.h>

static int run(const struct cli_line *line)
{
    (void)line;
    return EX_DONE;
}

static const struct command table[] = {
    {"test", "", "", "", CLI_DRAIN, 0, 3, false, run},
    {"first", "", "", "", CLI_DRAIN, 0, 3, true, run},
    {"list", "", "", "", CLI_SERVICES, 0, 0, false, run},
    {"group", "", "", "", CLI_KV, 0, 0, false, NULL},
    {"group get", "", "", "", CLI_KV_GET, 1, 1, false, run},
};

static bool take(char **words, size_t count, struct cli_line *ret_line)
{
    int status = -1;
    bool goes_on = cli_read(table, COUNT_OF(table), (struct cli_args){words, count}, ret_line, &status);
    assert_int_equal(status, goes_on ? 0 : EX_USAGE);
    return goes_on;
}

#define WORDS(...) (char *[]){__VA_ARGS__}, COUNT_OF(((char *[]){__VA_ARGS__}))

static char test[] = "test", first[] = "first", group[] = "group", get[] = "get", dash_c[] = "-c",
            joined_c[] = "-cfile", file[] = "file", config[] = "--config", config_is[] = "--config=file",
            config_none[] = "--config=", reason_none[] = "--reason=", reason[] = "--reason",
            wait_flag[] = "--wait", wait_is[] = "--wait=1", end[] = "--", word[] = "word", dash[] = "-",
            longer[] = "--configs", shorter[] = "--conf", prefix[] = "--prefix", keys[] = "--keys";

static void values_may_stand_in_the_next_word_or_the_same(void **state)
{
    (void)state;
    struct cli_line line;
    assert_true(take(WORDS(test, dash_c, file), &line));
    assert_string_equal(line.given.config, "file");
    assert_true(take(WORDS(test, joined_c), &line));
    assert_string_equal(line.given.config, "file");
    assert_true(take(WORDS(test, config, file, wait_flag), &line));
    assert_string_equal(line.given.config, "file");
    assert_true(line.given.wait);
    assert_true(take(WORDS(test, config_is, reason, wait_flag), &line));
    assert_string_equal(line.given.config, "file");
    assert_string_equal(line.given.reason, "--wait");
    assert_false(line.given.wait);
    assert_true(take(WORDS(test, reason_none), &line));
    assert_string_equal(line.given.reason, "");
    assert_int_equal(line.words.count, 0);
    assert_false(take(WORDS(test, config_none), &line)); /* it would stand for the default file */
}

static void some_options_may_be_given_again(void **state)
{
    (void)state;
    struct cli_line line;
    static char list[] = "list", tag[] = "--tag", tag_is[] = "--tag=b", label[] = "--label", value[] = "a=1";
    assert_true(take(WORDS(list, tag, word, tag_is, label, value), &line));
    assert_int_equal(line.given.tags.count, 2);
    assert_string_equal(line.given.tags.values[0], "word");
    assert_string_equal(line.given.tags.values[1], "b");
    assert_int_equal(line.given.labels.count, 1);
    assert_string_equal(line.given.labels.values[0], "a=1");
    char *many[2 + CLI_VALUES_MAX] = {list};
    for (size_t i = 1; i < COUNT_OF(many); i++) {
        many[i] = tag_is;
    }
    assert_true(take(many, COUNT_OF(many) - 1, &line));
    assert_int_equal(line.given.tags.count, CLI_VALUES_MAX);
    assert_false(take(many, COUNT_OF(many), &line));
}

static void options_stand_before_and_after_words(void **state)
{
    (void)state;
    struct cli_line line;
    assert_true(take(WORDS(test, dash_c, file, word, wait_flag, dash), &line));
    assert_int_equal(line.words.count, 2);
    assert_string_equal(line.words.words[0], "word");
    assert_string_equal(line.words.words[1], "-");
    assert_true(line.given.wait);
    assert_true(take(WORDS(test, word, end, wait_flag), &line));
    assert_int_equal(line.words.count, 2);
    assert_string_equal(line.words.words[1], "--wait");
    assert_false(line.given.wait);
    assert_true(take(WORDS(group, prefix, get, joined_c, word), &line));
    assert_string_equal(line.command->name, "group get");
    assert_int_equal(line.words.count, 1);
    assert_string_equal(line.words.words[0], "word");
    assert_true(line.given.prefix && line.given.config != NULL);
}

static void options_may_end_at_the_first_word(void **state)
{
    (void)state;
    struct cli_line line;
    assert_true(take(WORDS(first, dash_c, file, word, wait_flag), &line));
    assert_int_equal(line.words.count, 2);
    assert_string_equal(line.words.words[1], "--wait");
    assert_false(line.given.wait);
    assert_true(take(WORDS(first, end, wait_flag), &line));
    assert_int_equal(line.words.count, 1);
    assert_true(take(WORDS(first, dash, wait_flag), &line));
    assert_int_equal(line.words.count, 2);
}

static void what_is_not_an_option_is_refused(void **state)
{
    (void)state;
    struct cli_line line;
    assert_false(take(WORDS(test, longer, file), &line));
    assert_false(take(WORDS(test, shorter, file), &line));
    assert_false(take(WORDS(test, reason), &line));
    assert_false(take(WORDS(test, wait_is), &line));
    assert_null(line.given.config);
    assert_false(take(WORDS(group, keys, get, word), &line)); /* of another command of the group */
    assert_false(take(WORDS(group, get, keys, word), &line));
}

static void words_are_counted(void **state)
{
    (void)state;
    struct cli_line line;
    assert_false(take(WORDS(group, get), &line));
    assert_false(take(WORDS(group, get, word, word), &line));
    assert_false(take(WORDS(group), &line));
    assert_false(take(WORDS(group, word), &line));
    assert_false(take(WORDS(word), &line));
    assert_true(take(WORDS(group, get, word), &line));
}

static void the_nearest_name_is_near(void **state)
{
    (void)state;
    static const char *const names[] = {"status", "drain", "undrain", "send"};
    static const struct {
        const char *word, *name;
    } cases[] = {
        {"statu", "status"}, {"drian", "drain"}, {"undrainn", "undrain"}, {"sned", "send"},
        {"x", NULL},         {"", NULL},         {"services", NULL},      {"ab", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *near = cli_nearest(cases[i].word, names, COUNT_OF(names), sizeof(names[0]));
        if (cases[i].name == NULL) {
            assert_null(near);
        } else {
            assert_string_equal(near, cases[i].name);
        }
    }
    char endless[200];
    memset(endless, 's', sizeof(endless));
    endless[199] = '\0';
    assert_null(cli_nearest(endless, names, COUNT_OF(names), sizeof(names[0])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_may_stand_in_the_next_word_or_the_same),
        cmocka_unit_test(some_options_may_be_given_again),
        cmocka_unit_test(options_stand_before_and_after_words),
        cmocka_unit_test(options_may_end_at_the_first_word),
        cmocka_unit_test(what_is_not_an_option_is_refused),
        cmocka_unit_test(words_are_counted),
        cmocka_unit_test(the_nearest_name_is_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
