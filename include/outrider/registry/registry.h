/* A registry backend: takes requests, answers each exactly once. The user picks the implementation in the
 * configuration, so this is one of the two run-time vtables of the program. */
#ifndef OUTRIDER_REGISTRY_REGISTRY_H
#define OUTRIDER_REGISTRY_REGISTRY_H

#include "outrider/core/registry_request.h"

struct registry;

/* Called from the loop, never from within registry_submit. */
typedef void registry_reply_fn(const struct registry_reply *reply, void *user);

struct registry_backend {
    const char *name;
    void (*submit)(struct registry *registry, const struct registry_request *request);
    void (*free)(struct registry *registry);
};

/* What every backend begins with. */
struct registry {
    const struct registry_backend *backend;
    registry_reply_fn *on_reply;
    void *user;
};

/* Starts a request. The backend copies what it needs and takes its own reference on `request->value`. The
 * answer comes within `request->timeout_ms` and a little; there is always one. */
static inline void registry_submit(struct registry *registry, const struct registry_request *request)
{
    registry->backend->submit(registry, request);
}

/* Frees the registry; open requests get no answer. Accepts NULL. */
static inline void registry_free(struct registry *registry)
{
    if (registry != NULL) {
        registry->backend->free(registry);
    }
}

#endif
