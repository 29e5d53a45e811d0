/* Etcd as a client library: keys with ranges, transactions and leases, asked through a backend made by
 * etcd_new, whose endpoints, login and TLS it shares. What fails on one member is asked of the next, as for
 * the agent's own requests; a token that ran out is renewed.
 *
 *     struct registry *etcd = etcd_new(&config->registry, loop, http, on_reply, on_watch, user);
 *     struct etcd_ask get = {.kind = ETCD_ASK_OP, .op = {.kind = ETCD_GET, .key = STR("/services/"), .end =
 * ...}}; etcd_client_ask(etcd, &get, 2000, on_answer, user); registry_watch(etcd, &watch); ...
 * registry_free(etcd);
 *
 * Watches are registry_watch's: ranges, from a revision, each revision once. User and password come from the
 * configuration (registry.username, registry.password_file), certificates from `http`. */
#ifndef OUTRIDER_REGISTRY_ETCD_ETCD_CLIENT_H
#define OUTRIDER_REGISTRY_ETCD_ETCD_CLIENT_H

#include "outrider/base/str.h"
#include "outrider/core/registry/registry_request.h"

#include <stdbool.h>
#include <stdint.h>

struct etcd_answer;
struct etcd_ask;
struct registry;

/* Everything is borrowed for the duration of the call that hands it over. */
struct etcd_client_reply {
    enum registry_failure failure;    /* REGISTRY_UNKNOWN: a write that may have been done */
    struct str error;                 /* for people: what failed, on which endpoint, why; empty when ok */
    struct str endpoint;              /* who answered or failed to */
    int64_t revision;                 /* of the store, 0 if unknown */
    uint64_t cluster;                 /* cluster id, 0 if unknown */
    bool revision_gone;               /* refused: the revision asked for is compacted, or not yet there */
    const struct etcd_answer *answer; /* empty after a failure */
};

/* Called once, from the loop, never from within etcd_client_ask. Must not free the registry. */
typedef void etcd_client_fn(const struct etcd_client_reply *reply, void *user);

/* Sends `ask` (copied). The answer comes within `timeout_ms` and a little; there is always one, unless the
 * registry is freed before. Asks and the backend's own requests do not wait for each other. */
void etcd_client_ask(struct registry *etcd, const struct etcd_ask *ask, int64_t timeout_ms,
                     etcd_client_fn *fn, void *user);

#endif
