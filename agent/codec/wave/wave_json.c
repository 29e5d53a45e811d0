#include "outrider/codec/wave/wave_json.h"

#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/codec/json/json_read.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/fleet/view_entry.h"
#include "outrider/core/wave/wave_plan.h"
#include "outrider/core/wave/wave_wait.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- writing ---- */

static void write_span(struct json_writer *json, const char *name, int64_t ms)
{
    char text[24];
    json_member_text(json, name, ms > 0 ? duration_format(ms, text) : NULL);
}

static void write_spec(struct json_writer *json, const struct wave_spec *spec)
{
    char percent[16];
    json_member_text(json, "reason", spec->reason);
    json_member_text_if(json, "filter", spec->filter[0] == '\0' ? NULL : spec->filter);
    json_member_object(json, "wave");
    if (spec->percent) {
        snprintf(percent, sizeof(percent), "%" PRIu32 "%%", spec->size);
        json_member_text(json, "size", percent);
    } else {
        json_member_uint(json, "size", spec->size);
    }
    json_write_object_end(json);
    if (spec->max_draining > 0) {
        json_member_uint(json, "maxDraining", spec->max_draining);
    }
    json_member_uint(json, "freeSeats", spec->free_seats);
    json_member_bool(json, "keepOne", spec->keep_one);
    write_span(json, "pause", spec->pause_ms);
    write_span(json, "settle", spec->settle_ms);
    write_span(json, "deadline", spec->deadline_ms);
    json_member_object(json, "onError");
    json_member_uint(json, "stopAfter", spec->stop_after);
    json_write_object_end(json);
    json_member_text(json, "then", spec->undrain ? "undrain" : "stay");
}

static void write_servers(struct json_writer *json, const struct wave *wave, bool shown)
{
    json_member_array(json, "servers");
    for (size_t i = 0; i < wave->count; i++) {
        const struct wave_server *server = &wave->servers[i];
        json_write_object(json);
        json_member_text(json, "server", server->place);
        json_member_text(json, "state", wave_server_state_name(server->state));
        if (shown) {
            json_member_uint(json, "wave", wave_of(wave, i) + 1);
        }
        json_member_bool(json, "held", server->held);
        if (server->since_wall > 0) {
            json_member_time(json, "since", server->since_wall);
        }
        if (server->deadline_wall > 0) {
            json_member_time(json, "deadline", server->deadline_wall);
        }
        json_member_text_if(json, "why", server->why[0] == '\0' ? NULL : server->why);
        json_write_object_end(json);
    }
    json_write_array_end(json);
}

static void write_counts(struct json_writer *json, const struct wave *wave)
{
    size_t holds = 0;
    for (size_t i = 0; i < wave->count; i++) {
        holds += wave->servers[i].held ? 1 : 0;
    }
    json_member_uint(json, "waves", wave_waves(wave));
    json_member_object(json, "counts");
    for (enum wave_server_state state = 0; state < WAVE_SERVER_STATE_COUNT; state++) {
        json_member_uint(json, wave_server_state_name(state), wave_counts(wave, state));
    }
    json_write_object_end(json);
    json_member_uint(json, "holds", holds);
}

/* null: it is over. */
static void write_wait(struct json_writer *json, const struct wave_wait *wait)
{
    char text[WAVE_WAIT_TEXT];
    if (wait->what == 0) {
        json_member_text(json, "waitsFor", NULL);
        return;
    }
    wave_wait_text(wait, text);
    json_member_object(json, "waitsFor");
    json_member_text(json, "text", text);
    json_member_array(json, "for");
    for (enum wave_wait_for what = 0; what < WAVE_FOR_COUNT; what++) {
        if ((wait->what & (1U << what)) != 0) {
            json_write_text(json, wave_wait_name(what));
        }
    }
    json_write_array_end(json);
    json_member_uint(json, "servers", wait->draining);
    json_member_uint(json, "unknown", wait->unknown);
    json_member_uint(json, "players", wait->players);
    json_member_uint(json, "settling", wait->settling);
    json_member_text(json, "next", wait->next);
    json_member_time(json, "until", wait->until_wall);
    json_write_object_end(json);
}

