/* How a command reaches etcd: with the endpoints, the login and the TLS of a configuration. */
#ifndef OUTRIDER_CLI_COMMON_ETCD_ACCESS_H
#define OUTRIDER_CLI_COMMON_ETCD_ACCESS_H

#include "outrider/base/attr.h"

struct config_registry;
struct http_client;
struct loop;
struct resolver;

/* What etcd_new takes beside the configuration; {0} is closed. */
struct etcd_access {
    struct loop *loop;
    struct resolver *resolver;
    struct http_client *http;
};

/* Prepares it for the TLS of `config`, without I/O. Returns 0; or the exit status, the error printed. */
int etcd_access_open(struct etcd_access *access, const struct config_registry *config) MUST_CHECK;

/* Accepts a closed one. What uses it must be freed before. */
void etcd_access_close(struct etcd_access *access);

/* A hint to append to an error of etcd, such as ": is etcd running?"; "": none. */
const char *etcd_access_remedy(const char *error);

#endif
