/* The registrar: keeps one record under one lease in the registry, whatever happens to either
 * (docs/design/protocol.md, "Lease" and "Key ownership"). It is a reconciler: facts about the lease and about
 * the key, the record that is wanted, and at most one request in flight for each of the two.
 *
 *     lease   NONE ──grant──> GRANTING ──ok──> HELD ──keepalive──┐
 *              ^                                │ ^──────────────┘
 *              └──── lost (said by the registry)┘
 *     TRYING: the lease of before a restart, not yet known to live
 *
 *     key     wanted != published ──put if revision is as known──> published
 *              ^                        │ it was not: look whose it is
 *              │                        ├── absent, ours, under no lease: put again at that revision
 *              └────────────────────────┴── under another living lease: FOREIGN, wait for its end
 *
 * Where writes are refused the lease is kept, but for one case: a record that says ready for a server that is
 * not, and that for a TTL. Players in a black hole are worse than a server that is not listed.
 *
 * Who writes against us under our own lease again and again is a copy of ourselves: we take another lease,
 * and then he is FOREIGN.
 *
 * Replies are matched by request id: what is stale falls on deaf ears. What a watch tells counts by its
 * revision: at or below the one at which the key was last known, it is old news, our own writes too. */
#ifndef OUTRIDER_CORE_PUBLISH_REGISTRAR_H
#define OUTRIDER_CORE_PUBLISH_REGISTRAR_H

#include "outrider/base/blob.h"
#include "outrider/base/queue.h"
#include "outrider/core/instant.h"
#include "outrider/core/registry/registry_request.h"
#include "outrider/core/registry/registry_watch.h"

struct registrar;

struct registrar_settings {
    const char *key; /* copied */
    int64_t ttl_ms;
    int64_t heartbeat_ms; /* 0: between TTL/4 and TTL/3 */
    int64_t request_timeout_ms;
    int64_t min_publish_interval_ms;
    uint64_t seed; /* of lease ids and jitter */
};

enum registrar_event_type {
    REGISTRAR_ON_TICK,    /* time may have passed */
    REGISTRAR_ON_RECOVER, /* before a restart we held `lease`, granted for `ttl_ms` */
    REGISTRAR_ON_OFFER,  /* publish `value` (a reference is taken), which makes the `claim`; `urgent`: status,
                            holds or address changed */
    REGISTRAR_ON_STANDS, /* what was offered last, or taken over, is true now, too */
    REGISTRAR_ON_WITHDRAW,  /* take the record away until the next offer */
    REGISTRAR_ON_REPLY,     /* `reply` to a request */
    REGISTRAR_ON_LEAVE,     /* the agent ends: revoke, and grant nothing any more */
    REGISTRAR_ON_RELOAD,    /* `min_publish_interval_ms` is new */
    REGISTRAR_ON_CHANGED,   /* the watch tells a `change` of our key */
    REGISTRAR_ON_READ_BACK, /* it may have changed up to `revision` of the store: the watch is open there */
    REGISTRAR_ON_AS_KNOWN,  /* the key was compared, and is as it is known: it need not be read back */
    REGISTRAR_ON_CLUSTER,   /* the watch is open at `endpoint`, in `cluster` */
    REGISTRAR_ON_GAP /* for `gap_ms`, longer than the TTL, we could not do anything: the machine slept, or the
                        process was stopped. Nothing is written before the next OFFER or STANDS */
};

/* What a record promises to players: that they are welcome, nothing, or that they would find nobody. */
enum registrar_claim { REGISTRAR_CLAIM_READY, REGISTRAR_CLAIM_HELD, REGISTRAR_CLAIM_DOWN };

struct registrar_event {
    enum registrar_event_type type;
    struct instant now;
    struct registry_lease lease;
    int64_t ttl_ms;
    struct blob *value;
    bool urgent;
    enum registrar_claim claim;
    const struct registry_reply *reply;
    int64_t min_publish_interval_ms;
    const struct registry_change *change;
    int64_t revision, gap_ms;
    uint64_t cluster;
    struct str endpoint;
};