static void write_wave(const struct wave *wave, enum wave_json_kind kind, const struct wave_wait *wait,
                       struct buf *out)
{
    struct json_writer json = {.out = out};
    bool stored = kind == WAVE_JSON_STORED;
    json_write_object(&json);
    json_member_text(&json, "id", wave->id);
    json_member_text(&json, "state", wave_state_name(wave->state));
    json_member_text_if(&json, "why", wave->why[0] == '\0' ? NULL : wave->why);
    json_member_text(&json, "by", wave->by);
    write_spec(&json, &wave->spec);
    json_member_text(&json, "planHash", wave->plan_hash);
    json_member_bool(&json, "undone", wave->undone);
    json_member_time(&json, "createdAt", wave->created_wall);
    json_member_time(&json, "changedAt", wave->changed_wall);
    json_member_uint(&json, "atWave", wave->wave + (stored ? 0 : 1));
    if (wave->pause_until_wall > 0) {
        json_member_time(&json, "pauseUntil", wave->pause_until_wall);
    }
    if (stored) {
        json_member_uint(&json, "forgiven", wave->forgiven);
        json_member_text_if(&json, "key", wave->key[0] == '\0' ? NULL : wave->key);
    } else {
        write_counts(&json, wave);
    }
    if (wait != NULL) {
        write_wait(&json, wait);
    }
    if (kind != WAVE_JSON_BRIEF) {
        write_servers(&json, wave, !stored);
    }
    json_write_object_end(&json);
}

void wave_encode(const struct wave *wave, enum wave_json_kind kind, struct buf *out)
{
    write_wave(wave, kind, NULL, out);
}

void wave_encode_waiting(const struct wave_wait *wait, struct buf *out)
{
    write_wave(wait->wave, WAVE_JSON_SHOWN, wait, out);
}

/* ---- the spec ---- */

void wave_spec_default(struct wave_spec *ret_spec)
{
    *ret_spec = (struct wave_spec){
        .size = 1, .keep_one = true, .settle_ms = WAVE_SETTLE_MS, .stop_after = 1, .undrain = false};
}

static int read_count(const json_t *value, const char *name, int64_t min, int64_t max, uint32_t *ret_count,
                      struct error *err)
{
    json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;
    if (number < min || number > max) {
        return error_set(err, ERROR_INVALID, "%s: must be a number from %" PRId64 " to %" PRId64, name, min,
                         max);
    }
    *ret_count = (uint32_t)number;
    return 0;
}

static int read_span(const json_t *value, const char *name, int64_t max_ms, int64_t *ret_ms,
                     struct error *err)
{
    int64_t ms;
    if (json_is_null(value)) {
        *ret_ms = 0;
        return 0;
    }
    const char *text = json_string_value(value);
    if (text == NULL || duration_parse(str_of(text), &ms) < 0 || ms > max_ms) {
        char most[24];
        return error_set(err, ERROR_INVALID, "%s: must be a duration such as \"30s\", at most %s", name,
                         duration_format(max_ms, most));
    }
    *ret_ms = ms;
    return 0;
}

static int read_flag(const json_t *value, const char *name, bool *ret_flag, struct error *err)
{
    if (!json_is_boolean(value)) {
        return error_set(err, ERROR_INVALID, "%s: must be true or false", name);
    }
    *ret_flag = json_is_true(value);
    return 0;
}

/* The only member of an object. */
static const json_t *only_member(const json_t *value, const char *name)
{
    const json_t *member = json_object_get(value, name);
    return json_object_size(value) == 1 ? member : NULL;
}

static int read_size(struct wave_spec *spec, const json_t *value, struct error *err)
{
    const json_t *size = only_member(value, "size");
    struct str rest, digits = str_split(str_of(json_string_value(size)), '%', &rest);
    uint64_t number;
    if (json_is_string(size)) {
        const char *text = json_string_value(size);
        if (text[digits.size] != '%' || rest.size > 0 || str_to_u64(digits, 100, &number) < 0 ||
            number == 0) {
            return error_set(err, ERROR_INVALID,
                             "wave.size: want a number of servers, or \"1%%\" to \"100%%\"");
        }
        spec->percent = true;
        spec->size = (uint32_t)number;
        return 0;
    }
    if (size == NULL) {
        return error_set(err, ERROR_INVALID, "wave: must be an object with `size` alone");
    }
    spec->percent = false;
    return read_count(size, "wave.size", 1, WAVE_SERVERS_MAX, &spec->size, err);
}

