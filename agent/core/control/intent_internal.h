/* The inside of core/control: intent.c (events, replies, what to request next), intent_learn.c (what the value of
 * the key means beside the hold here), control_write.c (one write for a command). */
#ifndef OUTRIDER_CORE_CONTROL_INTENT_INTERNAL_H
#define OUTRIDER_CORE_CONTROL_INTENT_INTERNAL_H

#include "outrider/base/backoff.h"
#include "outrider/base/random.h"
#include "outrider/core/control/intent.h"
#include "outrider/core/registry/retry.h"

/* Writes without an answer that are remembered; of more than these the oldest counts as an external change. */
enum { MAYBE_WRITTEN_MAX = 4 };

/* START leads to RUNNING, LEAVE to LEAVING, and DONE follows when nothing is left to do at the key. */
enum intent_phase { INTENT_NEW, INTENT_RUNNING, INTENT_LEAVING, INTENT_DONE };

/* The request in flight; id 0: none. */
struct intent_flight {
    uint64_t id;
    enum registry_op op;
    struct hold hold; /* put */
    int64_t applied;  /* the newest revision that the watch reported meanwhile; 0: none */
};

struct intent {
    struct instant now; /* of the present step, as `effects` */
    struct queue *effects;
    char *key;
    int64_t request_timeout_ms;
    bool ephemeral;
    struct random random;
    uint64_t next_id;
    enum intent_phase phase; /* changed by set_phase() alone */

    struct hold local;    /* as the server has it */
    bool pending;         /* a change made here has not reached the key */
    int64_t pending_wall; /* since when */
    int64_t seen;         /* mod revision that `local` accounts for; 0: never, or absent */
    int64_t saved_seen;   /* as state_dir has them */
    bool saved_pending;

    bool known;   /* `value`, `revision` and `as_of` hold */
    bool settled; /* the key was read, or could not be */
    struct intent_value value;
    int64_t revision; /* mod revision of the key; 0: absent */
    int64_t
        as_of; /* the store's revision as of which `value` holds: what the watch reports up to it is old */
    bool must_read;
    bool slow; /* the last failure was one for slow retries */
    /* What writes without an answer wrote, oldest first. Of one from before a restart maybe only since_wall is
     * known; then `by` is empty. */
    struct hold maybe_written[MAYBE_WRITTEN_MAX];
    size_t maybe_written_count;

    struct intent_flight flight;
    struct backoff backoff;
    int64_t retry;     /* mono: no request before */
    int64_t write_tat; /* mono: theoretical arrival time of the next write */
    struct last_error last_error;
    struct outage outage;
    bool put_again_logged; /* that the key was gone; until another writer writes it */
    unsigned leave_tries;
};

/* intent_learn.c: the key is `value` at mod revision `revision` (0: absent), as of the store's revision `as_of`. */
void intent_learn(struct intent *intent, const struct intent_value *value, int64_t revision, int64_t as_of);

/* An own write of `hold` stands at `revision`. */
void intent_written(struct intent *intent, const struct hold *hold, int64_t revision);

/* Whether the value says what `hold` says. */
bool intent_same(const struct intent_value *value, const struct hold *hold);

/* Whether both are lifted, or say the same. */
bool intent_same_hold(const struct hold *a, const struct hold *b);

/* intent.c */
struct intent_effect *intent_emit(struct intent *intent, enum intent_effect_type type);
void intent_note(struct intent *intent, enum intent_note note, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
