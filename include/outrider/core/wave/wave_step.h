/* One step of an operation: what the fleet says goes in, the next value of the operation and the holds to be put or lifted with it
 * come out (wave.h). */
#ifndef OUTRIDER_CORE_WAVE_WAVE_STEP_H
#define OUTRIDER_CORE_WAVE_WAVE_STEP_H

#include "outrider/core/instant.h"
#include "outrider/core/wave/wave.h"

/* A server as its record says. Texts are borrowed. */
struct wave_seen {
    struct str place; /* TYPE/ID */
    struct str type, region, zone;
    unsigned status; /* enum status, or beyond it: unknown */
    bool has_players, has_capacity;
    uint32_t players, capacity, reserved;
    bool held; /* its record or its control key says so */
};

/* A control key. Texts are borrowed. */
struct wave_control {
    struct str place; /* TYPE/ID */
    int64_t revision; /* mod revision of the key */
    bool held;
    struct str operation, by; /* of the hold; empty: of none, or unknown */
};

/* The fleet as the driver knows it; both lists in the order of the places. The step marks in `servers` what it holds. */
struct wave_fleet {
    struct wave_seen *servers;
    size_t count;
    const struct wave_control *controls;
    size_t control_count;
};

/* Actions of one step at most: they go into one transaction. */
enum { WAVE_ACTIONS_MAX = 16 };

struct wave_action {
    size_t server;    /* of the operation */
    bool lift;        /* else hold */
    int64_t revision; /* of the control key, which must still have it; 0: there is none */
};

enum wave_block { WAVE_NOT_BLOCKED, WAVE_BY_MAX_DRAINING, WAVE_BY_FREE_SEATS };

struct wave_step {
    bool changed; /* the operation is another one, and has to be written */
    struct wave_action actions[WAVE_ACTIONS_MAX];
    size_t action_count;
    enum wave_block blocked; /* why the next server of the wave is not held yet */
};

/* Steps `wave`, which is not over. Nothing is changed beyond it and the marks in `fleet`. */
void wave_step(struct wave *wave, struct wave_fleet *fleet, const struct instant *now,
               struct wave_step *ret_step);

/* The registry refuses to put the holds of `step`, which was not written: those servers failed, because of `why`. */
void wave_refuse(struct wave *wave, const struct wave_step *step, const char *why, const struct instant *now);

/* When `wave` needs a step although nothing happens, as of its last one; `mono` and `wall` are the clocks of now. */
int64_t wave_due_mono(const struct wave *wave, const struct instant *now);

/* The server; NULL: it has no record. */
struct wave_seen *wave_find(const struct wave_fleet *fleet, struct str place);

/* Seats that are free on ready servers that are not held, of a type and region: what players and reservations leave of the
 * capacity. An unknown count gives none. */
uint64_t wave_free_seats(const struct wave_fleet *fleet, struct str type, struct str region);

/* Seats of that kind of one server. */
uint32_t wave_seats_of(const struct wave_seen *seen);

/* Whether it is the only ready server of its type in its zone that is not held. */
bool wave_is_last(const struct wave_fleet *fleet, const struct wave_seen *seen);

#endif
