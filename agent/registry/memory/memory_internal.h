/* What the sources of registry/memory share: memory.c (requests), memory_store.c (keys and leases), memory_txn.c
 * (transactions), memory_lease.c (leases and the clock), memory_history.c (changes and watches). */
#ifndef OUTRIDER_REGISTRY_MEMORY_MEMORY_INTERNAL_H
#define OUTRIDER_REGISTRY_MEMORY_MEMORY_INTERNAL_H

#include "outrider/base/buf.h"
#include "outrider/registry/memory/memory.h"

#include "memory_history_internal.h"

struct entry {
    struct entry *next;
    char *key;
    size_t key_size;
    struct blob *value;
    int64_t mod_revision, create_revision;
    struct registry_lease lease;
};

struct lease {
    struct lease *next;
    struct registry_lease id;
    int64_t ttl_ms, ends_ms;
};

struct pending {
    struct registry_request request; /* its keys are owned */
    char *key, *range_end;
    struct registry_txn *txn; /* of what changes or compares keys; owned */
};

struct memory {
    struct registry registry;
    const struct memory_kind *kind;
    struct entry *entries;
    struct lease *leases;
    struct pending *pending;
    size_t pending_count;
    int64_t now_ms;    /* by which leases end */
    int64_t passed_ms; /* of which the store has not taken notice, where its clock stands between requests */
    int64_t revision;
    uint64_t epoch;      /* 0 where what is acknowledged is kept */
    uint64_t last_lease; /* the last id chosen by the store */
    struct memory_history history;
    struct buf error;
    struct registry_item *items; /* of the last listing; their bytes: */
    struct buf listed;
};

/* memory_store.c: the place of a key or a lease; of the end of the list when there is none. */
struct entry **memory_find_entry(struct memory *memory, struct str key);
struct lease **memory_find_lease(struct memory *memory, struct registry_lease id);

/* The key as a reply has it; `entry` may be NULL. Borrowed. */
struct registry_kv memory_read_entry(const struct entry *entry);

/* Adds a key created at the store's revision. */
struct entry *memory_add_entry(struct memory *memory, struct str key);

/* Removes a key without a change of its own. */
void memory_remove_entry(struct entry **at);

/* Frees one that is in no list any more. Accepts NULL. */
void memory_free_entry(struct entry *entry);

/* Records that the key is deleted at `revision`. */
void memory_note_deleted(struct memory *memory, const struct entry *entry, int64_t revision);

/* Ends a lease; all its keys go in one revision. */
void memory_end_lease(struct memory *memory, struct lease **at);

/* Makes the first `count` items copies: the client may change the store while it reads the reply. */
void memory_copy_items(struct memory *memory, size_t count);

/* memory_lease.c: carries out grant, keepalive, revoke and lease_ttl. */
void memory_lease(struct memory *memory, const struct registry_request *request,
                  struct registry_reply *reply);

/* memory_lease.c: `ms` have passed. */
void memory_pass(struct memory *memory, int64_t ms);

/* memory_lease.c: a request moves a clock that stands between requests, and ends what has run out. */
void memory_tick(struct memory *memory);

/* memory_lease.c: every lease has its whole time again. */
void memory_renew_all(struct memory *memory);

/* Whether the store is of a kind that can. */
static inline bool memory_can(const struct memory *memory, enum registry_capability capability)
{
    return (memory->kind->can & (uint32_t)capability) != 0;
}

/* memory.c: the reply becomes a failure. */
void memory_fail(struct memory *memory, struct registry_reply *reply, enum registry_failure failure,
                 const char *why);

/* memory_txn.c: carries `txn` out; its reads are the reply's items. */
void memory_transact(struct memory *memory, const struct registry_txn *txn, struct registry_reply *reply);

#endif
