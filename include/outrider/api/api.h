/* The HTTP API of one agent (docs/design/protocol.md, "HTTP API"): listeners, routes, and replies that come
 * later. Handlers read the agent through const accessors and act through api_ops (context.h). */
#ifndef OUTRIDER_API_API_H
#define OUTRIDER_API_API_H

#include "outrider/base/attr.h"

#include <stdbool.h>
#include <stddef.h>

struct api;
struct api_ops;
struct config;
struct error;
struct loop;

/* Listens where `config->http` says and serves; with `inherited_fd`, a listening unix socket of the service manager (0: none), on
 * that in place of the first unix socket it names. NULL with `err` set when the address cannot be used (the text
 * names it) or the token file cannot be read. All arguments are borrowed until api_free. */
struct api *api_new(struct loop *loop, const struct config *config, int inherited_fd,
                    const struct api_ops *ops, void *agent, struct error *err) MUST_CHECK;

/* Applies the settings of `config` (limits of requests, token file); the listeners stay as they are. */
void api_reload(struct api *api, const struct config *config);

/* As http_listener_check() of the unix socket of http.listen that is `nth` among them, from 0; 0 where it is none. */
int api_check_socket(struct api *api, size_t nth, struct error *err) MUST_CHECK;

/* The fleet is known, or cannot be read now: requests that wait for it are served at the end of the turn.
 * `changed`: kept lists are out of date. */
void api_fleet_moved(struct api *api, bool changed);

/* Stops listening, closes every connection, frees. Requests that wait get their last reply. Accepts NULL. */
void api_free(struct api *api);

#endif
