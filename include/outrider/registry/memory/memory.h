/* A registry in memory with etcd's semantics (revisions, leases, compare and put), for tests: the reference
 * that the contract suite holds every backend against. Time moves only by memory_advance. */
#ifndef OUTRIDER_REGISTRY_MEMORY_MEMORY_H
#define OUTRIDER_REGISTRY_MEMORY_MEMORY_H

#include "outrider/registry/registry.h"

/* An empty store. The caller owns the result (registry_free). */
struct registry *memory_new(void);

/* Answers every request submitted so far, in order; requests submitted by the answers wait for the next call.
 * Then tells the watches what they have not been told yet. Returns how many requests were answered. */
size_t memory_run(struct registry *registry);

/* Moves the store's clock; leases that ran out are revoked with their keys. */
void memory_advance(struct registry *registry, int64_t ms);

/* Forgets what was before `revision`: a watch from there ends. */
void memory_compact(struct registry *registry, int64_t revision);

/* Ends every watch as when the server goes. */
void memory_cut(struct registry *registry);

/* The key as it is, for assertions; borrowed until the next call. */
struct registry_kv memory_read(struct registry *registry, struct str key);

#endif
