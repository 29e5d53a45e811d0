/* Operations on waves of servers, of an observer that follows the fleet: clients of the registry and a timer for shell/waves. Everything
 * accepts NULL: an agent without them. */
#ifndef OUTRIDER_SHELL_WAVE_FEED_INTERNAL_H
#define OUTRIDER_SHELL_WAVE_FEED_INTERNAL_H

#include "outrider/api/common/context.h"

struct agent;
struct waves_owner;

/* NULL where there are none: a sidecar, and an observer without a view or without an API. Does nothing before the start. `agent` is borrowed;
 * the caller owns the result. */
struct waves_owner *wave_feed_new(struct agent *agent);
void wave_feed_free(struct waves_owner *owner);

/* Begins to follow. */
void wave_feed_start(struct waves_owner *owner);

/* The fleet may be another one. */
void wave_feed_fleet_moved(struct waves_owner *owner);

/* Time may have passed unseen. */
void wave_feed_tick(struct waves_owner *owner);

/* What the API may see, borrowed until the next step; `present` is false without waves. */
void wave_feed_look(struct waves_owner *owner, struct api_waves *ret_waves);

/* As in struct api_ops. */
bool wave_feed_create(struct agent *agent, const struct wave *wave, api_waved_fn *done, void *user);
bool wave_feed_order(struct agent *agent, struct str id, enum wave_order order, api_waved_fn *done,
                     void *user);

#endif
