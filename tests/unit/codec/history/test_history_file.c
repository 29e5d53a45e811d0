#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/history/history_file.h"
#include "outrider/codec/history/history_json.h"
#include "support/past.h"

#include <jansson.h>
#include <stdlib.h>

#define PREFIX STR("/services")

static const struct history_settings defaults;

static void live(struct past *past)
{
    past_begin(past, &defaults);
    past_on(past, HISTORY_ON_TICK);
    past_on(past, HISTORY_ON_SYNCED);
    past_put(past, "world/1", STATUS_READY,
             (struct past_record){.players = 5, .seats = 10, .started_wall = 77});
    past_put(past, "world/2", STATUS_ERROR, (struct past_record){.reason = "probe game: refused"});
    past_put(past, "world/3", STATUS_READY, (struct past_record){.players = 1});
    past_put(past, "map/1", STATUS_DRAINING,
             (struct past_record){.holds = "ops,self", .by = "olga", .why = "patch"});
    past_minutes(past, 3);
    past_drop(past, "world/3", true, false);
    past_on(past, HISTORY_ON_STALE);
    past_minutes(past, 2);
    past_on(past, HISTORY_ON_SYNCED);
    past_put(past, "world/1", STATUS_READY, (struct past_record){.players = 6, .started_wall = 88});
    past_minutes(past, 1);
}

static int decode(const struct buf *bytes, struct history **ret_history, struct error *err)
{
    return history_file_decode(buf_view(bytes), PREFIX, &defaults, ret_history, err);
}

static void what_was_kept_comes_back(void **state)
{
    (void)state;
    struct past past, back;
    struct buf once = {0}, twice = {0};
    struct error err = {0};
    live(&past);
    history_file_encode(past.history, PREFIX, &past.now, &once);
    past_begin(&back, &defaults);
    history_free(back.history);
    back.now = past.now;
    assert_int_equal(decode(&once, &back.history, &err), 0);
    history_file_encode(back.history, PREFIX, &past.now, &twice);
    assert_int_equal(once.size, twice.size);
    assert_memory_equal(once.data, twice.data, once.size);
    const struct history_server *server = past_find(&back, "world/1");
    assert_int_equal(server->life_count, 2);
    assert_int_equal(server->lives[1].began_wall, 88);
    assert_int_equal(history_players(server, server->minute), 6);
    assert_int_equal(history_players(server, server->minute - 1), HISTORY_UNKNOWN);
    assert_int_equal(history_players(server, server->minute - 3), 5);
    server = past_find(&back, "world/3");
    assert_true(server->gone);
    assert_int_equal(server->last->end, HISTORY_LEFT);
    assert_true(str_starts(blob_view(server->entry->json), STR("{\"id\":\"3\"")));
    const struct history_type *world = history_facts(back.history)->types;
    assert_int_equal(world->count, 6);
    buf_fini(&once);
    buf_fini(&twice);
    past_end(&past);
    past_end(&back);
}

/* The agent was away: what has changed meanwhile changed after it was seen last, and what is not there any more went. */
static void what_happened_meanwhile(void **state)
{
    (void)state;
    struct past past, back;
    struct buf bytes = {0};
    struct error err = {0};
    live(&past);
    int64_t kept = past.now.wall;
    history_file_encode(past.history, PREFIX, &past.now, &bytes);
    past_begin(&back, &defaults);
    history_free(back.history);
    assert_int_equal(decode(&bytes, &back.history, &err), 0);
    back.now = past.now;
    past_pass(&back, 150000);
    past_on(&back, HISTORY_ON_TICK);
    past_put(&back, "world/1", STATUS_ERROR, (struct past_record){.players = 6, .started_wall = 88});
    past_put(&back, "world/2", STATUS_ERROR, (struct past_record){.reason = "probe game: refused"});
    past_put(&back, "world/9", STATUS_READY, (struct past_record){0});
    assert_int_equal(back.offline, 0);
    past_on(&back, HISTORY_ON_SYNCED);
    assert_int_equal(back.offline, 1);
    assert_string_equal(back.last_offline, "map/1");
    assert_int_equal(past_find(&back, "map/1")->last->end, HISTORY_MISSED);
    assert_int_equal(past_find(&back, "world/1")->last->kind, HISTORY_STATUS);
    assert_int_equal(past_find(&back, "world/1")->last->after_wall, kept);
    assert_int_equal(past_find(&back, "world/2")->transition_count,
                     past_find(&past, "world/2")->transition_count);
    assert_int_equal(past_find(&back, "world/9")->last->kind, HISTORY_CAME);
    past_minutes(&back, 1);
    assert_int_equal(history_players(past_find(&back, "world/1"), history_facts(back.history)->minute - 1),
                     HISTORY_UNKNOWN);
    buf_fini(&bytes);
    past_end(&past);
    past_end(&back);
}

