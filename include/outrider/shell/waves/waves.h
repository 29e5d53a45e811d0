/* Operations on waves of servers in the registry (docs/design/protocol.md, "Waves"): an observer follows their keys, and drives
 * them while it holds their lock.
 *
 *     registry ──reply, watch──> waves ──mirror of drains/──> core/wave, while the lock is held ──transaction──> waves_carry_out()
 *
 * One lock for all of them, a candidacy of core/leader: what one operation holds counts for the floor of another. It is wanted
 * while an operation is not over. With it the control keys are listed and followed.
 *
 * Every step is one transaction: the key of the lock is as it was when it was gained, the operation is at the revision that was
 * stepped, each control key at its own; then the next value of the operation and the holds are written together. So an
 * observer that does not lead any more changes nothing, and no crash comes between a hold and what the operation says of it.
 *
 * It reads no clock and owns no connection. */
#ifndef OUTRIDER_SHELL_WAVES_WAVES_H
#define OUTRIDER_SHELL_WAVES_WAVES_H

#include "outrider/core/instant.h"
#include "outrider/core/registry/mirror.h"
#include "outrider/core/registry/registry_request.h"
#include "outrider/core/wave/wave.h"
#include "outrider/core/wave/wave_step.h"

struct waves;

/* The owner; every implementation of waves_carry_out() defines its own. */
struct waves_owner;

/* Each is a client of the registry of its own. */
enum waves_client { WAVES_OPERATIONS, WAVES_CONTROLS, WAVES_LOCK, WAVES_WRITER, WAVES_CLIENT_COUNT };

enum {
    WAVES_OPERATIONS_MAX = 64, /* that are kept: the oldest that are over go */
    WAVES_ACTIVE_MAX = 16,     /* that are not over */
    WAVES_ASKS_MAX = 32        /* requests of operators under way */
};

struct waves_settings {
    const char *control_prefix; /* copied */
    int64_t ttl_ms, request_timeout_ms;
    uint32_t can; /* what the registry can */
    uint64_t seed;
    struct blob *candidate; /* value of the key of the lock; a reference is taken */
};

enum waves_outcome {
    WAVES_WRITTEN,
    WAVES_SO_ALREADY, /* nothing had to be written */
    WAVES_UNKNOWN_ID,
    WAVES_NOT_NOW,  /* its state does not allow it */
    WAVES_CONFLICT, /* others keep changing it */
    WAVES_FAILED,   /* as `failure` and `text` say */
    WAVES_OUTCOME_COUNT
};

enum waves_effect_type {
    WAVES_DO_REQUEST, /* submit `request` for `client` */
    WAVES_DO_WATCH,   /* open `watch` */
    WAVES_DO_UNWATCH, /* close the watch `id` */
    WAVES_DO_CHANGED, /* `wave` is another one; `gone`: its key was removed */
    WAVES_DO_ANSWER, /* the request `ticket` of an operator came to `outcome`; `wave` as it is then, NULL: none */
    WAVES_DO_LEAD, /* it drives from now on, or (`gone`) does not any more, because of `text` */
    WAVES_DO_NOTE  /* `text` for the log, a warning; `good`: no warning */
};

/* Borrowed for the call. */
struct waves_effect {
    enum waves_effect_type type;
    enum waves_client client;
    uint64_t id, ticket;
    bool gone, good;
    enum waves_outcome outcome;
    enum registry_failure failure;
    const struct registry_request *request;
    const struct registry_watch *watch;
    const struct wave *wave;
    struct str text;
};

/* Carries out one effect. It does not step the waves from within. */
void waves_carry_out(struct waves_owner *owner, const struct waves_effect *effect);

enum waves_event_type {
    WAVES_ON_START, /* follow the operations */
    WAVES_ON_STOP,  /* no longer; the lock is given up */
    WAVES_ON_TICK,  /* time may have passed */
    WAVES_ON_REPLY, /* `reply` of `client` */
    WAVES_ON_WATCH, /* `watch` of `client` */
    WAVES_ON_FLEET /* the fleet is `servers`, in the order of their places, and that is certain; they are marked */
};

struct waves_event {
    enum waves_event_type type;
    struct instant now;
    enum waves_client client;
    const struct registry_reply *reply;
    const struct registry_watch_event *watch;
    struct wave_seen *servers;
    size_t count;
};

/* Follows nothing yet. `owner` is borrowed; the caller owns the result. */
struct waves *waves_new(const struct waves_settings *settings, struct waves_owner *owner);

/* Accepts NULL. */
void waves_free(struct waves *waves);

/* One event; all effects are carried out on return. */
void waves_event(struct waves *waves, const struct waves_event *event);

/* When a tick is needed although nothing happens, mono ms. */
int64_t waves_deadline(const struct waves *waves);

/* Whether WAVES_ON_FLEET would do something: it drives, and no transaction is under way. `*ret_due_mono`: not before, unless the fleet
 * changes. */
bool waves_wants_fleet(const struct waves *waves, const struct instant *now, int64_t *ret_due_mono);

/* A new operation, or an order for one. The outcome is the answer to `ticket`. `wave` is copied. One with a `key` is written once
 * (wave_identify): the same request within a minute, to whichever observer, is SO_ALREADY with the one that is there. False, with
 * nothing begun: too many are under way. */
bool waves_create(struct waves *waves, const struct wave *wave, uint64_t ticket, const struct instant *now);
bool waves_order(struct waves *waves, struct str id, enum wave_order order, uint64_t ticket,
                 const struct instant *now);

struct waves_facts {
    const struct mirror_facts *operations; /* of their mirror */
    size_t count, active;                  /* operations, and those that are not over */
    size_t unreadable;                     /* keys that are none */
    bool leads;                            /* as of the last step */
    uint64_t held, lifted;                 /* holds put and lifted by this observer */
    uint64_t refused;                      /* transactions that compared with something else by then */
};

/* What holds since the last event. */
struct waves_facts waves_facts(const struct waves *waves);

/* Operation number `index`, the oldest first. Borrowed until the next event. */
const struct wave *waves_at(const struct waves *waves, size_t index);

#endif
