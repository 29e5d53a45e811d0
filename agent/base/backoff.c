#include "outrider/base/backoff.h"

#include <limits.h>

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
