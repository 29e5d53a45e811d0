/* Leaving, as a machine: every way out says shutting_down, lets it be seen, and takes the record away before
 * the process ends, each step bounded (docs/design/protocol.md, "Signals").
 *
 *               TERM, shutdown.drain            waiting over, second TERM, INT
 *     RUNNING ────────────────────> DRAINING ──────────────────────────────> SAYING
 *        │  TERM without drain, INT                                            ^ │ published, or timeout
 *        └─────────────────────────────────────────────────────────────────────┘ v
 *                          DONE <── gone, or timeout ── LEAVING <── linger ── LINGERING
 *
 *     QUIT while RUNNING, with a lease and a state_dir: DONE at once with 85, the lease left alive.
 *     Gone is also that the control key is tidy, but only the lease decides about the exit status.
 *     `timeout` bounds SAYING and LEAVING together, so that lingering cannot eat into it.
 *     A second TERM or an INT cuts DRAINING and LINGERING short; what was asked of the registry is still waited
 *     for until the timeout. */
#ifndef OUTRIDER_CORE_SERVER_SHUTDOWN_H
#define OUTRIDER_CORE_SERVER_SHUTDOWN_H

#include "outrider/base/queue.h"
#include "outrider/core/instant.h"

#include <stdbool.h>

enum { EXIT_HANDED_OVER = 85 };

enum shutdown_phase {
    SHUTDOWN_RUNNING,
    SHUTDOWN_DRAINING,
    SHUTDOWN_SAYING,
    SHUTDOWN_LINGERING,
    SHUTDOWN_LEAVING,
    SHUTDOWN_DONE
};

/* "running", "draining", ... */
const char *shutdown_phase_name(enum shutdown_phase phase);

enum shutdown_event_type {
    SHUTDOWN_ON_TICK,
    SHUTDOWN_ON_TERM,
    SHUTDOWN_ON_INT,
    SHUTDOWN_ON_QUIT, /* `leased`: a lease is held, or one of before the restart is not confirmed yet; `state_kept`:
                       * state_dir has what the next agent needs */
    SHUTDOWN_ON_DRAIN_OVER, /* the waiting for the `stop` hold ended */
    SHUTDOWN_ON_PUBLISHED, /* the registry has what is wanted, or (not `visible`) there is no record to see */
    SHUTDOWN_ON_GONE,      /* no lease of ours is left */
    SHUTDOWN_ON_TIDY       /* nor is anything to be done at the control key */
};

struct shutdown_event {
    enum shutdown_event_type type;
    struct instant now;
    bool leased, state_kept, visible;
};

enum shutdown_effect_type {
    SHUTDOWN_DO_DRAIN, /* set the `stop` hold */
    SHUTDOWN_DO_SAY,   /* the server machine must say shutting_down; PUBLISHED follows */
    SHUTDOWN_DO_LEAVE, /* the registrar and the intent must leave; GONE and TIDY follow */
    SHUTDOWN_DO_EXIT   /* end the process with `code` */
};

struct shutdown_effect {
    enum shutdown_effect_type type;
    int code;
};

/* `linger_ms` and `timeout_ms` as configured; they may be changed until something happens. */
struct shutdown {
    bool drain;
    int64_t linger_ms, timeout_ms;
    enum shutdown_phase phase;
    bool gone, tidy;
    bool hurry;    /* asked twice, or by INT: no lingering */
    int64_t until; /* mono: when the phase ends by itself */
    int64_t saying_since;
    int64_t left_ms; /* of the timeout, for LEAVING: saying may use half of it */
};

/* One event in, effects (struct shutdown_effect) out. */
void shutdown_step(struct shutdown *shutdown, const struct shutdown_event *event, struct queue *effects);

/* When a step is needed although nothing happens. */
struct window shutdown_deadline(const struct shutdown *shutdown);

#endif
