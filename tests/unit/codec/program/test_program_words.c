#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/codec/program/program_words.h"

#include <stdio.h>
#include <string.h>

/* "players/capacity map version name | first line", "-" for what is unknown. */
static void assert_reads(const char *output, const char *wanted)
{
    struct probe_facts facts;
    char shown[600], players[16] = "-", capacity[16] = "-";
    struct str line = program_words_read(str_of(output), &facts);
    if (facts.has_players) {
        snprintf(players, sizeof(players), "%u", facts.players);
    }
    if (facts.has_capacity) {
        snprintf(capacity, sizeof(capacity), "%u", facts.capacity);
    }
    snprintf(shown, sizeof(shown), "%s/%s <%.*s> <%.*s> <%.*s> | %.*s", players, capacity, STR_ARG(facts.map),
             STR_ARG(facts.version), STR_ARG(facts.name), STR_ARG(line));
    assert_string_equal(shown, wanted);
}

static void the_first_line_and_words(void **state)
{
    (void)state;
    assert_reads("", "-/- <> <> <> | ");
    assert_reads("all well\nmore\n", "-/- <> <> <> | all well");
    assert_reads("\n \r\n  all well \r\n", "-/- <> <> <> | all well");
    assert_reads("outrider: players=12/64 label.map=harbor\n", "12/64 <harbor> <> <> | ");
    assert_reads("outrider:players=12 capacity=64\r\nfine", "12/64 <> <> <> | fine");
    assert_reads("fine\n  outrider:\tversion=1.4  name=\"The Harbor\" map=a\"b\"",
                 "-/- <a\"b\"> <1.4> <The Harbor> | fine");
    assert_reads("outrider: label.version=2 label.name=x\noutrider: name=y\n", "-/- <> <2> <y> | ");
    assert_reads("outrider: players=3\noutrider: players=4 outrider: players=5", "5/- <> <> <> | ");
    assert_reads("not outrider: players=3", "-/- <> <> <> | not outrider: players=3");
}

static void what_is_not_known_is_unknown(void **state)
{
    (void)state;
    static const char *const outputs[] = {"players",
                                          "players=",
                                          "players=x",
                                          "players=-1",
                                          "players=4294967296",
                                          "players=+3",
                                          "players= 3",
                                          "label.players=3",
                                          "capacity=-4",
                                          "capacity=1.5",
                                          "players=7/0",
                                          "capacity=0 players=3",
                                          "map=",
                                          "name=\"\"",
                                          "name=\xff",
                                          "version=\x1b[1m",
                                          "unknown=word",
                                          "=3",
                                          "=",
                                          "\"",
                                          "name=\"open",
                                          "\"players=3\"=1"};
    for (size_t i = 0; i < COUNT_OF(outputs); i++) {
        char line[128];
        snprintf(line, sizeof(line), "outrider: %s", outputs[i]);
        if (strcmp(outputs[i], "name=\"open") == 0) {
            assert_reads(line, "-/- <> <> <\"open> | ");
        } else {
            assert_reads(line, "-/- <> <> <> | ");
        }
    }
    assert_reads("outrider: players=3/x", "3/- <> <> <> | ");
    assert_reads("outrider: players=x/64", "-/64 <> <> <> | ");
    assert_reads("outrider: players=70/64", "70/64 <> <> <> | ");
    assert_reads("outrider: map=a\noutrider: map=\xff", "-/- <> <> <> | "); /* the later one wins */
}

static void long_texts_are_left_out(void **state)
{
    (void)state;
    char text[400] = "outrider: name=";
    size_t size = strlen(text);
    struct probe_facts facts;
    memset(text + size, 'x', PROGRAM_TEXT_MAX);
    (void)program_words_read(str_of(text), &facts);
    assert_int_equal(facts.name.size, PROGRAM_TEXT_MAX);
    text[size + PROGRAM_TEXT_MAX] = 'x';
    (void)program_words_read(str_of(text), &facts);
    assert_int_equal(facts.name.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_line_and_words),
        cmocka_unit_test(what_is_not_known_is_unknown),
        cmocka_unit_test(long_texts_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
