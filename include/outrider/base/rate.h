/* How often something may happen: so many times at once, then once in each interval. Time is given, in ms of a clock that
 * never goes back. */
#ifndef OUTRIDER_BASE_RATE_H
#define OUTRIDER_BASE_RATE_H

#include "outrider/base/attr.h"

#include <stdbool.h>
#include <stdint.h>

struct rate_limit {
    int64_t burst; /* at once, at least 1 */
    int64_t every_ms;
};

/* {0} at first. */
struct rate {
    int64_t full_ms; /* when the whole burst is there again */
};

/* When it may happen next; in the past where it may now. */
static inline int64_t rate_due(const struct rate *rate, const struct rate_limit *limit)
{
    return rate->full_ms - (limit->burst - 1) * limit->every_ms;
}

/* Whether it may happen now, and counts it if so. */
MUST_CHECK static inline bool rate_take(struct rate *rate, const struct rate_limit *limit, int64_t now_ms)
{
    if (now_ms < rate_due(rate, limit)) {
        return false;
    }
    rate->full_ms = (rate->full_ms > now_ms ? rate->full_ms : now_ms) + limit->every_ms;
    return true;
}

#endif
