#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/history/history_json.h"
#include "outrider/core/history/history_save.h"
#include "support/past.h"
#include "support/past_file.h"

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
    past_write(past.history, PREFIX, &past.now, &once);
    past_begin(&back, &defaults);
    history_free(back.history);
    back.now = past.now;
    assert_int_equal(decode(&once, &back.history, &err), 0);
    past_write(back.history, PREFIX, &past.now, &twice);
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
    past_write(past.history, PREFIX, &past.now, &bytes);
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
    past_write(past.history, PREFIX, &past.now, &bytes);
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
    /* A transition that is of the future, with a checksum that fits. */
    struct buf early = {0};
    buf_add(&early, bytes.data, bytes.size - 16);
    const char next_seq[8] = {1};
    buf_add(&early, next_seq, sizeof(next_seq));
    uint64_t sum = str_hash(buf_view(&early), 0);
    buf_add(&early, &sum, sizeof(sum));
    assert_int_equal(decode(&early, &history, &err), -1);
    assert_non_null(strstr(err.text, "a transition is there twice"));
    buf_fini(&early);
    bytes.data[14] = 9;
    assert_int_equal(decode(&bytes, &history, &err), -1);
    assert_string_equal(err.text,
                        "history file: written by another version of outrider: format=9 supported=2");
    assert_null(history);
    buf_fini(&bytes);
    past_end(&past);
}

/* ---- in slices ---- */

/* Work is counted in bytes: a slice has what was asked for, and one server or type more. */
static void a_slice_is_bounded(void **state)
{
    (void)state;
    enum { SLICE = 2048, SERVERS = 3000 };
    struct past past;
    struct buf whole = {0}, all = {0};
    char name[32];
    unsigned slices = 0;
    past_begin(&past, &defaults);
    past_on(&past, HISTORY_ON_TICK);
    for (int i = 0; i < SERVERS; i++) {
        snprintf(name, sizeof(name), "world/%d", i);
        past_put(&past, name, STATUS_READY, (struct past_record){.players = 1, .reason = "a reason"});
    }
    past_on(&past, HISTORY_ON_SYNCED);
    past_write(past.history, PREFIX, &past.now, &whole);
    size_t largest = whole.size / SERVERS * 2;
    struct history_writer *writer = history_writer_new(past.history, PREFIX, &past.now);
    for (bool more = true; more; slices++) {
        struct buf slice = {0};
        more = history_writer_next(writer, SLICE, &slice);
        assert_true(!more || slice.size >= SLICE);
        assert_true(slice.size < SLICE + largest);
        buf_str(&all, buf_view(&slice));
        buf_fini(&slice);
    }
    history_writer_free(writer);
    assert_true(slices >= whole.size / (SLICE + largest));
    assert_true(str_eq(buf_view(&all), buf_view(&whole)));
    buf_fini(&whole);
    buf_fini(&all);
    past_end(&past);
}

/* Writes one server or type. */
static bool write_one(struct history_writer *writer, struct buf *out)
{
    return history_writer_next(writer, 1, out);
}

/* A save of a, b, c and d, in this order, of which the type and the first server are written. */
static struct history_writer *half_written(struct past *past, const struct history_settings *settings,
                                           struct buf *out)
{
    past_begin(past, settings);
    past_on(past, HISTORY_ON_TICK);
    past_put(past, "w/a", STATUS_READY, (struct past_record){.players = 1});
    past_put(past, "w/b", STATUS_READY, (struct past_record){.players = 2});
    past_put(past, "w/c", STATUS_READY, (struct past_record){.players = 3});
    past_put(past, "w/d", STATUS_READY, (struct past_record){.players = 4});
    past_on(past, HISTORY_ON_SYNCED);
    past_minutes(past, 1);
    struct history_writer *writer = history_writer_new(past->history, PREFIX, &past->now);
    for (int i = 0; i < 3; i++) { /* the beginning, the type, w/a */
        assert_true(write_one(writer, out));
    }
    return writer;
}

static void write_rest(struct history_writer *writer, struct buf *out)
{
    while (write_one(writer, out)) {
    }
    history_writer_free(writer);
}

