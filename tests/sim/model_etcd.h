/* A model of etcd as measured in docs/design/etcd-gateway.md: one revision for each change, writes that
 * compare, leases that end with their keys in [TTL, TTL + 0.5 s] and get a whole TTL when the leader changes.
 * Of another kind it is as capable as that: it chooses the ids of leases, ends them later, keeps a revision where the
 * same value is written, or undoes what it acknowledged. The caller passes the time. */
#ifndef OUTRIDER_TESTS_SIM_MODEL_ETCD_H
#define OUTRIDER_TESTS_SIM_MODEL_ETCD_H

#include "outrider/base/blob.h"
#include "outrider/core/registry/registry_request.h"
#include "outrider/registry/memory/memory.h"
#include "support/lease_number.h"

enum { NO_NODE = UINT32_MAX, LEASE_BUCKETS = 1024, EXPIRY_SWEEP_MS = 500, UNDO_MAX = 8 };

struct model_lease {
    struct model_lease *next;
    int64_t id, ttl_ms, ends;
    int64_t renewed_sent; /* when the last grant or heartbeat that counted was sent */
    bool revived;         /* by a grant that arrived late, after the agent gave it up */
    unsigned owner;       /* the node it was granted to, or NO_NODE */
    uint32_t life;        /* the agent process that renewed it last */
};

struct key {
    struct blob *value; /* NULL: absent */
    int64_t mod_revision, create_revision, lease;
    bool by_hand; /* changed or deleted by hand, and not written by an agent since */
};

/* A key as it was before `revision`. */
struct model_undo {
    unsigned key;
    int64_t revision;
    struct key before;
};

struct etcd {
    const struct memory_kind *kind;
    int64_t revision;
    uint64_t cluster, epoch;
    int64_t last_lease;               /* the last id that it chose */
    struct model_undo undo[UNDO_MAX]; /* the newest first */
    unsigned undo_count;
    struct model_lease *buckets[LEASE_BUCKETS];
    struct model_lease *free;
    struct key *keys;
    unsigned key_count;
    void (*on_change)(void *user, unsigned key); /* called after each change of a key; NULL: not called */
    void *user;
};

void etcd_init(struct etcd *etcd, const struct memory_kind *kind, unsigned keys);

/* Whether it is of a kind that can. */
bool etcd_can(const struct etcd *etcd, enum registry_capability capability);
void etcd_fini(struct etcd *etcd);

struct model_lease *etcd_lease(const struct etcd *etcd, int64_t id);

/* Grants; the id must be free. `ttl_ms` is rounded as etcd does (whole seconds, at least 2). */
struct model_lease *etcd_grant(struct etcd *etcd, int64_t id, int64_t ttl_ms, int64_t now);

/* Ends a lease and deletes its keys. */
void etcd_end_lease(struct etcd *etcd, struct model_lease *lease);

/* Does `request` for key number `key`. `ret_reply` borrows the key's value. A heartbeat for a lease that is
 * over but not yet swept does not revive it. */
void etcd_apply(struct etcd *etcd, const struct registry_request *request, unsigned key, int64_t now,
                struct registry_reply *ret_reply);

/* A new leader: every lease has its whole TTL again. */
void etcd_refresh(struct etcd *etcd, int64_t now);

/* Another cluster, an empty one, answers at the same address. */
void etcd_wipe(struct etcd *etcd);

/* A failover to a replica that lacks the last `back` revisions, or as many as are remembered: a new epoch, at a much
 * higher revision, and leases have their whole time again. The keys that are not as they were are marked as changed
 * by hand; on_change is not called. Returns the revision that it went back to. */
int64_t etcd_fail_over(struct etcd *etcd, int64_t back, int64_t now);

/* A change by hand: writes (a reference to `value` is taken) or deletes. */
void etcd_put(struct etcd *etcd, unsigned key, struct blob *value, int64_t lease);
void etcd_delete(struct etcd *etcd, unsigned key);

#endif