static int read_stop(struct wave_spec *spec, const json_t *value, struct error *err)
{
    const json_t *count = only_member(value, "stopAfter");
    return count == NULL
               ? error_set(err, ERROR_INVALID, "onError: must be an object with `stopAfter` alone")
               : read_count(count, "onError.stopAfter", 0, WAVE_SERVERS_MAX, &spec->stop_after, err);
}

static int read_then(struct wave_spec *spec, const json_t *value, struct error *err)
{
    const char *text = json_string_value(value);
    struct str word = str_of(text);
    spec->undrain = str_eq(word, STR("undrain"));
    return spec->undrain || str_eq(word, STR("stay"))
               ? 0
               : error_set(err, ERROR_INVALID, "then: must be \"undrain\" or \"stay\"");
}

int wave_spec_member(struct wave_spec *spec, const char *name, const json_t *value, struct error *err)
{
    static const int64_t longest_ms = INT64_C(30) * 24 * 3600000;
    struct str word = str_of(name);
    if (str_eq(word, STR("reason"))) {
        return json_read_line(value, name, HOLD_REASON_MAX, err, spec->reason);
    }
    if (str_eq(word, STR("wave"))) {
        return read_size(spec, value, err);
    }
    if (str_eq(word, STR("maxDraining"))) {
        return read_count(value, name, 1, WAVE_SERVERS_MAX, &spec->max_draining, err);
    }
    if (str_eq(word, STR("freeSeats"))) {
        return read_count(value, name, 0, UINT32_MAX, &spec->free_seats, err);
    }
    if (str_eq(word, STR("keepOne"))) {
        return read_flag(value, name, &spec->keep_one, err);
    }
    if (str_eq(word, STR("pause"))) {
        return read_span(value, name, WAVE_SPAN_MAX_MS, &spec->pause_ms, err);
    }
    if (str_eq(word, STR("settle"))) {
        return read_span(value, name, WAVE_SPAN_MAX_MS, &spec->settle_ms, err);
    }
    if (str_eq(word, STR("deadline"))) {
        return read_span(value, name, longest_ms, &spec->deadline_ms, err);
    }
    if (str_eq(word, STR("onError"))) {
        return read_stop(spec, value, err);
    }
    return str_eq(word, STR("then")) ? read_then(spec, value, err) : 1;
}

/* ---- reading what is stored ---- */

static int read_text(const json_t *object, const char *name, size_t max, char *out, struct error *err)
{
    const json_t *value = json_object_get(object, name);
    return value == NULL ? 0 : json_read_line(value, name, max, err, out);
}

/* TYPE/ID */
static bool is_place(const char *place)
{
    struct str id, type = str_split(str_of(place), '/', &id);
    return type.size > 0 && type.size <= VIEW_TYPE_MAX && id.size > 0 && id.size <= VIEW_ID_MAX &&
           memchr(id.data, '/', id.size) == NULL;
}

static int read_server(const json_t *object, struct wave *wave, struct error *err)
{
    struct wave_server server = {.state = WAVE_WAITING};
    const char *state = "";
    if (read_text(object, "server", WAVE_PLACE_MAX, server.place, err) < 0 ||
        json_read_text(object, "state", 16, &state, err) < 0 ||
        json_read_bool(object, "held", &server.held, err) < 0 ||
        json_read_time(object, "since", &server.since_wall, err) < 0 ||
        json_read_time(object, "deadline", &server.deadline_wall, err) < 0 ||
        read_text(object, "why", WAVE_WHY_MAX, server.why, err) < 0) {
        return -1;
    }
    if (!is_place(server.place) || wave_server_state_parse(str_of(state), &server.state) < 0) {
        return error_set(err, ERROR_INVALID, "servers: no TYPE/ID, or a state that is not known");
    }
    wave_add(wave, str_of(server.place));
    wave->servers[wave->count - 1] = server;
    return 0;
}

