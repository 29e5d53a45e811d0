/* What has happened in the memory registry, and who watches it. */
#ifndef OUTRIDER_REGISTRY_MEMORY_MEMORY_HISTORY_INTERNAL_H
#define OUTRIDER_REGISTRY_MEMORY_MEMORY_HISTORY_INTERNAL_H

#include "outrider/registry/backend.h"

/* {0} is empty and watched by nobody. */
struct memory_history {
    struct memory_change *list;
    size_t count, capacity;
    int64_t compacted; /* oldest revision that can still be told */
    struct memory_watch *watches;
};

/* Frees it; open watches are told nothing. */
void memory_history_fini(struct memory_history *history);

/* A key was put (`value` is what it is now, with a reference of its own taken) or, with NULL, deleted, at
 * `kv->mod_revision`, which is not below that of the change before. */
void memory_history_add(struct memory_history *history, struct str key, const struct registry_kv *kv,
                        struct blob *value);

/* registry_watch and registry_unwatch. */
void memory_history_watch(struct memory_history *history, const struct registry_watch *watch);
void memory_history_unwatch(struct memory_history *history, uint64_t id);

/* Tells every watch what it has not been told of the store, which is at `revision` now. Whoever is told may
 * do anything but free the registry; watches that he opens wait for the next call. */
void memory_history_emit(struct memory_history *history, struct registry *registry, int64_t revision,
                         uint64_t cluster);

/* Ends every watch as when the server goes. */
void memory_history_cut(struct memory_history *history, struct registry *registry);

#endif
