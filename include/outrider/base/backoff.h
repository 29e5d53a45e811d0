/* Delays between retries: exponential with full jitter, so that a thousand agents that lost the same registry do not retry at
 * the same moment. */
#ifndef OUTRIDER_BASE_BACKOFF_H
#define OUTRIDER_BASE_BACKOFF_H

#include "outrider/base/random.h"

#include <stdint.h>

struct backoff {
    int64_t first_ms;  /* limit of the first delay */
    int64_t cap_ms;    /* limit of every delay */
    unsigned failures; /* in a row */
};

/* Prepares a backoff with no failure so far. Bounds below 1 ms count as 1 ms. */
void backoff_init(struct backoff *backoff, int64_t first_ms, int64_t cap_ms);

/* Counts a failure and returns the delay in ms: uniform in 1..min(cap, first * 2^(failures-1)). */
int64_t backoff_next(struct backoff *backoff, struct random *random);

/* Counts a success: the next failure starts with the first delay again. */
void backoff_reset(struct backoff *backoff);

#endif