/* The history that a file leads to, which is dropped. */
static void read_back(struct past *back, const struct past *past, struct buf *out)
{
    struct error err = {0};
    past_begin(back, &defaults);
    history_free(back->history);
    back->history = NULL;
    back->now = past->now;
    if (decode(out, &back->history, &err) < 0) {
        fail_msg("%s", err.text);
    }
    past_check(back);
    buf_fini(out);
}

/* What changes after its turn is found again after a restart, as what happened since the save began. */
static void a_change_after_its_turn(void **state)
{
    (void)state;
    struct past past, back;
    struct buf out = {0};
    struct history_writer *writer = half_written(&past, &defaults, &out);
    int64_t began = past.now.wall;
    past_pass(&past, 1000);
    past_put(&past, "w/a", STATUS_ERROR, (struct past_record){.players = 1});
    past_put(&past, "w/c", STATUS_ERROR, (struct past_record){.players = 3});
    write_rest(writer, &out);
    read_back(&back, &past, &out);
    assert_int_equal(past_find(&back, "w/a")->status, STATUS_READY);
    assert_int_equal(past_find(&back, "w/c")->status, STATUS_ERROR);
    past_pass(&back, 5000);
    past_put(&back, "w/a", STATUS_ERROR, (struct past_record){.players = 1});
    past_put(&back, "w/c", STATUS_ERROR, (struct past_record){.players = 3});
    assert_int_equal(past_find(&back, "w/a")->last->kind, HISTORY_STATUS);
    assert_int_equal(past_find(&back, "w/a")->last->after_wall, began);
    assert_true(past_find(&back, "w/a")->last->seq > past_find(&back, "w/c")->last->seq);
    assert_int_equal(past_find(&back, "w/c")->transition_count, past_find(&past, "w/c")->transition_count);
    past_check(&back);
    past_end(&past);
    past_end(&back);
}

/* Of servers that go, make room and come again during a save each is written once at most. */
static void servers_move_during_a_save(void **state)
{
    (void)state;
    struct past past, back;
    struct buf out = {0};
    struct history_writer *writer = half_written(&past, &(struct history_settings){.gone_max = 1}, &out);
    past_drop(&past, "w/a", true, false);
    past_drop(&past, "w/b", true, false); /* w/a makes room, then w/b, whose turn is next */
    past_pass(&past, 1);
    past_drop(&past, "w/d", true, false);
    past_put(&past, "w/a", STATUS_ERROR, (struct past_record){0});
    past_put(&past, "w/b", STATUS_READY, (struct past_record){0});
    past_put(&past, "w/z", STATUS_READY, (struct past_record){0});
    past_check(&past);
    write_rest(writer, &out);
    read_back(&back, &past, &out);
    assert_int_equal(past_find(&back, "w/a")->status, STATUS_READY); /* as it was at its turn */
    assert_null(past_find(&back, "w/b"));
    assert_false(past_find(&back, "w/c")->gone);
    assert_true(past_find(&back, "w/d")->gone);
    assert_null(past_find(&back, "w/z"));
    writer = history_writer_new(past.history, PREFIX, &past.now);
    past_end(&back);
    write_rest(writer, &out);
    read_back(&back, &past, &out);
    assert_non_null(past_find(&back, "w/z"));
    assert_non_null(past_find(&back, "w/b"));
    past_end(&past);
    past_end(&back);
}

/* More went than may be kept, some of them after their turn: those that went first make room. */
static void many_go_during_a_save(void **state)
{
    (void)state;
    struct past past, back;
    struct buf out = {0};
    struct history *history = NULL;
    struct error err;
    struct history_writer *writer = half_written(&past, &(struct history_settings){.gone_max = 2}, &out);
    const struct history_settings two = {.gone_max = 2};
    past_drop(&past, "w/b", true, false);
    assert_true(write_one(writer, &out)); /* w/b */
    past_pass(&past, 1);
    past_drop(&past, "w/d", true, false);
    past_pass(&past, 1);
    past_drop(&past, "w/c", true, false); /* w/b makes room */
    write_rest(writer, &out);
    past_begin(&back, &defaults);
    history_free(back.history);
    assert_int_equal(history_file_decode(buf_view(&out), PREFIX, &two, &history, &err), 0);
    back.history = history;
    past_check(&back);
    assert_memory_equal(history_facts(history)->oldest_gone->name, "w/d", 3);
    assert_int_equal(history_facts(history)->gone, 2);
    buf_fini(&out);
    past_end(&past);
    past_end(&back);
}

