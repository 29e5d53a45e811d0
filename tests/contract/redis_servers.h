/* Stores on the servers that tests/support/with-redis started, and what a test does to the servers. */
#ifndef OUTRIDER_TESTS_CONTRACT_REDIS_SERVERS_H
#define OUTRIDER_TESTS_CONTRACT_REDIS_SERVERS_H

#include "outrider/core/config/config.h"
#include "outrider/registry/redis/redis_registry.h"
#include "outrider/session/redis/session_redis.h"

struct redis_login {
    char *username, *password_file; /* NULL: none */
    char *certs;                    /* the folder of the certificates; NULL: no TLS */
};

/* A store in the namespace `space`. */
struct session_store *redis_servers_store(struct loop *loop, struct resolver *resolver, const char *space,
                                          uint64_t seed, const struct redis_login *login);

/* A registry in the namespace `space`. */
struct registry *redis_servers_registry(struct loop *loop, struct resolver *resolver, const char *space,
                                        uint64_t seed, const struct redis_login *login);

/* Runs the program `what` of the servers ("cli", "failover"), with a shell. Returns what it printed, borrowed until the next call, and
 * fails the test unless the program succeeds. */
const char *redis_servers_do(const char *what, ...) __attribute__((format(printf, 1, 2)));

/* Starts it and returns its pid, for waitpid(2). */
int redis_servers_begin(const char *what, ...) __attribute__((format(printf, 1, 2)));

#endif
