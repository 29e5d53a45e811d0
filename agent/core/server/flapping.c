#include "outrider/core/server/flapping.h"

#include <assert.h>

enum { RING = FLAPPING_CHANGES_MAX + 1 };

/* The only place where the state changes. Either way what was counted is used up. */
static void turn(struct flapping *flapping, enum flapping_state state, int64_t wall)
{
    static const unsigned allowed[] = {
        [FLAPPING_OFF] = 1u << FLAPPING_ON, [FLAPPING_ON] = 1u << FLAPPING_OFF};
    assert((allowed[flapping->state] & 1u << state) != 0);
    flapping->state = state;
    flapping->total = 0;
    flapping->changes = 0;
    flapping->on_wall = state == FLAPPING_ON ? wall : 0;
    flapping->until = NEVER_MS;
}

static void note_move(struct flapping *flapping, int64_t now)
{
    if (flapping->state == FLAPPING_OFF) {
        flapping->moves[flapping->total++ % RING] = now;
    }
}

static void note(struct flapping *flapping, bool ready, bool excused, int64_t now)
{
    if (!flapping->was_ready) {
        flapping->was_ready = flapping->ready = ready;
        return;
    }
    bool moved = ready != flapping->ready;
    flapping->ready = ready;
    if (!ready) {
        flapping->excused = excused || (flapping->excused && !moved);
    }
    if (moved && !flapping->excused) {
        note_move(flapping, now);
    }
    flapping->excused = flapping->excused && !ready;
}

/* Moves of which `within_ms` has not passed. */
static unsigned count(const struct flapping *flapping, int64_t within_ms, int64_t now)
{
    unsigned known = flapping->total < RING ? (unsigned)flapping->total : RING, found = 0;
    while (found < known && now - flapping->moves[(flapping->total - 1 - found) % RING] < within_ms) {
        found++;
    }
    return found;
}

void flapping_step(struct flapping *flapping, const struct flapping_limits *limits, bool ready, bool excused,
                   const struct instant *now)
{
    note(flapping, ready, excused, now->mono);
    if (flapping->state == FLAPPING_OFF) {
        flapping->changes = count(flapping, limits->within_ms, now->mono);
        if (limits->changes > 0 && flapping->changes > limits->changes) {
            turn(flapping, FLAPPING_ON, now->wall);
        }
    }
    if (flapping->state == FLAPPING_ON) {
        flapping->until = !ready                        ? NEVER_MS
                          : flapping->until == NEVER_MS ? now->mono + limits->hold_ms
                                                        : flapping->until;
        if (limits->changes == 0 || now->mono >= flapping->until) {
            turn(flapping, FLAPPING_OFF, now->wall);
        }
    }
}

void flapping_end(struct flapping *flapping)
{
    if (flapping->state == FLAPPING_ON) {
        turn(flapping, FLAPPING_OFF, 0);
    }
    flapping->total = 0;
    flapping->changes = 0;
}

int64_t flapping_due(const struct flapping *flapping)
{
    return flapping->state == FLAPPING_ON ? flapping->until : NEVER_MS;
}
