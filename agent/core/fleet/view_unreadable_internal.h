/* Keys under the prefix that are no records: all are counted, some are kept by name. */
#ifndef OUTRIDER_CORE_FLEET_VIEW_UNREADABLE_INTERNAL_H
#define OUTRIDER_CORE_FLEET_VIEW_UNREADABLE_INTERNAL_H

#include "outrider/base/str.h"
#include "outrider/core/fleet/view_read.h"

struct view_unreadable_name {
    char *key, *why;
    size_t key_size;
};

/* {0} is empty. */
struct view_unreadable {
    size_t count;
    struct view_unreadable_name names[VIEW_NAMES_MAX]; /* oldest first */
    size_t name_count;
};

/* Forgets everything. */
void view_unreadable_fini(struct view_unreadable *unreadable);

/* Keeps the name of a key with the reason; the oldest name makes room. Does not count it. Returns whether the
 * name is new. */
bool view_unreadable_name(struct view_unreadable *unreadable, struct str key, struct str why);

/* The key is gone or holds a record now: counts one less and drops its name. */
void view_unreadable_forget(struct view_unreadable *unreadable, struct str key);

#endif
