/* Who leads which scope, as this agent sees it, while it follows the fleet: a mirror of `leader/` on a client of its own. What
 * changes goes to the subscribers, to requests that wait, and to the log. */
#ifndef OUTRIDER_SHELL_LEADER_FEED_INTERNAL_H
#define OUTRIDER_SHELL_LEADER_FEED_INTERNAL_H

#include <stdbool.h>

struct agent;
struct api_fleet;
struct events;
struct leader_feed;

/* Follows nothing yet. `agent` and `events` are borrowed; the caller owns the result. */
struct leader_feed *leader_feed_new(struct agent *agent, struct events *events);

/* Accepts NULL. */
void leader_feed_free(struct leader_feed *feed);

/* Whether the fleet is followed: then so are the leaders, else what is known stays as it is. Anything is done only when that
 * changes. */
void leader_feed_follow(struct leader_feed *feed, bool follow);

/* Time may have passed unseen. Accepts NULL. */
void leader_feed_tick(struct leader_feed *feed);

/* What the API may see of it, borrowed until the next step. Accepts NULL: nothing. */
void leader_feed_look(const struct leader_feed *feed, struct api_fleet *ret_fleet);

#endif
