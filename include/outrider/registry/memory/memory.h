/* A registry in memory, for tests: the reference that the contract suite holds every backend against. It is as capable as
 * the kind it is made of, so that the code that uses a registry can be tested on one that promises less than etcd. Time
 * moves only by memory_advance. */
#ifndef OUTRIDER_REGISTRY_MEMORY_MEMORY_H
#define OUTRIDER_REGISTRY_MEMORY_MEMORY_H

#include "outrider/registry/registry.h"

struct memory_kind {
    const char *name;
    uint32_t can;
    struct registry_limits limits;
};

/* Everything, with etcd's limits. */
extern const struct memory_kind memory_etcd;

/* Listings of now only, a clock that stands while no request comes, and a failover may undo what was acknowledged. */
extern const struct memory_kind memory_redis;

/* Lease ids of its own that end at twice the TTL, whole listings, coalesced changes, no history. */
extern const struct memory_kind memory_consul;

/* An empty store of `kind` (static). The caller owns the result (registry_free). */
struct registry *memory_new(const struct memory_kind *kind);

/* Answers every request submitted so far, in order; requests submitted by the callbacks wait for the next call. Then
 * delivers to the watches what they lack. Returns how many requests were answered. */
size_t memory_run(struct registry *registry);

/* Moves the store's clock; leases that ran out end with their keys, where they end by themselves. */
void memory_advance(struct registry *registry, int64_t ms);

/* Forgets what was before `revision`: a watch from there ends. */
void memory_compact(struct registry *registry, int64_t revision);

/* Ends every watch as when the server goes. */
void memory_cut(struct registry *registry);

/* Another server of the store leads: every lease has its whole TTL again. */
void memory_renew(struct registry *registry);

/* A failover to a replica that knew nothing after `revision`: what was acknowledged since is undone, leases start over,
 * watches end with read_anew, and the epoch is another one. Only of a kind without REGISTRY_CAN_KEEP. */
void memory_fail_over(struct registry *registry, int64_t revision);

/* The key as it is, for assertions; borrowed until the next call. */
struct registry_kv memory_read(struct registry *registry, struct str key);

#endif
