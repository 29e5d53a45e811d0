#include "watch.h"

#include "outrider/base/mem.h"
#include "outrider/io/loop.h"
#include "outrider/registry/registry.h"

#include <stdlib.h>

struct etcd_watch {
    struct etcd_watch *next;
    struct etcd_watches *watches;
    struct registry *registry;
    uint64_t id;
    struct deferred refusal;
};

static void watch_free(struct etcd_watch *watch)
{
    struct etcd_watch **at = &watch->watches->first;
    while (*at != watch) {
        at = &(*at)->next;
    }
    *at = watch->next;
    deferred_cancel(&watch->refusal);
    free(watch);
}

static void on_refusal(void *user)
{
    struct etcd_watch *watch = user;
    struct registry *registry = watch->registry;
    struct registry_watch_event event = {.id = watch->id,
                                         .type = REGISTRY_WATCH_ENDED,
                                         .failure = REGISTRY_REFUSED,
                                         .error = STR("watch: not spoken by this version"),
                                         .endpoint = STR("etcd")};
    watch_free(watch);
    registry->on_watch(&event, registry->user);
}

void etcd_watch_open(struct etcd_watches *watches, struct registry *registry, struct loop *loop,
                     const struct registry_watch *request)
{
    struct etcd_watch *watch = mem_zalloc(sizeof(*watch));
    watch->next = watches->first;
    watches->first = watch;
    watch->watches = watches;
    watch->registry = registry;
    watch->id = request->id;
    watch->refusal.fn = on_refusal;
    watch->refusal.user = watch;
    loop_defer(loop, &watch->refusal);
}

void etcd_watch_close(struct etcd_watches *watches, uint64_t id)
{
    struct etcd_watch *watch = watches->first;
    while (watch != NULL && watch->id != id) {
        watch = watch->next;
    }
    if (watch != NULL) {
        watch_free(watch);
    }
}

void etcd_watches_fini(struct etcd_watches *watches)
{
    while (watches->first != NULL) {
        watch_free(watches->first);
    }
}
