/* Wires the reservations: a mirror of the keys, what they mean, the placement that counts them, and the changes under way.
 *
 *     registry ──reply, watch──> core/registry/mirror ──bytes, decoded──> core/seats/seats ──seats reserved──> core/placement
 *     a request ──> core/placement/allocate, core/seats/amend ──a change, as a transaction──> registry
 *
 * A change holds the turn of its server until it is answered, so that changes of one agent never meet each other. */
#ifndef OUTRIDER_SHELL_ROUTER_SEATS_ROUTER_H
#define OUTRIDER_SHELL_ROUTER_SEATS_ROUTER_H

#include "outrider/core/placement/allocate.h"
#include "outrider/core/registry/mirror.h"
#include "outrider/core/seats/amend.h"
#include "outrider/core/seats/seats.h"

struct seats_router;

/* The owner of a router; every implementation of the functions below defines its own. */
struct seats_owner;

/* Carries out one effect of the mirror, which is borrowed for the call; never CHANGED. */
void seats_carry_out(struct seats_owner *owner, const struct mirror_effect *effect);

/* Submits a request of a change; its reply goes to seats_router_replied(). Another client than the mirror's. */
void seats_submit(struct seats_owner *owner, const struct registry_request *request);

/* A key under the prefix is no list of reservations, because of `why`; once until it is one. */
void seats_skipped(struct seats_owner *owner, struct str key, const char *why);

struct seats_router_settings {
    const char *prefix, *control_prefix; /* without their last '/'; copied */
    int64_t timeout_ms;                  /* of a request */
    int64_t check_ms;                    /* as in struct mirror_settings */
    uint64_t seed;
    uint32_t can;
    bool sweeps; /* deletes what reservations leave that no write takes along: an observer */
};

/* How many changes may be under way. */
enum { SEATS_CHANGES_MAX = 1024 };

/* The result is borrowed for the call. Called once, from seats_router_tick() or seats_router_replied(), unless the router is freed
 * before. It may begin other changes. */
typedef void seats_allocated_fn(const struct allocate *result, void *user);
typedef void seats_amended_fn(const struct amend *result, void *user);

/* Knows of no reservation until it follows. `owner` is borrowed. The caller owns the result. */
struct seats_router *seats_router_new(const struct seats_router_settings *settings,
                                      struct seats_owner *owner);

/* Ends what is under way without a call. Accepts NULL. */
void seats_router_free(struct seats_router *router);

/* What is reserved, for the placement; and which placement and view it chooses by, borrowed. Before anything else. */
const struct seats *seats_router_seats(const struct seats_router *router);
void seats_router_place(struct seats_router *router, struct placement *placement, const struct view *view);

/* Follows the keys, or no longer does. */
void seats_router_follow(struct seats_router *router, bool on, const struct instant *now);

/* A reply or an event for the mirror; a reply to a change; time may have passed, or something may be begun. */
void seats_router_mirrored(struct seats_router *router, const struct registry_reply *reply,
                           const struct instant *now);
void seats_router_watched(struct seats_router *router, const struct registry_watch_event *event,
                          const struct instant *now);
void seats_router_replied(struct seats_router *router, const struct registry_reply *reply,
                          const struct instant *now);
void seats_router_tick(struct seats_router *router, const struct instant *now);

/* When it is to be ticked at the latest. */
struct window seats_router_deadline(const struct seats_router *router);

/* Begins an allocation or another change with the next tick; `type`, `server` and `id` are copied. The other change begins no request
 * later than two of `timeout_ms` from now. False, with nothing begun, when SEATS_CHANGES_MAX are under way. */
bool seats_router_allocate(struct seats_router *router, const struct allocate_settings *settings,
                           const struct instant *now, seats_allocated_fn *done, void *user);
bool seats_router_amend(struct seats_router *router, enum amend_op op, struct str type, struct str server,
                        struct str id, int64_t ttl_ms, const struct instant *now, seats_amended_fn *done,
                        void *user);

/* Borrowed. */
const struct mirror_facts *seats_router_mirror(const struct seats_router *router);
const struct allocate_counters *seats_router_counters(const struct seats_router *router);

#endif
