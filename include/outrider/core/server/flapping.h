/* Flap damping: a server that comes and goes is kept out until it has stayed (docs/design/protocol.md, "Flapping").
 *
 *                  more than `changes` moves between ready and not ready `within` a time
 *     FLAPPING_OFF ────────────────────────────────────────────────────────────────────> FLAPPING_ON
 *          ^                                                                                 │
 *          └────── ready for `hold` without a break, an operator ends it, or it is turned off ┘
 *
 * That it becomes ready for the first time is no move. Where it is not ready for a reason that is excused, neither that
 * counts nor that it is ready again. */
#ifndef OUTRIDER_CORE_SERVER_FLAPPING_H
#define OUTRIDER_CORE_SERVER_FLAPPING_H

#include "outrider/core/instant.h"

#include <stdbool.h>
#include <stdint.h>

enum flapping_state { FLAPPING_OFF, FLAPPING_ON };

enum { FLAPPING_CHANGES_MAX = 100 };

struct flapping_limits {
    unsigned changes; /* at most FLAPPING_CHANGES_MAX; 0: never on */
    int64_t within_ms, hold_ms;
};

/* All zero: nothing was seen yet. */
struct flapping {
    enum flapping_state state;
    bool was_ready;                          /* once since the start */
    bool ready;                              /* by the latest step */
    bool excused;                            /* it is not ready, and that does not count */
    int64_t moves[FLAPPING_CHANGES_MAX + 1]; /* mono ms of the latest, as a ring */
    uint64_t total;                          /* moves so far */
    unsigned changes;                        /* moves within the time, by the latest step */
    int64_t on_wall;                         /* on: since when, ms */
    int64_t until;                           /* on: mono, off again then; NEVER_MS: it is not ready */
};

/* The server is `ready` or not, apart from flapping and holds; `excused`: that it is not, does not count. */
void flapping_step(struct flapping *flapping, const struct flapping_limits *limits, bool ready, bool excused,
                   const struct instant *now);

/* An operator ends it: earlier moves count no more. */
void flapping_end(struct flapping *flapping);

/* When (mono ms) a step is needed although nothing happens; NEVER_MS: none. */
int64_t flapping_due(const struct flapping *flapping);

#endif
