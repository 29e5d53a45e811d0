/* How a command reaches the registry: with the endpoints, the login and the TLS of a configuration. */
#ifndef OUTRIDER_CLI_COMMON_REGISTRY_ACCESS_H
#define OUTRIDER_CLI_COMMON_REGISTRY_ACCESS_H

#include "outrider/base/attr.h"

struct config_registry;
struct http_client;
struct loop;
struct registry;
struct resolver;

/* What a registry takes beside the configuration; {0} is closed. */
struct registry_access {
    struct loop *loop;
    struct resolver *resolver;
    struct http_client *http;
};

/* Prepares it for the TLS of `config`, without I/O. Returns 0; or the exit status, the error printed. */
int registry_access_open(struct registry_access *access, const struct config_registry *config) MUST_CHECK;

/* The registry of `config`, which the caller frees (registry_free) before the access is closed. */
struct registry *registry_access_new(const struct registry_access *access,
                                     const struct config_registry *config);

/* Accepts a closed one. What uses it must be freed before. */
void registry_access_close(struct registry_access *access);

/* A hint to append to an error of the registry, such as ": is the registry running?"; "": none. */
const char *registry_access_remedy(const char *error);

#endif
