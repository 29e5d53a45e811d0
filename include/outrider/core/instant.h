/* Time as the core sees it: a field of every event, never a call. */
#ifndef OUTRIDER_CORE_INSTANT_H
#define OUTRIDER_CORE_INSTANT_H

#include <stdbool.h>
#include <stdint.h>

/* One moment read from three clocks, in ms. `mono` (CLOCK_MONOTONIC) stands still while the machine sleeps
 * and drives probes, watchdogs and waits; `boot` (CLOCK_BOOTTIME) runs on and drives leases; `wall` is
 * 1970-based and is shown; and it tells when a reservation lapses, which agents of several machines must agree on. */
struct instant {
    int64_t mono;
    int64_t boot;
    int64_t wall;
};

#define NEVER_MS INT64_MAX

/* Two clocks that are read one after the other and cut to ms differ by a ms now and then: less than this is
 * no sleep. */
enum { INSTANT_SLEEP_MS = 1000 };

/* Whether the machine has slept since `asleep_ms` was written last (0 at first, which is no sleep either),
 * and writes it. */
static inline bool instant_slept(const struct instant *now, int64_t *asleep_ms)
{
    int64_t asleep = now->boot - now->mono;
    bool first = *asleep_ms == 0;
    if (!first && asleep - *asleep_ms < INSTANT_SLEEP_MS) {
        return false;
    }
    *asleep_ms = asleep == 0 ? 1 : asleep;
    return !first;
}

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
