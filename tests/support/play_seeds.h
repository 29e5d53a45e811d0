/* Random plays, each from a seed, over a store in memory of one kind. */
#ifndef OUTRIDER_SUPPORT_PLAY_SEEDS_H
#define OUTRIDER_SUPPORT_PLAY_SEEDS_H

#include "outrider/registry/memory/memory.h"

#include <stdint.h>
#include <stdlib.h>

typedef void play_fn(const struct memory_kind *kind, uint64_t seed);

/* Plays the seeds 1 to `count`; where the environment has `variable`, that seed alone. */
static inline void play_seeds(const struct memory_kind *kind, const char *variable, uint64_t count,
                              play_fn *play)
{
    const char *alone = getenv(variable);
    uint64_t first = alone != NULL ? strtoull(alone, NULL, 10) : 1;
    for (uint64_t seed = first; seed < first + (alone != NULL ? 1 : count); seed++) {
        play(kind, seed);
    }
}

#endif
