/* The registry: keys by name, leases, transactions, and the changes that watches deliver. */
#include "seats_sim.h"

#include "outrider/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { CHANGES_KEPT = 4000 };

void store_init(struct store *store, const struct memory_kind *kind)
{
    *store = (struct store){.kind = kind, .revision = 1, .cluster = 1};
    store->epoch = store_can(store, REGISTRY_CAN_KEEP) ? 0 : 1;
}

bool store_can(const struct store *store, enum registry_capability capability)
{
    return (store->kind->can & (uint32_t)capability) != 0;
}

struct stored *store_find(const struct store *store, const char *key)
{
    struct stored *found;
    HASH_FIND_STR(store->keys, key, found);
    return found;
}

static struct stored *find(const struct store *store, struct str key)
{
    struct stored *found;
    HASH_FIND(hh, store->keys, key.data, key.size, found);
    return found;
}

static void drop_changes(struct store *store, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(store->changes[i].key);
        blob_unref(store->changes[i].value);
    }
    store->count -= count;
    store->dropped += count;
    memmove(store->changes, store->changes + count, store->count * sizeof(store->changes[0]));
}

void store_compact(struct store *store, int64_t revision)
{
    size_t count = 0;
    while (count < store->count && store->changes[count].revision <= revision) {
        count++;
    }
    store->compacted = revision > store->compacted ? revision : store->compacted;
    drop_changes(store, count);
}

static void note(struct store *store, struct change change)
{
    if (store->count == CHANGES_KEPT) {
        store_compact(store, store->changes[CHANGES_KEPT / 2].revision);
    }
    if (store->count == store->capacity) {
        store->capacity = store->capacity == 0 ? 64 : store->capacity * 2;
        store->changes = mem_resize(store->changes, store->capacity, sizeof(store->changes[0]));
    }
    store->changes[store->count++] = change;
}

/* Whether it is as the write would leave it, which is no change of its own to some registries. */
static bool is_same(const struct store *store, const struct stored *stored, const struct blob *value,
                    struct registry_lease lease)
{
    if (stored == NULL || value == NULL) {
        return stored == NULL && value == NULL;
    }
    return !store_can(store, REGISTRY_CAN_REVISE_SAME) && registry_lease_eq(stored->lease, lease) &&
           str_eq(blob_view(stored->value), blob_view(value));
}

void store_forget(struct stored *stored, struct store *store)
{
    HASH_DEL(store->keys, stored);
    blob_unref(stored->value);
    free(stored->name);
    free(stored);
}

/* Writes or deletes (`value` NULL) at `revision`. */
static void set(struct world *world, int64_t revision, struct str key, struct blob *value,
                struct registry_lease lease)
{
    struct store *store = &world->store;
    struct stored *stored = find(store, key);
    if (is_same(store, stored, value, lease)) {
        return;
    }
    char *name = mem_copy(key.data, key.size);
    undo_note(store, key, stored, revision);
    store->revision = revision;
    if (stored == NULL) {
        stored = mem_zalloc(sizeof(*stored));
        stored->name = mem_strdup(name);
        stored->create_revision = store->revision;
        HASH_ADD_KEYPTR(hh, store->keys, stored->name, key.size, stored);
    }
    note(store, (struct change){.key = name,
                                .value = value == NULL ? NULL : blob_ref(value),
                                .revision = store->revision,
                                .create_revision = stored->create_revision,
                                .lease = lease});
    blob_unref(stored->value);
    stored->value = value == NULL ? NULL : blob_ref(value);
    stored->mod_revision = store->revision;
    stored->lease = lease;
    oracle_changed(world, name, value);
    if (value == NULL) {
        store_forget(stored, store);
    }
}

static struct registry_kv read(const struct stored *stored)
{
    return stored == NULL ? (struct registry_kv){0}
                          : (struct registry_kv){.found = true,
                                                 .value = blob_view(stored->value),
                                                 .mod_revision = stored->mod_revision,
                                                 .create_revision = stored->create_revision,
                                                 .lease = stored->lease};
}

/* ---- leases ---- */

static struct store_lease *find_lease(const struct store *store, struct registry_lease id)
{
    struct store_lease *found;
    HASH_FIND(hh, store->leases, &id.lo, sizeof(id.lo), found);
    return found;
}

