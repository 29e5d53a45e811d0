/* The records of a view in the order of their keys: an array of references. A listing is a walk through it, a
 * look-up some fourteen comparisons among 10,000, a change moves 40 kB of pointers on average there: less
 * than a second structure for look-ups would cost in memory and in code. */
#ifndef OUTRIDER_CORE_FLEET_VIEW_TABLE_INTERNAL_H
#define OUTRIDER_CORE_FLEET_VIEW_TABLE_INTERNAL_H

#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct view_entry;

/* {0} is an empty table. */
struct view_table {
    struct view_entry **entries;
    size_t count, capacity;
};

/* Gives all references back and empties the table. */
void view_table_fini(struct view_table *table);

/* Whether `key` is there; `ret_at` is where it stands or would stand. */
bool view_table_find(const struct view_table *table, struct str key, size_t *ret_at);

/* The entry of that key, borrowed; NULL when there is none. */
struct view_entry *view_table_get(const struct view_table *table, struct str key);

/* Puts a reference of its own to `entry`; returns the entry it replaces, whose reference is now the caller's,
 * or NULL. */
struct view_entry *view_table_put(struct view_table *table, struct view_entry *entry);

/* Takes the entry of that key out; its reference is now the caller's. NULL when there is none. */
struct view_entry *view_table_take(struct view_table *table, struct str key);

#endif
