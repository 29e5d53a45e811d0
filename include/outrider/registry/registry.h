/* A registry backend: takes requests, answers each exactly once, and watches keys. The user picks the
 * implementation in the configuration, so this is one of the two run-time vtables of the program. */
#ifndef OUTRIDER_REGISTRY_REGISTRY_H
#define OUTRIDER_REGISTRY_REGISTRY_H

#include "outrider/core/registry/registry_request.h"
#include "outrider/core/registry/registry_watch.h"

struct registry;

/* Called from the loop, never from within registry_submit. */
typedef void registry_reply_fn(const struct registry_reply *reply, void *user);

/* Called from the loop, never from within registry_watch. May open and close watches, the one it tells of
 * included; must not free the registry. */
typedef void registry_watch_fn(const struct registry_watch_event *event, void *user);

struct registry_backend {
    const char *name;
    void (*submit)(struct registry *registry, const struct registry_request *request);
    void (*watch)(struct registry *registry, const struct registry_watch *watch);
    void (*unwatch)(struct registry *registry, uint64_t id);
    bool (*endpoint)(const struct registry *registry, size_t index, struct registry_endpoint *ret_endpoint);
    void (*free)(struct registry *registry);
};

/* What every backend begins with. */
struct registry {
    const struct registry_backend *backend;
    registry_reply_fn *on_reply;
    registry_watch_fn *on_watch; /* NULL where nobody watches */
    void *user;
};

/* Starts a request. The backend copies what it needs and takes its own reference on `request->value`. The
 * answer comes within `request->timeout_ms` and a little; there is always one. */
static inline void registry_submit(struct registry *registry, const struct registry_request *request)
{
    registry->backend->submit(registry, request);
}

/* Opens a watch: one OPENED, any number of CHANGED, one ENDED, or ENDED alone. The backend copies what it
 * needs. `watch->id` is not that of another watch of this registry. */
static inline void registry_watch(struct registry *registry, const struct registry_watch *watch)
{
    registry->backend->watch(registry, watch);
}

/* Closes the watch `id`: nothing is heard of it any more. An id that is not open, also because it has ended,
 * is no error. */
static inline void registry_unwatch(struct registry *registry, uint64_t id)
{
    registry->backend->unwatch(registry, id);
}

/* The endpoint number `index`, for people, in the order of the configuration. Returns false beyond the last, and
 * where a backend has none. */
static inline bool registry_endpoint(const struct registry *registry, size_t index,
                                     struct registry_endpoint *ret_endpoint)
{
    return registry->backend->endpoint != NULL && registry->backend->endpoint(registry, index, ret_endpoint);
}

/* Frees the registry; open requests get no answer, open watches no end. Accepts NULL. */
static inline void registry_free(struct registry *registry)
{
    if (registry != NULL) {
        registry->backend->free(registry);
    }
}

#endif
