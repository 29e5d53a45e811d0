/* joins.c: the joins under way, each run by core/session/join. */
#ifndef OUTRIDER_SHELL_JOINS_INTERNAL_H
#define OUTRIDER_SHELL_JOINS_INTERNAL_H

#include "agent_internal.h"

struct joins;

/* Joins over the sessions and the reservations of the agent, which has both. `agent` is borrowed; the caller owns the result. */
struct joins *joins_new(struct agent *agent);

/* What is under way is not answered any more, and sessions and reservations must not call it any more either: they are freed without
 * running on. Accepts NULL. */
void joins_free(struct joins *joins);

/* Begins a join, or waits for the one that is under way for the same player. Takes `ask->owned`, whatever it returns. `done` is called once,
 * later, unless the agent ends before. False, with nothing begun, when too many are under way. */
bool joins_begin(struct joins *joins, const struct api_join *ask, api_joined_fn *done, void *user) MUST_CHECK;

/* What there are of them, borrowed. NULL for NULL. */
const struct api_joins *joins_look(const struct joins *joins);

#endif
