/* The registrar: publishes one record at one key under one lease, whatever happens to either
 * (docs/design/protocol.md, "Lease" and "Key ownership"). It is a reconciler. Three states decide what to
 * request next; requests come from nowhere else (registrar_plan.c).
 *
 *     goal    IDLE ──> PUBLISH <──> WITHDRAW       LEAVE, from each of them, is final; GONE once no lease is left
 *
 *     lease   core/registry/lease.h. A key is read and written while the lease is HELD
 *
 *     key     UNKNOWN        of before a restart: read before anything is written
 *             SYNCED         holds what is wanted (or nothing is wanted)
 *             DIRTY          does not: write, if the revision is still the known one
 *             MAYBE_WRITTEN  a write has no answer: write again, or read where there is nothing to write
 *             CONFLICT       under another lease: wait for its end
 *
 *             from           to              when
 *             SYNCED         UNKNOWN         a restart recovers a lease
 *             UNKNOWN        SYNCED, DIRTY   the key was read, or the recovered lease is gone
 *             SYNCED         DIRTY           another record is offered; the key was changed or deleted; the
 *                                            lease is gone; another cluster answers
 *             DIRTY          SYNCED          written; or what stands there is wanted again
 *             SYNCED, DIRTY  MAYBE_WRITTEN   the outcome of a write is unknown (SYNCED: wanted again meanwhile)
 *             MAYBE_WRITTEN  SYNCED, DIRTY   a read or a write was answered, or the lease is gone
 *             not CONFLICT   CONFLICT        an answer or the watch shows another lease at the key
 *             CONFLICT       SYNCED, DIRTY   that lease is gone, or the key is under the own one after all
 *
 * While writes are refused the lease is kept, except for a ready record of a server that is not ready: after a
 * TTL it is revoked (registrar_plan.c); so is one of before a restart that cannot be read. Another agent that keeps writing under the same lease gets the
 * lease, and is a conflict from then on (registrar_conflict.c).
 *
 * Replies are matched by request id; others are ignored. A change reported by the watch counts if its revision
 * is newer than the one as of which the key is known, which excludes own writes.
 *
 * A claim, which the game server makes as the player of a reservation arrives, joins a write: the seats key is read, the write of the
 * record waits for the answer, and the transaction that writes the record removes the reservation, if neither key was changed
 * since it was read (registrar_claims.c). So no observer sees a moment in which the seat is neither reserved nor
 * counted in `players`. Each claim ends with one REGISTRAR_DO_CLAIMED.
 *
 *     WAITING ──read: reserved──> RESERVED ──written: REGISTRAR_CLAIMED
 *        │  ^                        │
 *        │  └──written, another one──┘
 *        ├──read: not there: REGISTRAR_CLAIM_UNKNOWN, or REGISTRAR_CLAIMED where it was claimed lately
 *        └──5 s, refused, the agent ends: REGISTRAR_CLAIM_AWAY, and it may be made again (also from RESERVED)
 *
 * Where players are counted by a probe, the owner makes the claim known once the count has risen. */
#ifndef OUTRIDER_CORE_PUBLISH_REGISTRAR_H
#define OUTRIDER_CORE_PUBLISH_REGISTRAR_H

#include "outrider/base/blob.h"
#include "outrider/base/queue.h"
#include "outrider/core/instant.h"
#include "outrider/core/registry/lease.h"
#include "outrider/core/registry/registry_limits.h"
#include "outrider/core/registry/registry_request.h"

struct registrar;

enum registrar_goal {
    REGISTRAR_IDLE, /* nothing was offered yet: a recovered lease is kept, none is granted */
    REGISTRAR_PUBLISH,
    REGISTRAR_WITHDRAW, /* no record until the next offer */
    REGISTRAR_LEAVE,    /* the agent ends */
    REGISTRAR_GONE
};

enum key_state { KEY_UNKNOWN, KEY_SYNCED, KEY_DIRTY, KEY_MAYBE_WRITTEN, KEY_CONFLICT };

enum { KEY_STATE_COUNT = KEY_CONFLICT + 1 };

/* Claims that wait at a time; ids that count as claimed lately; reservations that one write
 * removes, so that it stays within REGISTRY_TXN_MAX. */
enum { REGISTRAR_CLAIMS_MAX = 256, REGISTRAR_CLAIMED_MAX = 128, REGISTRAR_CLAIMS_OF_WRITE = 12 };

/* How a claim ends. */
enum registrar_claim_outcome {
    REGISTRAR_CLAIMED,       /* the reservation is gone from the registry, or was claimed lately */
    REGISTRAR_CLAIM_UNKNOWN, /* there is no such reservation, or it has lapsed */
    REGISTRAR_CLAIM_AWAY,    /* not known: the registry does not answer, or refuses */
    REGISTRAR_CLAIM_OUTCOMES
};

/* The seats key of this server, as an answer shows it, decoded. */
struct registrar_seats {
    int64_t revision;       /* mod revision; 0: there is no such key */
    struct blob *value;     /* as it is; NULL: nothing */
    const struct str *live; /* ids of the reservations that have not lapsed */
    size_t live_count;
};

