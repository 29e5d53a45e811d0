#include "outrider/base/backoff.h"

#include <limits.h>

void backoff_init(struct backoff *backoff, int64_t first_ms, int64_t cap_ms)
{
    *backoff = (struct backoff){.first_ms = first_ms, .cap_ms = cap_ms};
}

int64_t backoff_next(struct backoff *backoff, struct random *random)
{
    int64_t cap = backoff->cap_ms > 1 ? backoff->cap_ms : 1;
    int64_t bound = backoff->first_ms > 1 ? backoff->first_ms : 1;
    for (unsigned i = 0; i < backoff->failures && bound < cap; i++) {
        bound = bound > cap / 2 ? cap : bound * 2;
    }
    if (backoff->failures < UINT_MAX) {
        backoff->failures++;
    }
    bound = bound < cap ? bound : cap;
    return 1 + (int64_t)random_below(random, (uint64_t)bound);
}

void backoff_reset(struct backoff *backoff)
{
    backoff->failures = 0;
}
