/* Holds: independent reasons to keep new players away. They are OR-ed, survive health changes, and each has
 * its author and reason (docs/design/protocol.md, "Holds"). */
#ifndef OUTRIDER_CORE_SERVER_HOLD_H
#define OUTRIDER_CORE_SERVER_HOLD_H

#include "outrider/base/ulid.h"
#include "outrider/core/instant.h"

#include <stdbool.h>
#include <stdint.h>

enum hold_kind {
    HOLD_OPS,    /* an operator, by signal, command, API or control key; any operator lifts it */
    HOLD_SELF,   /* the server, over the status socket */
    HOLD_RELOAD, /* sd_notify RELOADING=1 until READY=1 */
    HOLD_IDLE,   /* no players for server.idle.after, until one is there; never stored */
    HOLD_STOP,   /* TERM with shutdown.drain; never stored */
    HOLD_COUNT
};

/* How a drain ended. */
enum drain_outcome {
    DRAIN_WAITING,
    DRAIN_EMPTY,   /* players were 0 for `settle` */
    DRAIN_GONE,    /* the server has ended */
    DRAIN_DEADLINE /* time is up; players may still be there */
};

enum { HOLD_REASON_MAX = 256, HOLD_BY_MAX = 64 };

/* All times in ms; `deadline` and `expires` are NEVER_MS (mono) and 0 (wall) when there is none. */
struct hold {
    bool set;
    char reason[HOLD_REASON_MAX + 1];
    char by[HOLD_BY_MAX + 1];
    char operation[ULID_LENGTH + 1]; /* of many servers (core/wave), that it is part of; "": none */
    int64_t since_mono, since_wall;
    int64_t deadline_mono, deadline_wall;
    int64_t expires_mono, expires_wall;
    enum drain_outcome outcome;
};

/* "ops", "self", "reload", "idle", "stop". */
const char *hold_name(enum hold_kind kind);

/* "waiting", "empty", "gone", "deadline". */
const char *drain_outcome_name(enum drain_outcome outcome);

/* Sets `hold` from now on. `reason` and `by` are copied and cut to their limits; NULL is "". `deadline_ms`
 * and `expires_ms` are spans; 0 for none. A hold that is set already keeps its `since`. */
void hold_set(struct hold *hold, const char *reason, const char *by, int64_t deadline_ms, int64_t expires_ms,
              const struct instant *now);

/* Sets `hold` as `kept` before a restart or at the control key: its mono times are computed from the wall
 * times. */
void hold_restore(struct hold *hold, const struct hold *kept, const struct instant *now);

/* Lifts it and zeroes it. */
void hold_clear(struct hold *hold);

#endif
