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

struct api_type_placements {
    char type[64];
    uint64_t counts[PLACEMENT_STRATEGY_COUNT][API_PLACED_COUNT];
};

struct api_placements {
    struct api_type_placements *types; /* in the order in which they came */
    size_t count, capacity;
    struct api_type_placements others;
    uint64_t
        excluded[PLACEMENT_EXCLUDED_COUNT]; /* servers that could not be chosen, of answers without one */
};

/* Nothing is counted yet. The caller owns the result. */
struct api_placements *api_placements_new(void);

/* Accepts NULL. */
void api_placements_free(struct api_placements *placements);

/* "routed", "reserved", "repeated", "none", "refused", "conflict" or "failed". */
const char *api_placed_name(enum api_placed placed);

/* Counts one. `excluded`: why there is no server; NULL unless it is NONE. A type that has no server at all is none that gets counts of
 * its own. `placements` may be NULL: nothing is counted. */
void api_placements_count(struct api_placements *placements, struct str type,
                          enum placement_strategy strategy, enum api_placed placed, const size_t *excluded);

#endif
