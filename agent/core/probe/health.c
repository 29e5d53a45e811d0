#include "outrider/core/probe/health.h"

#include <assert.h>

void health_init(struct health *health, unsigned rise, unsigned fall)
{
    assert(rise > 0 && fall > 0);
    *health = (struct health){.rise = rise, .fall = fall};
}

void health_reset(struct health *health)
{
    health_init(health, health->rise, health->fall);
}

static void count_unknown(struct health *health, bool passed)
{
    bool same = passed ? health->run > 0 : health->run < 0;
    health->run = (same ? health->run : 0) + (passed ? 1 : -1);
    if (health->run >= (int)health->rise || -health->run >= (int)health->fall) {
        health->known = true;
        health->value = passed ? health->rise + health->fall - 1 : 0;
    }
}

static void count_known(struct health *health, bool passed)
{
    if (passed) {
        health->value++;
        health->value = health->value >= health->rise ? health->rise + health->fall - 1 : health->value;
    } else {
        health->value = health->value > health->rise ? health->value - 1 : 0;
    }
}

enum verdict health_count(struct health *health, bool passed)
{
    if (health->known) {
        count_known(health, passed);
    } else {
        count_unknown(health, passed);
    }
    return health_verdict(health);
}

bool health_in_doubt(const struct health *health)
{
    return health->known ? health->value > 0 && health->value < health->rise + health->fall - 1
                         : health->run != 0;
}

enum verdict health_verdict(const struct health *health)
{
    if (!health->known) {
        return VERDICT_UNKNOWN;
    }
    return health->value >= health->rise ? VERDICT_PASSING : VERDICT_FAILING;
}
