/* The inside of core/publish: registrar.c (events, what becomes of the record when the lease changes), registrar_key.c
 * (the state of the key, replies, the watch), registrar_conflict.c (another holder, another agent under the same lease),
 * registrar_plan.c (what to request next; a ready record that is untrue and cannot be rewritten), registrar_claims.c (claims of
 * reservations, which join a write). */
#ifndef OUTRIDER_CORE_PUBLISH_REGISTRAR_INTERNAL_H
#define OUTRIDER_CORE_PUBLISH_REGISTRAR_INTERNAL_H

#include "outrider/base/backoff.h"
#include "outrider/base/random.h"
#include "outrider/core/publish/registrar.h"
#include "outrider/core/registry/retry.h"
#include "outrider/core/seats/reservation.h"

/* docs/design/protocol.md, "Write rates": status and holds at once, a burst of 5, then 1 a second. */
enum { URGENT_BURST = 5, URGENT_PERIOD_MS = 1000 };
/* A living lease proves nothing about the key (docs/design/etcd-gateway.md, "Known bugs"; registrator#81): it
 * is read this often, with a heartbeat. After an outage the reads of a fleet spread over SPREAD_MS. */
enum { READ_BACK_MS = 60000, READ_BACK_SPREAD_MS = 5000 };

/* What a write counts in: changes that are told at once, writes that create or repair the key, and those of players,
 * labels and text, which wait for the interval. */
enum write_rate { RATE_URGENT, RATE_REPAIR, RATE_INTERVAL, RATE_COUNT };

/* What is to be registered. */
struct wanted {
    struct blob *value; /* NULL: nothing */
    bool urgent;        /* not written yet, and does not wait for the interval */
    bool unconfirmed;   /* of before a restart or a gap: not written until it is confirmed */
    enum registrar_promise promise;
};

/* The request about the key that is in flight; id 0: none. */
struct key_flight {
    uint64_t id;
    enum registry_op op;
    int64_t sent_mono;
    struct blob *value;             /* put */
    bool urgent;                    /* put: wanted.urgent as it was */
    bool claims;                    /* put: it claims reservations: those that are `sent` */
    int64_t expect_revision;        /* put */
    uint64_t seats_read;            /* put: number of the read of the seats key that it is where it fails */
    enum registrar_promise promise; /* put: of `value` */
    enum write_rate rate;           /* put: where it spent a slot */
};

/* The record's key, as known. */
struct record_key {
    char *name;
    enum key_state state;           /* changed by registrar_set_key_state() alone */
    struct blob *published;         /* what it holds under this lease; NULL: nothing, or unknown */
    enum registrar_promise promise; /* of `published`; of a record that others wrote the worst, ready */
    int64_t revision;               /* mod revision; 0: absent, or unknown */
    bool forgotten; /* it held a record, and what it holds in the history that answers now is not known */
    struct blob *maybe_written; /* MAYBE_WRITTEN: what the latest such put wrote */
    bool maybe_written_more;    /* MAYBE_WRITTEN: an earlier one may have written something else */
    bool maybe_ready;           /* MAYBE_WRITTEN: one of them said ready */
    int64_t synced_revision;    /* revision of the store as of which all this holds; 0: never read */
    int64_t pending_revision;   /* newest change reported by the watch and not applied; 0: none */
    int64_t read_due;           /* mono: read it then, something may have happened to it; NEVER_MS: no need */
    int64_t reread_mono;        /* when it was last read because of a pending revision */
    int64_t confirmed_mono;     /* when it was last seen as it should be */
    bool registered;            /* the record was there under this lease */
    bool adopted;               /* the record of before the restart was taken over under this lease */
    bool repairing;             /* it differs because of an external change */
    struct key_flight flight;   /* at most one request at a time */
    struct backoff backoff;
    int64_t retry_mono; /* no request before */
};