static int read_servers(const json_t *list, struct wave *wave, struct error *err)
{
    size_t count = json_array_size(list);
    if (count == 0 || count > WAVE_SERVERS_MAX) {
        return error_set(err, count == 0 ? ERROR_INVALID : ERROR_LIMIT, "servers: want 1 to %d of them",
                         WAVE_SERVERS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        if (read_server(json_array_get(list, i), wave, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int read_spec(json_t *root, struct wave_spec *spec, struct error *err)
{
    const char *name;
    json_t *value;
    wave_spec_default(spec);
    spec->settle_ms = 0;
    json_object_foreach(root, name, value)
    {
        if (wave_spec_member(spec, name, value, err) < 0) { /* other members are the operation's */
            return -1;
        }
    }
    return read_text(root, "filter", WAVE_FILTER_MAX, spec->filter, err);
}

static int read_root(json_t *root, struct wave *wave, struct error *err)
{
    const char *state = "";
    int64_t at = 0, forgiven = 0;
    if (read_text(root, "id", ULID_LENGTH, wave->id, err) < 0 ||
        json_read_text(root, "state", 16, &state, err) < 0 ||
        read_text(root, "why", WAVE_WHY_MAX, wave->why, err) < 0 ||
        read_text(root, "by", HOLD_BY_MAX, wave->by, err) < 0 ||
        read_text(root, "key", WAVE_KEY_MAX, wave->key, err) < 0 ||
        read_text(root, "planHash", sizeof(wave->plan_hash) - 1, wave->plan_hash, err) < 0 ||
        json_read_bool(root, "undone", &wave->undone, err) < 0 ||
        json_read_time(root, "createdAt", &wave->created_wall, err) < 0 ||
        json_read_time(root, "changedAt", &wave->changed_wall, err) < 0 ||
        json_read_time(root, "pauseUntil", &wave->pause_until_wall, err) < 0 ||
        json_read_int(root, "atWave", 0, WAVE_SERVERS_MAX, &at, NULL, err) < 0 ||
        json_read_int(root, "forgiven", 0, WAVE_SERVERS_MAX, &forgiven, NULL, err) < 0 ||
        read_spec(root, &wave->spec, err) < 0 ||
        read_servers(json_object_get(root, "servers"), wave, err) < 0) {
        return -1;
    }
    wave->wave = (uint32_t)at;
    wave->forgiven = (uint32_t)forgiven;
    if (!ulid_valid(str_of(wave->id)) || wave_state_parse(str_of(state), &wave->state) < 0 ||
        wave->wave >= wave_waves(wave)) {
        return error_set(err, ERROR_INVALID,
                         "the id is no ULID, the state is not known, or there is no such wave");
    }
    return 0;
}

int wave_decode(struct str text, struct wave *ret_wave, struct error *err)
{
    struct wave wave = {.state = WAVE_PLANNED};
    json_t *root = json_read_document(text, WAVE_VALUE_MAX, err);
    int rc = root == NULL ? -1 : read_root(root, &wave, err);
    json_decref(root);
    if (rc < 0) {
        wave_fini(&wave);
    } else {
        *ret_wave = wave;
    }
    return rc;
}

/* ---- a plan ---- */

static void write_planned(struct json_writer *json, const struct wave_planned *planned, bool held)
{
    const struct wave_seen *seen = planned->seen;
    json_write_object(json);
    json_member_string(json, "server", seen->place);
    json_member_uint(json, "wave", planned->wave + 1);
    json_member_text(json, "status", view_status_name(seen->status));
    json_member_bool(json, "held", held);
    json_member_string_or_null(json, "region", seen->region);
    json_member_string_or_null(json, "zone", seen->zone);
    json_member_span(json, "players", seen->has_players ? (int64_t)seen->players : -1);
    json_member_array(json, "warnings");
    for (enum wave_warning warning = 0; warning < WAVE_WARNING_COUNT; warning++) {
        if ((planned->warnings & 1U << warning) != 0) {
            json_write_text(json, wave_warning_name(warning));
        }
    }
    json_write_array_end(json);
    json_write_object_end(json);
}

void wave_plan_members(struct json_writer *json, const struct wave_plan *plan)
{
    json_member_text(json, "planHash", plan->hash);
    json_member_array(json, "waves");
    for (size_t i = 0; i < plan->wave_count; i++) {
        const struct wave_planned_wave *wave = &plan->waves[i];
        json_write_object(json);
        json_member_uint(json, "servers", wave->count);
        json_member_uint(json, "players", wave->players);
        json_member_uint(json, "freeSeatsAfter", wave->free_seats);
        json_member_bool(json, "belowFreeSeats", wave->below_floor);
        json_write_object_end(json);
    }
    json_write_array_end(json);
    json_member_array(json, "servers");
    for (size_t i = 0; i < plan->count; i++) {
        const struct wave_planned *planned = &plan->servers[i];
        write_planned(json, planned, (planned->warnings & 1U << WAVE_WARN_HELD) != 0);
    }
    json_write_array_end(json);
}
