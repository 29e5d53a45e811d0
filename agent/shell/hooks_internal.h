/* The hooks of the agent (`hooks:` in the configuration). Everything accepts NULL: an agent without any program. */
#ifndef OUTRIDER_SHELL_HOOKS_INTERNAL_H
#define OUTRIDER_SHELL_HOOKS_INTERNAL_H

#include "outrider/base/str.h"
#include "outrider/core/server/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agent;
struct config;
struct hook;
struct hooks;

/* The hooks of the agent's configuration; NULL where it cannot start programs. `agent` is borrowed; the caller owns the result. */
struct hooks *hooks_new(struct agent *agent);

/* Kills what runs. */
void hooks_free(struct hooks *hooks);

/* A configuration `fresh` comes into force instead of the agent's: a hook that is another one now begins from the start. */
void hooks_reload(struct hooks *hooks, const struct config *fresh);

/* Events, as effects_emit_drain() and effects_status_moved() have them; leadership of `scope`, `lost`: why, NULL: gained. */
void hooks_drain(struct hooks *hooks, bool on, int64_t left_ms, struct str reason);
void hooks_status(struct hooks *hooks, enum status status, struct str cause);
void hooks_leader(struct hooks *hooks, const char *scope, int64_t token, const char *lost);

/* The last step of the agent's end: stops the loop once no hook runs, each bounded by its timeout; at once when the lease is handed
 * over, which must not wait, or when it is called again. */
void hooks_leave(struct agent *agent);

/* The machines, in the order of the configuration; borrowed. */
const struct hook *hooks_look(const struct hooks *hooks, size_t *ret_count);

#endif
