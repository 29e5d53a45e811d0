/* Operator intent: keeps the ops hold here and the control key of one server the same (docs/design/protocol.md,
 * "Control key"). A reconciler like the registrar, with at most one request in flight.
 *
 *     key changed (read, or reported by the watch)      hold changed here (signal, command, API, expiry)
 *        │ no change pending: ADOPT, the key wins          │ PENDING: put, if the revision is the one last seen
 *        │ PENDING: a drain wins                           │    done: in sync
 *        │    drains here, lifted there: put               │    another revision: as when the key changed
 *        │    lifted here, drains there: ADOPT             │    no answer: read first
 *        │    drains on both sides: ADOPT
 *        └ gone: no opinion; a hold set here is put again
 *
 * Values come decoded and go out as holds: bytes are the codec's. Replies are matched by request id. */
#ifndef OUTRIDER_CORE_CONTROL_INTENT_H
#define OUTRIDER_CORE_CONTROL_INTENT_H

#include "outrider/base/queue.h"
#include "outrider/core/instant.h"
#include "outrider/core/registry/registry_request.h"
#include "outrider/core/server/hold.h"

struct intent;

struct intent_settings {
    const char *key; /* copied */
    int64_t request_timeout_ms;
    bool ephemeral; /* the id ends with this agent: a clean stop removes the key */
    uint64_t seed;  /* of jitter */
};

/* What the control key holds. */
enum intent_content {
    INTENT_ABSENT,    /* there is no key: no opinion */
    INTENT_LIFTED,    /* {"hold":null} */
    INTENT_HELD,      /* a hold */
    INTENT_UNREADABLE /* an invalid value: no opinion either, but an operator must look at it */
};

struct intent_value {
    enum intent_content content;
    struct hold hold; /* held: reason, by and wall times; no since: when it was first seen */
    char error[200];  /* unreadable: why */
};

enum intent_event_type {
    INTENT_ON_TICK,  /* time may have passed */
    INTENT_ON_START, /* `hold` is the one of before the restart; `revision` of the key was seen last (0: never,
                          * or it was absent); `pending`: the hold had not reached it yet; `sent_wall` as in the
                          * facts of then */
    INTENT_ON_LOCAL,     /* the hold was changed here and is now `hold` */
    INTENT_ON_REPLY,     /* `reply` to a request; `value` is what its kv holds */
    INTENT_ON_CHANGED,   /* the watch reports that the key became `value` at `revision` */
    INTENT_ON_READ_BACK, /* it may have changed unseen: read it */
    INTENT_ON_LEAVE      /* the agent ends */
};

struct intent_event {
    enum intent_event_type type;
    struct instant now;
    const struct hold *hold;
    int64_t revision, sent_wall;
    bool pending;
    const struct registry_reply *reply;
    const struct intent_value *value;
};

/* Changes worth a line in the log. */
enum intent_note {
    INTENT_NOTE_ADOPTED,    /* the key drains or lifts, and the hold here follows */
    INTENT_NOTE_CONFLICT,   /* it was changed on both sides: `text` says which change stands */
    INTENT_NOTE_PUT_AGAIN,  /* the key was gone; the hold here is put again */
    INTENT_NOTE_UNREADABLE, /* its value is invalid and changes nothing */
    INTENT_NOTE_OUTAGE,     /* it cannot be read or written: `text` is the first failure */
    INTENT_NOTE_RECOVERED,  /* it can again */
    INTENT_NOTE_LEFT        /* the key of an id that ends could not be removed */
};

enum intent_effect_type {
    INTENT_DO_REQUEST, /* submit `request`; a put writes `hold` (not set: lifted) */
    INTENT_DO_ADOPT,   /* the hold is to be `hold` (not set: lifted), by its wall times */
    INTENT_DO_SETTLE,  /* once: the key was read, or could not be */
    INTENT_DO_SAVE,    /* `seen` or `pending` of the facts changed: a restart needs them */
    INTENT_DO_DONE,    /* after LEAVE: nothing is left to do at the key */
    INTENT_DO_NOTE     /* log `note` with `text` */
};

struct intent_effect {
    enum intent_effect_type type;
    struct registry_request request;
    struct hold hold;
    enum intent_note note;
    struct str text;
};

/* An intent that does nothing until START. The caller owns it. */
struct intent *intent_new(const struct intent_settings *settings);

/* Accepts NULL. */
void intent_free(struct intent *intent);

/* One event in, effects (struct intent_effect) out. */
void intent_step(struct intent *intent, const struct intent_event *event, struct queue *effects);

/* When a step is needed although nothing happens. */
struct window intent_deadline(const struct intent *intent);

/* What is known of the control key at this moment. */
struct intent_facts {
    const char *key;
    bool settled; /* DO_SETTLE was emitted: nothing need wait for the key any more */
    bool known;   /* its value is known */
    bool in_sync; /* and is the wanted one */
    int64_t seen; /* its mod revision as last seen; 0: absent, or never seen */
    /* since_wall of the hold in the latest write whose outcome is unknown; 0: none. A restart needs it: the value
     * it finds may be an own write of before. */
    int64_t sent_wall;
    bool pending;           /* a change made here has not reached the key yet */
    int64_t pending_wall;   /* since when; of before a restart: since the start */
    const char *last_error; /* why requests fail; "": they do not */
    const char *unreadable; /* why the value cannot be used; "": it can */
};

/* Texts are borrowed until the next step. */
struct intent_facts intent_facts(const struct intent *intent);

#endif
