#include "outrider/core/wave/wave.h"

#include "outrider/base/brief.h"
#include "outrider/base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "wave_internal.h"

enum { MINUTE_MS = 60000 };

static const char *const state_names[WAVE_STATE_COUNT] = {
    [WAVE_PLANNED] = "planned", [WAVE_RUNNING] = "running",
    [WAVE_PAUSED] = "paused",   [WAVE_CANCELLED] = "cancelled",
    [WAVE_STOPPED] = "stopped", [WAVE_UNDOING] = "undoing",
    [WAVE_DONE] = "done"};

static const char *const server_names[WAVE_SERVER_STATE_COUNT] = {
    [WAVE_WAITING] = "waiting", [WAVE_DRAINING] = "draining", [WAVE_EMPTY] = "empty",
    [WAVE_GONE] = "gone",       [WAVE_SKIPPED] = "skipped",   [WAVE_FAILED] = "failed"};

/* For each state a set of those that may follow it. */
static const unsigned moves[WAVE_STATE_COUNT] = {
    [WAVE_PLANNED] = 1 << WAVE_RUNNING | 1 << WAVE_PAUSED | 1 << WAVE_CANCELLED | 1 << WAVE_UNDOING,
    [WAVE_RUNNING] =
        1 << WAVE_PAUSED | 1 << WAVE_CANCELLED | 1 << WAVE_STOPPED | 1 << WAVE_UNDOING | 1 << WAVE_DONE,
    [WAVE_PAUSED] = 1 << WAVE_RUNNING | 1 << WAVE_CANCELLED | 1 << WAVE_UNDOING,
    [WAVE_CANCELLED] = 1 << WAVE_UNDOING,
    [WAVE_STOPPED] = 1 << WAVE_RUNNING | 1 << WAVE_CANCELLED | 1 << WAVE_UNDOING,
    [WAVE_UNDOING] = 1 << WAVE_DONE,
    [WAVE_DONE] = 1 << WAVE_UNDOING};

static const unsigned server_moves[WAVE_SERVER_STATE_COUNT] = {
    [WAVE_WAITING] = 1 << WAVE_DRAINING | 1 << WAVE_GONE | 1 << WAVE_SKIPPED | 1 << WAVE_FAILED,
    [WAVE_DRAINING] = 1 << WAVE_EMPTY | 1 << WAVE_GONE | 1 << WAVE_SKIPPED | 1 << WAVE_FAILED};

const char *wave_state_name(enum wave_state state)
{
    return state_names[state];
}

const char *wave_server_state_name(enum wave_server_state state)
{
    return server_names[state];
}

static int parse(struct str name, const char *const *names, unsigned count, unsigned *ret_index)
{
    for (unsigned i = 0; i < count; i++) {
        if (str_eq(name, str_of(names[i]))) {
            *ret_index = i;
            return 0;
        }
    }
    return -1;
}

int wave_state_parse(struct str name, enum wave_state *ret_state)
{
    unsigned index;
    int rc = parse(name, state_names, WAVE_STATE_COUNT, &index);
    *ret_state = rc == 0 ? (enum wave_state)index : *ret_state;
    return rc;
}

int wave_server_state_parse(struct str name, enum wave_server_state *ret_state)
{
    unsigned index;
    int rc = parse(name, server_names, WAVE_SERVER_STATE_COUNT, &index);
    *ret_state = rc == 0 ? (enum wave_server_state)index : *ret_state;
    return rc;
}

bool wave_may_move(enum wave_state from, enum wave_state to)
{
    return (moves[from] & 1U << to) != 0;
}

bool wave_server_may_move(enum wave_server_state from, enum wave_server_state to)
{
    return (server_moves[from] & 1U << to) != 0;
}

void wave_set(struct wave *wave, enum wave_state state, int64_t now_wall)
{
    assert(wave_may_move(wave->state, state));
    wave->state = state;
    wave->changed_wall = now_wall;
}

void wave_set_server(struct wave_server *server, enum wave_server_state state, int64_t now_wall,
                     const char *why)
{
    assert(wave_server_may_move(server->state, state));
    server->state = state;
    server->since_wall = now_wall;
    brief_copy(server->why, sizeof(server->why), str_of(why));
}

