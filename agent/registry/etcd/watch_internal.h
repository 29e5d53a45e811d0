/* The watches of the etcd backend: each a stream of its own, from one endpoint. */
#ifndef OUTRIDER_REGISTRY_ETCD_WATCH_INTERNAL_H
#define OUTRIDER_REGISTRY_ETCD_WATCH_INTERNAL_H

#include "outrider/core/registry/registry_watch.h"

struct etcd_watch;
struct registry;

/* Those that are open, or ended in this turn of the loop; {0} is none. */
struct etcd_watches {
    struct etcd_watch *first;
};

/* registry_watch and registry_unwatch of the etcd backend. */
void etcd_watch_open(struct registry *registry, const struct registry_watch *request);
void etcd_watch_close(struct registry *registry, uint64_t id);

/* Closes all; before the login is ended, for which some may wait. */
void etcd_watches_fini(struct etcd_watches *watches);

#endif
