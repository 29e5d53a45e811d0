/* The two status sockets (docs/design/protocol.md, "Status sockets"): lines and datagrams in, words to the
 * router, replies and events out. */
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

/* Opens what the configuration and LISTEN_FDS name. NULL with `err` naming the path that cannot be had.
 * `agent` is borrowed. */
struct status_sockets *status_sockets_new(struct agent *agent, struct error *err) MUST_CHECK;

/* Closes both. Accepts NULL. */
void status_sockets_free(struct status_sockets *sockets);

/* Tells watching connections of a drain. */
void status_sockets_emit_drain(struct status_sockets *sockets, bool on, int64_t left_ms, struct str reason);

/* Copies what the sockets counted. */
void status_sockets_count(const struct status_sockets *sockets, struct api_counters *counters);

#endif
