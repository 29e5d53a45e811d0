/* What no etcd should send, and how much of it is borne. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "watch_text.h"

#include "outrider/base/attr.h"
#include "outrider/base/base64.h"

#include <stdio.h>
#include <string.h>

static void what_is_not_etcds_ends_it(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *text;
    } rows[] = {
        {"hello\n", "no JSON"},
        {"{\"result\":\n", "no JSON"},
        {"[]\n", "required fields are missing or of the wrong kind"},
        {"{\"result\":{\"created\":true}}\n", "required fields are missing or of the wrong kind"},
        {HDR("x") "}}\n", "required fields are missing or of the wrong kind"},
        {HDR("-1") "}}\n", "required fields are missing or of the wrong kind"},
        {HDR("3") ",\"watch_id\":\"1\",\"events\":{}}}\n",
         "required fields are missing or of the wrong kind"},
        {HDR("3") ",\"watch_id\":{}}}\n", "required fields are missing or of the wrong kind"},
        {HDR("3") ",\"watch_id\":\"1\",\"events\":[],\"events\":[{}]}}\n",
         "required fields are missing or of the wrong kind"},
        {HDR("3") ",\"created\":true}}\n", "its watch_id is of no watch here"},
        {CREATED2("3"), "its watch_id is of no watch here"},
        {HDR("3") ",\"watch_id\":\"-1\"}}\n", "its watch_id is of no watch here"},
        {HDR("3") ",\"canceled\":true,\"compact_revision\":[]}}\n", "its compact_revision is no number"},
        {EVENTS("3", DEL(A, "3") DEL(A, "4")), "no JSON"},
        {EVENTS("3", DEL(A, "3") ","), "no JSON"},
        {EVENTS("3", "{]}"), "no JSON"},
        {EVENTS("3", "7"), "an event that is none, or not of what is watched"},
        {EVENTS("3", "{\"kv\":7}"), "an event that is none, or not of what is watched"},
        {EVENTS("3", DEL(A "\",\"value\":7,\"a\":\"", "3")),
         "an event that is none, or not of what is watched"},
        {EVENTS("3", "{}"), "an event that is none, or not of what is watched"},
        {EVENTS("3", DEL("", "3")), "an event that is none, or not of what is watched"},
        {EVENTS("3", DEL(ZB, "3")), "an event that is none, or not of what is watched"},
        {EVENTS("3", DEL("dzA=", "3")), "an event that is none, or not of what is watched"},
        {EVENTS("3", DEL("dw==", "3")), "an event that is none, or not of what is watched"},
        {EVENTS("3", DEL("!", "3")), "an event that is none, or not of what is watched"},
        {EVENTS("3", DEL(A, "0")), "an event that is none, or not of what is watched"},
        {EVENTS("3", DEL(A, "x")), "an event that is none, or not of what is watched"},
        {EVENTS("3", DEL(A, "4") "," DEL(A, "3")), "an event that is none, or not of what is watched"},
        {EVENTS("3", PUT(A, "1", "3", "1", "=")), "an event that is none, or not of what is watched"},
        {EVENTS("3", "{\"type\":\"MOVE\",\"kv\":{\"key\":\"" A "\",\"mod_revision\":\"3\"}}"),
         "an event that is none, or not of what is watched"},
        {EVENTS("3", "{\"type\":2,\"kv\":{\"key\":\"" A "\",\"mod_revision\":\"3\"}}"),
         "an event that is none, or not of what is watched"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char expected[256];
        snprintf(expected, sizeof(expected), "ended retry elsewhere: not a watch of etcd: %s\n",
                 rows[i].text);
        expect(&under_w, rows[i].bytes, expected);
    }
}

/* Whatever the depth, nothing recurses; whatever the width, nothing is built. */
static void shapes_of_nothing_are_refused(void **state)
{
    (void)state;
    static const char *const units[] = {"[", "{\"a\":", "[[],", "\"\\", "\\\\\""};
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        struct buf bytes = {0}, out = {0};
        while (bytes.size < 256 * 1024) {
            buf_str(&bytes, str_of(units[i]));
        }
        buf_str(&bytes, STR("\n"));
        decode(&under_w, 200, buf_view(&bytes), SIZE_MAX, false, &out);
        assert_string_equal(buf_text(&out), "ended retry elsewhere: not a watch of etcd: no JSON\n");
        buf_fini(&bytes);
        buf_fini(&out);
    }
}

