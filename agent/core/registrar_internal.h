/* The inside of core/registrar: registrar.c (events and what replies mean), registrar_foreign.c (another
 * holder), registrar_plan.c (what to ask next), registrar_view.c (accessors). */
#ifndef OUTRIDER_CORE_REGISTRAR_INTERNAL_H
#define OUTRIDER_CORE_REGISTRAR_INTERNAL_H

#include "outrider/base/backoff.h"
#include "outrider/base/random.h"
#include "outrider/core/registrar.h"

/* One request in flight at most; id 0: none. */
struct flight {
    uint64_t id;
    enum registry_op op;
    int64_t sent_boot, sent_mono;
    struct blob *value; /* put */
    bool urgent;        /* put: what it writes may not wait for the interval */
    bool spent;         /* put: it spent an urgent slot */
};

/* A failure that goes on; text "" when there is none. The lease may be well while writes are denied. */
struct trouble {
    char text[256];
    int64_t since_wall;
};

/* Contract 2: status and holds at once, burst 5, then 1 a second. */
enum { URGENT_BURST = 5, URGENT_PERIOD_MS = 1000 };
/* Contract 5: full jitter, cap 5 s; and what a wrong password or a full store deserves. */
enum { RETRY_FIRST_MS = 250, RETRY_CAP_MS = 5000, SLOW_RETRY_MS = 30000 };
/* Leaving, the time is short (shutdown.timeout), so are the waits between tries. */
enum { LEAVING_RETRY_MS = 500 };
/* How soon a heartbeat that fails may be tried again when its lease is about to end. With these a thousand
 * agents in the simulator (sim --herd) keep near the peak that issue 3 allows while etcd is away. */
enum { LEASE_RETRY_MS = 1000 };
/* A living lease proves nothing about the key (etcd-gateway.md section 8, item 8; registrator#81): it is read
 * back this often, with a heartbeat. And a lease that is lost this soon after it was granted is not granted
 * again at once. */
enum { READ_BACK_MS = 60000, READ_BACK_SPREAD_MS = 2000, LEASE_YOUNG_MS = 1000 };

/* An outage as a whole: what was said of it already, and what will be said when it is over. */
struct away {
    int64_t since_mono;
    unsigned count; /* of failed requests */
    unsigned kinds; /* one bit for each enum registry_failure that was told */
};

struct registrar {
    char *key;
    int64_t ttl_ms, heartbeat_ms, request_timeout_ms, min_publish_ms;
    struct random random;
    uint64_t next_id;

    enum lease_state lease_state;
    int64_t lease, previous_lease;
    int64_t granted_ms;
    int64_t lease_deadline_boot;
    int64_t lease_maybe_boot; /* the same, if heartbeats without an answer did arrive */
    int64_t asleep_ms;        /* boot clock ahead of mono: it grows while the machine sleeps */
    int64_t granted_mono;
    struct window heartbeat;
    struct flight lease_flight;
    struct backoff lease_backoff;
    int64_t lease_retry; /* mono: no lease request before */

    struct blob *wanted;    /* NULL: nothing is to be registered */
    bool wanted_urgent;     /* not yet written, and may not wait for the interval */
    struct blob *published; /* what the key holds under our lease; NULL: unknown or not ours */
    int64_t revision;       /* the key's mod revision as known; 0: absent or unknown */
    struct blob *unsure;    /* what a put whose outcome is unknown may have written; NULL: none */
    int64_t confirmed_mono; /* when the key was last seen as it should be */
    bool adopted;           /* under this lease the record of before the restart was taken over */
    bool adopting;          /* read the key first: the record of before the restart may stand */
    bool verify;            /* read the key back: something may have happened to it meanwhile */
    int64_t verify_after;   /* mono: not before; a write that is due anyway does not wait for it */
    int64_t foreign_lease, foreign_left, foreign_check;
    struct blob *foreign_value; /* the record of the other holder */
    bool foreign_told;
    struct flight key_flight;
    struct backoff key_backoff;
    int64_t key_retry;
    int64_t urgent_tat;     /* mono: theoretical arrival time of the next urgent write */
    int64_t interval_until; /* mono: no write for players, labels and text before */

    bool withdrawing; /* revoke, until the next offer */
    bool leaving, gone, ever_settled, registered, repairing;
    uint64_t registrations;
    int64_t written_wall;
    struct trouble lease_trouble, key_trouble;
    struct away away;
};

/* registrar.c: what the key holds under our lease, and its revision. */
void registrar_set_published(struct registrar *registrar, struct blob *value, int64_t revision);

/* registrar_foreign.c: the key is under another lease; how long that lease still has; nobody else
 * holds it. */
void registrar_meet_foreign(struct registrar *registrar, const struct registry_kv *kv,
                            const struct instant *now, struct queue *effects);
void registrar_foreign_lives(struct registrar *registrar, const struct registry_reply *reply,
                             const struct instant *now, struct queue *effects);
void registrar_forget_foreign(struct registrar *registrar);

/* registrar_plan.c: starts whatever can be started now. */
void registrar_plan(struct registrar *registrar, const struct instant *now, struct queue *effects);

/* Whether the wanted record is not what the registry has. */
bool registrar_dirty(const struct registrar *registrar);

void registrar_note(struct queue *effects, enum registrar_note note, const char *format, ...)
    PRINTF_LIKE(3, 4);

#endif
