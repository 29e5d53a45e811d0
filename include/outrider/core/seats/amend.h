/* One reservation read, extended or released, or a server's list freed from what has lapsed. Pure: `change` is what is to be asked
 * of the registry while READING or WRITING, and its answer is the next event.
 *
 *     ──> READING ──found──> WRITING ──made──────────> DONE
 *            ^  └─not found, GET────── … ───────────> DONE
 *            └───── not made: others wrote ─┘
 */
#ifndef OUTRIDER_CORE_SEATS_AMEND_H
#define OUTRIDER_CORE_SEATS_AMEND_H

#include "outrider/core/instant.h"
#include "outrider/core/seats/change.h"

enum amend_op {
    AMEND_GET,
    AMEND_EXTEND,  /* until `ttl_ms` from now, if that is later than now */
    AMEND_RELEASE, /* its seats are free */
    AMEND_CLEAN    /* the server's lapsed entries go; there is no id */
};

enum amend_state { AMEND_READING, AMEND_WRITING, AMEND_DONE };

enum amend_result {
    AMEND_OK,
    AMEND_NOT_FOUND, /* no live reservation of that id on that server */
    AMEND_FOREIGN,   /* the server's key has something else */
    AMEND_CONFLICT,  /* other writers keep changing the key */
    AMEND_FAILED     /* as `failure` says, or too late: UNKNOWN, it may have been done; else it was not */
};

/* Read by its owner; only the functions below write it. */
struct amend {
    enum amend_op op;
    enum amend_state state;
    int64_t ttl_ms;
    int64_t ends; /* mono: when it is too late for another try */
    struct seats_change change;
    unsigned tries;
    bool maybe_made;                /* a transaction without an answer may have been carried out */
    enum amend_result result;       /* DONE */
    struct reservation reservation; /* DONE, OK: as it is now; of RELEASE as it was */
    enum registry_failure failure;  /* FAILED */
    char error[256];
};

/* Whether a state may follow another. */
bool amend_may_move(enum amend_state from, enum amend_state to);

/* Begins, READING. The texts fit (reservation.h). `ends`: when it is too late for another try, mono. */
void amend_init(struct amend *amend, enum amend_op op, struct str server, struct str id, int64_t ttl_ms,
                int64_t ends);

/* It is too late, and nothing was asked yet: FAILED, nothing was done. */
void amend_late(struct amend *amend);

/* Frees what it holds. */
void amend_fini(struct amend *amend);

/* The answer to `change`. */
void amend_reply(struct amend *amend, const struct seats_reply *reply, const struct instant *now);

#endif
