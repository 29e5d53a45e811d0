/* reservations.c: the reservations of all servers as this agent knows them, and changes of them. */
#ifndef OUTRIDER_SHELL_RESERVATIONS_INTERNAL_H
#define OUTRIDER_SHELL_RESERVATIONS_INTERNAL_H

#include "agent_internal.h"

#include "outrider/shell/router/seats_router.h"

/* Follows nothing yet. `agent` is borrowed; the caller owns the result. */
struct seats_owner *reservations_new(struct agent *agent);

/* What is under way is not answered any more. Accepts NULL. */
void reservations_free(struct seats_owner *owner);

/* What is reserved, for the placement; and the placement and the view that allocations choose by, borrowed. */
const struct seats *reservations_held(const struct seats_owner *owner);
void reservations_place(struct seats_owner *owner, struct placement *placement, const struct view *view);

/* Follows the keys as long as the view is followed. After each step of the view. */
void reservations_follow(struct seats_owner *owner, const struct view *view);

/* Time may have passed unseen. */
void reservations_tick(struct seats_owner *owner);

/* What the API may see of it; borrowed until the next step. */
void reservations_look(const struct seats_owner *owner, struct api_seats *ret_seats);

/* Reserves `query->seats` for `ttl_ms` under `id` (reservation.h), which no other request can have if it is `fresh_id`. The query is borrowed until `done`, which is called once, later, unless
 * the agent ends before. False, with nothing begun, when too many changes are under way. */
bool reservations_allocate(struct agent *agent, const struct placement_query *query, struct str id,
                           bool fresh_id, int64_t ttl_ms, seats_allocated_fn *done, void *user) MUST_CHECK;

/* Reads, extends or releases a reservation, likewise. The texts are copied. */
bool reservations_amend(struct agent *agent, enum amend_op op, struct str type, struct str server,
                        struct str id, int64_t ttl_ms, seats_amended_fn *done, void *user) MUST_CHECK;

#endif
