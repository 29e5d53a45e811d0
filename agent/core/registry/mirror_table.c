#include "mirror_internal.h"

#include "outrider/base/mem.h"

#include <stdlib.h>

/* ---- hashes ---- */

uint64_t mirror_hash(struct str key)
{
    uint64_t hash = str_hash(key, 0);
    return hash == 0 ? 1 : hash;
}

/* Where the hash is, or the free slot where it would be. There always is a free one. */
static size_t slot_of(const struct mirror_hashes *hashes, uint64_t hash)
{
    size_t at = hash & (hashes->capacity - 1);
    while (hashes->slots[at] != 0 && hashes->slots[at] != hash) {
        at = (at + 1) & (hashes->capacity - 1);
    }
    return at;
}

static void grow(struct mirror_hashes *hashes)
{
    struct mirror_hashes old = *hashes;
    hashes->capacity = old.capacity == 0 ? 16 : 2 * old.capacity;
    hashes->slots = mem_zalloc(hashes->capacity * sizeof(hashes->slots[0]));
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.slots[i] != 0) {
            hashes->slots[slot_of(hashes, old.slots[i])] = old.slots[i];
        }
    }
    free(old.slots);
}

void mirror_hashes_fini(struct mirror_hashes *hashes)
{
    free(hashes->slots);
    *hashes = (struct mirror_hashes){0};
}

bool mirror_hashes_has(const struct mirror_hashes *hashes, uint64_t hash)
{
    return hashes->count > 0 && hashes->slots[slot_of(hashes, hash)] != 0;
}

void mirror_hashes_add(struct mirror_hashes *hashes, uint64_t hash)
{
    if (hashes->count == MIRROR_HASHES_MAX || mirror_hashes_has(hashes, hash)) {
        return;
    }
    if (2 * (hashes->count + 1) > hashes->capacity) {
        grow(hashes);
    }
    hashes->slots[slot_of(hashes, hash)] = hash;
    hashes->count++;
}

void mirror_hashes_drop(struct mirror_hashes *hashes, uint64_t hash)
{
    if (!mirror_hashes_has(hashes, hash)) {
        return;
    }
    size_t mask = hashes->capacity - 1, free_at = slot_of(hashes, hash);
    hashes->count--;
    /* What stands behind the free slot and could not be found any more moves into it. */
    for (size_t at = (free_at + 1) & mask; hashes->slots[at] != 0; at = (at + 1) & mask) {
        size_t home = hashes->slots[at] & mask;
        if (((at - home) & mask) >= ((at - free_at) & mask)) {
            hashes->slots[free_at] = hashes->slots[at];
            free_at = at;
        }
    }
    hashes->slots[free_at] = 0;
}

/* ---- one key ---- */

struct mirror_key *mirror_key_new(struct str key, struct str value, int64_t mod_revision,
                                  int64_t create_revision, struct registry_lease lease)
{
    struct mirror_key *made = mem_zalloc(sizeof(*made) + key.size);
    if (key.size > 0) {
        memcpy(made + 1, key.data, key.size);
    }
    *made = (struct mirror_key){.key = {(const char *)(made + 1), key.size},
                                .value = blob_new(value),
                                .mod_revision = mod_revision,
                                .create_revision = create_revision,
                                .lease = lease};
    return made;
}

void mirror_key_free(struct mirror_key *key)
{
    if (key != NULL) {
        blob_unref(key->value);
        free(key);
    }
}

size_t mirror_key_bytes(const struct mirror_key *key)
{
    return key->key.size + blob_view(key->value).size;
}

/* ---- all ---- */

void mirror_table_fini(struct mirror_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        mirror_key_free(table->keys[i]);
    }
    free(table->keys);
    mirror_hashes_fini(&table->left);
    *table = (struct mirror_table){0};
}

bool mirror_table_find(const struct mirror_table *table, struct str key, size_t *ret_at)
{
    size_t low = 0, high = table->count;
    if (high > 0 && str_compare(key, table->keys[high - 1]->key) > 0) {
        low = high; /* listings come in order */
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare(table->keys[middle]->key, key);
        if (order == 0) {
            *ret_at = middle;
            return true;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    *ret_at = low;
    return false;
}

const struct mirror_key *mirror_table_get(const struct mirror_table *table, struct str key)
{
    size_t at;
    return mirror_table_find(table, key, &at) ? table->keys[at] : NULL;
}

struct mirror_key *mirror_table_put(struct mirror_table *table, struct mirror_key *key)
{
    size_t at;
    table->bytes += mirror_key_bytes(key);
    if (mirror_table_find(table, key->key, &at)) {
        struct mirror_key *old = table->keys[at];
        table->bytes -= mirror_key_bytes(old);
        table->keys[at] = key;
        return old;
    }
    table->keys = mem_grow(table->keys, table->count, &table->capacity, sizeof(struct mirror_key *));
    memmove(table->keys + at + 1, table->keys + at, (table->count - at) * sizeof(struct mirror_key *));
    table->keys[at] = key;
    table->count++;
    return NULL;
}

struct mirror_key *mirror_table_take(struct mirror_table *table, struct str key)
{
    size_t at;
    if (!mirror_table_find(table, key, &at)) {
        return NULL;
    }
    struct mirror_key *old = table->keys[at];
    table->bytes -= mirror_key_bytes(old);
    table->count--;
    memmove(table->keys + at, table->keys + at + 1, (table->count - at) * sizeof(struct mirror_key *));
    return old;
}
