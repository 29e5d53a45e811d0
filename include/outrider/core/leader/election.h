/* One candidate in one scope of the registry: it stands under a lease of its own, finds out who is before it, and knows
 * whether it leads. For `leader:` of an agent and for `outrider kv lock`.
 *
 *                  wanted            key stands            another is before
 *          OFF ────────────> ENTERING ─────────> PLACING ───────────────────> QUEUED
 *           ^  <──────────── │  ^                │  ^  ^                        │
 *           │   not wanted   │  │   none is      │  │  │ the one before is gone │
 *           │                │  │   before       v  │  └────────────────────────┘
 *           │                │  │            LEADING│
 *           │                │  │                └──┘ not renewed in time
 *           │ lease gone,    v  │ lease gone, wanted
 *           └────────────── LEAVING <── PLACING, QUEUED, LEADING: told to resign; the key is gone or in other hands;
 *              not wanted                        another registry, or another history of it, answers
 *
 * PLACING, QUEUED, LEADING -> ENTERING: the registry does not know the lease any more; another is granted.
 *
 * The key is PREFIX and the id of the lease in hexadecimal. It is created once, and the lowest create revision of the
 * range leads; that revision is the fencing token. A candidate watches the key before its own alone, the leader its own:
 * when one goes, one other lists the range. A silent watch is found by comparing the same key after each keepalive.
 *
 * Leading is a function of time, election_leads(): the lease counts from when the last keepalive that worked was sent, by
 * the boot clock, and a margin before its end the answer is no, whatever this machine was last told. So there are never two,
 * as long as the registry keeps what it acknowledges and no other program deletes keys or leases. Where it may lose
 * writes (no REGISTRY_CAN_KEEP), the candidate before such a loss may believe until the first answer after it, at most
 * for the TTL; its token is then no fence. Leases that end late only make the next leader late.
 *
 * The machine reads no clock and owns no connection. */
#ifndef OUTRIDER_CORE_LEADER_ELECTION_H
#define OUTRIDER_CORE_LEADER_ELECTION_H

#include "outrider/base/queue.h"
#include "outrider/core/instant.h"
#include "outrider/core/registry/lease.h"
#include "outrider/core/registry/registry_limits.h"
#include "outrider/core/registry/registry_request.h"
#include "outrider/core/registry/retry.h"

enum election_state {
    ELECTION_OFF,
    ELECTION_ENTERING, /* a lease is wanted, or the key is being written under it */
    ELECTION_PLACING,  /* the key stands; the range is listed as soon as the lease is good */
    ELECTION_QUEUED,   /* another key is before this one */
    ELECTION_LEADING,
    ELECTION_LEAVING, /* the lease is being revoked, and the key with it */
    ELECTION_STATE_COUNT
};

/* "off", "entering", "placing", "queued", "leading", "leaving". */
const char *election_state_name(enum election_state state);

/* Whether a transition between two different states is in the diagram. */
bool election_may_move(enum election_state from, enum election_state to);

/* Why a candidate does not lead any more. */
enum election_reason {
    ELECTION_RESIGNED,       /* told to */
    ELECTION_EXPIRED,        /* no keepalive worked in time, or this machine stood still */
    ELECTION_LEASE_LOST,     /* the registry does not know the lease */
    ELECTION_KEY_GONE,       /* another program deleted the key or wrote over it */
    ELECTION_OTHER_REGISTRY, /* another cluster answers, or a history that may lack writes */
    ELECTION_REASON_COUNT
};

/* "resigned", "expired", "lease_lost", "key_gone", "other_registry". */
const char *election_reason_name(enum election_reason reason);

struct election_settings {
    struct str prefix;          /* of the scope, with its final '/'; copied */
    struct blob *value;         /* of the key, NULL: empty; a reference is taken */
    int64_t ttl_ms, renew_ms;   /* of the lease; renew 0, or above a third of the TTL granted: a third */
    int64_t request_timeout_ms; /* also of opening a watch */
    uint32_t can;               /* what the registry can, a set of REGISTRY_CAN_* */
    uint64_t seed;              /* of lease ids and jitter */
};

enum election_event_type {
    ELECTION_ON_TICK,   /* time may have passed */
    ELECTION_ON_STAND,  /* be a candidate */
    ELECTION_ON_RESIGN, /* be none, now; may stand again */
    ELECTION_ON_LEAVE,  /* the same for good, with short retries: the owner ends */
    ELECTION_ON_REPLY,  /* `reply` to a request of this machine (election_awaits) */
    ELECTION_ON_WATCH   /* `watch` of this machine (election_watches) */
};

/* What is pointed to is borrowed for the step. */
struct election_event {
    enum election_event_type type;
    struct instant now;
    const struct registry_reply *reply;
    const struct registry_watch_event *watch;
};

