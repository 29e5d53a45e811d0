/* The etcd backend, over the JSON gateway of etcd 3.4 and later. */
#ifndef OUTRIDER_REGISTRY_ETCD_H
#define OUTRIDER_REGISTRY_ETCD_H

#include "outrider/core/config.h"
#include "outrider/registry/registry.h"

struct http_client;
struct loop;

/* Creates the backend for the endpoints of `config` (copied). Does no I/O: a registry that is away at the
 * start is an ordinary failure of the first request. `loop`, `http` and `user` are borrowed until
 * registry_free. The caller owns the result. */
struct registry *etcd_new(const struct config_registry *config, struct loop *loop, struct http_client *http,
                          registry_reply_fn *on_reply, registry_watch_fn *on_watch, void *user);

#endif
