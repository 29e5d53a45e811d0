/* One probe as a machine: when to try, what the tries add up to.
 *
 *              contact, or interval over                    verdict known
 *     WAITING ───────────────────────────> TRYING ───────────────────────> WAITING
 *        ^                                   │ passed, verdict not passing yet (new contact):
 *        └───────────────────────────────────┘ tries again at once, back to back
 *
 * A try is an effect; its result comes back as an event with the same id. Results of tries that were given up
 * (reset) are dropped by their id. */
#ifndef OUTRIDER_CORE_PROBE_PROBE_H
#define OUTRIDER_CORE_PROBE_PROBE_H

#include "outrider/base/queue.h"
#include "outrider/core/instant.h"
#include "outrider/core/probe/health.h"

#include <stdbool.h>
#include <stdint.h>

enum probe_event_type {
    PROBE_ON_TICK,    /* time may have passed */
    PROBE_ON_RESULT,  /* a try ended */
    PROBE_ON_CONTACT, /* the server gave a sign of life: try now unless passing */
    PROBE_ON_RESET    /* a life ended or began: forget every verdict, keep the rhythm */
};

struct probe_event {
    enum probe_event_type type;
    struct instant now;
    uint64_t try_id;            /* result */
    enum probe_outcome outcome; /* result */
    const char *detail;         /* result: words for a person, borrowed */
    int64_t duration_us;        /* result */
};

enum probe_effect_type {
    PROBE_DO_TRY,    /* begin a try with this id; it must answer within `timeout_ms` */
    PROBE_DO_VERDICT /* the verdict changed */
};

struct probe_effect {
    enum probe_effect_type type;
    unsigned index; /* which probe, as given to probe_init */
    uint64_t try_id;
    int64_t timeout_ms;
    enum verdict verdict;
};

struct probe {
    unsigned index;
    int64_t interval_ms, timeout_ms;
    struct health health;
    uint64_t try_id; /* of the latest try */
    bool trying;
    bool by_contact; /* the try under way began with a contact: further ones do not restart it */
    int64_t due;     /* mono ms of the next try */

    /* evidence, for accessors */
    enum probe_outcome last_outcome;
    bool tried;
    char last_detail[96];
    int64_t last_duration_us;
    int64_t last_try_mono, last_passed_mono; /* 0: never */
    unsigned failures;                       /* in a row, not above fall */
};

/* Prepares a probe that is due at `first_due` (mono ms): agents that start together choose it at random. */
void probe_init(struct probe *probe, unsigned index, int64_t interval_ms, int64_t timeout_ms, unsigned rise,
                unsigned fall, int64_t first_due);

/* One event in, effects (struct probe_effect) out. */
void probe_step(struct probe *probe, const struct probe_event *event, struct queue *effects);

/* When a step is needed although nothing happens. */
struct window probe_deadline(const struct probe *probe);

/* Why the verdict is what it is, e.g. "connection refused (3 of 3)"; "" when there is nothing to say. Writes to
 * `out` and returns it. */
const char *probe_evidence(const struct probe *probe, char out[static 128]);

#endif
