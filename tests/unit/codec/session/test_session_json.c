#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/codec/session/session_json.h"

static void a_session_is_written(void **state)
{
    (void)state;
    struct buf out = {0};
    struct json_writer json = {.out = &out};
    struct session session = {.id = STR("s1"),
                              .player = STR("p\"\n"),
                              .type = STR("world"),
                              .server = STR("world/w1"),
                              .state = SESSION_ORPHANED,
                              .created_ms = 1795227240000,
                              .touched_ms = 1795227241000,
                              .expires_ms = 1795227242123};
    json_write_object(&json);
    session_json_members(&json, &session);
    json_write_object_end(&json);
    assert_string_equal(
        buf_text(&out),
        "{\"id\":\"s1\",\"player\":\"p\\\"\\n\",\"type\":\"world\",\"server\":\"world/w1\","
        "\"state\":\"orphaned\",\"createdAt\":\"2026-11-21T02:14:00.000Z\","
        "\"touchedAt\":\"2026-11-21T02:14:01.000Z\",\"expiresAt\":\"2026-11-21T02:14:02.123Z\","
        "\"data\":{}}");
    buf_clear(&out);
    json = (struct json_writer){.out = &out};
    session.data = STR("{\"a\":1}");
    json_write_object(&json);
    session_json_members(&json, &session);
    json_write_object_end(&json);
    assert_non_null(strstr(buf_text(&out), "\"data\":{\"a\":1}}"));
    buf_fini(&out);
}

static void a_body_is_read(void **state)
{
    (void)state;
    struct session_body body;
    struct error err;
    const char *text =
        "\xef\xbb\xbf { \"id\" : \"s1\", \"player\":\"p\\u00e4 \\ud83e\\udd84\",\n\"server\":\"world/w1\","
        "\"type\":\"world\",\"data\":{ \"a\" : [1 , \"x \\\" \\\\\" ] },\"replaces\":\"s0\"} ";
    assert_int_equal(session_body_read(str_of(text), &body, &err), 0);
    assert_true(str_eq(body.session.id, STR("s1")));
    assert_true(str_eq(body.session.player, STR("p\xc3\xa4 \xf0\x9f\xa6\x84")));
    assert_true(str_eq(body.session.server, STR("world/w1")));
    assert_true(str_eq(body.session.type, STR("world")));
    assert_true(str_eq(body.session.data, STR("{\"a\":[1,\"x \\\" \\\\\"]}")));
    assert_int_equal(body.expect, SESSION_EXPECT_ID);
    assert_true(str_eq(body.replaces, STR("s0")));
    session_body_fini(&body);
}

static void what_is_absent_is_known_to_be(void **state)
{
    (void)state;
    struct session_body body;
    struct error err;
    assert_int_equal(session_body_read(STR("{\"data\":{ },\"replaces\":null}"), &body, &err), 0);
    assert_false(body.has_id || body.has_player || body.has_server || body.has_type);
    assert_true(body.has_data && body.has_replaces);
    assert_int_equal(body.session.data.size, 0);
    assert_int_equal(body.expect, SESSION_EXPECT_NONE);
    session_body_fini(&body);
    assert_int_equal(session_body_read(STR("{\"data\":null}"), &body, &err), 0);
    assert_int_equal(body.session.data.size, 0);
    assert_int_equal(body.expect, SESSION_EXPECT_ANY);
    session_body_fini(&body);
}

static void bad_bodies(void **state)
{
    (void)state;
    static const char *const bodies[] = {"",
                                         "null",
                                         "[]",
                                         "{",
                                         "{}{}",
                                         "{\"player\":1}",
                                         "{\"player\":null}",
                                         "{\"player\":\"a\",\"player\":\"b\"}",
                                         "{\"data\":[]}",
                                         "{\"data\":\"x\"}",
                                         "{\"data\":{\"a\":}}",
                                         "{\"replaces\":7}",
                                         "{\"state\":\"active\"}",
                                         "{\"player\":\"\\ud800\"}",
                                         "{\"player\":\"\\u0000\"}",
                                         "{\"player\":\"\xff\"}"};
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct session_body body;
        struct error err = {0};
        assert_int_equal(session_body_read(str_of(bodies[i]), &body, &err), -1);
        assert_int_equal(err.code, ERROR_INVALID);
        session_body_fini(&body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_written),
        cmocka_unit_test(a_body_is_read),
        cmocka_unit_test(what_is_absent_is_known_to_be),
        cmocka_unit_test(bad_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
