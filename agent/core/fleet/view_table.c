#include "view_table_internal.h"

#include "outrider/base/mem.h"
#include "outrider/core/fleet/view_entry.h"

#include <stdlib.h>

void view_table_fini(struct view_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        view_entry_unref(table->entries[i]);
    }
    free(table->entries);
    *table = (struct view_table){0};
}

bool view_table_find(const struct view_table *table, struct str key, size_t *ret_at)
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
    return view_table_find(table, key, &at) ? table->entries[at] : NULL;
}

struct view_entry *view_table_put(struct view_table *table, struct view_entry *entry)
{
    size_t at;
    if (view_table_find(table, view_entry_key(entry), &at)) {
        struct view_entry *old = table->entries[at];
        table->entries[at] = view_entry_ref(entry);
        return old;
    }
    if (table->count == table->capacity) {
        table->capacity = table->capacity == 0 ? 64 : table->capacity * 2;
        table->entries = mem_resize(table->entries, table->capacity, sizeof(table->entries[0]));
    }
    memmove(table->entries + at + 1, table->entries + at, (table->count - at) * sizeof(table->entries[0]));
    table->entries[at] = view_entry_ref(entry);
    table->count++;
    return NULL;
}

struct view_entry *view_table_take(struct view_table *table, struct str key)
{
    size_t at;
    if (!view_table_find(table, key, &at)) {
        return NULL;
    }
    struct view_entry *entry = table->entries[at];
    table->count--;
    memmove(table->entries + at, table->entries + at + 1, (table->count - at) * sizeof(table->entries[0]));
    return entry;
}
