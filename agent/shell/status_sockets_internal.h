/* The two status sockets (docs/design/protocol.md, "Status sockets"): lines and datagrams in, status
 * messages to the router, replies and events out. */
#ifndef OUTRIDER_SHELL_STATUS_SOCKETS_INTERNAL_H
#define OUTRIDER_SHELL_STATUS_SOCKETS_INTERNAL_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct agent;
struct api_counters;
struct error;
struct status_sockets;

/* Opens what the configuration and LISTEN_FDS name; `agent` is borrowed. The caller owns the result. NULL
 * with `err` naming the setting and the path that failed. */
struct status_sockets *status_sockets_new(struct agent *agent, struct error *err) MUST_CHECK;

/* Closes both sockets and their connections. Accepts NULL. */
void status_sockets_free(struct status_sockets *sockets);

/* Sends the drain event to watching connections: a drain began or changed (`on`), or ended. `left_ms`
 * NEVER_MS: no deadline. Accepts NULL. */
void status_sockets_emit_drain(struct status_sockets *sockets, bool on, int64_t left_ms, struct str reason);

/* Copies the counters of the sockets. */
void status_sockets_count(const struct status_sockets *sockets, struct api_counters *counters);

#endif
