/* Servers that went without shutting_down, for as long as somebody may ask what became of them. */
#ifndef OUTRIDER_AGENT_CORE_VIEW_TOMBS_H
#define OUTRIDER_AGENT_CORE_VIEW_TOMBS_H

#include "outrider/core/instant.h"
#include "outrider/core/view.h"

struct view_tomb {
    struct view_tombstone
        stone; /* owns a reference; its entry is NULL where it was taken away in this step */
    int64_t ends_mono;
    uint32_t hash; /* of its key */
};

/* {0} is empty. A whole fleet may go or come back in one step, so a tombstone is found by the hash of its
 * key, and those that were taken away are closed up at the end of the step. */
struct view_tombs {
    struct view_tomb *tombs; /* oldest first */
    size_t count, capacity;
    size_t first, taken; /* those before `first` were taken away, and so many of all */
    uint32_t *places;    /* open addressing, each a number in `tombs` and 1; NULL: to be made */
    size_t place_count;  /* a power of two */
};

/* Gives all references back and frees the memory. */
void view_tombs_fini(struct view_tombs *tombs);

/* One more, of at most `max` (the oldest makes room), for `stay_ms` from `gone_wall`: a reference is taken.
 * One whose time is over already is not added. */
void view_tombs_add(struct view_tombs *tombs, struct view_entry *entry, int64_t gone_wall, int64_t stay_ms,
                    size_t max, const struct instant *now);

/* The server is back: its tombstone goes. Returns whether there was one. */
bool view_tombs_drop(struct view_tombs *tombs, struct str key);

/* The end of a step: those whose time is over go, too, and `tombs` has `count` of them. Returns whether there
 * were any whose time was over. */
bool view_tombs_settle(struct view_tombs *tombs, int64_t mono);

#endif
