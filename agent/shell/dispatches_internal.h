/* dispatches.c: the commands that this agent sends or reads, each run by core/command/dispatch. */
#ifndef OUTRIDER_SHELL_DISPATCHES_INTERNAL_H
#define OUTRIDER_SHELL_DISPATCHES_INTERNAL_H

#include "agent_internal.h"

#include "outrider/core/command/dispatch.h"

struct dispatches;

/* So many at a time; of those that wait for an answer. */
enum { DISPATCHES_MAX = 256, DISPATCHES_CALLS_MAX = 16, DISPATCHES_FOLLOWS_MAX = 64 };

/* `agent` is borrowed; the caller owns the result. */
struct dispatches *dispatches_new(struct agent *agent);

/* What is under way is not answered any more. Accepts NULL. */
void dispatches_free(struct dispatches *dispatches);

/* Begins `op` for the server `type`/`server`; `command` is taken over, whatever is returned. `done` is called once, later, unless the
 * agent ends before; the result is borrowed for the call. False, with nothing begun: too many are under way. */
bool dispatches_begin(struct dispatches *dispatches, enum dispatch_op op, struct str type, struct str server,
                      struct server_command *command, api_commanded_fn *done, void *user) MUST_CHECK;

/* Follows a command that was sent until it has its answer or has expired: `done` is called then, or `drop` (free() of `user` and the
 * like) where the agent ends before. False as above; `command` is copied. */
bool dispatches_follow(struct dispatches *dispatches, struct str type, struct str server,
                       const struct server_command *command, api_commanded_fn *done, void (*drop)(void *user),
                       void *user) MUST_CHECK;

#endif
