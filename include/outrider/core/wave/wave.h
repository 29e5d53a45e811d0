/* Waves: many servers drained by one operation, some at a time (docs/design/protocol.md, "Waves").
 *
 *     PLANNED ──taken up──> RUNNING <──resume── PAUSED
 *        │                   │  │ ──pause──────────^ │
 *        │                   │  │ errors             │
 *        │                   │  └──────> STOPPED ────┼──resume──> RUNNING
 *        │                   │               │       │
 *        │                   └─ last wave ─> DONE    │
 *        │ cancel            │ cancel        │       │ cancel
 *        └───────────────────┴──> CANCELLED <┴───────┘     DONE is not cancelled
 *
 *     every state but UNDOING ──undo──> UNDOING ──no hold is left──> DONE
 *
 * One server of it:
 *
 *     WAITING ──held──> DRAINING ──no players for `settle`──> EMPTY
 *        │                 │  its record is gone: GONE; in error, or its deadline passed with players: FAILED;
 *        │                 │  the hold was lifted or replaced by others, or undone: SKIPPED
 *        └ gone: GONE; in error, or the hold was refused: FAILED; not to be held: SKIPPED
 *
 * The operation is a value: one key of the registry has all of it. A step (wave_step.h) makes the next value out of it, and the observer that
 * drives writes that and the holds that go with it in one transaction. Nothing else needs to be remembered, so that any
 * observer continues where another one ended. */
#ifndef OUTRIDER_CORE_WAVE_WAVE_H
#define OUTRIDER_CORE_WAVE_WAVE_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"
#include "outrider/base/ulid.h"
#include "outrider/core/server/hold.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WAVE_SERVERS_MAX = 500,          /* of one operation */
    WAVE_PLACE_MAX = 63 + 1 + 128,   /* bytes of TYPE/ID */
    WAVE_WHY_MAX = 120,              /* bytes of the reason beside a server */
    WAVE_FILTER_MAX = 1024,          /* bytes of the filter as a query */
    WAVE_KEY_MAX = 64,               /* bytes of an Idempotency-Key */
    WAVE_SPAN_MAX_MS = 24 * 3600000, /* of pause and settle */
    WAVE_SETTLE_MS = 5000            /* where the request has none */
};

enum wave_state {
    WAVE_PLANNED,
    WAVE_RUNNING,
    WAVE_PAUSED,
    WAVE_CANCELLED, /* holds stay */
    WAVE_STOPPED,   /* by errors */
    WAVE_UNDOING,   /* holds of this operation are being lifted */
    WAVE_DONE,
    WAVE_STATE_COUNT
};

enum wave_server_state {
    WAVE_WAITING,
    WAVE_DRAINING,
    WAVE_EMPTY,
    WAVE_GONE,
    WAVE_SKIPPED,
    WAVE_FAILED,
    WAVE_SERVER_STATE_COUNT
};

/* "planned", "running", "paused", "cancelled", "stopped", "undoing", "done"; and "waiting", "draining", "empty", "gone", "skipped",
 * "failed". */
const char *wave_state_name(enum wave_state state);
const char *wave_server_state_name(enum wave_server_state state);

/* The state of that name. Returns 0, or -1. */
int wave_state_parse(struct str name, enum wave_state *ret_state) MUST_CHECK;
int wave_server_state_parse(struct str name, enum wave_server_state *ret_state) MUST_CHECK;

/* Whether a transition between two different states is in the diagrams. */
bool wave_may_move(enum wave_state from, enum wave_state to);
bool wave_server_may_move(enum wave_server_state from, enum wave_server_state to);

/* What is asked for. Spans in ms. */
struct wave_spec {
    char reason[HOLD_REASON_MAX + 1];
    char filter[WAVE_FILTER_MAX + 1]; /* the servers were chosen by it; "": they were named */
    uint32_t size;                    /* of a wave: servers, or of 100 where `percent` */
    bool percent;
    uint32_t max_draining; /* holds that are not through at once; 0: as many as a wave has */
    uint32_t free_seats;   /* the floor for the servers of the same type and region; 0: none */
    bool keep_one;         /* the last ready server of a type in a zone is not held */
    int64_t pause_ms;      /* after a wave */
    int64_t settle_ms;     /* without players, until a server is empty */
    int64_t deadline_ms;   /* of each hold; 0: none */
    uint32_t stop_after;   /* errors; 0: any number is ignored */
    bool undrain;          /* the holds of a wave are lifted after its pause; else they stay */
};

