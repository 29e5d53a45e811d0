/* The sidecar's watch of its own two keys: its record and the operator's control key (contract section 5). One
 * stream with both, kept open while the registry answers; what it tells is for registrar and intent.
 *
 *          first success with a record      OPENED: both keys are read back
 *     OFF ──────────────────────> WAITING ──────────> OPENING ──────────> OPEN
 *      ^                             ^  due, and the     │ ENDED            │ ENDED, or it told a change
 *      │ the agent leaves            │  record is true   │                  │ more than a second late
 *      └─────────── from each        └───────────────────┴──────────────────┘
 *
 * Nothing is resumed: the watch tells all that comes after OPENED, and a linearizable read that follows sees all
 * that was before. So there is no history to ask for, and no compaction to meet.
 *
 * A watch that ended is not tried again until a request of the registrar has succeeded since and the record is
 * true: while the registry is away the registrar's retries are the only ones, and when it is back the record
 * comes first. Then each agent waits a random part of a spread, so that a thousand of them do not come in one
 * second; a watch that ends again and again doubles the spread up to a cap. */
#ifndef OUTRIDER_CORE_KEYWATCH_H
#define OUTRIDER_CORE_KEYWATCH_H

#include "outrider/base/backoff.h"
#include "outrider/base/queue.h"
#include "outrider/core/instant.h"
#include "outrider/core/registry_watch.h"

enum keywatch_state { KEYWATCH_OFF, KEYWATCH_WAITING, KEYWATCH_OPENING, KEYWATCH_OPEN };

/* "off", "waiting", "opening", "open". */
const char *keywatch_state_name(enum keywatch_state state);

enum keywatch_event_type {
    KEYWATCH_ON_TICK,    /* time may have passed */
    KEYWATCH_ON_SUCCESS, /* a request succeeded; `settled`: the record is as it should be or another holder's, and was
                            seen at `revision` (of the key, 0: none) */
    KEYWATCH_ON_WATCH,   /* `watch` told something */
    KEYWATCH_ON_RESTART, /* what is open cannot be trusted: close it and open another */
    KEYWATCH_ON_LEAVE    /* the agent ends: no watch any more */
};

struct keywatch_event {
    enum keywatch_event_type type;
    struct instant now;
    bool settled;
    int64_t revision;
    const struct registry_watch_event *watch;
};

/* State changes worth one line in the log, each said once until a watch has stayed open for a minute. */
enum keywatch_note {
    KEYWATCH_NOTE_FAILS, /* the watch cannot be opened or does not stay open; `text` says why */
    KEYWATCH_NOTE_LATE,  /* it is open and silent: what it should have told was read first */
    KEYWATCH_NOTE_WELL   /* it is open again after one of these */
};

enum keywatch_effect_type {
    KEYWATCH_DO_WATCH,     /* start `watch`; its keys are the keywatch's own */
    KEYWATCH_DO_UNWATCH,   /* end the watch `id` */
    KEYWATCH_DO_READ_BACK, /* it is open: what both keys hold now is to be read */
    KEYWATCH_DO_NOTE       /* log `note` with `text` */
};

struct keywatch_effect {
    enum keywatch_effect_type type;
    uint64_t id;
    int64_t revision; /* read back: of the store when the watch was opened */
    struct registry_watch watch;
    enum keywatch_note note;
    struct str text;
};

/* Its fields are its own: use the functions. */
struct keywatch {
    char *record_key, *control_key;
    int64_t timeout_ms;
    struct random random;
    struct backoff backoff;
    enum keywatch_state state;
    uint64_t id;            /* of the latest watch */
    int64_t due;            /* waiting: mono of the next try */
    bool proven;            /* waiting: a request has succeeded since the last one ended */
    int64_t opened_mono;    /* open: since when */
    int64_t told_revision;  /* open: the newest revision of the record's key that it knows */
    int64_t owed_revision;  /* open: it should tell this one; 0: nothing is owed */
    int64_t owed_until;     /* mono */
    bool excused;           /* once, when it was us who were late */
    unsigned told;          /* one bit for each enum keywatch_note since it was well */
    bool denied, left;
    char trouble[256];      /* why it is not open, "" when it is or was never tried */
};

/* Prepares a watch of `record_key` and `control_key` (copied), to be opened within `timeout_ms`. `seed` feeds the
 * jitter. */
void keywatch_init(struct keywatch *keywatch, const char *record_key, const char *control_key, int64_t timeout_ms,
                   uint64_t seed);

/* Frees what it owns; accepts NULL and a zeroed one. */
void keywatch_fini(struct keywatch *keywatch);

/* One event in, effects (struct keywatch_effect) out. */
void keywatch_step(struct keywatch *keywatch, const struct keywatch_event *event, struct queue *effects);

/* When a step is needed although nothing happens. */
struct window keywatch_deadline(const struct keywatch *keywatch);

/* Whether an event of watch `id` is news: the watch is the present one and open. */
bool keywatch_hears(const struct keywatch *keywatch, uint64_t id);

/* Its state, and why it is not open ("" when there is nothing to say; borrowed until the next step). */
enum keywatch_state keywatch_state(const struct keywatch *keywatch);
const char *keywatch_trouble(const struct keywatch *keywatch);

#endif
