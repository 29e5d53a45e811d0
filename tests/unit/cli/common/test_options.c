#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/cli/common/cli.h"

#include <string.h>

struct taken {
    const char *config, *reason;
    bool wait;
};

static const struct command command = {.name = "test", .usage = "", .help = "", .more = ""};

static bool take(char **words, size_t count, struct taken *taken, struct cli_args *ret_rest)
{
    const struct cli_option options[] = {{"--config", 'c', &taken->config, NULL},
                                         {"--reason", 0, &taken->reason, NULL},
                                         {"--wait", 0, NULL, &taken->wait}};
    int status = -1;
    bool goes_on =
        cli_options(&command, (struct cli_args){words, count}, options, COUNT_OF(options), ret_rest, &status);
    assert_int_equal(status, goes_on ? -1 : EX_USAGE);
    return goes_on;
}

#define WORDS(...) (char *[]){__VA_ARGS__}, COUNT_OF(((char *[]){__VA_ARGS__}))

static char dash_c[] = "-c", joined_c[] = "-cfile", file[] = "file", config[] = "--config",
            config_is[] = "--config=file", config_none[] = "--config=", reason[] = "--reason",
            wait_flag[] = "--wait", end[] = "--", word[] = "word", dash[] = "-", longer[] = "--configs",
            shorter[] = "--conf", text_flag[] = "#";

static void values_may_stand_in_the_next_word_or_the_same(void **state)
{
    (void)state;
    struct cli_args rest;
    struct taken taken = {0};
    assert_true(take(WORDS(dash_c, file), &taken, &rest));
    assert_string_equal(taken.config, "file");
    taken = (struct taken){0};
    assert_true(take(WORDS(joined_c), &taken, &rest));
    assert_string_equal(taken.config, "file");
    taken = (struct taken){0};
    assert_true(take(WORDS(config, file, wait_flag), &taken, &rest));
    assert_string_equal(taken.config, "file");
    assert_true(taken.wait);
    taken = (struct taken){0};
    assert_true(take(WORDS(config_is, reason, wait_flag), &taken, &rest));
    assert_string_equal(taken.config, "file");
    assert_string_equal(taken.reason, "--wait");
    assert_false(taken.wait);
    assert_true(take(WORDS(config_none), &taken, &rest));
    assert_string_equal(taken.config, "");
    assert_int_equal(rest.count, 0);
}

static void options_end_at_the_first_word(void **state)
{
    (void)state;
    struct cli_args rest;
    struct taken taken = {0};
    assert_true(take(WORDS(dash_c, file, word, wait_flag), &taken, &rest));
    assert_int_equal(rest.count, 2);
    assert_string_equal(rest.words[0], "word");
    assert_false(taken.wait);
    assert_true(take(WORDS(end, wait_flag), &taken, &rest));
    assert_int_equal(rest.count, 1);
    assert_false(taken.wait);
    assert_true(take(WORDS(dash, wait_flag), &taken, &rest));
    assert_int_equal(rest.count, 2);
    assert_true(take(WORDS(text_flag), &taken, &rest));
    assert_int_equal(rest.count, 1);
}

static void what_is_not_an_option_is_refused(void **state)
{
    (void)state;
    struct cli_args rest;
    struct taken taken = {0};
    assert_false(take(WORDS(longer, file), &taken, &rest));
    assert_false(take(WORDS(shorter, file), &taken, &rest));
    assert_false(take(WORDS(reason), &taken, &rest));
    assert_null(taken.config);
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
        cmocka_unit_test(options_end_at_the_first_word),
        cmocka_unit_test(what_is_not_an_option_is_refused),
        cmocka_unit_test(the_nearest_name_is_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
