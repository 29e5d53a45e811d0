/* Where the API listens: one listener and one policy for each place of http.listen. */
#ifndef OUTRIDER_API_LISTENERS_INTERNAL_H
#define OUTRIDER_API_LISTENERS_INTERNAL_H

#include "outrider/base/attr.h"
#include "outrider/io/http/server/http_server.h"

struct api_listeners;
struct config;
struct error;
struct tls_server_counters;

/* None yet. */
struct api_listeners *api_listeners_new(void);

/* Listens at each place, with `inherited_fd` (0: none) in the place of the first unix socket. All arguments are borrowed; the
 * listeners belong to the server, their policies and certificate to `listeners`, which outlives it. Returns 0, or -1: a
 * place or a file of http.tls cannot be used; what was opened before ends with the server. */
int api_listeners_open(struct api_listeners *listeners, struct http_server *server, struct loop *loop,
                       const struct config *config, int inherited_fd, http_short_fn *on_short,
                       struct error *err) MUST_CHECK;

/* As http_listener_check() of the unix socket that is `nth` among them. */
int api_listeners_check(struct api_listeners *listeners, size_t nth, struct error *err) MUST_CHECK;

/* NULL: no place is TLS. Borrowed. */
const struct tls_server_counters *api_listeners_tls(const struct api_listeners *listeners);

/* After the server has ended. Accepts NULL. */
void api_listeners_free(struct api_listeners *listeners);

#endif
