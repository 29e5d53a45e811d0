/* What the fleet router has done outside of it. The agent implements these functions on io, the simulator on
 * a model of etcd: one implementation is linked. None of them steps the fleet router from within. */
#ifndef OUTRIDER_SHELL_ROUTER_FLEET_EFFECTS_H
#define OUTRIDER_SHELL_ROUTER_FLEET_EFFECTS_H

#include "outrider/core/fleet/view.h"

/* Its owner; every implementation defines its own. */
struct fleet_effects;

/* Start a request, open a watch, close one; what is pointed to is borrowed for the call. */
void fleet_effects_request(struct fleet_effects *effects, const struct registry_request *request);
void fleet_effects_watch(struct fleet_effects *effects, const struct registry_watch *watch);
void fleet_effects_unwatch(struct fleet_effects *effects, uint64_t id);

/* A record changed, or a revision is complete (VIEW_DO_CHANGED, VIEW_DO_REVISION): for the subscribers. */
void fleet_effects_emit(struct fleet_effects *effects, const struct view_effect *effect);

/* The view is in sync, or is not any more because of `why`. */
void fleet_effects_synced(struct fleet_effects *effects, bool synced, struct str why);

/* The view is to be saved. */
void fleet_effects_save(struct fleet_effects *effects);

/* One line for the log; `text` is borrowed. */
void fleet_effects_note(struct fleet_effects *effects, enum view_note note, struct str text);

#endif
