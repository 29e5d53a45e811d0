#include "outrider/core/server/gap.h"

/* What the machine slept, and how late the step is. A step that was late already is not counted again for the
 * steps that follow it before the timer does. */
static int64_t length(const struct instant *seen, const struct instant *now, int64_t due_mono)
{
    int64_t slept = (now->boot - now->mono) - (seen->boot - seen->mono);
    int64_t since = due_mono > seen->mono ? due_mono : seen->mono;
    int64_t late = now->mono > since ? now->mono - since : 0;
    return (slept > 0 ? slept : 0) + late;
}

int64_t gap_step(struct instant *seen, const struct instant *now, const struct gap_limits *limits)
{
    int64_t gap_ms = length(seen, now, limits->due_mono);
    bool ended = limits->lease_boot > seen->boot && limits->lease_boot <= now->boot;
    bool is_long = gap_ms > limits->ttl_ms || (ended && gap_ms >= INSTANT_SLEEP_MS);
    *seen = *now;
    return is_long ? gap_ms : 0;
}
