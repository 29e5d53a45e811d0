/* The members of the cluster as the configuration names them, which of them is asked first, and how a
 * request's time is shared among them. */
#ifndef OUTRIDER_REGISTRY_ETCD_ENDPOINTS_H
#define OUTRIDER_REGISTRY_ETCD_ENDPOINTS_H

#include "outrider/core/config.h"
#include "outrider/core/registry_request.h"

struct endpoint {
    char *name;                    /* scheme://host:port, as configured */
    char *urls[REGISTRY_OP_COUNT]; /* of each operation */
};

struct endpoints {
    struct endpoint list[CONFIG_ENDPOINTS_MAX];
    size_t count;
    size_t preferred; /* asked first */
};

/* Copies the endpoints of `config`, which has at least one; the first is preferred. */
void endpoints_init(struct endpoints *endpoints, const struct config_registry *config);

/* Accepts a zeroed one. */
void endpoints_fini(struct endpoints *endpoints);

/* Endpoint `index` failed in a way another may not: the next one is preferred. Nothing changes when another
 * is preferred already, so that two requests that failed together move on once. */
void endpoints_move_on(struct endpoints *endpoints, size_t index);

/* How long, in ms, one attempt may take of the `left_ms` a request has, when `others` endpoints have not been
 * tried yet: half, so that one that swallows everything leaves time for the rest; all of it when it is the
 * last. At least 1. */
int64_t endpoints_share(int64_t left_ms, size_t others);

#endif
