/* The registry that a configuration names. Only this folder knows all backends. */
#ifndef OUTRIDER_REGISTRY_BACKENDS_REGISTRY_OPEN_H
#define OUTRIDER_REGISTRY_BACKENDS_REGISTRY_OPEN_H

#include <stdint.h>

struct config_registry;
struct http_client;
struct loop;
struct registry;
struct resolver;

/* What backends need beside the configuration; borrowed until registry_free. */
struct registry_means {
    struct loop *loop;
    struct resolver *resolver;
    struct http_client *http; /* made for the TLS of the configuration */
    /* A name that differs between agents: the order in which endpoints are asked follows from it. NULL: the order of the
     * configuration. */
    const char *agent;
    uint64_t seed; /* of the jitter of retries */
};

/* Creates the backend that `config` names (copied), without I/O: a registry that is down at the start is an ordinary failure
 * of the first request. config_check() refuses a backend that is not compiled in. The caller owns the result
 * (registry_free). */
struct registry *registry_open(const struct config_registry *config, const struct registry_means *means);

#endif
