#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "outrider/codec/text/sse.h"
#include "outrider/core/fleet/view_entry.h"

#include <string.h>

static struct view_entry *entry(const char *json)
{
    struct view_entry_facts facts = {0};
    struct view_place place = {.key = STR("/s/world/w\"1"), .prefix_size = 2};
    return view_entry_new(&place, str_of(json), &facts);
}

static void expect(struct buf *out, const char *text)
{
    assert_string_equal(buf_text(out), text);
    buf_clear(out);
}

static void events_as_readers_know_them(void **state)
{
    (void)state;
    struct buf out = {0};
    struct sse_id id = {812, 0xcafe0123456789ab};
    struct view_entry *one = entry("{\"id\":\"w1\"}");
    sse_event(&out, STR("init"), blob_view(one->json), NULL);
    expect(&out, "event: init\ndata: {\"id\":\"w1\"}\n\n");
    sse_event(&out, STR("update"), blob_view(one->json), &id);
    expect(&out, "event: update\ndata: {\"id\":\"w1\"}\nid: 812-cafe0123456789ab\n\n");
    sse_remove(&out, one, true, NULL);
    expect(&out, "event: remove\ndata: {\"key\":\"/s/world/w\\\"1\",\"type\":\"world\",\"id\":\"w\\\"1\","
                 "\"clean\":true}\n\n");
    sse_remove(&out, one, false, &id);
    assert_non_null(strstr(buf_text(&out), "\"clean\":false}\nid: 812-"));
    buf_clear(&out);
    sse_synced(&out, 3, false, &id);
    expect(&out, "event: synced\ndata: {\"total\":3,\"revision\":812,\"stale\":false}\nid: "
                 "812-cafe0123456789ab\n\n");
    sse_event(&out, (struct str){NULL, 0}, STR("x"), NULL);
    expect(&out, "data: x\n\n");
    sse_comment(&out, STR("still here"));
    expect(&out, ": still here\n\n");
    view_entry_unref(one);
    buf_fini(&out);
}

static void line_ends_begin_a_field(void **state)
{
    (void)state;
    static const struct {
        const char *data, *text;
    } rows[] = {
        {"", "data: \n\n"},
        {"a\nb", "data: a\ndata: b\n\n"},
        {"a\r\nb\rc\n", "data: a\ndata: b\ndata: c\ndata: \n\n"},
        {"\r", "data: \ndata: \n\n"},
        {"\n\r", "data: \ndata: \ndata: \n\n"},
    };
    struct buf out = {0};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        sse_event(&out, (struct str){NULL, 0}, str_of(rows[i].data), NULL);
        expect(&out, rows[i].text);
    }
    buf_fini(&out);
}

static void ids_come_back(void **state)
{
    (void)state;
    static const struct sse_id ids[] = {{0, 0}, {1, 1}, {INT64_MAX, UINT64_MAX}, {812, 0xabc}};
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        struct buf out = {0};
        struct sse_id back;
        sse_event(&out, (struct str){NULL, 0}, STR("x"), &ids[i]);
        struct str line = buf_view(&out);
        line.data += strlen("data: x\nid: ");
        line.size -= strlen("data: x\nid: \n\n");
        assert_int_equal(sse_id_parse(line, &back), 0);
        assert_int_equal(back.revision, ids[i].revision);
        assert_true(back.cluster == ids[i].cluster);
        buf_fini(&out);
    }
}

static void other_ids_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "-",
                                        "1",
                                        "1-",
                                        "-1",
                                        "1-g",
                                        "1-A",
                                        "1-1-1",
                                        "+1-1",
                                        "1 -1",
                                        "1-1 ",
                                        "01-1",
                                        "1-01",
                                        "1-0x1",
                                        "9223372036854775808-1",
                                        "1-12345678901234567",
                                        "null"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct sse_id id = {5, 5};
        assert_int_equal(sse_id_parse(str_of(texts[i]), &id), -1);
        assert_int_equal(id.revision, 5);
    }
    struct sse_id id;
    assert_int_equal(sse_id_parse((struct str){"1-1\0", 4}, &id), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_as_readers_know_them),
        cmocka_unit_test(line_ends_begin_a_field),
        cmocka_unit_test(ids_come_back),
        cmocka_unit_test(other_ids_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
