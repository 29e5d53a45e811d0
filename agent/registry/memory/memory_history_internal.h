/* What has changed in the memory registry, and the watches of it. */
#ifndef OUTRIDER_REGISTRY_MEMORY_MEMORY_HISTORY_INTERNAL_H
#define OUTRIDER_REGISTRY_MEMORY_MEMORY_HISTORY_INTERNAL_H

#include "outrider/registry/backend.h"

struct memory;

/* {0} is empty and without watches. */
struct memory_history {
    struct memory_change *list;
    size_t count, capacity;
    int64_t compacted; /* oldest revision that can still be delivered */
    struct memory_watch *watches;
};

/* Frees it; open watches get no end. */
void memory_history_fini(struct memory_history *history);

/* A key was put (`value` is what it is now, with a reference of its own taken) or, with NULL, deleted, at
 * `kv->mod_revision`, which is not below that of the change before. */
void memory_history_add(struct memory_history *history, struct str key, const struct registry_kv *kv,
                        struct blob *value);

/* registry_watch and registry_unwatch. */
void memory_history_watch(struct memory_history *history, const struct registry_watch *watch);
void memory_history_unwatch(struct memory_history *history, uint64_t id);

/* Opens the watches that are new, and delivers to each what it lacks. The client may do anything but free the registry;
 * watches that it opens wait for the next call. */
void memory_history_emit(struct memory_history *history, struct memory *memory, uint64_t cluster);

/* Ends every watch. */
void memory_history_end(struct memory_history *history, struct memory *memory, bool read_anew,
                        const char *why);

/* Forgets what came after `revision` and puts the keys of an empty store where they were then. */
void memory_history_undo(struct memory_history *history, struct memory *memory, int64_t revision);

#endif
