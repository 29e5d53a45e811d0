#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/codec/text/sse.h"
#include "outrider/codec/text/sse_read.h"

#include <string.h>

static void expect(struct sse_reader *reader, const char *name, const char *data, const char *last_id)
{
    struct sse_message message;
    assert_int_equal(sse_reader_next(reader, &message), 1);
    assert_true(str_eq(message.name, str_of(name)));
    assert_true(str_eq(message.data, str_of(data)));
    assert_string_equal(buf_text(&reader->last_id), last_id);
}

static void expect_none(struct sse_reader *reader)
{
    struct sse_message message;
    assert_int_equal(sse_reader_next(reader, &message), 0);
}

static void feed(struct sse_reader *reader, const char *bytes)
{
    sse_reader_feed(reader, str_of(bytes));
}

static void events_with_and_without_ids(void **state)
{
    (void)state;
    struct sse_reader reader = {.max = 1000};
    feed(&reader, "event: init\ndata: {}\n\n: a comment\n\nid: 5-a\ndata: x\n\ndata: y\n\n");
    expect(&reader, "init", "{}", "");
    expect(&reader, "", "x", "5-a");
    expect(&reader, "", "y", "5-a");
    expect_none(&reader);
    sse_reader_fini(&reader);
}

/* A record of several lines is one. */
static void lines_are_joined(void **state)
{
    (void)state;
    struct buf stream = {0};
    struct sse_reader reader = {.max = 1000};
    sse_event(&stream, STR("update"), STR("{\n  \"id\": 1\n}\n"), NULL);
    sse_reader_feed(&reader, buf_view(&stream));
    expect(&reader, "update", "{\n  \"id\": 1\n}\n", "");
    buf_fini(&stream);
    sse_reader_fini(&reader);
}

static void any_end_of_line_and_any_cut(void **state)
{
    (void)state;
    static const char stream[] =
        "\xef\xbb\xbf"
        "data:a\r\ndata: b\rid\r\r\nevent:x\n\ndata\n\nunknown: f\nevent\ndata:  c\r\r";
    for (size_t piece = 1; piece < sizeof(stream); piece++) {
        struct sse_reader reader = {.max = 1000};
        struct sse_message message;
        struct buf told = {0};
        for (size_t at = 0; at < sizeof(stream) - 1; at += piece) {
            size_t left = sizeof(stream) - 1 - at;
            sse_reader_feed(&reader, (struct str){stream + at, left < piece ? left : piece});
            while (sse_reader_next(&reader, &message) > 0) {
                buf_printf(&told, "[%.*s|%.*s]", STR_ARG(message.name), STR_ARG(message.data));
            }
        }
        assert_string_equal(buf_text(&told), "[|a\nb][|][| c]");
        buf_fini(&told);
        sse_reader_fini(&reader);
    }
}

/* An event without its end does not count: a reader that reconnects must not skip it. */
static void an_event_that_was_cut_leaves_no_id(void **state)
{
    (void)state;
    struct sse_reader reader = {.max = 1000};
    feed(&reader, "data: a\nid: 1\n\nevent: e\ndata: b\nid: 2\n");
    expect(&reader, "", "a", "1");
    expect_none(&reader);
    assert_string_equal(buf_text(&reader.last_id), "1");
    sse_reader_begin_anew(&reader);
    feed(&reader, "data: c\n\n");
    expect(&reader, "", "c", "1");
    sse_reader_fini(&reader);
}

static void what_is_too_large_is_no_event(void **state)
{
    (void)state;
    static const char *const streams[] = {"data: 0123456789\n\n", "data: 0123456789", "event: 0123456789\n",
                                          "id: 0123456789\n", "data: 0123\ndata: 4567\n"};
    for (size_t i = 0; i < COUNT_OF(streams); i++) {
        struct sse_reader reader = {.max = 8};
        struct sse_message message;
        feed(&reader, streams[i]);
        assert_int_equal(sse_reader_next(&reader, &message), -1);
        assert_int_equal(sse_reader_next(&reader, &message), -1);
        sse_reader_fini(&reader);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_with_and_without_ids),   cmocka_unit_test(lines_are_joined),
        cmocka_unit_test(any_end_of_line_and_any_cut),   cmocka_unit_test(an_event_that_was_cut_leaves_no_id),
        cmocka_unit_test(what_is_too_large_is_no_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