static void end_lease(struct world *world, struct store_lease *lease)
{
    struct store *store = &world->store;
    struct stored *each, *next;
    struct registry_lease id = {.lo = lease->id};
    int64_t revision = store->revision + REVISION_STEP;
    bool any = false;
    HASH_ITER(hh, store->keys, each, next)
    {
        if (registry_lease_eq(each->lease, id)) {
            any = true;
            char *name = mem_strdup(each->name);
            set(world, revision, str_of(name), NULL, (struct registry_lease){0});
            free(name);
        }
    }
    HASH_DEL(store->leases, lease);
    free(lease);
    if (any) {
        oracle_revision(world);
        net_changed(world);
    }
}

int64_t store_lease_end(const struct world *world, int64_t ttl_ms)
{
    const struct registry_limits *limits = &world->store.kind->limits;
    return world->now + ttl_ms * limits->ends_factor + limits->ends_more_ms / 2;
}

void store_sweep(struct world *world)
{
    struct store_lease *each, *next;
    if (!store_can(&world->store, REGISTRY_CAN_END_LEASES) && !net_watched(world)) {
        return;
    }
    HASH_ITER(hh, world->store.leases, each, next)
    {
        if (each->ends <= world->now) {
            end_lease(world, each);
        }
    }
}

static void apply_lease(struct world *world, const struct registry_request *request,
                        struct registry_reply *reply)
{
    struct store *store = &world->store;
    struct store_lease *lease = find_lease(store, request->lease);
    bool chosen = store_can(store, REGISTRY_CAN_CHOOSE_LEASE);
    switch (request->op) {
    case REGISTRY_GRANT:
        if (chosen && lease != NULL) {
            reply->failure = REGISTRY_LEASE_EXISTS;
            return;
        }
        lease = mem_zalloc(sizeof(*lease));
        *lease = (struct store_lease){.id = chosen ? request->lease.lo : ++store->last_lease,
                                      .ttl_ms = request->ttl_ms,
                                      .ends = store_lease_end(world, request->ttl_ms)};
        HASH_ADD(hh, store->leases, id, sizeof(lease->id), lease);
        reply->lease = (struct registry_lease){.lo = lease->id};
        reply->ttl_ms = request->ttl_ms;
        return;
    case REGISTRY_LEASE_TTL:
        reply->ttl_known = store_can(store, REGISTRY_CAN_TELL_TTL);
        reply->ttl_ms = lease == NULL ? -1 : reply->ttl_known ? lease->ends - world->now : 0;
        return;
    default: break;
    }
    if (lease == NULL) {
        reply->failure = REGISTRY_LEASE_LOST;
    } else if (request->op == REGISTRY_KEEPALIVE) {
        lease->ends = store_lease_end(world, lease->ttl_ms);
        reply->ttl_ms = lease->ttl_ms;
    } else {
        end_lease(world, lease);
    }
}

/* ---- transactions ---- */

static bool holds(const struct store *store, const struct registry_compare *compare)
{
    const struct stored *stored = find(store, compare->key);
    switch (compare->kind) {
    case REGISTRY_IF_REVISION: return (stored == NULL ? 0 : stored->mod_revision) == compare->revision;
    case REGISTRY_IF_PRESENT: return stored != NULL;
    case REGISTRY_IF_VALUE: return stored != NULL && str_eq(blob_view(stored->value), compare->value);
    case REGISTRY_IF_LEASE:
        return registry_lease_eq(stored == NULL ? (struct registry_lease){0} : stored->lease, compare->lease);
    }
    return false;
}

