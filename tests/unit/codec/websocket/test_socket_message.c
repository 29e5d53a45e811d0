#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/base/error.h"
#include "outrider/codec/websocket/socket_message.h"

static void test_what_a_message_stands_for(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum socket_action action;
        const char *id, *key, *path, *query, *body;
    } rows[] = {
        {"{\"type\":\"subscribe\"}", SOCKET_SUBSCRIBE, "", "", "/api/subscribe", "", ""},
        {"{\"type\":\"subscribe\",\"id\":\"s 1\",\"filter\":{},\"after\":\"812-cafe\"}", SOCKET_SUBSCRIBE,
         "s 1", "", "/api/subscribe", "after=812-cafe", ""},
        {"{\"type\":\"subscribe\",\"filter\":{\"type\":\"a&b\",\"label.x "
         "y\":\"\\u00e9=\",\"tag\":[\"1\",\"2\"]}}",
         SOCKET_SUBSCRIBE, "", "", "/api/subscribe", "type=a%26b&label.x%20y=%C3%A9%3D&tag=1&tag=2", ""},
        {"{\"type\":\"unsubscribe\"}", SOCKET_UNSUBSCRIBE, "", "", "", "", ""},
        {"{\"type\":\"drain\",\"server\":\"world/w1\",\"reason\":\"patch\"}", SOCKET_DRAIN, "", "",
         "/api/services/world/w1/drain", "", "{\"reason\":\"patch\"}"},
        {"{\"type\":\"undrain\",\"server\":\"a b/c/../d?e\"}", SOCKET_UNDRAIN, "", "",
         "/api/services/a%20b/c%2F..%2Fd%3Fe/undrain", "", "{}"},
        {"{\"server\":\"w/"
         "1\",\"args\":\"\\u2028\",\"idempotencyKey\":\"k\",\"name\":\"say\",\"type\":\"command\",\"id\":"
         "\"7\"}",
         SOCKET_COMMAND, "7", "k", "/api/services/w/1/commands", "",
         "{\"args\":\"\xe2\x80\xa8\",\"name\":\"say\"}"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct socket_message message;
        struct error err = {0};
        assert_int_equal(socket_message_read(str_of(rows[i].text), &message, &err), 0);
        assert_int_equal(message.action, rows[i].action);
        assert_string_equal(message.id, rows[i].id);
        assert_string_equal(message.key, rows[i].key);
        assert_string_equal(buf_text(&message.path), rows[i].path);
        assert_string_equal(buf_text(&message.query), rows[i].query);
        assert_string_equal(buf_text(&message.body), rows[i].body);
        socket_message_fini(&message);
    }
}

static void test_what_is_none(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"type\":1}",
        "{\"type\":\"Drain\",\"server\":\"a/b\"}",
        "{\"type\":\"drain\"}",
        "{\"type\":\"drain\",\"server\":\"a\"}",
        "{\"type\":\"drain\",\"server\":\"/a\"}",
        "{\"type\":\"drain\",\"server\":\"a/\"}",
        "{\"type\":\"drain\",\"server\":1}",
        "{\"type\":\"drain\",\"server\":\"a/b\",\"id\":7}",
        "{\"type\":\"drain\",\"server\":\"a/b\",\"id\":\"a\\nb\"}",
        "{\"type\":\"command\",\"server\":\"a/b\",\"idempotencyKey\":[]}",
        "{\"type\":\"subscribe\",\"filter\":\"type=a\"}",
        "{\"type\":\"subscribe\",\"filter\":{\"type\":null}}",
        "{\"type\":\"subscribe\",\"filter\":{\"type\":[[\"a\"]]}}",
        "{\"type\":\"subscribe\",\"filter\":{\"after\":\"1\"}}",
        "{\"type\":\"subscribe\",\"filter\":{\"lastEventId\":\"1\"}}",
        "{\"type\":\"subscribe\",\"after\":1}",
        "{\"type\":\"subscribe\",\"server\":\"a/b\"}",
        "{\"type\":\"unsubscribe\",\"filter\":{}}",
        "{\"type\":\"unsubscribe\"} x",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct socket_message message;
        struct error err = {0};
        assert_int_equal(socket_message_read(str_of(rows[i]), &message, &err), -1);
        assert_string_not_equal(err.text, "");
        socket_message_fini(&message);
    }
}

/* What is wrong with the rest does not keep the answer from its question. */
static void test_the_id_of_one_that_is_wrong(void **state)
{
    (void)state;
    struct socket_message message;
    struct error err;
    assert_int_equal(socket_message_read(STR("{\"type\":\"x\",\"id\":\"7\"}"), &message, &err), -1);
    assert_string_equal(message.id, "7");
    socket_message_fini(&message);
}

static void test_many_parameters(void **state)
{
    (void)state;
    for (int extra = 0; extra < 2; extra++) {
        struct buf text = {0};
        struct socket_message message;
        struct error err;
        buf_str(&text, STR("{\"type\":\"subscribe\",\"filter\":{\"tag\":[\"0\""));
        for (int i = 1; i < SOCKET_PARAMETERS_MAX + extra; i++) {
            buf_str(&text, STR(",\"0\""));
        }
        buf_str(&text, STR("]}}"));
        assert_int_equal(socket_message_read(buf_view(&text), &message, &err), extra == 0 ? 0 : -1);
        socket_message_fini(&message);
        buf_fini(&text);
    }
}

static void test_what_a_peer_is_told(void **state)
{
    (void)state;
    struct buf out = {0};
    socket_message_result(&out, STR("a\"b"), 202, STR("{\"x\":1}"));
    assert_string_equal(buf_text(&out),
                        "{\"type\":\"result\",\"id\":\"a\\\"b\",\"status\":202,\"body\":{\"x\":1}}");
    buf_clear(&out);
    socket_message_result(&out, STR(""), 200, STR(""));
    assert_string_equal(buf_text(&out), "{\"type\":\"result\",\"id\":null,\"status\":200,\"body\":null}");
    buf_clear(&out);
    socket_message_event_head(&out, STR("update"), STR("812-cafe"));
    assert_string_equal(buf_text(&out),
                        "{\"type\":\"event\",\"event\":\"update\",\"id\":\"812-cafe\",\"data\":");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_message_stands_for), cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_the_id_of_one_that_is_wrong), cmocka_unit_test(test_many_parameters),
        cmocka_unit_test(test_what_a_peer_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
