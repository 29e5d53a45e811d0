/* The parts of the seats router: seats_router.c (the mirror, and what it means), seats_changes.c (changes under way and the sweep),
 * seats_batches.c (changes that share a transaction), seats_txn.c (a change as a transaction), seats_sweep.c (what is swept). */
#ifndef OUTRIDER_SHELL_ROUTER_SEATS_ROUTER_INTERNAL_H
#define OUTRIDER_SHELL_ROUTER_SEATS_ROUTER_INTERNAL_H

#include "outrider/shell/router/seats_router.h"

#include "seats_sweep_internal.h"
#include "seats_txn_internal.h"

/* One change under way. */
struct op {
    struct op *prev, *next;
    bool allocates; /* `allocate` is used, else `amend` */
    struct allocate allocate;
    struct amend amend;
    char type[ALLOCATE_PLACE_MAX];
    char turn[ALLOCATE_PLACE_MAX]; /* the turn that it has; "": none */
    bool in_flight;                /* an answer is waited for */
    uint64_t request;              /* of a read; 0: it is none */
    bool rereads;                  /* it is one of its keys, after a transaction that was not made */
    bool pending;                  /* a transaction that waits to be sent */
    unsigned spoiled;     /* how often it was not made because of others in one transaction with it */
    struct seats_txn txn; /* that is in flight */
    seats_allocated_fn *allocated;
    seats_amended_fn *amended;
    void *user;
};

/* Transactions in flight, and changes in one. The fewer are in flight, the more changes wait meanwhile and share the next one, and each
 * transaction has a price of its own. */
enum { SEATS_BATCHES = 4, SEATS_BATCH_MAX = 20 };

/* One transaction in flight. */
struct batch {
    uint64_t request; /* 0: none */
    struct op *ops[SEATS_BATCH_MAX];
    size_t count;
};

struct seats_router {
    struct seats_owner *owner;
    struct seats_router_settings settings;
    char *prefix, *control_prefix, *mirror_prefix;
    struct mirror *mirror;
    struct seats *seats;
    struct turns turns;
    struct placement *placement; /* NULL: not known yet, as the view */
    const struct view *view;
    struct queue mirrored, told; /* struct mirror_effect, struct seats_effect */
    struct op *ops;              /* in the order in which they began */
    struct batch batches[SEATS_BATCHES];
    size_t share;           /* changes in one transaction at most: seats_batches.c */
    bool stepping;          /* the list is being gone through */
    struct sweep *sweep;    /* NULL: it does not sweep, or has never followed */
    uint64_t sweep_request; /* in flight; 0: none */
    uint64_t last_request;
    struct allocate_counters counters;
};

/* seats_router.c: carries out what the mirror asks for, and tells what its changes mean. After each step of it. */
void seats_mirror_carry_out(struct seats_router *router, const struct instant *now);

/* seats_changes.c: ends a change without a call. */
void seats_change_free(struct seats_router *router, struct op *op);

/* seats_changes.c: begins and goes on with what waits and may; begins a sweep that is due. */
void seats_changes_go(struct seats_router *router, const struct instant *now);
void seats_changes_sweep(struct seats_router *router, const struct instant *now);

/* seats_changes.c: the answer to a change, and the part of the reply that it was read from. */
void seats_change_answered(struct seats_router *router, struct op *op, const struct registry_reply *reply,
                           const struct seats_reply *answer, const struct instant *now);

/* seats_batches.c: sends what is pending, as far as there may be more in flight. After each event. */
void seats_batches_flush(struct seats_router *router);

/* seats_batches.c: the reply to a read of a change's keys, after a transaction that was not made. */
void seats_batches_reread(struct seats_router *router, struct op *op, const struct registry_reply *reply,
                          const struct instant *now);

/* seats_batches.c: a reply to one of these; false: it is of something else. */
bool seats_batches_replied(struct seats_router *router, const struct registry_reply *reply,
                           const struct instant *now);

#endif
