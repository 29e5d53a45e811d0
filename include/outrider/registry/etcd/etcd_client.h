/* Etcd's whole key-value and lease interface, asked through the backend, whose endpoints, login and TLS it shares. A
 * request that fails on one member is sent to the next; a token that has expired is renewed.
 *
 *     struct etcd *etcd = etcd_new(&config->registry, loop, http);
 *     struct etcd_request get = {.kind = ETCD_REQUEST_OP, .op = {.kind = ETCD_GET, .key = STR("/services/"), .end = end}};
 *     etcd_client_send(etcd, &get, 2000, on_answer, user);
 *     registry_free(etcd_registry(etcd)); */
#ifndef OUTRIDER_REGISTRY_ETCD_ETCD_CLIENT_H
#define OUTRIDER_REGISTRY_ETCD_ETCD_CLIENT_H

#include "outrider/base/str.h"
#include "outrider/core/registry/registry_request.h"

#include <stdbool.h>
#include <stdint.h>

struct etcd;
struct etcd_request;
struct etcd_response;

/* Everything is borrowed for the duration of the call that hands it over. */
struct etcd_client_reply {
    enum registry_failure failure;        /* REGISTRY_UNKNOWN: a write that may have been done */
    struct str error;                     /* for people: what failed, on which endpoint, why; empty when ok */
    struct str endpoint;                  /* the one that answered or failed */
    int64_t revision;                     /* of the store, 0 if unknown */
    uint64_t cluster;                     /* cluster id, 0 if unknown */
    bool revision_gone;                   /* refused: the revision asked for is compacted, or not yet there */
    const struct etcd_response *response; /* empty after a failure */
};

/* Called once, from the loop, never from within etcd_client_send. Must not free the registry. */
typedef void etcd_client_fn(const struct etcd_client_reply *reply, void *user);

/* Sends `request` (copied). There is one reply, within `timeout_ms` and a little, unless the registry is freed before.
 * These requests and those of the registry do not wait for each other. */
void etcd_client_send(struct etcd *etcd, const struct etcd_request *request, int64_t timeout_ms,
                      etcd_client_fn *fn, void *user);

#endif