void wave_copy(const struct wave *wave, struct wave *ret_copy)
{
    *ret_copy = *wave;
    ret_copy->servers = mem_copy(wave->servers, wave->count * sizeof(wave->servers[0]));
}

void wave_fini(struct wave *wave)
{
    if (wave != NULL) {
        free(wave->servers);
        *wave = (struct wave){0};
    }
}

void wave_identify(struct wave *wave, const uint8_t random[static 10])
{
    if (wave->key[0] == '\0') {
        ulid_format(wave->created_wall, random, wave->id);
        return;
    }
    uint8_t bytes[10];
    struct str by = str_of(wave->by), key = str_of(wave->key);
    uint64_t first = str_hash(key, str_hash(by, 0)), second = str_hash(key, str_hash(by, 1));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i < 8 ? first >> (8 * i) : second >> (8 * (i - 8)));
    }
    ulid_format(wave->created_wall - wave->created_wall % MINUTE_MS, bytes, wave->id);
}

void wave_twin(const struct wave *wave, int minutes, char ret_id[static ULID_LENGTH + 1])
{
    int64_t wall;
    uint8_t bytes[10];
    ulid_read(str_of(wave->id), &wall, bytes);
    wall += (int64_t)minutes * MINUTE_MS;
    ulid_format(wall > 0 ? wall : 0, bytes, ret_id);
}

void wave_add(struct wave *wave, struct str place)
{
    struct wave_server *server;
    wave->servers = mem_resize(wave->servers, wave->count + 1, sizeof(wave->servers[0]));
    server = &wave->servers[wave->count++];
    *server = (struct wave_server){.state = WAVE_WAITING};
    snprintf(server->place, sizeof(server->place), "%.*s", STR_ARG(place));
}

void wave_remember(struct wave *wave, const struct wave *before)
{
    wave->pause_mono = wave->pause_until_wall == before->pause_until_wall ? before->pause_mono : 0;
    for (size_t i = 0; i < wave->count && i < before->count; i++) {
        wave->servers[i].empty_mono = before->servers[i].empty_mono;
    }
}

size_t wave_size(const struct wave_spec *spec, size_t servers)
{
    size_t size = spec->percent ? (servers * spec->size + 99) / 100 : spec->size;
    return size == 0 ? 1 : size;
}

size_t wave_waves(const struct wave *wave)
{
    size_t size = wave_size(&wave->spec, wave->count);
    return (wave->count + size - 1) / size;
}

size_t wave_of(const struct wave *wave, size_t server)
{
    return server / wave_size(&wave->spec, wave->count);
}

size_t wave_counts(const struct wave *wave, enum wave_server_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < wave->count; i++) {
        count += wave->servers[i].state == state ? 1 : 0;
    }
    return count;
}

bool wave_is_over(const struct wave *wave)
{
    return wave->state == WAVE_CANCELLED || wave->state == WAVE_DONE;
}

static bool has_holds(const struct wave *wave)
{
    bool held = false;
    for (size_t i = 0; i < wave->count; i++) {
        held = held || wave->servers[i].held;
    }
    return held;
}

int wave_obey(struct wave *wave, enum wave_order order, int64_t now_wall)
{
    static const enum wave_state wanted[] = {[WAVE_PAUSE] = WAVE_PAUSED,
                                             [WAVE_RESUME] = WAVE_RUNNING,
                                             [WAVE_CANCEL] = WAVE_CANCELLED,
                                             [WAVE_UNDO] = WAVE_UNDOING};
    enum wave_state state = wanted[order];
    bool so = wave->state == state || (order == WAVE_RESUME && wave->state == WAVE_PLANNED) ||
              (order == WAVE_UNDO && wave->state == WAVE_DONE && !has_holds(wave));
    if (so) {
        return 0;
    }
    if (!wave_may_move(wave->state, state)) {
        return -1;
    }
    if (wave->state == WAVE_STOPPED && order == WAVE_RESUME) {
        wave->forgiven = (uint32_t)wave_counts(wave, WAVE_FAILED);
        wave->why[0] = '\0';
    }
    wave_set(wave, state, now_wall);
    return 1;
}
