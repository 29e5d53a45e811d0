/* The preview of an operation: which servers it would hold, in which waves, and what that leaves. Nothing happens. */
#ifndef OUTRIDER_CORE_WAVE_WAVE_PLAN_H
#define OUTRIDER_CORE_WAVE_WAVE_PLAN_H

#include "outrider/core/wave/wave.h"
#include "outrider/core/wave/wave_step.h"

enum wave_warning {
    WAVE_WARN_ERROR,           /* the server is in error: it counts as one when its turn comes */
    WAVE_WARN_HELD,            /* it is drained already: it is skipped if it still is */
    WAVE_WARN_PLAYERS_UNKNOWN, /* it is never seen empty */
    WAVE_WARN_KEPT,            /* by keepOne */
    WAVE_WARN_NOT_READY,       /* initializing or shutting down */
    WAVE_WARNING_COUNT
};

/* "error", "held", "playersUnknown", "kept", "notReady". */
const char *wave_warning_name(enum wave_warning warning);

struct wave_planned {
    const struct wave_seen *seen; /* borrowed from the fleet */
    size_t wave;                  /* from 0 */
    unsigned warnings;            /* a set of 1 << enum wave_warning */
};

/* One wave of it. */
struct wave_planned_wave {
    size_t first, count; /* servers */
    uint64_t players;    /* on them */
    /* Of the kinds of servers (type and region) in it: the fewest free seats that are left of one of them. Holds of waves before
     * count where they stay. */
    uint64_t free_seats;
    bool below_floor; /* then it waits until players leave, or other servers come */
};

struct wave_plan {
    struct wave_planned *servers;
    size_t count;
    struct wave_planned_wave *waves;
    size_t wave_count;
    char hash[16 + 1]; /* of ids, status, holds, zones and their order: not of players */
};

/* Plans `spec` for the `count` servers of `fleet` named by their index in it, in that order. The marks in `fleet` are those of the plan
 * afterwards. `ret_plan` is ended with wave_plan_fini, and borrows of the fleet. */
void wave_plan_make(const struct wave_spec *spec, struct wave_fleet *fleet, const size_t *chosen,
                    size_t count, struct wave_plan *ret_plan);

/* Accepts NULL. */
void wave_plan_fini(struct wave_plan *plan);

#endif
