/* What became of the placements that were asked for, for /metrics. */
#ifndef OUTRIDER_API_COMMON_PLACEMENTS_H
#define OUTRIDER_API_COMMON_PLACEMENTS_H

#include "outrider/base/str.h"
#include "outrider/core/placement/placement.h"

enum api_placed {
    API_PLACED_ROUTED,   /* a server was named */
    API_PLACED_RESERVED, /* seats were reserved */
    API_PLACED_REPEATED, /* the id had them already */
    API_PLACED_NONE,     /* no server could be chosen */
    API_PLACED_REFUSED,  /* the id has something else */
    API_PLACED_CONFLICT, /* others kept changing what was compared */
    API_PLACED_FAILED,   /* the registry did not do it, or did not say so */
    API_PLACED_COUNT
};

/* Types with counts of their own; the others are counted together. */
enum { API_PLACEMENTS_TYPES = 64 };

struct api_placements {
    struct {
        char type[64]; /* "": the place is free */
        uint64_t counts[PLACEMENT_STRATEGY_COUNT][API_PLACED_COUNT];
    } types[API_PLACEMENTS_TYPES + 1]; /* the last: all others */
    uint64_t
        excluded[PLACEMENT_EXCLUDED_COUNT]; /* servers that could not be chosen, of answers without one */
};

/* "routed", "reserved", "repeated", "none", "refused", "conflict" or "failed". */
const char *api_placed_name(enum api_placed placed);

/* Counts one. `excluded`: why there is no server; NULL unless it is NONE. A type that has no server at all is none that gets counts of
 * its own. `placements` may be NULL: nothing is counted. */
void api_placements_count(struct api_placements *placements, struct str type,
                          enum placement_strategy strategy, enum api_placed placed, const size_t *excluded);

#endif
