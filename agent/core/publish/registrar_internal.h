/* The inside of core/registrar: registrar.c (events, and what replies about the lease mean), registrar_key.c
 * (what replies and the watch tell of the key), registrar_doubt.c (what was known does not count any more),
 * registrar_foreign.c (another holder), registrar_plan.c (what to ask next), registrar_view.c (accessors). */
#ifndef OUTRIDER_CORE_PUBLISH_REGISTRAR_INTERNAL_H
#define OUTRIDER_CORE_PUBLISH_REGISTRAR_INTERNAL_H

#include "outrider/base/backoff.h"
#include "outrider/base/random.h"
#include "outrider/core/publish/registrar.h"
#include "outrider/core/registry/retry.h"

/* One request in flight at most; id 0: none. */
struct flight {
    uint64_t id;
    enum registry_op op;
    int64_t sent_boot, sent_mono;
    struct blob *value;         /* put */
    bool urgent;                /* put: what it writes may not wait for the interval */
    enum registrar_claim claim; /* put: of what it writes */
    int64_t *bucket;            /* put: where it spent a slot; NULL: it waits for the interval */
};

/* docs/design/protocol.md, "Write rates": status and holds at once, burst 5, then 1 a second. */
enum { URGENT_BURST = 5, URGENT_PERIOD_MS = 1000 };
/* How soon a heartbeat that fails may be tried again when its lease is about to end. With these a thousand
 * agents in the simulator (sim --herd) stay below five times their steady rate while etcd is away. */
enum { LEASE_RETRY_MS = 1000 };
/* A living lease proves nothing about the key (docs/design/etcd-gateway.md, "Known bugs"; registrator#81): it
 * is read back this often, with a heartbeat. And a lease that is lost this soon after it was granted is not
 * granted again at once. */
enum { READ_BACK_MS = 60000, READ_BACK_SPREAD_MS = 5000, LEASE_YOUNG_MS = 1000 };

/* How often at most the key is read again because the watch told of changes while something was asked. */
enum { REREAD_MS = 1000 };
/* Two clusters that answer in turn are told of once in so long, and the record moves between them ever less
 * often. */
enum { CLUSTER_STEADY_MS = 600000, CLUSTER_FIRST_MS = 2000, CLUSTER_CAP_MS = 60000 };

/* So many writes of others under our own lease within so long are no hand's: it is an agent with a copy of
 * our state_dir, which puts right what we write as we do what he writes. Each bears a number of them by
 * chance, so that mostly one of the two lets go before the other. */
enum { DUPLICATE_WRITES_MIN = 12, DUPLICATE_WRITES_SPREAD = 6, DUPLICATE_WINDOW_MS = 20000 };

struct registrar {
    char *key;
    int64_t ttl_ms, heartbeat_ms, request_timeout_ms, min_publish_ms;
    struct random random;
    uint64_t next_id;

    enum lease_state lease_state;
    struct registry_lease lease, previous_lease;
    int64_t granted_ms;
    int64_t lease_deadline_boot;
    int64_t lease_maybe_boot; /* the same, if heartbeats without an answer did arrive */
    int64_t asleep_ms;        /* boot clock ahead of mono: it grows while the machine sleeps */
    int64_t granted_mono;
    struct window heartbeat;
    bool lease_suspect; /* the key waits until the registry has said something about the lease */
    uint64_t cluster, cluster_before; /* 0: unknown; never another one */
    int64_t cluster_mono;             /* when it was last another one */
    unsigned cluster_turns;           /* how often it went back to the one before */
    struct backoff cluster_backoff;
    struct flight lease_flight;
    struct backoff lease_backoff;
    int64_t lease_retry; /* mono: no lease request before */

    struct blob *wanted; /* NULL: nothing is to be registered */
    bool wanted_urgent;  /* not yet written, and may not wait for the interval */
    enum registrar_claim wanted_claim, published_claim; /* of a record that others wrote: the worst, ready */
    int64_t refused_mono; /* mono of the last refusal to read or write the key; 0: none since a write */
    int64_t
        stale_ready_since; /* mono: since when that keeps a ready standing that is not so; 0: it does not */
    bool stale_ready_logged, stale_ready_tried;
    struct blob *published;     /* what the key holds under our lease; NULL: unknown or not ours */
    int64_t revision;           /* the key's mod revision as known; 0: absent or unknown */
    struct blob *maybe_written; /* what a put whose outcome is unknown may have written; NULL: none */
    bool maybe_written_more;    /* one before it may have written something else */
    int64_t synced_revision; /* revision of the store at which that was so; 0: never asked under this lease */
    int64_t pending_revision; /* newest change that the watch told and nothing has been made of; 0: none */
    int64_t reread_mono;      /* when the key was last read for such a change */
    int64_t confirmed_mono;   /* when the key was last seen as it should be */
    bool adopted;             /* under this lease the record of before the restart was taken over */
    bool adopting;            /* read the key first: the record of before the restart may stand */
    bool verify;              /* read the key back: something may have happened to it meanwhile */
    int64_t verify_after;     /* mono: not before; a write that is due anyway does not wait for it */
    struct registry_lease conflict_lease;
    int64_t conflict_left, conflict_check;
    struct blob *conflict_value; /* the record of the other holder */
    bool conflict_logged;
    unsigned duplicate_writes; /* of somebody else, under our own lease, since `twin_since` (mono) */
    unsigned duplicate_limit;  /* how many of them are borne */
    int64_t duplicate_since;
    struct blob *duplicate_value; /* what he wrote last */
    struct flight key_flight;
    struct backoff key_backoff;
    int64_t key_retry;
    int64_t urgent_tat;     /* mono: theoretical arrival time of the next urgent write */
    int64_t repair_tat;     /* mono: the same of the next one that creates or repairs the key */
    int64_t interval_until; /* mono: no write for players, labels and text before */

