/* What this agent stands for (`leader:` in the configuration). Everything accepts NULL: an agent that stands for nothing. */
#ifndef OUTRIDER_SHELL_LEADERSHIP_INTERNAL_H
#define OUTRIDER_SHELL_LEADERSHIP_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

struct agent;
struct api_candidacy;
struct buf;
struct leadership;
struct line_peer;

/* The candidates of the configuration, none of which stands yet; NULL where there is none. `agent` is borrowed; the caller
 * owns the result. */
struct leadership *leadership_new(struct agent *agent);
void leadership_free(struct leadership *leadership);

/* Whether the agent stands follows from the state of its server: to be called after every change. */
void leadership_check(struct leadership *leadership);

/* Time may have passed unseen. */
void leadership_tick(struct leadership *leadership);

/* Resigns for good. Returns whether something is left in the registry: then hooks_leave() is called once it is not, or after
 * one request timeout. False when it is called again: the operator does not want to wait. */
bool leadership_leave(struct leadership *leadership);

/* Fills `ret_list` with at most `max` candidacies and returns how many; borrowed until the next step. */
size_t leadership_look(const struct leadership *leadership, struct api_candidacy *ret_list, size_t max);

/* Sends the events of the scopes that are led now to a connection that begins to watch. */
void leadership_tell(const struct leadership *leadership, struct line_peer *peer);

/* Adds the member `leader` to a record, which is one JSON object. */
void leadership_add(const struct leadership *leadership, struct buf *record);

#endif
