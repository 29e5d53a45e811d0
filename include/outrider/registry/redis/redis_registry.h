/* The Redis backend: a namespace of one Redis, in whose one slot a script of ours does every operation
 * (docs/design/redis-registry.md). */
#ifndef OUTRIDER_REGISTRY_REDIS_REDIS_REGISTRY_H
#define OUTRIDER_REGISTRY_REDIS_REDIS_REGISTRY_H

#include "outrider/core/config/config.h"
#include "outrider/registry/registry.h"

struct loop;
struct resolver;

/* Creates the backend for the endpoints, the namespace and the credentials of `config` (copied; the password is read at each login).
 * Does no I/O: a Redis that is down at the start is an ordinary failure of the first request. `loop` and `resolver` are borrowed until
 * registry_free(). `agent`, a name that differs between agents or NULL, and `seed` make the ids of stores and the jitter of
 * retries differ. */
struct registry *redis_registry_new(const struct config_registry *config, struct loop *loop,
                                    struct resolver *resolver, const char *agent, uint64_t seed);

#endif
