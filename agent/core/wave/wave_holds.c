#include "outrider/core/wave/wave_holds.h"

#include <stdio.h>

static void add(struct wave *wave, const struct wave_control *control, int64_t now_wall)
{
    if (wave->count == 0) {
        snprintf(wave->by, sizeof(wave->by), "%.*s", STR_ARG(control->by));
    }
    wave_add(wave, control->place);
    struct wave_server *server = &wave->servers[wave->count - 1];
    server->state = WAVE_DRAINING;
    server->since_wall = now_wall;
    server->held = true;
}

bool wave_of_holds(struct str id, const struct wave_control *controls, size_t count, int64_t now_wall,
                   struct wave *ret_wave)
{
    struct wave wave = {.state = WAVE_CANCELLED,
                        .changed_wall = now_wall,
                        .spec = {.size = WAVE_SERVERS_MAX, .settle_ms = WAVE_SETTLE_MS}};
    uint8_t random[10];
    if (!ulid_valid(id)) {
        return false;
    }
    snprintf(wave.id, sizeof(wave.id), "%.*s", STR_ARG(id));
    ulid_read(id, &wave.created_wall, random);
    for (size_t i = 0; i < count && wave.count < WAVE_SERVERS_MAX; i++) {
        if (controls[i].held && str_eq(controls[i].operation, id) &&
            controls[i].place.size <= WAVE_PLACE_MAX) {
            add(&wave, &controls[i], now_wall);
        }
    }
    if (wave.count == 0) {
        return false;
    }
    *ret_wave = wave;
    return true;
}
