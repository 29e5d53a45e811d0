/* What the registry loses: all, when another and empty one is there in its place, or its last changes, when a replica that lacks them
 * takes over. Only what is of one revision is lost or kept together. */
#include "seats_sim.h"

#include "outrider/base/mem.h"

#include <stdlib.h>
#include <string.h>

/* What is undone never comes back under a revision that was used. */
enum { EPOCH_STEP = 1 << 20 };

static void drop(struct undo *undo)
{
    free(undo->key);
    blob_unref(undo->value);
}

void undo_note(struct store *store, struct str key, const struct stored *stored, int64_t revision)
{
    if (store->undo_count == UNDO_MAX) {
        drop(&store->undo[0]);
        memmove(&store->undo[0], &store->undo[1], (UNDO_MAX - 1) * sizeof(store->undo[0]));
        store->undo_count--;
    }
    struct undo *undo = &store->undo[store->undo_count++];
    *undo = (struct undo){.key = mem_copy(key.data, key.size), .revision = revision};
    if (stored != NULL) {
        undo->value = blob_ref(stored->value);
        undo->mod_revision = stored->mod_revision;
        undo->create_revision = stored->create_revision;
        undo->lease = stored->lease;
    }
}

void undo_forget(struct store *store)
{
    while (store->undo_count > 0) {
        drop(&store->undo[--store->undo_count]);
    }
}

static bool has_lease(const struct store *store, struct registry_lease id)
{
    const struct store_lease *found;
    HASH_FIND(hh, store->leases, &id.lo, sizeof(id.lo), found);
    return registry_lease_is_none(id) || found != NULL;
}

/* A key whose lease has ended since would end at once, and is not brought back. */
static void put_back(struct store *store, const struct undo *undo)
{
    struct stored *stored = store_find(store, undo->key);
    if (undo->value == NULL || !has_lease(store, undo->lease)) {
        if (stored != NULL) {
            store_forget(stored, store);
        }
        return;
    }
    if (stored == NULL) {
        stored = mem_zalloc(sizeof(*stored));
        stored->name = mem_strdup(undo->key);
        HASH_ADD_KEYPTR(hh, store->keys, stored->name, strlen(stored->name), stored);
    }
    blob_unref(stored->value);
    stored->value = blob_ref(undo->value);
    stored->mod_revision = undo->mod_revision;
    stored->create_revision = undo->create_revision;
    stored->lease = undo->lease;
}

/* Of the oldest revision that is noted, perhaps not all is. */
static int64_t revision_to(struct world *world)
{
    struct store *store = &world->store;
    int64_t oldest = store->undo_count == 0          ? store->revision
                     : store->undo_count == UNDO_MAX ? store->undo[0].revision
                                                     : store->undo[0].revision - REVISION_STEP;
    int64_t to = store->revision - REVISION_STEP * (int64_t)below(world, 7);
    return to < oldest ? oldest : to;
}

void store_fail_over(struct world *world)
{
    struct store *store = &world->store;
    int64_t to = revision_to(world);
    tell(world, "the registry fails over, and is as it was at r%lld", (long long)to);
    world->totals.failed_over++;
    while (store->undo_count > 0 && store->undo[store->undo_count - 1].revision > to) {
        struct undo *undo = &store->undo[--store->undo_count];
        put_back(store, undo);
        world->totals.undone++;
        drop(undo);
    }
    undo_forget(store);
    store->revision += EPOCH_STEP;
    store->epoch++;
    store_compact(store, store->revision);
    store_renew(world);
    net_cut_all(world, true);
    oracle_undone(world);
}

void store_renew(struct world *world)
{
    for (struct store_lease *each = world->store.leases; each != NULL; each = each->hh.next) {
        each->ends = store_lease_end(world, each->ttl_ms);
    }
}

void store_wipe(struct world *world)
{
    struct store *store = &world->store;
    struct store was = *store;
    tell(world, "the registry is another one, and empty");
    world->totals.wiped++;
    store_fini(store);
    store_init(store, was.kind);
    store->cluster = was.cluster + 1;
    store->last_lease = was.last_lease;
    store->revision = 1 + (int64_t)(was.cluster % REVISION_STEP);
    store->dropped = was.dropped + was.count;
    net_cut_all(world, false);
    oracle_undone(world);
}
