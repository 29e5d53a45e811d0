#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/record/seats_json.h"
#include "outrider/core/seats/change.h"
#include "outrider/core/seats/reservation.h"

#include <stdio.h>
#include <string.h>

#define UNTIL "\"until\":\"2026-11-21T02:14:00.123Z\""

static void test_written_and_read(void **state)
{
    (void)state;
    struct reservations list = {0}, back = {0};
    struct buf text = {0};
    struct error err;
    *reservations_add(&list) =
        (struct reservation){.id = "p-7", .by = "obs-1", .seats = 4, .until_wall = 1795227240123};
    *reservations_add(&list) =
        (struct reservation){.id = "q", .by = "\"é\"", .seats = 1, .until_wall = 1795227240000, .key = 0xab};
    seats_encode(&list, &text);
    assert_string_equal(
        buf_text(&text),
        "{\"reservations\":[{\"id\":\"p-7\",\"seats\":4," UNTIL ",\"by\":\"obs-1\"},"
        "{\"id\":\"q\",\"seats\":1,\"until\":\"2026-11-21T02:14:00.000Z\",\"by\":\"\\\"é\\\"\","
        "\"key\":\"00000000000000ab\"}]}");
    assert_int_equal(seats_decode(buf_view(&text), &back, &err), 0);
    assert_int_equal(back.count, 2);
    assert_memory_equal(&back.items[0], &list.items[0], sizeof(list.items[0]));
    assert_memory_equal(&back.items[1], &list.items[1], sizeof(list.items[1]));
    buf_fini(&text);
    reservations_fini(&list);
    reservations_fini(&back);
}

/* The id of a server may be longer than `by` has room for, and an entry that cannot be read again would make the whole list foreign. */
static void test_a_long_name_is_read_again(void **state)
{
    (void)state;
    for (size_t ascii = 60; ascii <= RESERVATION_BY_MAX + 1; ascii++) {
        struct reservations list = {0}, back = {0};
        struct buf text = {0}, name = {0};
        struct error err;
        for (size_t i = 0; i < ascii; i++) {
            buf_str(&name, STR("w"));
        }
        buf_str(&name, STR("\xe2\x82\xac\xc3\xa9\xf0\x9f\x8e\xae"));
        struct reservation *entry = reservations_add(&list);
        *entry = (struct reservation){.id = "p-7", .seats = 4, .until_wall = 1795227240123};
        seats_text(entry->by, sizeof(entry->by), buf_view(&name));
        assert_true(strlen(entry->by) > RESERVATION_BY_MAX - 4);
        seats_encode(&list, &text);
        assert_int_equal(seats_decode(buf_view(&text), &back, &err), 0);
        assert_string_equal(back.items[0].by, entry->by);
        buf_fini(&text);
        buf_fini(&name);
        reservations_fini(&list);
        reservations_fini(&back);
    }
}

static void test_ids_written_and_read(void **state)
{
    (void)state;
    const struct reservation_place place = {.server = "w1", .seats = 4, .until_wall = 1795227240123};
    struct reservation_place back = {0};
    struct buf text = {0};
    struct error err;
    seat_id_encode(&place, &text);
    assert_string_equal(buf_text(&text), "{\"server\":\"w1\",\"seats\":4," UNTIL "}");
    assert_int_equal(seat_id_decode(buf_view(&text), &back, &err), 0);
    assert_string_equal(back.server, "w1");
    assert_int_equal(back.seats, 4);
    assert_int_equal(back.until_wall, 1795227240123);
    buf_fini(&text);
}