static void a_line_has_a_limit_wherever_it_is_cut(void **state)
{
    (void)state;
    struct buf bytes = {0}, out = {0};
    buf_str(&bytes, STR(CREATED("3")));
    memset(buf_extend(&bytes, ETCD_WATCH_LINE_MAX), ' ', ETCD_WATCH_LINE_MAX);
    static const size_t cuts[] = {SIZE_MAX, 16 * 1024};
    for (size_t i = 0; i < COUNT_OF(cuts); i++) {
        decode(&under_w, 200, buf_view(&bytes), cuts[i], false, &out);
        assert_string_equal(buf_text(&out), OPENED("3"));
    }
    buf_str(&bytes, STR("{\n"));
    for (size_t i = 0; i < COUNT_OF(cuts); i++) {
        decode(&under_w, 200, buf_view(&bytes), cuts[i], false, &out);
        assert_string_equal(buf_text(&out),
                            OPENED("3") "ended retry elsewhere: a line longer than any of etcd's\n");
    }
    buf_fini(&bytes);
    buf_fini(&out);
}

/* A revision of which there is always more to come. */
static void what_is_held_has_a_limit(void **state)
{
    (void)state;
    enum { VALUE = 1536 * 1024 };
    struct buf line = {0}, value = {0}, out = {0};
    memset(buf_extend(&value, VALUE), 'v', VALUE);
    buf_str(&line, STR(HDR("9") ",\"watch_id\":\"1\",\"fragment\":true,\"events\":[{\"kv\":{\"key\":\"" A
                                "\",\"mod_revision\":\"9\",\"value\":\""));
    base64_encode(buf_view(&value), &line);
    buf_str(&line, STR("\"}}]}}\n"));
    struct registry_watch watch = from(under_w, 9);
    struct etcd_watch_decoder *decoder = etcd_watch_decoder_new(&watch);
    etcd_watch_decoder_feed(decoder, STR(CREATED("9")));
    size_t lines = 0;
    for (; lines < 1000 && strstr(buf_text(&out), "ended") == NULL; lines++) {
        etcd_watch_decoder_feed(decoder, buf_view(&line));
        drain(decoder, &out);
    }
    assert_string_equal(
        buf_text(&out),
        OPENED("9") "ended retry elsewhere: too many changes before they could be delivered\n");
    assert_int_equal(lines, ETCD_WATCH_HELD_MAX / VALUE + 1);
    etcd_watch_decoder_feed(decoder, buf_view(&line)); /* over is over */
    drain(decoder, &out);
    etcd_watch_decoder_free(decoder);
    etcd_watch_decoder_free(NULL);
    buf_fini(&line);
    buf_fini(&value);
    buf_fini(&out);
}

/* What a thousand revisions of large values come to is not held together: only the last is not whole. */
static void a_long_history_of_fragments_is_no_load(void **state)
{
    (void)state;
    enum { VALUE = 1024 * 1024, LINES = 70 };
    struct buf line = {0}, value = {0};
    memset(buf_extend(&value, VALUE), 'v', VALUE);
    struct registry_watch watch = from(under_w, 1);
    struct etcd_watch_decoder *decoder = etcd_watch_decoder_new(&watch);
    etcd_watch_decoder_feed(decoder, STR(CREATED("200")));
    struct etcd_watch_event event;
    assert_true(etcd_watch_decoder_next(decoder, &event));
    for (int i = 1; i <= LINES; i++) {
        buf_clear(&line);
        buf_printf(&line,
                   HDR("200") ",\"watch_id\":\"1\",\"fragment\":true,\"events\":[{\"kv\":{\"key\":\"" A
                              "\",\"mod_revision\":\"%d\",\"value\":\"",
                   i);
        base64_encode(buf_view(&value), &line);
        buf_str(&line, STR("\"}}]}}\n"));
        etcd_watch_decoder_feed(decoder, buf_view(&line));
        if (i > 1) {
            assert_true(etcd_watch_decoder_next(decoder, &event));
            assert_int_equal(event.event.revision, i - 1);
            assert_int_equal(event.event.change_count, 1);
            assert_true(str_eq(event.event.changes[0].value, buf_view(&value)));
        }
        assert_false(etcd_watch_decoder_next(decoder, &event));
    }
    etcd_watch_decoder_free(decoder);
    buf_fini(&line);
    buf_fini(&value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_etcds_ends_it),
        cmocka_unit_test(shapes_of_nothing_are_refused),
        cmocka_unit_test(a_line_has_a_limit_wherever_it_is_cut),
        cmocka_unit_test(what_is_held_has_a_limit),
        cmocka_unit_test(a_long_history_of_fragments_is_no_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
