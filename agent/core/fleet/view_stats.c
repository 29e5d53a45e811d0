#include "view_stats_internal.h"

#include "outrider/base/blob.h"
#include "outrider/base/mem.h"
#include "view_table_internal.h"

#include <assert.h>
#include <stdlib.h>

void view_stats_fini(struct view_stats *stats)
{
    for (size_t i = 0; i < stats->type_count; i++) {
        free(stats->types[i].name);
    }
    free(stats->types);
    *stats = (struct view_stats){0};
}

static bool find(const struct view_stats *stats, struct str name, size_t *ret_at)
{
    size_t low = 0, high = stats->type_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct view_type_row *row = &stats->types[middle];
        int order = str_compare((struct str){row->name, row->name_size}, name);
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

static void insert(struct view_stats *stats, size_t at, struct str name)
{
    if (stats->type_count == stats->type_capacity) {
        stats->type_capacity = stats->type_capacity == 0 ? 8 : stats->type_capacity * 2;
        stats->types = mem_resize(stats->types, stats->type_capacity, sizeof(stats->types[0]));
    }
    memmove(stats->types + at + 1, stats->types + at, (stats->type_count - at) * sizeof(stats->types[0]));
    stats->types[at] = (struct view_type_row){.name = mem_copy(name.data, name.size), .name_size = name.size};
    stats->type_count++;
}

static void add(struct view_stats *stats, const struct view_entry *entry)
{
    size_t at;
    if (!find(stats, view_entry_type(entry), &at)) {
        insert(stats, at, view_entry_type(entry));
    }
    stats->types[at].servers[view_entry_status(entry)]++;
    stats->servers[view_entry_status(entry)]++;
    stats->json_bytes += blob_view(view_entry_json(entry)).size;
}

static bool is_empty(const struct view_type_row *row)
{
    for (unsigned status = 0; status < VIEW_STATUS_COUNT; status++) {
        if (row->servers[status] > 0) {
            return false;
        }
    }
    return true;
}

static void subtract(struct view_stats *stats, const struct view_entry *entry)
{
    size_t at;
    bool found = find(stats, view_entry_type(entry), &at);
    assert(found && stats->types[at].servers[view_entry_status(entry)] > 0);
    stats->types[at].servers[view_entry_status(entry)]--;
    stats->servers[view_entry_status(entry)]--;
    stats->json_bytes -= blob_view(view_entry_json(entry)).size;
    if (is_empty(&stats->types[at])) {
        free(stats->types[at].name);
        stats->type_count--;
        memmove(stats->types + at, stats->types + at + 1, (stats->type_count - at) * sizeof(stats->types[0]));
    }
}

void view_stats_change(struct view_stats *stats, const struct view_entry *was, const struct view_entry *is)
{
    if (is != NULL) {
        add(stats, is);
    }
    if (was != NULL) {
        subtract(stats, was);
    }
}