static void transact(struct world *world, const struct registry_txn *txn, struct registry_reply *reply,
                     struct registry_item items[static ITEMS_MAX])
{
    struct store *store = &world->store;
    reply->succeeded = true;
    for (size_t i = 0; i < txn->compare_count; i++) {
        reply->succeeded = reply->succeeded && holds(store, &txn->compares[i]);
    }
    const struct registry_action *actions = reply->succeeded ? txn->then : txn->otherwise;
    size_t count = reply->succeeded ? txn->then_count : txn->otherwise_count;
    for (size_t i = 0; i < count; i++) {
        bool leased = actions[i].kind == REGISTRY_WRITE && !registry_lease_is_none(actions[i].lease);
        if (leased && find_lease(store, actions[i].lease) == NULL) {
            reply->succeeded = false;
            reply->failure = REGISTRY_LEASE_LOST;
            reply->error = STR("requested lease not found");
            return;
        }
    }
    int64_t before = store->revision, revision = before + REVISION_STEP;
    for (size_t i = 0; i < count; i++) {
        if (actions[i].kind == REGISTRY_READ) {
            const struct stored *stored = find(store, actions[i].key);
            items[reply->item_count++] = (struct registry_item){.key = actions[i].key, .kv = read(stored)};
        } else {
            set(world, revision, actions[i].key, actions[i].kind == REGISTRY_WRITE ? actions[i].value : NULL,
                actions[i].lease);
        }
    }
    reply->items = items;
    if (store->revision > before) {
        oracle_revision(world);
        net_changed(world);
    }
}

/* ---- requests ---- */

static int by_key(const void *a, const void *b)
{
    return str_compare(((const struct registry_item *)a)->key, ((const struct registry_item *)b)->key);
}

static int by_revision(const void *a, const void *b)
{
    int64_t left = ((const struct registry_item *)a)->kv.mod_revision;
    int64_t right = ((const struct registry_item *)b)->kv.mod_revision;
    return (left < right) - (left > right);
}

static void list(struct store *store, const struct registry_request *request, struct registry_reply *reply,
                 struct registry_item items[static ITEMS_MAX])
{
    size_t count = 0;
    bool at = request->at_revision > 0 && store_can(store, REGISTRY_CAN_LIST_AT);
    bool newest_first = request->newest_first && store_can(store, REGISTRY_CAN_NEWEST_FIRST);
    bool pages = request->limit > 0 && store_can(store, REGISTRY_CAN_PAGE);
    if (at && request->at_revision != store->revision) {
        reply->failure = REGISTRY_REFUSED;
        reply->revision_gone = true;
        return;
    }
    for (const struct stored *each = store->keys; each != NULL; each = each->hh.next) {
        struct str key = str_of(each->name);
        if (str_compare(key, request->key) >= 0 && str_compare(key, request->range_end) < 0 &&
            count < ITEMS_MAX) {
            items[count++] = (struct registry_item){.key = key, .kv = read(each)};
        }
    }
    if (count > 0) {
        qsort(items, count, sizeof(items[0]), newest_first ? by_revision : by_key);
    }
    reply->items = items;
    reply->count = (int64_t)count;
    reply->item_count = pages && (size_t)request->limit < count ? (size_t)request->limit : count;
}

void store_apply(struct world *world, const struct registry_request *request, const struct registry_txn *txn,
                 struct registry_reply *reply, struct registry_item items[static ITEMS_MAX])
{
    struct store *store = &world->store;
    *reply = (struct registry_reply){.id = request->id,
                                     .op = request->op,
                                     .endpoint = STR("store"),
                                     .cluster = store->cluster,
                                     .epoch = store->epoch};
    switch (request->op) {
    case REGISTRY_GRANT:
    case REGISTRY_KEEPALIVE:
    case REGISTRY_REVOKE:
    case REGISTRY_LEASE_TTL: apply_lease(world, request, reply); break;
    case REGISTRY_GET: reply->kv = read(find(store, request->key)); break;
    case REGISTRY_LIST: list(store, request, reply, items); break;
    default:
        transact(world, txn, reply, items);
        if (request->op != REGISTRY_TXN && reply->item_count > 0) {
            reply->kv = items[0].kv;
            reply->item_count = 0;
        }
        if (request->op == REGISTRY_PUT && reply->succeeded) {
            reply->revision = find(store, request->key)->mod_revision; /* an old one where nothing changed */
        }
        break;
    }
    reply->revision = reply->revision > 0 ? reply->revision : store->revision;
}

void store_fini(struct store *store)
{
    struct stored *key, *next_key;
    struct store_lease *lease, *next_lease;
    HASH_ITER(hh, store->keys, key, next_key)
    {
        store_forget(key, store);
    }
    HASH_ITER(hh, store->leases, lease, next_lease)
    {
        HASH_DEL(store->leases, lease);
        free(lease);
    }
    drop_changes(store, store->count);
    free(store->changes);
    undo_forget(store);
}
