#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/codec/session/session_packed.h"

static void a_session_is_read(void **state)
{
    (void)state;
    struct session session;
    struct str packed = STR("s1\nworld/w1\n1000 2000 9000 0 a.1\n{\"a\":\"b\"}");
    assert_int_equal(session_packed_read(packed, STR("p\n1"), &session), 0);
    assert_true(str_eq(session.id, STR("s1")));
    assert_true(str_eq(session.player, STR("p\n1")));
    assert_true(str_eq(session.type, STR("world")));
    assert_true(str_eq(session.server, STR("world/w1")));
    assert_true(str_eq(session.data, STR("{\"a\":\"b\"}")));
    assert_int_equal(session.state, SESSION_ACTIVE);
    assert_int_equal(session.created_ms, 1000);
    assert_int_equal(session.touched_ms, 2000);
    assert_int_equal(session.expires_ms, 9000);
    assert_int_equal(session_packed_read(STR("s1\nworld/w1\n1 2 9000 3000 t\n"), STR("p"), &session), 0);
    assert_int_equal(session.state, SESSION_ORPHANED);
    assert_int_equal(session.expires_ms, 3000);
    assert_int_equal(session.data.size, 0);
    assert_int_equal(session_packed_read(STR("s1\nworld/w1\n1 2 3000 9000 t\n"), STR("p"), &session), 0);
    assert_int_equal(session.expires_ms, 3000); /* its TTL is over before the grace */
}

static void what_is_no_session_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "s1",
        "s1\nworld/w1",
        "s1\nworld/w1\n1 2 3\n",
        "s1\nworld/w1\n1 2 x 0 t\n",
        "s1\nworld/w1\n1 2 -3 0 t\n",
        "s1\nworld/w1\n1 2 253402300800000 0 t\n",
        "s 1\nworld/w1\n1 2 3 0 t\n",
        "\nworld/w1\n1 2 3 0 t\n",
        "s1\nworld\n1 2 3 0 t\n",
        "s1\n/w1\n1 2 3 0 t\n",
    };
    struct session session;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(session_packed_read(str_of(wrong[i]), STR("p"), &session), -1);
    }
    assert_int_equal(session_packed_read(STR("s1\nworld/w1\n1 2 3 0 t\n"), STR(""), &session), -1);
}

static void the_place_of_an_id(void **state)
{
    (void)state;
    struct str player, type;
    assert_int_equal(session_place_read(STR("p 1\0world"), &player, &type), 0);
    assert_true(str_eq(player, STR("p 1")));
    assert_true(str_eq(type, STR("world")));
    assert_int_equal(session_place_read(STR("p 1"), &player, &type), -1);
    assert_int_equal(session_place_read(STR("\0world"), &player, &type), -1);
    assert_int_equal(session_place_read(STR("p\0wo/rld"), &player, &type), -1);
}

static void messages_are_read(void **state)
{
    (void)state;
    struct session_event event;
    struct str token;
    assert_int_equal(session_message_read(STR("moved\0\0a.7\0world/w1\0p1\0s1\nworld/w2\n1 2 3 0 a.7\n{}"),
                                          &event, &token),
                     0);
    assert_int_equal(event.type, SESSION_ON_MOVED);
    assert_true(str_eq(event.from, STR("world/w1")));
    assert_true(str_eq(event.session.server, STR("world/w2")));
    assert_true(str_eq(event.session.player, STR("p1")));
    assert_true(str_eq(token, STR("a.7")));
    assert_int_equal(session_message_read(STR("ended\0server_gone\0\0\0p1\0s1\nworld/w2\n1 2 3 0 a.7\n{}"),
                                          &event, &token),
                     0);
    assert_int_equal(event.type, SESSION_ON_ENDED);
    assert_int_equal(event.why, SESSION_SERVER_GONE);
    assert_int_equal(token.size, 0);
    static const struct str wrong[] = {
        STR_INIT(""),
        STR_INIT("gap\0\0t\0\0p1\0s1\nworld/w2\n1 2 3 0 t\n"),
        STR_INIT("born\0\0t\0\0p1\0s1\nworld/w2\n1 2 3 0 t\n"),
        STR_INIT("ended\0\0t\0\0p1\0s1\nworld/w2\n1 2 3 0 t\n"),
        STR_INIT("created\0deleted\0t\0\0p1\0s1\nworld/w2\n1 2 3 0 t\n"),
        STR_INIT("moved\0\0t\0\0p1\0s1\nworld/w2\n1 2 3 0 t\n"),
        STR_INIT("created\0\0t\0world/w1\0p1\0s1\nworld/w2\n1 2 3 0 t\n"),
        STR_INIT("created\0\0t\0\0p1\0s1\nworld\n1 2 3 0 t\n"),
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(session_message_read(wrong[i], &event, &token), -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_read),
        cmocka_unit_test(what_is_no_session_is_refused),
        cmocka_unit_test(the_place_of_an_id),
        cmocka_unit_test(messages_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
