/* Servers that went without shutting_down, kept for requests about them. A whole fleet may go or come back in one
 * step, so a tombstone is found by the hash of its key. */
#ifndef OUTRIDER_CORE_FLEET_VIEW_TOMBSTONES_INTERNAL_H
#define OUTRIDER_CORE_FLEET_VIEW_TOMBSTONES_INTERNAL_H

#include "outrider/base/hash.h"
#include "outrider/core/fleet/view.h"
#include "outrider/core/instant.h"

struct view_tombstone_node {
    struct view_tombstone stone; /* owns a reference */
    int64_t ends_mono;
    UT_hash_handle hh; /* by key; in the order of going, oldest first */
};

/* Empty is {NULL}. */
struct view_tombstones {
    struct view_tombstone_node *oldest;
};

/* Gives all references back and frees the memory. */
void view_tombstones_fini(struct view_tombstones *tombstones);

/* One more, of at most `max` (the oldest makes room), for `stay_ms` from `gone_wall`: a reference is taken.
 * One whose time is over already is not added. */
void view_tombstones_add(struct view_tombstones *tombstones, struct view_entry *entry, int64_t gone_wall,
                         int64_t stay_ms, size_t max, const struct instant *now);

/* The server is back: its tombstone goes. Returns whether there was one. */
bool view_tombstones_drop(struct view_tombstones *tombstones, struct str key);

/* Those whose time is over go. Returns whether there were any. */
bool view_tombstones_expire(struct view_tombstones *tombstones, int64_t mono);

#endif
