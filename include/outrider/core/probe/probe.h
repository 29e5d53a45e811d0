/* One probe as a machine: when to try, and what the attempts add up to.
 *
 *              contact, hint, or interval over              verdict known, or attempt undecided
 *     WAITING ───────────────────────────> TRYING ───────────────────────────────────────────> WAITING
 *        ^                                   │ passed, verdict not passing yet: tries again at once
 *        └───────────────────────────────────┘
 *
 * While the verdict is in doubt (health_in_doubt) the interval is `fast_ms`: a server that refuses is found failing
 * after `fall` attempts, not after `fall` intervals. A hint is a sign that the server may have ended, e.g. a
 * connection of its that closed: one attempt follows, at most one in each `fast_ms`.
 *
 * An attempt is an effect; its result comes back as an event with the same id. The result of an attempt that was
 * given up (reset, new contact) is dropped by its id.
 *
 * An attempt that is undecided (the name of the host was not resolved) counts neither as passed nor as failed: the
 * verdict stays, the evidence shows the reason, and the next attempt follows at the interval. */
#ifndef OUTRIDER_CORE_PROBE_PROBE_H
#define OUTRIDER_CORE_PROBE_PROBE_H

#include "outrider/base/queue.h"
#include "outrider/core/instant.h"
#include "outrider/core/probe/health.h"

#include <stdbool.h>
#include <stdint.h>

enum probe_event_type {
    PROBE_ON_TICK,    /* time may have passed */
    PROBE_ON_RESULT,  /* an attempt ended */
    PROBE_ON_CONTACT, /* the server showed that it is there: try now unless passing */
    PROBE_ON_HINT,    /* something of the server ended: try soon unless failing */
    PROBE_ON_RESET    /* a life ended or began: drop the verdict, keep the interval */
};

struct probe_event {
    enum probe_event_type type;
    struct instant now;
    uint64_t try_id;                   /* result */
    const struct probe_result *result; /* result: borrowed for the step */
};

enum probe_effect_type {
    PROBE_DO_TRY,     /* start an attempt with this id; it must end within the timeout of its definition */
    PROBE_DO_LEARNED, /* an attempt passed and brought `facts`, or none any more; comes before its verdict */
    PROBE_DO_VERDICT /* the verdict changed; or, without a verdict, attempts began or ceased to be undecided */
};

struct probe_effect {
    enum probe_effect_type type;
    unsigned index; /* which probe, as given to probe_init */
    uint64_t try_id;
    enum verdict verdict;
    struct probe_facts facts; /* learned: texts in the arena of the queue */
};

struct probe {
    unsigned index;
    int64_t interval_ms, fast_ms;
    struct health health;
    uint64_t try_id; /* of the latest attempt */
    bool trying;
    bool learned;    /* the latest attempt that passed brought facts */
    bool by_contact; /* the attempt under way began with a contact: further ones do not restart it */
    int64_t due;     /* mono ms of the next attempt */

    /* evidence, for accessors */
    enum probe_outcome last_outcome;
    bool tried;
    char last_detail[96];
    int64_t last_duration_us;
    int64_t last_try_mono, last_passed_mono; /* 0: never */
    unsigned failures;                       /* in a row, at most fall */
};

struct probe_rhythm {
    int64_t interval_ms;
    int64_t fast_ms; /* while the verdict is in doubt; at most the interval */
    unsigned rise, fall;
};

/* Prepares a probe that is due at `first_due` (mono ms); agents that start together choose it at random. */
void probe_init(struct probe *probe, unsigned index, const struct probe_rhythm *rhythm, int64_t first_due);

/* One event in, effects (struct probe_effect) out. */
void probe_step(struct probe *probe, const struct probe_event *event, struct queue *effects);

/* When the next PROBE_ON_TICK is due. */
struct window probe_deadline(const struct probe *probe);

/* Why the verdict is what it is, e.g. "connection refused (3 of 3)", or why the last attempt was undecided, e.g.
 * "name not resolved: no such name"; "" after a passed attempt and before the first. Writes to `out` and returns it. */
const char *probe_evidence(const struct probe *probe, char out[static 128]);

#endif