/* The totals of all types end with the minute of the beginning, whenever their turn comes. */
static void a_minute_passes_during_a_save(void **state)
{
    (void)state;
    struct past past, back;
    struct buf out = {0};
    past_begin(&past, &defaults);
    past_on(&past, HISTORY_ON_TICK);
    past_put(&past, "a/1", STATUS_READY, (struct past_record){.players = 1});
    past_put(&past, "b/1", STATUS_READY, (struct past_record){.players = 10});
    past_on(&past, HISTORY_ON_SYNCED);
    past_minutes(&past, 2);
    int64_t minute = history_facts(past.history)->minute;
    struct history_writer *writer = history_writer_new(past.history, PREFIX, &past.now);
    assert_true(write_one(writer, &out));
    assert_true(write_one(writer, &out)); /* the type a */
    past_put(&past, "b/1", STATUS_READY, (struct past_record){.players = 11});
    past_put(&past, "c/1", STATUS_READY, (struct past_record){.players = 20});
    past_minutes(&past, 1);
    write_rest(writer, &out);
    read_back(&back, &past, &out);
    assert_int_equal(history_facts(back.history)->minute, minute);
    const struct history_type *a = history_facts(back.history)->types, *b = a->hh.next;
    assert_null(b->hh.next);
    assert_int_equal(history_totals(back.history, a, minute)->players, 1);
    assert_int_equal(history_totals(back.history, b, minute)->players, 10);
    assert_int_equal(a->count, b->count);
    /* The clock was set back by an hour: no minute means anything any more. */
    past_end(&back);
    writer = history_writer_new(past.history, PREFIX, &past.now);
    past_pass(&past, -3600000);
    past_on(&past, HISTORY_ON_TICK);
    write_rest(writer, &out);
    read_back(&back, &past, &out);
    assert_non_null(past_find(&back, "b/1"));
    past_end(&past);
    past_end(&back);
}

/* Whatever happens between two slices, the file can be read. */
static void anything_between_slices(void **state)
{
    (void)state;
    struct past past, back;
    unsigned seed = 1;
    char name[16];
    past_begin(&past, &(struct history_settings){.servers_max = 20, .gone_max = 5});
    past_on(&past, HISTORY_ON_TICK);
    past_on(&past, HISTORY_ON_SYNCED);
    for (int round = 0; round < 300; round++) {
        struct buf out = {0};
        struct history_writer *writer = history_writer_new(past.history, PREFIX, &past.now);
        do {
            for (int i = 0; i < 3; i++) {
                seed = seed * 1103515245 + 12345;
                unsigned what = seed >> 16;
                snprintf(name, sizeof(name), "%c/%u", 'a' + (char)(what % 3), what / 3 % 12);
                past_pass(&past, what % 4000);
                if (what % 7 < 3) {
                    past_put(&past, name, what % 2 == 0 ? STATUS_READY : STATUS_ERROR,
                             (struct past_record){.players = (int)(what % 50)});
                } else if (what % 7 < 6) {
                    past_drop(&past, name, true, false);
                } else {
                    past_on(&past, HISTORY_ON_TICK);
                }
            }
        } while (write_one(writer, &out));
        history_writer_free(writer);
        past_check(&past);
        read_back(&back, &past, &out);
        past_end(&back);
    }
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
    struct buf text = {0}, series = {0};
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

    history_json_series(past.history, &series);
    history_json_fleet(past.history, buf_view(&series), &past.now, &text);
    buf_fini(&series);
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
        cmocka_unit_test(what_was_kept_comes_back), cmocka_unit_test(what_happened_meanwhile),
        cmocka_unit_test(a_damaged_file),           cmocka_unit_test(a_slice_is_bounded),
        cmocka_unit_test(a_change_after_its_turn),  cmocka_unit_test(servers_move_during_a_save),
        cmocka_unit_test(many_go_during_a_save),    cmocka_unit_test(a_minute_passes_during_a_save),
        cmocka_unit_test(anything_between_slices),  cmocka_unit_test(as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
