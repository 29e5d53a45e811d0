/* Hysteresis as one counter: 0 to rise-1 is failing, rise to rise+fall-1 is passing, and unknown before the
 * first verdict. The counter of HAProxy's checks, extended by unknown. */
#ifndef OUTRIDER_CORE_PROBE_HEALTH_H
#define OUTRIDER_CORE_PROBE_HEALTH_H

#include "outrider/core/probe/verdict.h"

#include <stdbool.h>

struct health {
    unsigned rise, fall;
    unsigned value; /* valid once known */
    bool known;
    int run; /* until known: successes in a row if above 0, failures in a row if below */
};

/* Sets it to unknown with no attempt counted. `rise` and `fall` are at least 1. */
void health_init(struct health *health, unsigned rise, unsigned fall);

/* Back to unknown with no attempt counted. */
void health_reset(struct health *health);

/* Counts one attempt and returns the verdict after it. */
enum verdict health_count(struct health *health, bool passed);

/* The current verdict. */
enum verdict health_verdict(const struct health *health);

/* Whether the latest attempts speak against the verdict, or are too few for one. */
bool health_in_doubt(const struct health *health);

#endif
