/* Time as the core sees it: a field of every event, never a call. */
#ifndef OUTRIDER_CORE_INSTANT_H
#define OUTRIDER_CORE_INSTANT_H

#include <stdint.h>

/* One moment read from three clocks, in ms. `mono` (CLOCK_MONOTONIC) stands still while the machine sleeps and
 * drives probes, watchdogs and waits; `boot` (CLOCK_BOOTTIME) runs on and drives leases; `wall` is 1970-based
 * and is only ever shown. */
struct instant {
    int64_t mono;
    int64_t boot;
    int64_t wall;
};

#define NEVER_MS INT64_MAX

/* When a machine wants to be stepped although nothing happens, in mono ms: at `latest` at the latest, and a
 * wake-up from `earliest` on will do. Both NEVER_MS: not at all. */
struct window {
    int64_t earliest;
    int64_t latest;
};

#define WINDOW_NEVER ((struct window){NEVER_MS, NEVER_MS})

/* A window of one moment. */
static inline struct window window_at(int64_t mono_ms)
{
    return (struct window){mono_ms, mono_ms};
}

/* The window of whichever of the two must be met first. */
static inline struct window window_sooner(struct window a, struct window b)
{
    return a.latest <= b.latest ? a : b;
}

#endif
