/* The lease machine: keeps one lease in the registry for its holder. It chooses the id, grants, renews, asks
 * whether a lease still stands, and revokes. What is written under the lease is the holder's business.
 *
 *                    wanted               granted              suspected
 *            NONE ───────────> GRANTING ───────────────> HELD <────────────> SUSPECT
 *             │                   │ the id is in use       ^  │ any answer      │
 *             │ a restart         v                renewed │  │ gap             │ gap
 *             └────────────> RECOVERING ───────────────────┘  │                 │
 *                                 ^───────────────────────────┴─────────────────┘
 *
 *     from                            to           when
 *     RECOVERING, HELD, SUSPECT       NONE         the registry does not know the lease
 *     every other state               REVOKING     it is not wanted any more
 *     REVOKING                        NONE         revoked, or not found
 *     REVOKING                        RECOVERING   wanted again: the revoke may have been done
 *     GRANTING                        NONE         the agent ends before the grant is confirmed; or the lease is not
 *                                                  wanted any more, and the registry has not said its id
 *     every other state               NONE         abandoned: another agent holds the same lease
 *
 * Every transition is an effect with its cause. Requests of the holder that name the lease are refused where
 * it is gone: the holder reports that (LEASE_ON_LOST). The lease counts from when the request was sent that
 * granted or renewed it (docs/design/etcd-gateway.md, "Lease deadline"). */
#ifndef OUTRIDER_CORE_REGISTRY_LEASE_H
#define OUTRIDER_CORE_REGISTRY_LEASE_H

#include "outrider/base/queue.h"
#include "outrider/core/instant.h"
#include "outrider/core/registry/retry.h"

enum lease_state {
    LEASE_NONE,
    LEASE_RECOVERING, /* an id that may or may not stand: a keepalive tells */
    LEASE_GRANTING,   /* an id is chosen and asked for; the registry has not confirmed it */
    LEASE_HELD,
    LEASE_SUSPECT, /* held, but there is a sign that it is gone: nothing is written before a keepalive tells */
    LEASE_REVOKING
};

enum { LEASE_STATE_COUNT = LEASE_REVOKING + 1 };

/* "none", "recovering", "granting", "held", "suspect", "revoking". */
const char *lease_state_name(enum lease_state state);

/* Whether the lease was granted or renewed and nothing has said since that it is gone. */
static inline bool lease_is_held(enum lease_state state)
{
    return state == LEASE_HELD || state == LEASE_SUSPECT;
}

/* Why a lease changed its state, and what the log says of it. */
#define LEASE_CAUSES(X)                                                                                      \
    X(RESTART, "held before the restart")                                                                    \
    X(WANTED, "wanted")                                                                                      \
    X(GRANTED, "granted")                                                                                    \
    X(RENEWED, "renewed")                                                                                    \
    X(EXISTS, "granted by an earlier request")                                                               \
    X(NOT_FOUND, "not found in the registry")                                                                \
    X(GAP, "gap longer than the TTL")                                                                        \
    X(KEY_GONE, "the key under it is gone")                                                                  \
    X(CLUSTER, "another cluster answers")                                                                    \
    X(NOT_LOST, "not reported lost")                                                                         \
    X(UNWANTED, "not wanted any more")                                                                       \
    X(WANTED_AGAIN, "wanted again")                                                                          \
    X(REVOKED, "revoked")                                                                                    \
    X(UNCONFIRMED, "left before it was confirmed")                                                           \
    X(ABANDONED, "left to another agent with the same lease")

#define LEASE_CAUSE(name, text) LEASE_CAUSE_##name,
enum lease_cause { LEASE_CAUSES(LEASE_CAUSE) };
#undef LEASE_CAUSE

/* The cause as a few words for the log. */
const char *lease_cause_text(enum lease_cause cause);

/* What the holder wants of the lease. */
enum lease_goal {
    LEASE_GOAL_KEEP,    /* keep what is there, grant nothing: the first goal */
    LEASE_GOAL_HOLD,    /* have one */
    LEASE_GOAL_RELEASE, /* have none: revoke */
    LEASE_GOAL_LEAVE    /* revoke, with short retries; the agent ends. Final */
};

struct lease_settings {
    int64_t ttl_ms;       /* asked for */
    int64_t heartbeat_ms; /* between heartbeats, at most a third of the granted TTL; 0: that */
    int64_t request_timeout_ms;
    bool chooses_id;       /* of a lease: REGISTRY_CAN_CHOOSE_LEASE */
    struct random *random; /* the holder's: of ids and jitter */
    uint64_t *last_id;     /* the holder's: its latest request id, counted up for each request */
};

