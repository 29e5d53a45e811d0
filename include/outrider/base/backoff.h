/* Waiting between tries: exponential with full jitter, so that a thousand agents that lost the same registry
 * do not come back in step. */
#ifndef OUTRIDER_BASE_BACKOFF_H
#define OUTRIDER_BASE_BACKOFF_H

#include "outrider/base/random.h"

#include <stdint.h>

struct backoff {
    int64_t first_ms;  /* bound of the first wait */
    int64_t cap_ms;    /* bound of every wait */
    unsigned failures; /* in a row */
};

/* Prepares a backoff with no failure so far. Bounds below 1 ms count as 1 ms. */
void backoff_init(struct backoff *backoff, int64_t first_ms, int64_t cap_ms);

/* Counts a failure and returns how long to wait, in ms: uniform in 1..min(cap, first * 2^(failures-1)). */
int64_t backoff_next(struct backoff *backoff, struct random *random);

/* A success: the next failure begins with the first wait again. */
void backoff_reset(struct backoff *backoff);

#endif
