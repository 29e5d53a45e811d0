#include "outrider/base/backoff.h"

void backoff_init(struct backoff *backoff, int64_t first_ms, int64_t cap_ms)
{
    *backoff = (struct backoff){.first_ms = first_ms, .cap_ms = cap_ms};
}

int64_t backoff_next(struct backoff *backoff, struct random *random)
{
    int64_t bound = backoff->first_ms;
    for (unsigned i = 0; i < backoff->failures && bound < backoff->cap_ms; i++) {
        bound *= 2;
    }
    backoff->failures++;
    bound = bound < backoff->cap_ms ? bound : backoff->cap_ms;
    return 1 + (int64_t)random_below(random, (uint64_t)bound);
}

void backoff_reset(struct backoff *backoff)
{
    backoff->failures = 0;
}