/* The registry's cluster, as its answers name it. */
struct lease_cluster {
    uint64_t id, before; /* 0: unknown; no other one has answered */
    uint64_t epoch;      /* of `id`: another one may lack writes that were acknowledged; 0: unknown */
    int64_t changed_mono, epoch_mono; /* when `id` and when its `epoch` last became another */
    unsigned turns;                   /* how often it went back to the one before */
    struct backoff backoff;
};

struct lease_flight {
    uint64_t id; /* 0: nothing is in flight */
    enum registry_op op;
    bool before_gap; /* its answer says nothing of a lease that is being recovered */
    int64_t sent_boot, sent_mono;
};

/* Read-only outside of core/registry/lease.c. */
struct lease {
    struct lease_settings settings;
    struct instant now; /* of the present step, as `effects` */
    struct queue *effects;
    enum lease_state state;
    enum lease_goal goal;
    struct registry_lease id;
    int64_t ttl_ms;        /* as granted last; 0: never */
    int64_t deadline_boot; /* ends then, unless a heartbeat arrives */
    int64_t maybe_boot;    /* the same, if the heartbeats without an answer did arrive */
    int64_t granted_mono;
    int64_t asleep_ms; /* boot clock ahead of mono: it grows while the machine sleeps */
    struct window heartbeat;
    struct lease_flight flight;
    struct backoff backoff;
    int64_t retry_mono; /* no request before */
    struct lease_cluster cluster;
};

enum lease_event_type {
    LEASE_ON_TICK,    /* time may have passed */
    LEASE_ON_GOAL,    /* the holder's `goal` */
    LEASE_ON_RECOVER, /* lease `id`, granted for `ttl_ms` (0: unknown), is of before a restart. In NONE only */
    LEASE_ON_REPLY,   /* `reply` to the request in flight (lease_awaits) */
    LEASE_ON_LOST,    /* a request of the holder was refused: the lease does not exist */
    LEASE_ON_SUSPECT, /* what stood under the lease is gone */
    LEASE_ON_GAP,     /* nothing could be done for longer than the TTL */
    LEASE_ON_CLUSTER, /* `cluster` answers at `endpoint`, in its history `epoch` (0: it has only one) */
    LEASE_ON_ABANDON  /* another agent holds the same lease: leave it alone, without revoking it */
};

struct lease_event {
    enum lease_event_type type;
    struct instant now;
    enum lease_goal goal;
    struct registry_lease id;
    int64_t ttl_ms;
    const struct registry_reply *reply;
    uint64_t cluster, epoch;
    struct str endpoint;
};

enum lease_effect_type {
    LEASE_DO_REQUEST, /* submit `request` */
    LEASE_DO_SAVE,    /* lease.id or lease.ttl_ms is new: a restart needs them; `urgent`: before the requests
                         that follow */
    LEASE_DO_MOVED,   /* `from` one state `to` another, for lease `id` and for this `cause` */
    LEASE_DO_SHORTENED, /* the configured interval of heartbeats is too long for the TTL granted: `text` */
    LEASE_DO_RENEWED,   /* a heartbeat of a held lease arrived */
    LEASE_DO_ANSWERED,  /* the registry answered a request, whatever it said of the lease */
    LEASE_DO_FAILED,    /* it did not, or refused `op`: `failure`, and `text` with the error of the reply */
    LEASE_DO_CLUSTER /* another cluster answers, or another history of it: nothing that was known of its keys
                        holds. `text` for the log,
                          empty when there is nothing new to log */
};

struct lease_effect {
    enum lease_effect_type type;
    struct registry_request request;
    bool urgent;
    enum lease_state from, to;
    enum lease_cause cause;
    struct registry_lease id;
    enum registry_op op;
    enum registry_failure failure;
    struct str text;
};

/* A lease in state NONE; no resources, nothing to free. The pointers of `settings` must outlive it. */
void lease_init(struct lease *lease, const struct lease_settings *settings);

/* One event in, effects (struct lease_effect) out. */
void lease_step(struct lease *lease, const struct lease_event *event, struct queue *effects);

/* When a step is needed although nothing happens. */
struct window lease_deadline(const struct lease *lease);

/* Whether the request of this id is in flight. */
bool lease_awaits(const struct lease *lease, uint64_t id);

/* Why `reply` to a request sent at `sent_mono` says nothing about the present cluster and its present epoch: it was
 * under way when they changed. NULL: it counts. */
const char *lease_outdated(const struct lease *lease, const struct registry_reply *reply, int64_t sent_mono);

/* Whether a transition between two different states is in the diagram. */
bool lease_may_move(enum lease_state from, enum lease_state to);

#endif
