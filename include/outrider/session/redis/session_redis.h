/* Sessions in Redis: one server, Sentinel, or a cluster. All agents with the same servers and namespace share the sessions.
 *
 * It promises less than memory: no bit of session_can() is set. What is lost in which failure: docs/operating.md, "Sessions in
 * Redis". */
#ifndef OUTRIDER_SESSION_REDIS_SESSION_REDIS_H
#define OUTRIDER_SESSION_REDIS_SESSION_REDIS_H

#include <stdint.h>

struct config_redis;
struct loop;
struct redis;
struct resolver;
struct session_store;

/* A store as `config` says, on `loop`, with names resolved by `resolver` (both borrowed until session_store_free). `seed` differs from
 * agent to agent and from start to start. Connects with the first request. */
struct session_store *session_redis_new(struct loop *loop, struct resolver *resolver,
                                        const struct config_redis *config, uint64_t seed);

/* A client of Redis as `config` says, for other uses; the caller owns it. */
struct redis *session_redis_client(struct loop *loop, struct resolver *resolver,
                                   const struct config_redis *config, uint64_t seed);

#endif
