/* Hysteresis as one counter: 0..rise-1 is failing, rise..rise+fall-1 is passing, and unknown before the first
 * verdict (the counter of HAProxy's checks, with an unknown). */
#ifndef OUTRIDER_CORE_PROBE_HEALTH_H
#define OUTRIDER_CORE_PROBE_HEALTH_H

#include "outrider/core/probe/verdict.h"

#include <stdbool.h>

struct health {
    unsigned rise, fall;
    unsigned value; /* once known */
    bool known;
    int run; /* until known: successes in a row above 0, failures in a row below */
};

/* Unknown, with no attempt counted. `rise` and `fall` are at least 1. */
void health_init(struct health *health, unsigned rise, unsigned fall);

/* Forgets every attempt: unknown again. */
void health_reset(struct health *health);

/* Counts one attempt and returns the verdict after it. */
enum verdict health_count(struct health *health, bool passed);

/* The verdict so far. */
enum verdict health_verdict(const struct health *health);

#endif
