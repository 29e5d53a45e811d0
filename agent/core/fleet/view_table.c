#include "view_internal.h"

#include "outrider/base/blob.h"
#include "outrider/base/mem.h"

#include <assert.h>
#include <stdlib.h>

/* ---- how many of each type and status ---- */

static struct view_type *find_type(const struct view_table *table, struct str name)
{
    struct view_type *type;
    HASH_FIND(hh, table->types, name.data, (unsigned)name.size, type);
    return type;
}

static int by_name(const struct view_type *a, const struct view_type *b)
{
    return str_compare(a->name, b->name);
}

static struct view_type *add_type(struct view_table *table, struct str name)
{
    struct view_type *type = mem_zalloc(sizeof(*type) + name.size);
    type->name = (struct str){memcpy(type + 1, name.data, name.size), name.size};
    HASH_ADD_KEYPTR_INORDER(hh, table->types, type->name.data, (unsigned)name.size, type, by_name);
    return type;
}

static void remove_type(struct view_table *table, struct view_type *type)
{
    HASH_DEL(table->types, type);
    free(type);
}

static void count_in(struct view_table *table, const struct view_entry *entry)
{
    struct view_type *type = find_type(table, view_entry_type(entry));
    type = type == NULL ? add_type(table, view_entry_type(entry)) : type;
    type->total++;
    type->servers[entry->status]++;
    table->servers[entry->status]++;
    table->signatures[entry->signature]++;
    table->json_bytes += blob_view(entry->json).size;
}

static void count_out(struct view_table *table, const struct view_entry *entry)
{
    struct view_type *type = find_type(table, view_entry_type(entry));
    assert(type != NULL && type->servers[entry->status] > 0);
    type->servers[entry->status]--;
    table->servers[entry->status]--;
    table->signatures[entry->signature]--;
    table->json_bytes -= blob_view(entry->json).size;
    if (--type->total == 0) {
        remove_type(table, type);
    }
}

/* ---- the records ---- */

void view_table_fini(struct view_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        view_entry_unref(table->entries[i]);
    }
    while (table->types != NULL) {
        remove_type(table, table->types);
    }
    free(table->entries);
    *table = (struct view_table){0};
}

/* Whether `key` is there; `ret_at` is where it stands or would stand. */
static bool find(const struct view_table *table, struct str key, size_t *ret_at)
{
    size_t low = 0, high = table->count;
    /* Listings come in order: most of their keys go to the end. */
    if (high > 0 && str_compare(key, view_entry_key(table->entries[high - 1])) > 0) {
        low = high;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare(view_entry_key(table->entries[middle]), key);
        if (order == 0) {
            *ret_at = middle;
            return true;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *ret_at = low;
    return false;
}

struct view_entry *view_table_get(const struct view_table *table, struct str key)
{
    size_t at;
    return find(table, key, &at) ? table->entries[at] : NULL;
}

struct view_entry *view_table_put(struct view_table *table, struct view_entry *entry)
{
    size_t at;
    count_in(table, entry);
    if (find(table, view_entry_key(entry), &at)) {
        struct view_entry *old = table->entries[at];
        count_out(table, old);
        table->entries[at] = view_entry_ref(entry);
        return old;
    }
    table->entries = mem_grow(table->entries, table->count, &table->capacity, sizeof(table->entries[0]));
    memmove(table->entries + at + 1, table->entries + at, (table->count - at) * sizeof(table->entries[0]));
    table->entries[at] = view_entry_ref(entry);
    table->count++;
    return NULL;
}

struct view_entry *view_table_take(struct view_table *table, struct str key)
{
    size_t at;
    if (!find(table, key, &at)) {
        return NULL;
    }
    struct view_entry *entry = table->entries[at];
    count_out(table, entry);
    table->count--;
    memmove(table->entries + at, table->entries + at + 1, (table->count - at) * sizeof(table->entries[0]));
    return entry;
}
