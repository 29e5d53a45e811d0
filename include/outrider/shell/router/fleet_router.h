/* Wires the view of the fleet: decodes what the registry delivers, steps the view, tells the placement of each change, and has
 * the effects carried out in order.
 *
 *     registry ──reply, watch──> fleet_router ──items──> core/fleet/view ──effects──> fleet_carry_out() */
#ifndef OUTRIDER_SHELL_ROUTER_FLEET_ROUTER_H
#define OUTRIDER_SHELL_ROUTER_FLEET_ROUTER_H

#include "outrider/codec/record/record_sign.h"
#include "outrider/codec/record/view_item.h"
#include "outrider/core/fleet/view.h"
#include "outrider/core/placement/placement.h"

/* The owner of a fleet router; every implementation of fleet_carry_out() defines its own. */
struct fleet;

/* Its fields are its own, except `view`, which may be read between two calls, and `placement`, which may be asked. */
struct fleet_router {
    struct view *view;
    struct placement *placement;
    struct queue queue;
    struct view_items items;
    struct record_check check; /* of what is decoded */
    struct fleet *fleet;
};

/* Carries out one effect of the view, which is borrowed for the call. The agent implements it on io, the
 * simulator on a model of etcd: one implementation is linked. It does not step the fleet router from within.
 */
void fleet_carry_out(struct fleet *fleet, const struct view_effect *effect);

/* Makes a view of `settings` that has done nothing yet, and a placement that follows it. `fleet` is borrowed. */
void fleet_router_init(struct fleet_router *router, const struct view_settings *settings,
                       const struct placement_settings *placement, struct fleet *fleet);

/* Has the signatures of records judged by `trust`, borrowed; `require`: a record without a good one is not served. Before the first
 * step; the router does not move afterwards. The view has been made with the settings that say the same. */
void fleet_router_trust(struct fleet_router *router, const struct sign_trust *trust, bool require);

/* Frees what it owns; accepts a zeroed one. */
void fleet_router_fini(struct fleet_router *router);

/* Steps the view; all effects are carried out on return. Returns whether a record changed. */
bool fleet_router_step(struct fleet_router *router, const struct view_event *event);

/* The same for a reply to a request, and for an event of a watch. */
bool fleet_router_replied(struct fleet_router *router, const struct registry_reply *reply,
                          const struct instant *now);
bool fleet_router_watched(struct fleet_router *router, const struct registry_watch_event *event,
                          const struct instant *now);

#endif
