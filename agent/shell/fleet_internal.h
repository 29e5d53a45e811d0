/* The fleet as this agent sees it: runs the view on the registry, saves it in state_dir, and feeds the
 * subscribers. */
#ifndef OUTRIDER_SHELL_FLEET_INTERNAL_H
#define OUTRIDER_SHELL_FLEET_INTERNAL_H

struct agent;
struct api_fleet;
struct config;
struct fleet;

/* A view that has done nothing yet, with what state_dir has of one. `agent` is borrowed. The caller owns the
 * result. */
struct fleet *fleet_new(struct agent *agent);

/* Accepts NULL. */
void fleet_free(struct fleet *fleet);

/* The agent runs: a view that is always followed begins now. */
void fleet_start(struct fleet *fleet);

/* The agent ends: what is known is kept. */
void fleet_stop(struct fleet *fleet);

/* Time may have passed unseen. */
void fleet_tick(struct fleet *fleet);

/* New settings view.*. */
void fleet_reload(struct fleet *fleet, const struct config *config);

/* A request needs the fleet now. */
void fleet_want(struct fleet *fleet);

/* What the API may see of it; borrowed until the next step. */
void fleet_look(const struct fleet *fleet, struct api_fleet *ret_fleet);

#endif
