/* Consul as a registry, through its HTTP API, as docs/design/consul-registry.md says: keys of its key/value store, under sessions of a
 * node that the operator registers. */
#ifndef OUTRIDER_REGISTRY_CONSUL_CONSUL_REGISTRY_H
#define OUTRIDER_REGISTRY_CONSUL_CONSUL_REGISTRY_H

#include <stdint.h>

struct config_registry;
struct http_client;
struct loop;
struct registry;

/* Creates the backend without I/O: a Consul that is down at the start is an ordinary failure of the first request. `config` is
 * copied, and the order in which its endpoints are asked follows from `agent` (endpoints.h), which the sessions also name; NULL:
 * that of the configuration. `loop` and `http` are borrowed until registry_free. `seed`: of the jitter, and of the id that a new
 * store gets. The caller owns the result (registry_free). */
struct registry *consul_registry_new(const struct config_registry *config, struct loop *loop,
                                     struct http_client *http, const char *agent, uint64_t seed);

/* The servers' session_ttl_min is lowered to `ms`, at least 1000. Before the first request. */
void consul_registry_set_ttl_min(struct registry *registry, int64_t ms);

#endif
