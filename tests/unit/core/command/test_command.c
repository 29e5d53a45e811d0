#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/command/command.h"

#include <string.h>

static void test_states(void **state)
{
    (void)state;
    for (int from = 0; from < COMMAND_STATE_COUNT; from++) {
        enum command_state parsed = COMMAND_STATE_COUNT;
        assert_int_equal(command_state_parse(str_of(command_state_name((enum command_state)from)), &parsed),
                         0);
        assert_int_equal(parsed, from);
        bool final = from >= COMMAND_OK;
        assert_int_equal(command_is_final((enum command_state)from), final);
        for (int to = 0; to < COMMAND_STATE_COUNT; to++) {
            bool forward = to > from && !final;
            assert_int_equal(command_may_move((enum command_state)from, (enum command_state)to), forward);
        }
    }
    enum command_state kept = COMMAND_OK;
    assert_int_equal(command_state_parse(STR("done"), &kept), -1);
    assert_int_equal(kept, COMMAND_OK);
}

static void test_move(void **state)
{
    (void)state;
    struct server_command command = {.id = "01J00000000000000000000000"}, copy;
    command_move(&command, COMMAND_DELIVERED, STR(""));
    assert_null(command.text);
    command_move(&command, COMMAND_ERROR, STR("no such map"));
    command_copy(&command, &copy);
    assert_string_equal(copy.text, "no such map");
    assert_ptr_not_equal(copy.text, command.text);
    command_fini(&copy);
    command_fini(&command);
}

static void test_names(void **state)
{
    (void)state;
    char name[COMMAND_NAME_MAX + 2];
    memset(name, 'a', sizeof(name));
    assert_true(command_is_name((struct str){name, COMMAND_NAME_MAX}));
    assert_false(command_is_name((struct str){name, COMMAND_NAME_MAX + 1}));
    assert_true(command_is_name(STR("map.change-2_x")));
    static const char *const bad[] = {"", "Say", "a b", "a\nb", "a=b", "a/b", "a*", "é"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(command_is_name(str_of(bad[i])));
    }
    assert_true(command_is_pattern(STR("*")));
    assert_true(command_is_pattern(STR("map.*")));
    assert_true(command_is_pattern(STR("say")));
    assert_false(command_is_pattern(STR("*say")));
    assert_false(command_is_pattern(STR("a**")));
    assert_false(command_is_pattern(STR("")));
    char say[] = "say", map[] = "map.*", any[] = "*";
    char *const patterns[] = {say, map};
    assert_true(command_fits(patterns, 2, STR("say")));
    assert_true(command_fits(patterns, 2, STR("map.change")));
    assert_false(command_fits(patterns, 2, STR("say2")));
    assert_false(command_fits(patterns, 2, STR("map")));
    assert_false(command_fits(patterns, 0, STR("say")));
    char *const all[] = {any};
    assert_true(command_fits(all, 1, STR("x")));
}

static void test_texts(void **state)
{
    (void)state;
    static char long_text[COMMAND_TEXT_MAX + 2];
    memset(long_text, 'x', sizeof(long_text));
    assert_true(command_is_text((struct str){long_text, COMMAND_TEXT_MAX}));
    assert_false(command_is_text((struct str){long_text, COMMAND_TEXT_MAX + 1}));
    assert_true(command_is_args((struct str){long_text, COMMAND_ARGS_MAX}));
    assert_false(command_is_args((struct str){long_text, COMMAND_ARGS_MAX + 1}));
    assert_true(command_is_args(STR("two\nlines")));
    assert_false(command_is_args(STR("a\0b")));
    assert_false(command_is_args(STR("\xff")));
    assert_true(command_is_text(STR("tab\there, \xea\xb0\x80")));
    static const char *const bad[] = {"a\nb", "a\rb", "a\x1b[2J", "a\xc2\x85", "a\xe2\x80\xa8", "\xff"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(command_is_text(str_of(bad[i])));
    }
    assert_false(command_is_text(STR("a\0b")));
}

static void test_from(void **state)
{
    (void)state;
    char made[COMMAND_FROM_MAX + 1];
    assert_true(command_is_from(STR("op:olga")));
    assert_true(command_is_from(STR("world/w1")));
    assert_false(command_is_from(STR("")));
    assert_false(command_is_from(STR("op:a args=")));
    assert_false(command_is_from(STR("op:a\nEVENT")));
    command_make_from(STR("op:a\nEVENT x=\"\xc3\xa9"), made);
    assert_string_equal(made, "op:a_EVENT_x____");
    assert_true(command_is_from(str_of(made)));
    command_make_from(STR(""), made);
    assert_string_equal(made, "-");
    static char long_from[COMMAND_FROM_MAX * 2];
    memset(long_from, 'x', sizeof(long_from));
    command_make_from((struct str){long_from, sizeof(long_from)}, made);
    assert_int_equal(strlen(made), COMMAND_FROM_MAX);
}

static void test_same(void **state)
{
    (void)state;
    char args[] = "hello";
    struct server_command a = {
        .name = "say", .from = "op:olga", .at_wall = 1000, .until_wall = 31000, .args = args};
    struct server_command b = a;
    b.at_wall += 5, b.until_wall += 5;
    assert_true(command_is_same(&a, &b));
    b.until_wall++;
    assert_false(command_is_same(&a, &b));
    b = a, b.args = NULL;
    assert_false(command_is_same(&a, &b));
    b = a, b.from[3] = 'x';
    assert_false(command_is_same(&a, &b));
    b = a, b.name[0] = 'x';
    assert_false(command_is_same(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states), cmocka_unit_test(test_move), cmocka_unit_test(test_names),
        cmocka_unit_test(test_texts),  cmocka_unit_test(test_from), cmocka_unit_test(test_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
