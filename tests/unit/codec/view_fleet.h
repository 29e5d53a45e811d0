/* A view with records in it, from their JSON, for the tests of what is written about a view. */
#ifndef OUTRIDER_TESTS_VIEW_FLEET_H
#define OUTRIDER_TESTS_VIEW_FLEET_H

#include "outrider/core/fleet/view.h"

struct fleet_row {
    const char *key, *json;
};

struct fleet {
    struct view *view;
    struct queue effects;
    struct instant now;
    uint64_t request, watch;
    int64_t revision;
};

/* A view that has listed the rows (at revision 812 of cluster 0xcafe) and is in sync. Prefix "/services". */
void fleet_begin(struct fleet *fleet, const struct fleet_row *rows, size_t count);

/* A view that has not started. */
void fleet_begin_empty(struct fleet *fleet);

/* The watch tells a change; `json` NULL: deleted. */
void fleet_change(struct fleet *fleet, const char *key, const char *json);

/* The watch ends. */
void fleet_cut(struct fleet *fleet);

/* Hands the view a kept one. */
void fleet_load(struct fleet *fleet, const struct view_kept *kept);

/* Ends it. */
void fleet_end(struct fleet *fleet);

#endif
