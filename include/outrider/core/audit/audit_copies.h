/* Copies entries of the audit to the registry, so that every observer shows all of them: one key for each, under one lease for each
 * hour, which ends when they are to be forgotten. No answer waits for it: an entry is safe in the file of its agent.
 *
 *            added             granted              the last was written
 *     IDLE ─────────> GRANTING ──────> PUTTING ──────────────────────────> IDLE
 *      │  a lease of       │ failed       │ failed
 *      │  this hour: ──────┼─────────────>│
 *                          v              v
 *                       WAITING <─────────┘
 *                          │ time is up: as from IDLE
 *
 * A put expects that there is no key: one that was maybe written is written again, and is there. */
#ifndef OUTRIDER_CORE_AUDIT_AUDIT_COPIES_H
#define OUTRIDER_CORE_AUDIT_AUDIT_COPIES_H

#include "outrider/base/blob.h"
#include "outrider/base/queue.h"
#include "outrider/core/instant.h"
#include "outrider/core/registry/retry.h"

/* So many wait at most; beyond them the oldest is left out. */
enum { AUDIT_COPIES_MAX = 1000 };

struct audit_copies;

enum audit_copies_state { COPIES_IDLE, COPIES_GRANTING, COPIES_PUTTING, COPIES_WAITING };

struct audit_copies_settings {
    struct str prefix; /* of the keys, with its slash; copied */
    int64_t keep_ms;   /* how long an entry stays at least */
    int64_t request_timeout_ms;
    bool chooses_id; /* REGISTRY_CAN_CHOOSE_LEASE */
    uint64_t seed;
};

enum audit_copies_event_type { COPIES_ON_ENTRY, COPIES_ON_REPLY, COPIES_ON_TICK };

struct audit_copies_event {
    enum audit_copies_event_type type;
    struct instant now;
    const char *id;     /* of the entry */
    struct blob *value; /* of its key; the machine takes a reference of its own */
    const struct registry_reply *reply;
};

enum audit_copies_effect_type {
    COPIES_DO_REQUEST,   /* submit `request` */
    COPIES_DO_FAILED,    /* requests fail from now on: `text` with the error */
    COPIES_DO_RECOVERED, /* they succeed again */
    COPIES_DO_DROPPED    /* entries are left out, as too many wait; said once until fewer do */
};

struct audit_copies_effect {
    enum audit_copies_effect_type type;
    struct registry_request request;
    struct str text;
};

struct audit_copies_facts {
    enum audit_copies_state state;
    size_t waiting;
    int64_t since_wall; /* of the oldest that waits; 0: none does */
    uint64_t copied, dropped, failures;
    const char *last_error; /* "": they succeed */
};

/* The caller owns the result. */
struct audit_copies *audit_copies_new(const struct audit_copies_settings *settings);

/* Accepts NULL. */
void audit_copies_free(struct audit_copies *copies);

/* Another time to keep entries, for those of the next lease. */
void audit_copies_keep(struct audit_copies *copies, int64_t keep_ms);

/* One event in, effects (struct audit_copies_effect) out. */
void audit_copies_step(struct audit_copies *copies, const struct audit_copies_event *event,
                       struct queue *effects);

/* When (mono) a step is needed although nothing happens; NEVER_MS: not at all. */
int64_t audit_copies_due(const struct audit_copies *copies);

/* Borrowed texts. */
void audit_copies_look(const struct audit_copies *copies, struct audit_copies_facts *ret_facts);

#endif
