/* The watches of the etcd backend: each a stream of its own, from one endpoint. */
#ifndef OUTRIDER_REGISTRY_ETCD_WATCH_H
#define OUTRIDER_REGISTRY_ETCD_WATCH_H

#include "outrider/core/registry_watch.h"

struct etcd_watch;
struct loop;
struct registry;

/* Those that are open; {0} is none. */
struct etcd_watches {
    struct etcd_watch *first;
};

/* Opens a watch for `registry`, which is told. Nothing is told from within the call. */
void etcd_watch_open(struct etcd_watches *watches, struct registry *registry, struct loop *loop,
                     const struct registry_watch *request);

/* Closes the watch `id`, about which nothing is told any more; there may be none. */
void etcd_watch_close(struct etcd_watches *watches, uint64_t id);

/* Closes all. */
void etcd_watches_fini(struct etcd_watches *watches);

#endif
