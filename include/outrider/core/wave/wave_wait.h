/* What an operation waits for, as of the fleet that is seen. Any observer can say it, also one that does not drive. */
#ifndef OUTRIDER_CORE_WAVE_WAVE_WAIT_H
#define OUTRIDER_CORE_WAVE_WAVE_WAIT_H

#include "outrider/core/instant.h"
#include "outrider/core/wave/wave_step.h"

enum wave_wait_for {
    WAVE_FOR_DRIVER,       /* an observer takes it up, or makes the next step: a moment */
    WAVE_FOR_OPERATOR,     /* it is paused, or stopped by an error */
    WAVE_FOR_VIEW,         /* the fleet is not known for certain here */
    WAVE_FOR_PLAYERS,      /* held servers have players, or do not tell */
    WAVE_FOR_SETTLE,       /* held servers are without players, and stay so for a while */
    WAVE_FOR_MAX_DRAINING, /* the next server: as many are held as may be */
    WAVE_FOR_FREE_SEATS,   /* the next server: it would leave fewer free seats than the floor */
    WAVE_FOR_PAUSE,        /* the pause after a wave is over */
    WAVE_FOR_COUNT
};

/* "driver", "operator", "view", "players", "settle", "maxDraining", "freeSeats", "pause". */
const char *wave_wait_name(enum wave_wait_for what);

struct wave_wait {
    unsigned what;           /* a set of 1 << enum wave_wait_for; 0: nothing, it is over */
    size_t draining;         /* PLAYERS: servers */
    uint64_t players;        /* on those of them that tell */
    size_t unknown;          /* of them: they do not tell */
    size_t settling;         /* SETTLE: servers */
    const char *next;        /* MAX_DRAINING, FREE_SEATS: the server whose turn it is, borrowed; else NULL */
    uint64_t free_seats;     /* FREE_SEATS: of its kind now */
    int64_t until_wall;      /* PAUSE: ms since 1970; else 0 */
    int64_t left_ms;         /* until then */
    const struct wave *wave; /* the operation, borrowed */
};

enum { WAVE_WAIT_TEXT = 400 };

/* What `wave` waits for. `fleet` needs no control keys; NULL: it is not known for certain. */
void wave_waits(const struct wave *wave, const struct wave_fleet *fleet, const struct instant *now,
                struct wave_wait *ret_wait);

/* The same in one sentence for people, without a full stop; "" where it waits for nothing. */
void wave_wait_text(const struct wave_wait *wait, char ret_text[static WAVE_WAIT_TEXT]);

#endif
