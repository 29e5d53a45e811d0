/* The etcd backend, over the JSON gateway of etcd 3.4 and later (docs/design/etcd-gateway.md). */
#ifndef OUTRIDER_REGISTRY_ETCD_ETCD_H
#define OUTRIDER_REGISTRY_ETCD_ETCD_H

#include "outrider/core/config/config.h"
#include "outrider/registry/registry.h"

struct etcd;
struct http_client;
struct loop;

/* Creates the backend for the endpoints and the credentials of `config` (copied; the password is read at each login).
 * Does no I/O: an etcd that is down at the start is an ordinary failure of the first request. `loop` and `http` are
 * borrowed until registry_free(etcd_registry(etcd)), which is how the caller frees it. The order in which endpoints are
 * asked follows from `agent`, a name that differs between agents, or is that of `config` where it is NULL. */
struct etcd *etcd_new(const struct config_registry *config, struct loop *loop, struct http_client *http,
                      const char *agent);

/* The registry interface of `etcd`, borrowed; NULL for NULL. */
struct registry *etcd_registry(struct etcd *etcd);

#endif
