/* With registry.consul.catalog each record is a service of the node as well, written in the transaction of the record. A session that
 * ends takes its keys along, but not the services: an agent that watches the records sweeps.
 *
 *     every TTL: which services has the node? -> those without a record in the watch --> which records are there, at the leader?
 *                                                                    -> those without one there either --> removed, unless changed since
 *
 * A watch may be behind, of a server that is cut off from the leader by up to a minute: it never decides alone. */
#ifndef OUTRIDER_REGISTRY_CONSUL_CATALOG_INTERNAL_H
#define OUTRIDER_REGISTRY_CONSUL_CATALOG_INTERNAL_H

#include "consul_internal.h"

#include "outrider/codec/consul/consul_catalog.h"

struct timer;

enum sweep_step { SWEEP_SERVICES, SWEEP_RECORDS, SWEEP_REMOVAL };

struct consul_catalog {
    struct consul *consul;
    char *records; /* the prefix of the records, as Consul has it */
    int64_t every_ms;
    struct timer *timer;
    enum sweep_step step; /* what is asked */
    struct consul_ask ask;
    struct buf trail;
    struct consul_services missing; /* in the watch */
};

/* NULL where there is none. */
struct consul_catalog *consul_catalog_new(struct consul *consul, const struct config_registry *config);

/* Accepts NULL. */
void consul_catalog_free(struct consul_catalog *catalog);

/* A watch has been opened: it may be one of the records. */
void consul_catalog_watched(struct consul_catalog *catalog);

/* Appends to `out` what writing, or removing, the key means for the catalog; returns the number of operations, which is 0 where it is
 * no record. Accepts NULL. */
size_t consul_catalog_ops(const struct consul_catalog *catalog, struct str key,
                          const struct registry_action *action, struct buf *out);

/* Whether a watch knows the keys of all records, and then whether this one is among them. */
bool consul_watch_knows(const struct consul *consul, struct str prefix);
bool consul_watch_has(const struct consul *consul, struct str prefix, struct str key);

#endif