enum election_effect_type {
    ELECTION_DO_REQUEST, /* submit `request` */
    ELECTION_DO_WATCH,   /* open `watch` */
    ELECTION_DO_UNWATCH, /* close the watch `id` */
    ELECTION_DO_GAINED, /* it leads, with `token`, which is above that of every leader before, or its own again */
    ELECTION_DO_LOST, /* it led with `token` and does not any more, for this `reason`. Comes before any request
                            that lets another lead */
    ELECTION_DO_QUEUED, /* it stands behind the key `text` */
    ELECTION_DO_GONE,   /* after RESIGN or LEAVE: no key and no lease of it is left, or none was confirmed */
    ELECTION_DO_FAILED, /* requests fail: `failure`, `text`; once for each class of failure in an outage */
    ELECTION_DO_RECOVERED, /* the outage is over: `text` says how long it was */
    ELECTION_DO_NOTE       /* `text` for the log */
};

/* Texts and keys live until the queue is taken empty; the value as long as the candidate. */
struct election_effect {
    enum election_effect_type type;
    uint64_t id;
    int64_t token;
    enum election_reason reason;
    enum registry_failure failure;
    struct str text;
    struct registry_request request;
    struct registry_watch watch;
};

enum election_ask {
    ELECTION_ASK_NOTHING,
    ELECTION_ASK_WRITE,   /* the own key, which must not exist */
    ELECTION_ASK_LIST,    /* a page of the range */
    ELECTION_ASK_READ,    /* the key that is watched */
    ELECTION_ASK_COMPARE, /* the key that is watched, and the own one */
};

/* A listing under way. */
struct election_listing {
    bool whole; /* page by page in the order of keys; else the newest keys alone */
    char *next; /* whole: the key that the next page begins with; NULL: the first */
    size_t next_size;
    size_t limit;     /* keys of a page */
    int64_t revision; /* whole: of the first page; 0: it has not come */
    bool own_seen;
    int64_t own_create, own_mod;
    char *before; /* the key with the highest create revision below the own; NULL: none yet */
    int64_t before_create, before_mod;
    uint64_t skipped;
};

/* The one key that is watched. */
struct election_watched {
    char *key; /* NULL: none */
    int64_t create, mod;
    uint64_t id; /* of the watch; 0: none is open or opening */
    int64_t retry_mono;
    struct backoff backoff;
    bool read_due, compare_due;
};

/* Only election_step writes it. An owner may read `state`, `lease`, `key` (NULL: none), `create`, `watched.key` (NULL:
 * none), `skipped`, `gained` and `lost`. */
struct election {
    struct election_settings settings;
    char *prefix, *end; /* the range */
    struct instant now; /* of the present step, as `effects` */
    struct queue *effects;
    struct queue lease_effects;
    struct random random;
    uint64_t last_id;
    enum election_state state;
    bool wanted, leaving;
    struct lease lease;
    bool lease_busy;    /* its effects are being followed up */
    int64_t enter_mono; /* ENTERING: no lease is asked for before */
    struct backoff again;
    int64_t stood_mono; /* since when the key stands */
    char *key;
    int64_t create, mod; /* revisions of the key; 0: it does not stand */
    struct {
        uint64_t id; /* 0: nothing is in flight */
        enum election_ask ask;
        int64_t sent_mono;
    } flight;
    struct backoff backoff;
    int64_t retry_mono; /* no request of its own before */
    struct election_listing listing;
    struct election_watched watched;
    uint64_t skipped; /* keys of the last listing that are no candidate's: no lease, or not named by theirs */
    uint64_t gained, lost[ELECTION_REASON_COUNT];
    struct outage outage;
    struct last_error last_error, lease_error, watch_error;
};

/* Prepares a candidate that does not stand; it is not moved in memory afterwards. To be ended with election_fini. */
void election_init(struct election *election, const struct election_settings *settings);

/* Frees what it owns; accepts NULL and a zeroed one. The lease is not revoked. */
void election_fini(struct election *election);

/* The key gets `value` (a reference is taken) when it is written next. */
void election_describe(struct election *election, struct blob *value);

/* One event in, effects (struct election_effect) out. */
void election_step(struct election *election, const struct election_event *event, struct queue *effects);

/* When a step is needed although nothing happens. */
struct window election_deadline(const struct election *election);

/* Whether it leads at `now`; then `*ret_token` (NULL: not wanted) is the fencing token. Right at any moment, also after a
 * stop that no step has seen yet. */
bool election_leads(const struct election *election, const struct instant *now, int64_t *ret_token);

/* How long, in ms, before its lease of `ttl_ms` ends a leader does not believe any more: clocks may differ in speed, and
 * who asked needs time to act. */
int64_t election_margin(int64_t ttl_ms);

/* What fails, "" while nothing does; borrowed until the next step. */
const char *election_error(const struct election *election);

/* Whether the reply to the request `id` is waited for. */
bool election_awaits(const struct election *election, uint64_t id);

/* Whether `id` is the present watch. */
bool election_watches(const struct election *election, uint64_t id);

#endif
