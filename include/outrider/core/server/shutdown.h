/* The shutdown as a machine: it publishes shutting_down, lets watchers see it, and withdraws the record
 * before the process exits, each step bounded (docs/design/protocol.md, "Signals").
 *
 *               TERM, shutdown.drain            drain over, second TERM, INT
 *     RUNNING ────────────────────> DRAINING ──────────────────────────────> SAYING
 *        │  TERM without drain, INT                                            ^ │ published, or timeout
 *        └─────────────────────────────────────────────────────────────────────┘ v
 *                          DONE <── gone, or timeout ── LEAVING <── linger ── LINGERING
 *
 *     QUIT while RUNNING, with a lease and a state_dir: DONE at once with exit status 85; the lease lives on.
 *     LEAVING also waits for the control key, but only the lease decides the exit status.
 *     `timeout` bounds SAYING and LEAVING together, so that lingering does not use it up.
 *     A second TERM or an INT ends DRAINING and LINGERING; requests in flight are still waited for until the
 *     timeout. */
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
    /* `leased`: a lease is held, or one from before the restart is not confirmed yet; `state_kept`: state_dir
     * has what the next agent needs. */
    SHUTDOWN_ON_QUIT,
    SHUTDOWN_ON_DRAIN_OVER,  /* the drain of the `stop` hold ended */
    SHUTDOWN_ON_PUBLISHED,   /* the registry has the record, or (not `visible`) there is none to publish */
    SHUTDOWN_ON_GONE,        /* the agent has no lease any more */
    SHUTDOWN_ON_CONTROL_DONE /* nothing is left to be done at the control key */
};

struct shutdown_event {
    enum shutdown_event_type type;
    struct instant now;
    bool leased, state_kept, visible;
};

enum shutdown_effect_type {
    SHUTDOWN_DO_DRAIN, /* set the `stop` hold */
    SHUTDOWN_DO_SAY,   /* publish shutting_down; PUBLISHED follows */
    SHUTDOWN_DO_LEAVE, /* the registrar and the intent must leave; GONE and CONTROL_DONE follow */
    SHUTDOWN_DO_EXIT   /* end the process with `code` */
};

struct shutdown_effect {
    enum shutdown_effect_type type;
    int code;
};

/* `drain`, `linger_ms` and `timeout_ms` are settings and may change at any time. */
struct shutdown {
    bool drain;
    int64_t linger_ms, timeout_ms;
    enum shutdown_phase phase;
    bool gone, control_done;
    bool hurry;    /* a second signal, or INT: no lingering */
    int64_t until; /* mono: when the phase ends by itself */
    int64_t saying_since;
    int64_t left_ms; /* of the timeout, for LEAVING; SAYING may use half of it */
};

/* One event in, effects (struct shutdown_effect) out. */
void shutdown_step(struct shutdown *shutdown, const struct shutdown_event *event, struct queue *effects);

/* When a step is needed although nothing happens. */
struct window shutdown_deadline(const struct shutdown *shutdown);

#endif
