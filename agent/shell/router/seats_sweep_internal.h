/* What is left of reservations and no write takes along: keys of ids whose reservation was claimed by an agent without the right to
 * delete them, or went with the list of its server; and lists of servers that are gone. An observer looks for them now and then.
 *
 *     RESTING ──due──> LISTING ──page──> DELETING ──> LISTING ... ──last page──> RESTING
 *
 * Several observers may do it at once: each delete compares the revision. */
#ifndef OUTRIDER_SHELL_ROUTER_SEATS_SWEEP_INTERNAL_H
#define OUTRIDER_SHELL_ROUTER_SEATS_SWEEP_INTERNAL_H

#include "outrider/base/buf.h"
#include "outrider/base/random.h"
#include "outrider/core/fleet/view.h"
#include "outrider/core/instant.h"
#include "outrider/core/registry/registry_request.h"
#include "outrider/core/seats/seats.h"

enum sweep_state { SWEEP_RESTING, SWEEP_LISTING, SWEEP_DELETING };

/* Keys of one page, deletes of one transaction, and lists that are cleaned in one sweep. */
enum { SWEEP_PAGE = 500, SWEEP_DELETES = REGISTRY_TXN_MAX, SWEEP_LISTS = 64, SWEEP_PLACE_MAX = 256 };

struct sweep {
    enum sweep_state state;
    int64_t due; /* mono; RESTING */
    struct random random;
    char *prefix, *end; /* of the keys of ids, with its last '/'; the first key behind them */
    struct buf next;    /* the key that the next page begins with; empty: there is none */
    struct buf keys;    /* of what is to be deleted, each with a NUL behind it */
    int64_t revisions[SWEEP_PAGE];
    size_t count, done;                       /* of them */
    char lists[SWEEP_LISTS][SWEEP_PLACE_MAX]; /* "TYPE/SERVER" of those to be cleaned */
    size_t list_count;
    uint64_t swept; /* keys of ids that were deleted */
};

/* RESTING. The caller owns the result. */
struct sweep *sweep_new(const char *control_prefix, uint64_t seed, const struct instant *now);

/* Accepts NULL. */
void sweep_free(struct sweep *sweep);

/* RESTING and due: it is LISTING then, and `lists` has the servers that are gone. */
void sweep_begin(struct sweep *sweep, const struct seats *seats, const struct view *view,
                 const struct instant *now);

/* The request of its state, LISTING or DELETING; `txn` is what the request points to, and valid until the next step. */
void sweep_request(const struct sweep *sweep, struct registry_txn *txn, struct registry_request *ret_request);

/* The reply to it. */
void sweep_reply(struct sweep *sweep, const struct registry_reply *reply, const struct seats *seats,
                 const struct instant *now);

#endif
