/* Etcd's whole key-value and lease interface, asked through the backend, whose endpoints, login and TLS it shares. A
 * request that fails on one member is sent to the next; a token that has expired is renewed.
 *
 *     struct etcd *etcd = etcd_new(&config->registry, loop, http, NULL);
 *     struct etcd_request get = {.kind = ETCD_REQUEST_OP, .op = {.kind = ETCD_GET, .key = STR("/services/"), .end = end}};
 *     etcd_client_send(etcd, 1, &get, 2000, on_answer, user);
 *     registry_free(etcd_registry(etcd)); */
#ifndef OUTRIDER_REGISTRY_ETCD_ETCD_CLIENT_H
#define OUTRIDER_REGISTRY_ETCD_ETCD_CLIENT_H

#include "outrider/core/registry/registry_request.h"

#include <stdint.h>

struct etcd;
struct etcd_request;
struct etcd_response;

/* Called once, from the loop, never from within etcd_client_send, with what a client of the registry would learn: `op` is the
 * operation that fails as the request does (etcd_request_like), and lease, ttl, kv and items are not filled in. The
 * response has them; NULL where there was none, empty after another failure. Both are borrowed. Must not free the registry. */
typedef void etcd_client_fn(const struct registry_reply *reply, const struct etcd_response *response,
                            void *user);

/* Sends `request` (copied); the reply has its `id`. There is one reply, within `timeout_ms` and a little, unless the registry is freed before.
 * These requests and those of the registry do not wait for each other. */
void etcd_client_send(struct etcd *etcd, uint64_t id, const struct etcd_request *request, int64_t timeout_ms,
                      etcd_client_fn *fn, void *user);

#endif