static void test_foreign_values(void **state)
{
    (void)state;
    static const struct {
        const char *value, *error;
    } cases[] = {
        {"", "not JSON: object expected"},
        {"drain please", "not JSON: object expected"},
        {"[]", "not JSON: object expected"},
        {"{}", "reservations: missing"},
        {"{\"hold\":null}", "it has one member"},
        {"{\"reservations\":{}}", "reservations: not JSON: array expected"},
        {"{\"reservations\":[],\"reservations\":[]}", "it has one member"},
        {"{\"reservations\":[],\"version\":2}", "it has one member"},
        {"{\"reservations\":[]} x", "not JSON"},
        {"{\"reservations\":[", "not JSON"},
        {"{\"reservations\":[7]}", "reservations: 0: not JSON: object expected"},
        {"{\"reservations\":[{}]}", "reservations: 0: a member is missing"},
        {"{\"reservations\":[{\"id\":\"a\",\"seats\":1," UNTIL "}]}", "a member is missing"},
        {"{\"reservations\":[{\"id\":\"a\",\"seats\":1," UNTIL ",\"by\":\"\",\"by\":\"\"}]}",
         "by: duplicate"},
        {"{\"reservations\":[{\"id\":\"a\",\"seats\":1," UNTIL ",\"by\":\"\",\"x\":1}]}",
         "unknown member `x`"},
        {"{\"reservations\":[{\"id\":\"a\",\"seats\":1," UNTIL ",\"by\":\"\",\"server\":\"w\"}]}",
         "unknown member `server`"},
        {"{\"reservations\":[{\"id\":\"..\",\"seats\":1," UNTIL ",\"by\":\"\"}]}", "id: not 1 to 64 letters"},
        {"{\"reservations\":[{\"id\":\"a\",\"seats\":0," UNTIL ",\"by\":\"\"}]}", "seats: 0"},
        {"{\"reservations\":[{\"id\":\"a\",\"seats\":-1," UNTIL ",\"by\":\"\"}]}", "reservations: 0"},
        {"{\"reservations\":[{\"id\":\"a\",\"seats\":1000001," UNTIL ",\"by\":\"\"}]}", "reservations: 0"},
        {"{\"reservations\":[{\"id\":\"a\",\"seats\":1,\"until\":\"30s\",\"by\":\"\"}]}",
         "until: not a time"},
        {"{\"reservations\":[{\"id\":\"a\",\"seats\":1,\"until\":\"1969-12-31T23:59:59Z\",\"by\":\"\"}]}",
         "until: not a time"},
        {"{\"reservations\":[{\"id\":\"a\",\"seats\":1," UNTIL ",\"by\":\"a\\nb\"}]}", "by: a control"},
        {"{\"reservations\":[{\"id\":\"a\",\"seats\":1," UNTIL ",\"by\":\"\",\"key\":\"7\"}]}",
         "key: not 16"},
        {"{\"reservations\":[{\"id\":\"a\",\"seats\":1," UNTIL ",\"by\":\"\",\"key\":\"0000000000000000\"}]}",
         "key: not 16"},
        {"{\"reservations\":[{\"id\":\"\xff\",\"seats\":1," UNTIL ",\"by\":\"\"}]}", "not UTF-8"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err;
        struct reservations list = {0};
        assert_int_equal(seats_decode(str_of(cases[i].value), &list, &err), -1);
        assert_int_equal(list.count, 0);
        assert_null(list.items);
        if (strstr(err.text, cases[i].error) == NULL) {
            fail_msg("%s: %s, not %s", cases[i].value, err.text, cases[i].error);
        }
    }
}

static void test_foreign_ids(void **state)
{
    (void)state;
    static const char *const values[] = {
        "",
        "w1",
        "{\"server\":\"w1\",\"seats\":4}",
        "{\"server\":\"\",\"seats\":4," UNTIL "}",
        "{\"server\":\"w1\",\"seats\":0," UNTIL "}",
        "{\"server\":\"w\\u00001\",\"seats\":1," UNTIL "}",
        "{\"server\":\"w1\",\"seats\":4," UNTIL ",\"by\":\"\"}",
        "{\"server\":\"w1\",\"seats\":4," UNTIL "}}",
    };
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct error err;
        struct reservation_place place = {.seats = 42};
        assert_int_equal(seat_id_decode(str_of(values[i]), &place, &err), -1);
        assert_int_equal(place.seats, 42);
    }
}

/* The longest list that can be made is one that can be read; one entry more is not. */
static void test_limits(void **state)
{
    (void)state;
    struct reservations list = {0}, back = {0};
    struct buf text = {0};
    struct error err;
    for (int i = 0; i < RESERVATIONS_MAX; i++) {
        struct reservation *entry = reservations_add(&list);
        memset(entry->id, 'i', RESERVATION_ID_MAX);
        memset(entry->by, '"', RESERVATION_BY_MAX);
        entry->seats = RESERVATION_SEATS_MAX;
        entry->until_wall = INT64_C(253402300799999);
        entry->key = UINT64_MAX;
    }
    seats_encode(&list, &text);
    assert_true(text.size <= SEATS_JSON_MAX);
    assert_int_equal(seats_decode(buf_view(&text), &back, &err), 0);
    assert_int_equal(back.count, RESERVATIONS_MAX);
    reservations_fini(&back);
    text.size -= 2;
    buf_printf(&text, ",{\"id\":\"a\",\"seats\":1," UNTIL ",\"by\":\"\"}]}");
    assert_int_equal(seats_decode(buf_view(&text), &back, &err), -1);
    assert_int_equal(err.code, ERROR_LIMIT);
    buf_clear(&text);
    buf_printf(&text, "{\"reservations\":[]%*s}", SEATS_JSON_MAX, "");
    assert_int_equal(seats_decode(buf_view(&text), &back, &err), -1);
    assert_int_equal(err.code, ERROR_LIMIT);
    buf_fini(&text);
    reservations_fini(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_and_read),     cmocka_unit_test(test_a_long_name_is_read_again),
        cmocka_unit_test(test_ids_written_and_read), cmocka_unit_test(test_foreign_values),
        cmocka_unit_test(test_foreign_ids),          cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