struct registrar_settings {
    const char *key; /* copied */
    const char
        *seats_key; /* where the reservations of this server are; copied; NULL: nothing is ever claimed */
    const char *const *claimed; /* ids claimed lately before a restart; copied */
    size_t claimed_count;
    int64_t now_boot; /* from when on these count */
    int64_t ttl_ms;
    int64_t heartbeat_ms; /* 0: between TTL/4 and TTL/3 */
    int64_t request_timeout_ms;
    int64_t min_publish_interval_ms;
    uint64_t seed; /* of lease ids and jitter */
    uint32_t can;  /* what the registry can, a set of REGISTRY_CAN_* */
};

enum registrar_event_type {
    REGISTRAR_ON_TICK,    /* time may have passed */
    REGISTRAR_ON_RECOVER, /* the first event: before a restart `lease` was held, or at least requested, for
                             `ttl_ms` (0: unknown) */
    REGISTRAR_ON_OFFER, /* publish `value` (a reference is taken), which makes the `promise`; `urgent`: status,
                             holds or address changed; `counted` as below */
    REGISTRAR_ON_STANDS, /* the latest offer, or the record taken over, is still true */
    /* The game server claims the reservation `claim`; the answer names `ticket`. Nothing is requested within this step, but by
     * the next one: an OFFER of what the same line reports comes first. `counted`: a probe counts `players`, so that the player
     * who has arrived is in no record yet; the reservation stays until one more is offered, or they are not counted any more. */
    REGISTRAR_ON_CLAIM,
    REGISTRAR_ON_WITHDRAW, /* remove the record until the next offer */
    REGISTRAR_ON_REPLY,    /* `reply` to a request */
    REGISTRAR_ON_LEAVE,    /* the agent ends: revoke, and grant nothing any more */
    REGISTRAR_ON_RELOAD,   /* `min_publish_interval_ms` is new */
    REGISTRAR_ON_CHANGED,  /* the watch reports a `change` of the key */
    REGISTRAR_ON_READ_BACK, /* the key may have changed up to `revision` of the store: the watch is open there */
    REGISTRAR_ON_AS_KNOWN, /* the key was compared and is as known: it need not be read */
    REGISTRAR_ON_CLUSTER,  /* the watch is open at `endpoint`, in `cluster` and `epoch` */
    REGISTRAR_ON_GAP /* for `gap_ms`, longer than the TTL, the agent did not run: the machine slept, or the
                        process was stopped. Nothing is written before the next OFFER or STANDS */
};

/* What a record promises to players: that they can join, nothing, or that nothing would answer them. */
enum registrar_promise { REGISTRAR_PROMISE_READY, REGISTRAR_PROMISE_HELD, REGISTRAR_PROMISE_DOWN };

struct registrar_event {
    enum registrar_event_type type;
    struct instant now;
    struct registry_lease lease;
    int64_t ttl_ms;
    struct blob *value;
    bool urgent;
    enum registrar_promise promise; /* with every event: of the server's present status; offer: of `value` */
    const struct registry_reply *reply;
    const struct registrar_seats
        *seats; /* reply: of the seats key, where the answer shows it; NULL: it does not */
    struct str claim;
    uint64_t ticket;
    bool counted; /* claim, offer */
    uint32_t players;
    int64_t min_publish_interval_ms;
    const struct registry_change *change;
    int64_t revision, gap_ms;
    uint64_t cluster, epoch;
    struct str endpoint;
};

/* Changes worth a line in the log. */
enum registrar_note {
    REGISTRAR_NOTE_REGISTERED,    /* the record stands under a new lease */
    REGISTRAR_NOTE_TAKEN_OVER,    /* the record of before the restart stands, and its lease */
    REGISTRAR_NOTE_LEASE_LOST,    /* the registry does not know the lease any more */
    REGISTRAR_NOTE_REPAIRED,      /* the key was changed or deleted externally and is written again */
    REGISTRAR_NOTE_CONFLICT,      /* another living lease holds the key */
    REGISTRAR_NOTE_CONFLICT_LEFT, /* how long that lease still has, once it is known */
    REGISTRAR_NOTE_OUTAGE,        /* requests fail: `text` is the first failure of its class */
    REGISTRAR_NOTE_RECOVERED,     /* they succeed again */
    REGISTRAR_NOTE_WITHDRAWN,     /* the record is gone, on purpose */
    REGISTRAR_NOTE_GAP,           /* the agent did not run for longer than the TTL */
    REGISTRAR_NOTE_TAKEN_BACK,    /* a record that is untrue cannot be written: its lease is revoked */
    REGISTRAR_NOTE_UNREAD,        /* that of before the restart cannot be read, and the server is not ready */
    REGISTRAR_NOTE_HEARTBEAT,     /* the configured interval of heartbeats is too long for the granted TTL */
    REGISTRAR_NOTE_DUPLICATE_AGENT, /* another agent writes under the same lease; `text` has both records */
    REGISTRAR_NOTE_CLUSTER,         /* another cluster answers than before */
    REGISTRAR_NOTE_LEASE_MOVED /* the lease changed its state, for debugging: `text` is from, to, cause */
};