/* Nothing of a damaged file is used, wherever it is damaged. */
static void a_damaged_file(void **state)
{
    (void)state;
    struct past past;
    struct buf bytes = {0};
    struct error err = {0};
    struct history *history = NULL;
    live(&past);
    history_file_encode(past.history, PREFIX, &past.now, &bytes);
    for (size_t i = 0; i < bytes.size; i++) {
        bytes.data[i] ^= 1;
        assert_int_equal(decode(&bytes, &history, &err), -1);
        bytes.data[i] ^= 1;
        struct buf shorter = {.data = bytes.data, .size = i};
        assert_int_equal(decode(&shorter, &history, &err), -1);
    }
    assert_int_equal(history_file_decode(buf_view(&bytes), STR("/other"), &defaults, &history, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_string_equal(err.text, "history file: of the prefix /services, not /other");
    bytes.data[14] = 9;
    assert_int_equal(decode(&bytes, &history, &err), -1);
    assert_string_equal(err.text,
                        "history file: written by another version of outrider: format=9 supported=1");
    assert_null(history);
    buf_fini(&bytes);
    past_end(&past);
}

/* ---- JSON ---- */

static json_t *parse(struct buf *text)
{
    json_error_t err;
    json_t *json = json_loadb(text->data, text->size, 0, &err);
    assert_non_null(json);
    buf_fini(text);
    return json;
}

static const char *text_at(const json_t *json, const char *list, size_t at, const char *name)
{
    return json_string_value(json_object_get(json_array_get(json_object_get(json, list), at), name));
}

static void as_json(void **state)
{
    (void)state;
    struct past past;
    struct buf text = {0};
    live(&past);
    history_json_server(past.history, past_find(&past, "world/1"), &past.now, &text);
    json_t *json = parse(&text);
    assert_true(json_is_true(json_object_get(json, "online")));
    assert_string_equal(text_at(json, "transitions", 0, "kind"), "came");
    assert_string_equal(text_at(json, "transitions", 1, "kind"), "restart");
    assert_string_equal(text_at(json, "lives", 0, "why"), "restart");
    assert_true(json_is_null(json_object_get(json_array_get(json_object_get(json, "lives"), 1), "ended")));
    const json_t *values = json_object_get(json_object_get(json, "players"), "values");
    assert_int_equal(json_array_size(values), 60);
    assert_int_equal(json_integer_value(json_array_get(values, 59)), 6);
    assert_true(json_is_null(json_array_get(values, 58)));
    assert_int_equal(json_integer_value(json_array_get(values, 56)), 5);
    assert_string_equal(json_string_value(json_object_get(json_object_get(json, "record"), "id")), "1");
    json_decref(json);

    history_json_activity(past.history, UINT64_MAX, 2, &past.now, &text);
    json = parse(&text);
    assert_string_equal(text_at(json, "transitions", 0, "kind"), "restart");
    assert_string_equal(text_at(json, "transitions", 1, "kind"), "went");
    assert_string_equal(text_at(json, "transitions", 1, "why"), "left");
    uint64_t next = (uint64_t)json_integer_value(json_object_get(json, "next"));
    json_decref(json);
    history_json_activity(past.history, next, 100, &past.now, &text);
    json = parse(&text);
    assert_int_equal(json_array_size(json_object_get(json, "transitions")), 5);
    assert_string_equal(text_at(json, "transitions", 0, "kind"), "drain");
    assert_true(json_is_null(json_object_get(json, "next")));
    json_decref(json);

    history_json_offline(past.history, 10, &past.now, &text);
    json = parse(&text);
    assert_int_equal(json_integer_value(json_object_get(json, "total")), 1);
    assert_string_equal(text_at(json, "servers", 0, "why"), "left");
    json_decref(json);

    history_json_fleet(past.history, &past.now, &text);
    json = parse(&text);
    assert_int_equal(json_integer_value(json_object_get(json, "minutes")), 6);
    const json_t *world = json_object_get(json_object_get(json, "types"), "world");
    assert_int_equal(json_integer_value(json_array_get(json_object_get(world, "players"), 0)), 6);
    assert_true(json_is_null(json_array_get(json_object_get(world, "players"), 3)));
    assert_true(json_is_null(json_array_get(json_object_get(json_object_get(world, "servers"), "ready"), 3)));
    json_decref(json);
    past_end(&past);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_kept_comes_back),
        cmocka_unit_test(what_happened_meanwhile),
        cmocka_unit_test(a_damaged_file),
        cmocka_unit_test(as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
