/* What became of the servers of the fleet (docs/design/protocol.md, "History"): for each its transitions, lives and players, for
 * each type its totals, and the servers that are gone.
 *
 * A server, as the view tells of it:
 *
 *                    SIGHTED                  GONE, or SYNCED without it
 *     unknown ──────────────────> there ─────────────────────────────────> gone
 *        ^                          ^                                       │ │
 *        │                          └──────────────── SIGHTED ──────────────┘ │
 *        └──────── a day later, or there is no room for it ──────────────────┘
 *
 * While the view is stale nothing is certain: no minute is recorded, and what is found out afterwards carries `after_wall`, the
 * last moment at which it was not so yet. A minute that was not recorded is unknown and reads as such, never as 0.
 *
 * Everything has a limit: servers, those that are gone, transitions of one server and of all, lives, types, minutes, texts. */
#ifndef OUTRIDER_CORE_HISTORY_HISTORY_H
#define OUTRIDER_CORE_HISTORY_HISTORY_H

#include "outrider/base/str.h"
#include "outrider/core/instant.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct history;
struct queue;
struct view_entry;

enum {
    HISTORY_TRANSITIONS_MAX = 100, /* of one server */
    HISTORY_LIVES_MAX = 16,        /* of one server */
    HISTORY_PLAYER_MINUTES = 60,
    HISTORY_FLEET_MINUTES = 1440,
    HISTORY_TYPES_MAX = 64,
    HISTORY_NAME_MAX = 192, /* bytes of TYPE/ID */
    HISTORY_TEXT_MAX = 200  /* bytes of one text of a transition; a longer one is cut */
};

/* Zero stands for the default in the parentheses. */
struct history_settings {
    size_t servers_max;  /* that are there and gone; those beyond are counted and have no history (100,000) */
    size_t gone_max;     /* of them gone (5,000) */
    int64_t gone_ms;     /* how long one that is gone is kept (24 h) */
    size_t bytes_max;    /* of the transitions of all (16 MiB): the oldest make room */
    size_t record_bytes; /* of the last records of those that are gone (8 MiB): the oldest make room */
};

/* A record as it is now. Texts are borrowed for the step and may be empty. */
struct history_sight {
    struct view_entry *entry; /* a reference is taken */
    struct str reason;
    bool drained;
    struct str holds, drain_by, drain_reason; /* holds: names separated by commas */
    int64_t started_wall;                     /* of the process of the server, ms since 1970; 0: not known */
};

enum history_event_type {
    HISTORY_ON_TICK,    /* time may have passed */
    HISTORY_ON_SIGHTED, /* `sight` came or changed */
    HISTORY_ON_GONE,    /* the record of `entry` is gone; `clean`: it said shutting_down before */
    HISTORY_ON_SYNCED,  /* what has been told is what the registry has */
    HISTORY_ON_STALE    /* that is no longer certain */
};

struct history_event {
    enum history_event_type type;
    struct instant now;
    const struct history_sight *sight;
    const struct view_entry *entry;
    bool clean;
};

enum history_effect_type {
    HISTORY_DO_OFFLINE, /* the server is gone */
    HISTORY_DO_SAVE     /* there is something that is not on disk, and a minute has passed */
};

/* The server by its name, TYPE/ID: it may have made room already where many went at once. */
struct history_effect {
    enum history_effect_type type;
    uint16_t type_size, name_size;
    char name[HISTORY_NAME_MAX];
};

/* An empty history, of a view that is not certain yet. The caller owns it. */
struct history *history_new(const struct history_settings *settings);

/* Accepts NULL. */
void history_free(struct history *history);

/* One event in, effects (struct history_effect) out. */
void history_step(struct history *history, const struct history_event *event, struct queue *effects);

/* When a step is needed although nothing happens: at the next full minute of the wall clock. */
struct window history_deadline(const struct history *history, const struct instant *now);

#endif
