/* Delays between retries: exponential with full jitter, so that a thousand agents that lost the same registry do not retry at
 * the same moment. */
#ifndef OUTRIDER_BASE_BACKOFF_H
#define OUTRIDER_BASE_BACKOFF_H

#include "outrider/base/random.h"

#include <stdint.h>

/* Bounds below 1 ms count as 1 ms. */
struct backoff {
    int64_t first_ms;  /* limit of the first delay */
    int64_t cap_ms;    /* limit of every delay */
    unsigned failures; /* in a row; a success sets it to 0 */
};

/* Counts a failure and returns the delay in ms: uniform in 1..min(cap, first * 2^(failures-1)). */
int64_t backoff_next(struct backoff *backoff, struct random *random);

#endif