/* CONFLICT: the other holder. */
struct conflict {
    struct registry_lease lease;
    int64_t left_ms;    /* TTL left when it was last asked for; negative: unknown */
    int64_t check_mono; /* read the key again then */
    struct blob *value; /* its record */
    bool asked;         /* for the TTL that is left */
    bool left_logged;
};

/* Writes of another agent under this agent's own lease. */
struct duplicate_agent {
    unsigned writes; /* since `since_mono` */
    unsigned limit;
    int64_t since_mono;
    struct blob *value; /* what it wrote last */
};

/* A ready record that is untrue while the registry refuses writes. */
enum stale_ready_state {
    STALE_READY_NONE,
    STALE_READY_COUNTING, /* since `since_mono` */
    STALE_READY_RETRIED,  /* for longer than a TTL: the write was tried once more */
    STALE_READY_GIVEN_UP  /* that was refused, too: the lease is revoked */
};

struct stale_ready {
    enum stale_ready_state state;
    int64_t since_mono;
    int64_t refused_mono; /* of the latest refusal to read or write the key; 0: none since a write */
};

/* One reservation that the game server has claimed. */
struct claim {
    char id[RESERVATION_ID_MAX + 1];
    uint64_t ticket;
    int64_t due_mono;  /* answered then, whatever is known */
    uint64_t needs;    /* players that must have been counted before it goes; 0: it need not wait */
    uint64_t added_at; /* reads of the seats key until then: a later one counts against it */
    bool reserved;     /* in the seats key as known */
    bool sent;         /* in the write under way */
    bool maybe;        /* in an earlier write, of which it is not known whether it was done */
};

struct claimed {
    char id[RESERVATION_ID_MAX + 1];
    int64_t until_boot;
};

/* All zero until the first claim. */
struct claims {
    struct claim *waiting; /* oldest first */
    size_t count, capacity;
    struct claimed *lately; /* a ring of REGISTRAR_CLAIMED_MAX; NULL: none yet */
    size_t lately_count;    /* ever */
    /* The seats key as known: */
    bool seats_known; /* `value` is what it holds at `revision` */
    bool seats_there; /* it was there when it was last heard of: removed at the clean end */
    int64_t revision;
    struct blob *value;
    struct registrar_claim_write write; /* of the latest put that claims */
    /* Reads of the seats key alone: */
    uint64_t flight; /* 0: none; also the removal at the end */
    int64_t sent_mono;
    uint64_t reads;                /* ever, and writes, which read it where they fail */
    int64_t retry_mono, next_read; /* none before; theoretical arrival time */
    struct backoff backoff;
    char error[256]; /* why the latest failed; "" */
    uint64_t outcomes[REGISTRAR_CLAIM_OUTCOMES];
};

struct registrar {
    struct instant now; /* of the present step, as `effects` */
    struct queue *effects;
    int64_t request_timeout_ms, min_publish_ms;
    struct random random;
    uint64_t last_id; /* of requests */

    enum registrar_goal goal; /* changed by registrar_set_goal() alone */
    struct lease lease;
    struct queue lease_effects;
    struct registry_lease previous_lease;
    struct wanted wanted;
    enum registrar_promise server_promise; /* what the server's present status promises */
    struct record_key key;
    int64_t next_write[RATE_COUNT]; /* mono: theoretical arrival time; interval: no write before */
    struct claims claims;
    char *seats_key;
    struct conflict conflict;
    struct duplicate_agent duplicate;
    struct stale_ready stale_ready;

    struct outage outage;
    struct last_error lease_error, key_error;
    bool settled; /* published by this process, or withdrawn on purpose */
    uint64_t registrations;
    uint64_t conflicts; /* how often another lease was found at the key */
    int64_t written_wall;
};