    bool unconfirmed; /* what is wanted is of before a restart or a gap: not written until it is confirmed */
    bool withdrawing; /* revoke, until the next offer */
    bool leaving, gone, ever_settled, registered, repairing;
    uint64_t registrations;
    int64_t written_wall;
    struct last_error lease_last_error, key_last_error;
    struct outage outage;
};

/* registrar.c: what the key holds under our lease, and its revision; what a put may have written; nothing. */
void registrar_set_published(struct registrar *registrar, struct blob *value, int64_t revision);
void registrar_set_maybe_written(struct registrar *registrar, struct blob *value);
void registrar_forget_key(struct registrar *registrar);

/* registrar.c: a request is over; requests fail, or succeed again; how long to wait after a failure; the
 * lease is not known any more. */
void registrar_flight_clear(struct flight *flight);
void registrar_fail(struct registrar *registrar, struct last_error *last_error,
                    const struct registry_reply *reply, const struct instant *now, struct queue *effects);
void registrar_succeed(struct registrar *registrar, struct last_error *last_error, struct backoff *backoff,
                       const struct instant *now, struct queue *effects);
int64_t registrar_retry_delay(struct registrar *registrar, struct backoff *backoff,
                              enum registry_failure failure);
void registrar_drop_lease(struct registrar *registrar, struct queue *effects);
void registrar_lose_lease(struct registrar *registrar, const struct instant *now, struct queue *effects);

/* registrar_key.c: an answer about the key; the key changed; the key may have changed up to `revision`. */
void registrar_on_key_reply(struct registrar *registrar, const struct registry_reply *reply,
                            const struct instant *now, struct queue *effects);
void registrar_on_changed(struct registrar *registrar, const struct registry_change *change,
                          const struct instant *now, struct queue *effects);
void registrar_on_read_back(struct registrar *registrar, int64_t revision, const struct instant *now);

/* registrar_doubt.c: the lease may be gone, ask before the key is written; we were away for `gap_ms`;
 * `cluster` answered at `endpoint`, with news about the lease or without. */
void registrar_suspect_lease(struct registrar *registrar, const struct instant *now);
void registrar_on_gap(struct registrar *registrar, int64_t gap_ms, const struct instant *now,
                      struct queue *effects);
void registrar_meet_cluster(struct registrar *registrar, uint64_t cluster, struct str endpoint,
                            bool about_lease, const struct instant *now, struct queue *effects);
/* Whether `reply` to `flight` was under way when another cluster began to answer: it is the old one's, and no
 * news. */
bool registrar_is_of_cluster_before(const struct registrar *registrar, const struct registry_reply *reply,
                                    const struct flight *flight);
/* How long a lease that is lost must wait for the next, in ms, because clusters answer in turn. */
int64_t registrar_cluster_pause(struct registrar *registrar, const struct instant *now);

/* registrar_foreign.c: the key is under another lease; how long that lease still has; nobody else
 * holds it. */
void registrar_on_conflict(struct registrar *registrar, const struct registry_kv *kv,
                           const struct instant *now, struct queue *effects);
void registrar_conflict_lives(struct registrar *registrar, const struct registry_reply *reply,
                              const struct instant *now, struct queue *effects);
void registrar_refresh_conflict(struct registrar *registrar, const struct registry_kv *kv);
void registrar_clear_conflict(struct registrar *registrar);

/* registrar_foreign.c: somebody else wrote `value` under our own lease; whether that was once too often,
 * which is the end of it: it is left to him. */
void registrar_count_duplicate_write(struct registrar *registrar, struct str value,
                                     const struct instant *now);
void registrar_leave_shared_lease(struct registrar *registrar, struct queue *effects);

/* registrar_doubt.c: what is published is a lie, and since when; whether that was for too long. */
void registrar_check_stale_ready(struct registrar *registrar, const struct instant *now,
                                 struct queue *effects);
bool registrar_takes_back(const struct registrar *registrar);

/* registrar_plan.c: starts whatever can be started now. */
void registrar_plan(struct registrar *registrar, const struct instant *now, struct queue *effects);

/* Whether the wanted record is not what the registry has. */
bool registrar_dirty(const struct registrar *registrar);

/* An effect that needs no more words; one line in the log. */
void registrar_emit(struct queue *effects, enum registrar_effect_type type);
void registrar_note(struct queue *effects, enum registrar_note note, const char *format, ...)
    PRINTF_LIKE(3, 4);

#endif