enum registrar_effect_type {
    /* Submit `request`; its value reference belongs to the effect's taker. With `write` a put is that of the record and, in the
     * same transaction, takes the claimed reservations out of the seats key if that is at its revision still; else both keys
     * are read, the seats key for `seats` of the reply. */
    REGISTRAR_DO_REQUEST,
    REGISTRAR_DO_CLAIMED, /* the claim of `ticket` ended with `outcome`; `text`: its id, `why` it is not known */
    REGISTRAR_DO_SAVE,    /* the lease's id or TTL is new: a restart needs it; `urgent`: it must be on disk
                                  before the requests that follow are sent */
    REGISTRAR_DO_SAVE_DUE, /* a put follows: what a restart needs should be on disk before it, but for at most
                                  one save a second */
    REGISTRAR_DO_LOOK_UP_HOST, /* a new lease: the address may have changed */
    REGISTRAR_DO_FRESH,        /* nothing of before the restart stands */
    REGISTRAR_DO_ADOPTED,      /* the record of before the restart stands: `text` is its value */
    REGISTRAR_DO_READ_BACK,    /* the key will be read as a precaution: what else is watched should be, too */
    REGISTRAR_DO_GONE,         /* after LEAVE: no lease is left */
    REGISTRAR_DO_NOTE          /* log `note` with `text` */
};

/* The reservations that a write of the record claims. */
struct registrar_claim_write {
    int64_t revision;   /* that the seats key must have */
    struct blob *value; /* as it is at that revision */
    struct str ids[REGISTRAR_CLAIMS_OF_WRITE];
    size_t count; /* never 0 */
};

struct registrar_effect {
    enum registrar_effect_type type;
    struct registry_request request;
    const struct registrar_claim_write
        *write; /* request; NULL: nothing is claimed. Borrowed until the next request */
    bool urgent;
    enum registrar_note note;
    uint64_t ticket;
    enum registrar_claim_outcome outcome;
    struct str text, why;
};

/* A registrar that does nothing until RECOVER or OFFER. The caller owns it. */
struct registrar *registrar_new(const struct registrar_settings *settings);

/* Accepts NULL. */
void registrar_free(struct registrar *registrar);

/* One event in, effects (struct registrar_effect) out. */
void registrar_step(struct registrar *registrar, const struct registrar_event *event, struct queue *effects);

/* When a step is needed although nothing happens. */
struct window registrar_deadline(const struct registrar *registrar);

/* Whether a transition between two different states of the key is in the diagram. */
bool key_may_move(enum key_state from, enum key_state to);

/* What the registrar knows at this moment. */
struct registrar_facts {
    enum registrar_goal goal;
    enum key_state key_state;
    enum lease_state lease_state;
    struct registry_lease lease;
    int64_t ttl_ms; /* as granted; 0: unknown */
    /* The lease ends then unless a heartbeat arrives: counted from when the last successful one was sent
     * (docs/design/etcd-gateway.md, "Lease deadline"). */
    int64_t lease_deadline_boot;
    bool leased;      /* a lease is held, or may stand: it can be left to the next agent on this machine */
    bool in_sync;     /* the registry has what is wanted; also when nothing is wanted and no lease is there */
    bool visible;     /* a record of this agent may be in the registry: published, being put, put without an
                     answer, or of before a restart or another history */
    bool published;   /* the registry has a record that promises the same as the wanted one, as long as
                         the lease has not run out */
    bool settled;     /* the record was ever published by this process, or withdrawn on purpose: /readyz */
    int64_t revision; /* mod revision of the key as last written or read; 0: unknown */
    int64_t written_wall;             /* last successful write; 0: none */
    uint64_t registrations;           /* how often a record was put under a new lease */
    uint64_t conflicts;               /* how often the key was found under another living lease */
    const char *last_error;           /* the failure that goes on; "": requests succeed */
    int64_t last_error_wall;          /* since when it goes on */
    uint64_t cluster, cluster_before; /* that answered last, and before it; 0: unknown, or never another */
    struct registry_lease conflict_lease; /* of the other holder of the key */
    int64_t conflict_left_ms;  /* how long that lease still had when last asked for; negative: unknown */
    struct str conflict_value; /* its record as it stands in the registry; empty: unknown */
    uint64_t seats_request;    /* the request under way that reads the seats key alone; 0: none */
    uint64_t claims[REGISTRAR_CLAIM_OUTCOMES]; /* that ended so */
};

/* Texts are borrowed until the next step. */
struct registrar_facts registrar_facts(const struct registrar *registrar);

/* Fills `ret_ids` with what a restart needs of the claims, at most REGISTRAR_CLAIMED_MAX: those that count as claimed lately, and
 * those of a write without an answer. Borrowed until the next step. Returns how many. */
size_t registrar_claimed(const struct registrar *registrar,
                         const char *ret_ids[static REGISTRAR_CLAIMED_MAX]);

#endif