/* One server of an operation. */
struct wave_server {
    char place[WAVE_PLACE_MAX + 1]; /* TYPE/ID */
    enum wave_server_state state;
    bool held;                  /* its control key has a hold of this operation, as far as is known */
    int64_t since_wall;         /* of the state, ms since 1970; 0: WAITING */
    int64_t deadline_wall;      /* of the hold, ms since 1970; 0: none */
    char why[WAVE_WHY_MAX + 1]; /* skipped, failed; "": nothing to say */
    /* Of the observer that drives, and kept nowhere: since when (mono ms) it has no players; 0: it has, or was not looked at. */
    int64_t empty_mono;
};

/* An operation. wave_fini ends it. */
struct wave {
    char id[ULID_LENGTH + 1];
    char by[HOLD_BY_MAX + 1];   /* who asked for it */
    char key[WAVE_KEY_MAX + 1]; /* of the request, against repetition; "": none */
    char plan_hash[16 + 1];     /* of the plan that was confirmed */
    struct wave_spec spec;
    enum wave_state state;
    bool undone;                 /* DONE follows UNDOING */
    int64_t created_wall;        /* ms since 1970 */
    int64_t changed_wall;        /* of the last change */
    uint32_t wave;               /* the present one, from 0 */
    int64_t pause_until_wall;    /* the pause after it, ms since 1970; 0: it has not begun */
    uint32_t forgiven;           /* errors before the last resume */
    char why[WAVE_WHY_MAX + 1];  /* STOPPED: the error */
    struct wave_server *servers; /* in their order */
    size_t count;
    int64_t pause_mono; /* of the observer that drives: since when it knows of the pause; 0: it does not */
};

/* Makes `ret_copy`, not yet initialised, a copy of `wave`; the caller ends it with wave_fini. */
void wave_copy(const struct wave *wave, struct wave *ret_copy);

/* Frees what it owns and zeroes it; accepts NULL. */
void wave_fini(struct wave *wave);

/* Gives a new operation its id, by its `created_wall`: random, or from its `by` and `key` where it has one, so that two requests with
 * them make one id in the same minute, at whichever observer. */
void wave_identify(struct wave *wave, const uint8_t random[static 10]);

/* The id that the same request would have made `minutes` later (or earlier, below 0). */
void wave_twin(const struct wave *wave, int minutes, char ret_id[static ULID_LENGTH + 1]);

/* Adds a server at the end, WAITING. `place` has at most WAVE_PLACE_MAX bytes. */
void wave_add(struct wave *wave, struct str place);

/* Takes over from `before`, which is an older value of the same operation, what is kept nowhere. */
void wave_remember(struct wave *wave, const struct wave *before);

/* Servers of a wave, waves in all, and the wave that a server is of, from 0. */
size_t wave_size(const struct wave_spec *spec, size_t servers);
size_t wave_waves(const struct wave *wave);
size_t wave_of(const struct wave *wave, size_t server);

/* How many of its servers have `state`. */
size_t wave_counts(const struct wave *wave, enum wave_server_state state);

/* Whether nothing more happens by itself: CANCELLED or DONE. In PAUSED and STOPPED servers are still looked at. */
bool wave_is_over(const struct wave *wave);

/* What an operator may ask of one that exists. */
enum wave_order { WAVE_PAUSE, WAVE_RESUME, WAVE_CANCEL, WAVE_UNDO };

/* Carries out an order. Returns 1 when the operation has changed, 0 when it is so already, -1 when its state does not allow it. */
int wave_obey(struct wave *wave, enum wave_order order, int64_t now_wall);

#endif
