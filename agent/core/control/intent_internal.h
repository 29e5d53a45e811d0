/* The inside of core/intent: intent.c (events, replies, what to ask next), intent_learn.c (what the key's
 * value means beside the hold that is here). */
#ifndef OUTRIDER_CORE_CONTROL_INTENT_INTERNAL_H
#define OUTRIDER_CORE_CONTROL_INTENT_INTERNAL_H

#include "outrider/base/backoff.h"
#include "outrider/base/random.h"
#include "outrider/core/control/intent.h"
#include "outrider/core/registry/retry.h"

/* Writes whose outcome nobody could tell: more than these and the oldest is taken for somebody else's. */
enum { UNSURE_MAX = 4 };

/* One request in flight at most; id 0: none. */
struct intent_flight {
    uint64_t id;
    enum registry_op op;
    struct hold hold; /* put */
    int64_t applied;  /* the newest revision the watch told meanwhile; 0: none */
};

struct intent {
    char *key;
    int64_t request_timeout_ms;
    bool ephemeral;
    struct random random;
    uint64_t next_id;

    struct hold local;    /* as the server has it */
    bool pending;         /* a change made here has not reached the key */
    int64_t pending_wall; /* since when */
    int64_t seen;         /* mod revision that `local` knows of; 0: never, or absent */
    int64_t saved_seen;   /* as state_dir has them */
    bool saved_pending;

    bool started, known, settled; /* known: `value`, `revision` and `as_of` count */
    struct intent_value value;
    int64_t revision; /* mod revision of the key; 0: absent */
    int64_t as_of;    /* the store's revision at which it was so: what the watch tells of before is old */
    bool must_read;
    bool slow; /* the last failure was one that deserves slow retries */
    struct hold
        maybe_written[UNSURE_MAX]; /* what such writes wrote; of one of before the restart maybe no more is
                                       known than since when: then nobody is named */
    size_t maybe_written_count;

    struct intent_flight flight;
    struct backoff backoff;
    int64_t retry;     /* mono: no request before */
    int64_t write_tat; /* mono: theoretical arrival time of the next write */
    struct last_error last_error;
    struct outage outage;
    bool again_told; /* that the key was gone, until somebody else writes it */

    bool leaving, tidy;
    unsigned leave_tries;
};

/* intent_learn.c: the key is `value` at mod revision `revision` (0: absent), as of the store's revision
 * `as_of`. */
void intent_learn(struct intent *intent, const struct intent_value *value, int64_t revision, int64_t as_of,
                  const struct instant *now, struct queue *effects);

/* Our own write of `hold` stands at `revision`. */
void intent_flight_clear(struct intent *intent, const struct hold *hold, int64_t revision);

/* Whether the value says what `hold` says. */
bool intent_same(const struct intent_value *value, const struct hold *hold);

/* Whether both are lifted, or say the same. */
bool intent_same_hold(const struct hold *a, const struct hold *b);

void intent_note(struct queue *effects, enum intent_note note, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
