/* A small seeded generator (xoshiro256** by Blackman and Vigna, public domain algorithm). Each machine owns
 * one, so that a simulated fleet replays exactly from its seed. Not for secrets. */
#ifndef OUTRIDER_BASE_RANDOM_H
#define OUTRIDER_BASE_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state[4];
};

/* Starts the generator; equal seeds give equal sequences. */
void random_seed(struct random *random, uint64_t seed);

/* 64 random bits. */
uint64_t random_next(struct random *random);

/* A whole number from 0 to `below` - 1; 0 when `below` is 0. */
uint64_t random_below(struct random *random, uint64_t below);

#endif