/* State changes worth one line in the log. */
enum registrar_note {
    REGISTRAR_NOTE_REGISTERED, /* the record is there under a new lease */
    REGISTRAR_NOTE_TAKEN_OVER, /* the record of before the restart stands, its lease is ours again */
    REGISTRAR_NOTE_LEASE_LOST, /* the registry does not know our lease any more */
    REGISTRAR_NOTE_REPAIRED,   /* somebody had changed or deleted the key; it is ours again */
    REGISTRAR_NOTE_CONFLICT,   /* another living lease holds the key */
    REGISTRAR_NOTE_OUTAGE,     /* requests fail: `text` is the first failure */
    REGISTRAR_NOTE_RECOVERED,  /* they succeed again */
    REGISTRAR_NOTE_WITHDRAWN,  /* the record is gone, on purpose */
    REGISTRAR_NOTE_GAP,        /* time passed without us: the lease is taken for lost */
    REGISTRAR_NOTE_TAKEN_BACK, /* the record is no longer true and cannot be written: its lease goes */
    REGISTRAR_NOTE_DUPLICATE_AGENT, /* another agent writes under our own lease; `text` has what it wrote beside ours */
    REGISTRAR_NOTE_CLUSTER /* another cluster answers than before */
};

enum registrar_effect_type {
    REGISTRAR_DO_REQUEST,      /* submit `request`; its value reference belongs to the effect's taker */
    REGISTRAR_DO_SAVE,         /* registrar_lease() changed: a restart needs it */
    REGISTRAR_DO_LOOK_UP_HOST, /* a new lease: the address may have changed */
    REGISTRAR_DO_FRESH,        /* nothing of before the restart stands */
    REGISTRAR_DO_ADOPTED,      /* the record of before the restart stands: `text` is its value */
    REGISTRAR_DO_READ_BACK, /* our key is read back for the sake of it: what else is watched should be, too */
    REGISTRAR_DO_GONE,      /* after LEAVE: no lease of ours is left */
    REGISTRAR_DO_NOTE       /* log `note` with `text` */
};

struct registrar_effect {
    enum registrar_effect_type type;
    struct registry_request request;
    enum registrar_note note;
    struct str text;
};

/* A registrar that does nothing until RECOVER or OFFER. The caller owns it. */
struct registrar *registrar_new(const struct registrar_settings *settings);

/* Accepts NULL. */
void registrar_free(struct registrar *registrar);

/* One event in, effects (struct registrar_effect) out. */
void registrar_step(struct registrar *registrar, const struct registrar_event *event, struct queue *effects);

/* When a step is needed although nothing happens. */
struct window registrar_deadline(const struct registrar *registrar);

enum lease_state { LEASE_NONE, LEASE_TRYING, LEASE_GRANTING, LEASE_HELD };

/* "none", "trying", "granting", "held". */
const char *lease_state_name(enum lease_state state);

/* What is known of the lease: its state, id, granted TTL in ms, and when it ends in boot ms unless
 * a heartbeat arrives (counted from when the last successful one was sent; docs/design/etcd-gateway.md,
 * "Lease deadline"). */
enum lease_state registrar_lease_state(const struct registrar *registrar);
struct registry_lease registrar_lease(const struct registrar *registrar);
int64_t registrar_ttl(const struct registrar *registrar);
int64_t registrar_lease_deadline(const struct registrar *registrar);

/* Whether the registry has what is wanted (also when nothing is wanted and nothing is there). */
bool registrar_in_sync(const struct registrar *registrar);

/* Whether a record of ours may be in the registry now: published, being put, or of before a restart. */
bool registrar_visible(const struct registrar *registrar);

/* Whether the record was ever published by this process, or withdrawn on purpose: /readyz. */
bool registrar_settled(const struct registrar *registrar);

/* Mod revision of the key as last written or read (0: unknown), and wall ms of the last successful write (0:
 * none). */
int64_t registrar_revision(const struct registrar *registrar);
int64_t registrar_written_wall(const struct registrar *registrar);

/* How often a record was put under a new lease. */
uint64_t registrar_registrations(const struct registrar *registrar);

/* The failure that goes on, "" when requests succeed; and since when (wall ms). */
const char *registrar_last_error(const struct registrar *registrar);
int64_t registrar_last_error_since(const struct registrar *registrar);

/* The cluster that answered last, and the one that did before it (0: unknown, or never another one). */
uint64_t registrar_cluster(const struct registrar *registrar);
uint64_t registrar_cluster_before(const struct registrar *registrar);

/* The other holder of our key: its lease (none: there is no other holder), and how long that lease still had when last asked, in
 * ms (negative: unknown). */
struct registry_lease registrar_conflict_lease(const struct registrar *registrar);
int64_t registrar_conflict_left(const struct registrar *registrar);

/* The other holder's record as it stands in the registry, borrowed until the next step; empty: unknown. */
struct str registrar_conflict_value(const struct registrar *registrar);

#endif
