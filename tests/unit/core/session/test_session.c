#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "outrider/core/session/session.h"
#include "outrider/core/session/session_request.h"

static char long_text[1024];

static struct str of(size_t size)
{
    memset(long_text, 'x', sizeof(long_text));
    return (struct str){long_text, size};
}

static void test_an_id(void **state)
{
    (void)state;
    assert_null(session_id_problem(STR("01JDQ3ZV9E6W5X4T3S2R1Q0P9N")));
    assert_null(session_id_problem(STR("party-7_a.b:c~d")));
    assert_null(session_id_problem(of(64)));
    assert_non_null(session_id_problem(of(65)));
    const struct str none[] = {STR(""),    STR("."), STR(".."),   STR("a b"),   STR("a/b"),
                               STR("a\n"), STR("ä"), STR("a\0b"), STR("a%2Fb"), STR("{a}")};
    for (size_t i = 0; i < COUNT_OF(none); i++) {
        assert_non_null(session_id_problem(none[i]));
    }
}

static void test_a_player_is_any_text(void **state)
{
    (void)state;
    const struct str names[] = {STR("p1"),           STR("\xf0\x9f\xa6\x84 \xe4\xbd\xa0"),
                                STR("a/b\n\"c\\"),   STR("\x01"),
                                STR("\xe2\x80\xae"), STR(" ")};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_null(session_player_problem(names[i]));
    }
    assert_null(session_player_problem(of(256)));
    assert_non_null(session_player_problem(of(257)));
    assert_non_null(session_player_problem(STR("")));
    assert_non_null(session_player_problem(STR("a\0b")));
    assert_non_null(session_player_problem(STR("\xed\xa0\x80"))); /* a surrogate */
    assert_non_null(session_player_problem(STR("\xff")));
}

static void test_a_server_is_type_and_id(void **state)
{
    (void)state;
    assert_null(session_server_problem(STR("world/w1")));
    const struct str none[] = {STR(""),          STR("world"),     STR("world/"),    STR("/w1"),
                               STR("world/a/b"), STR("world/a b"), STR("world/a\n"), STR("world/\xff")};
    for (size_t i = 0; i < COUNT_OF(none); i++) {
        assert_non_null(session_server_problem(none[i]));
    }
    char text[256];
    snprintf(text, sizeof(text), "%.63s/%.128s", of(63).data, of(128).data);
    assert_null(session_server_problem(str_of(text)));
    snprintf(text, sizeof(text), "%.64s/w", of(64).data);
    assert_non_null(session_server_problem(str_of(text)));
    snprintf(text, sizeof(text), "w/%.129s", of(129).data);
    assert_non_null(session_server_problem(str_of(text)));
    assert_true(str_eq(session_type_of(STR("world/w1")), STR("world")));
    assert_int_equal(session_type_of(STR("world")).size, 0);
}

static void test_a_session_names_its_bad_member(void **state)
{
    (void)state;
    const char *what = NULL;
    struct session session = {
        .id = STR("s1"), .player = STR("p"), .server = STR("world/w1"), .data = of(4096)};
    assert_null(session_problem(&session, &what));
    assert_true(str_eq(session.type, STR("world")));
    session.data = of(4097);
    assert_non_null(session_problem(&session, &what));
    assert_string_equal(what, "data");
    session.server = STR("world");
    assert_non_null(session_problem(&session, &what));
    assert_string_equal(what, "server");
    session.player = STR("");
    assert_non_null(session_problem(&session, &what));
    assert_string_equal(what, "player");
    session.id = STR("");
    assert_non_null(session_problem(&session, &what));
    assert_string_equal(what, "id");
}

static void test_names_are_read_as_they_are_written(void **state)
{
    (void)state;
    for (int i = 0; i < SESSION_STATE_COUNT; i++) {
        assert_non_null(session_state_name((enum session_state)i));
    }
    for (int i = 0; i < SESSION_WHY_COUNT; i++) {
        enum session_why found;
        assert_int_equal(session_why_parse(str_of(session_why_name((enum session_why)i)), &found), 0);
        assert_int_equal(found, i);
    }
    enum session_why why = SESSION_DELETED;
    assert_int_equal(session_why_parse(STR("bored"), &why), -1);
    for (int i = 0; i < SESSION_OP_COUNT; i++) {
        assert_non_null(session_op_name((enum session_op)i));
    }
    for (int i = 0; i < SESSION_FAILURE_COUNT; i++) {
        assert_non_null(session_failure_name((enum session_failure)i));
    }
    for (int i = 0; i < SESSION_EVENT_COUNT; i++) {
        enum session_event_type found;
        assert_int_equal(session_event_parse(str_of(session_event_name((enum session_event_type)i)), &found),
                         0);
        assert_int_equal(found, i);
    }
    enum session_event_type type = SESSION_ON_CREATED;
    assert_int_equal(session_event_parse(STR("bored"), &type), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_id),
        cmocka_unit_test(test_a_player_is_any_text),
        cmocka_unit_test(test_a_server_is_type_and_id),
        cmocka_unit_test(test_a_session_names_its_bad_member),
        cmocka_unit_test(test_names_are_read_as_they_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
