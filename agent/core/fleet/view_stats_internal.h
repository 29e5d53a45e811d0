/* How many servers there are of each type and status, counted as they change. */
#ifndef OUTRIDER_CORE_FLEET_VIEW_STATS_INTERNAL_H
#define OUTRIDER_CORE_FLEET_VIEW_STATS_INTERNAL_H

#include "outrider/core/fleet/view_entry.h"

struct view_type_row {
    char *name;
    size_t name_size;
    size_t servers[VIEW_STATUS_COUNT];
};

/* {0} counts nothing. */
struct view_stats {
    struct view_type_row *types; /* sorted by name; none without servers */
    size_t type_count, type_capacity;
    size_t servers[VIEW_STATUS_COUNT];
    size_t json_bytes;
};

/* Forgets everything and frees the memory. */
void view_stats_fini(struct view_stats *stats);

/* A record went (`was`), came (`is`), or changed from the one to the other; NULL: not there. */
void view_stats_change(struct view_stats *stats, const struct view_entry *was, const struct view_entry *is);

#endif