/* registrar.c */
void registrar_set_goal(struct registrar *registrar, enum registrar_goal goal);
/* Whether the agent stays, and has not withdrawn the record. */
bool registrar_stays(const struct registrar *registrar);
struct registrar_effect *registrar_emit(struct registrar *registrar, enum registrar_effect_type type);
void registrar_note(struct registrar *registrar, enum registrar_note note, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* A request of the kind of `error` failed, or succeeded. */
void registrar_fail(struct registrar *registrar, struct last_error *error,
                    const struct registry_reply *reply);
void registrar_succeed(struct registrar *registrar, struct last_error *error);
/* One event for the lease, and what follows from it. */
void registrar_step_lease(struct registrar *registrar, struct lease_event event);

/* registrar_key.c */
/* Leaving CONFLICT or MAYBE_WRITTEN forgets what belongs to that state. */
void registrar_set_key_state(struct registrar *registrar, enum key_state state);
/* What the key holds is known, or assumed: SYNCED or DIRTY. */
void registrar_resolve_key(struct registrar *registrar);
void registrar_set_published(struct registrar *registrar, struct blob *value, int64_t revision);
/* Nothing is known of the key any more; it is taken for absent. UNKNOWN stays. */
void registrar_forget_key(struct registrar *registrar);
void registrar_flight_clear(struct key_flight *flight);
void registrar_on_key_reply(struct registrar *registrar, const struct registry_reply *reply,
                            const struct registrar_seats *seats);
void registrar_on_changed(struct registrar *registrar, const struct registry_change *change);
void registrar_on_read_back(struct registrar *registrar, int64_t revision);

/* registrar_conflict.c: the key is under another lease; that holder's record changed; its TTL was asked for. */
void registrar_on_conflict(struct registrar *registrar, const struct registry_kv *kv);
void registrar_refresh_conflict(struct registrar *registrar, const struct registry_kv *kv);
void registrar_on_conflict_ttl(struct registrar *registrar, const struct registry_reply *reply);
void registrar_clear_conflict(struct registrar *registrar);
/* Another agent wrote `value` under this lease; too many such writes abandon the lease. */
void registrar_count_duplicate(struct registrar *registrar, struct str value);
void registrar_check_duplicate(struct registrar *registrar);

/* registrar_claims.c: remembers an id of before a restart; frees. */
void registrar_remember_claimed(struct registrar *registrar, const char *id);
void registrar_claims_fini(struct claims *claims);
void registrar_on_claim(struct registrar *registrar, const struct registrar_event *event);
void registrar_claims_counted(struct registrar *registrar, const struct registrar_event *offer);
/* The reply to a read of the seats key alone. */
void registrar_on_seats(struct registrar *registrar, const struct registry_reply *reply,
                        const struct registrar_seats *seats);
/* Whether the write of the record waits for the seats key, and whether it has reservations to claim. */
bool registrar_claims_hold(const struct registrar *registrar, int64_t now);
bool registrar_claims_ready(const struct registrar *registrar);
/* What the put that is being made claims; NULL: nothing. */
const struct registrar_claim_write *registrar_claims_send(struct registrar *registrar);
/* That put was done; the keys had changed, and are as `reply` and `seats` say; it failed, or its answer does not count:
 * `failure` as of the reply. */
void registrar_claims_written(struct registrar *registrar, int64_t revision);
void registrar_claims_missed(struct registrar *registrar, const struct key_flight *flight,
                             const struct registry_kv *record, const struct registrar_seats *seats);
void registrar_claims_failed(struct registrar *registrar, enum registry_failure failure, struct str error);
/* Nothing is known of the seats key any more. */
void registrar_claims_forget(struct registrar *registrar);
/* Answers what waits for too long, and reads the seats key. */
void registrar_claims_plan(struct registrar *registrar);
int64_t registrar_claims_deadline(const struct registrar *registrar);
/* The agent ends: nothing is claimed any more, and the seats key is removed. */
void registrar_claims_leave(struct registrar *registrar);

/* registrar_plan.c: starts whatever can be started now. */
void registrar_plan(struct registrar *registrar);

#endif
