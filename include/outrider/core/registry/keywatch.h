/* The sidecar's watch of its own two keys: its record and the operator's control key
 * (docs/design/protocol.md, "Key permissions"). One stream with both, kept open while the registry answers;
 * what it tells is for registrar and intent.
 *
 *          first success with a record      OPENED: both keys are read back
 *     OFF ──────────────────────> WAITING ──────────> OPENING ──────────> OPEN
 *      ^                             ^  due, and the     │ ENDED            │ ENDED, or it told a change
 *      │ the agent leaves            │  record is true   │                  │ more than a second late
 *      └─────────── from each        └───────────────────┴──────────────────┘
 *
 * Nothing is resumed: the watch tells all that comes after OPENED, and a linearizable read that follows sees
 * all that was before. So there is no history to ask for, and no compaction to meet.
 *
 * A watch that ended is not tried again until a request of the registrar has succeeded since and the record
 * is true: while the registry is away the registrar's retries are the only ones, and when it is back the
 * record comes first. (Where the record is withdrawn nothing else asks: then it is tried by its own rhythm.)
 * Then each agent waits a random part of a spread, so that a thousand of them do not come in one second; a
 * watch that ends again and again doubles the spread up to a cap.
 *
 * A stream may go deaf without a sign. What was written or read, it must tell within a second. Where it has
 * told nothing for longer than a TTL, both keys are compared with what is known of them, beside it, with the
 * next heartbeat (docs/design/etcd-gateway.md, "Silent watches"): so what a deaf stream does not tell is
 * found within two TTLs. With a TTL of 10 s that is one request for five heartbeats, four a minute, each
 * answered from the memory of one member; in its place the two reads a minute are saved by which an agent
 * without a watch looks after its keys. */
#ifndef OUTRIDER_CORE_REGISTRY_KEYWATCH_H
#define OUTRIDER_CORE_REGISTRY_KEYWATCH_H

#include "outrider/base/backoff.h"
#include "outrider/base/queue.h"
#include "outrider/core/instant.h"
#include "outrider/core/registry/registry_watch.h"

enum keywatch_state { KEYWATCH_OFF, KEYWATCH_WAITING, KEYWATCH_OPENING, KEYWATCH_OPEN };

/* "off", "waiting", "opening", "open". */
const char *keywatch_state_name(enum keywatch_state state);

enum keywatch_event_type {
    KEYWATCH_ON_TICK,     /* time may have passed */
    KEYWATCH_ON_SUCCESS,  /* a request succeeded */
    KEYWATCH_ON_WATCH,    /* `watch` told something */
    KEYWATCH_ON_COMPARED, /* `reply` to a comparison */
    KEYWATCH_ON_RESTART,  /* what is open cannot be trusted: close it and open another */
    KEYWATCH_ON_LEAVE     /* the agent ends: no watch any more */
};

struct keywatch_event {
    enum keywatch_event_type type;
    struct instant now;
    /* With every event, what registrar and intent know: */
    bool settled;             /* the record is as it should be, or another holder's */
    int64_t revision;         /* mod revision at which its key was seen; 0: there is none */
    int64_t control_revision; /* the same of the control key; -1: unknown */
    bool leaseless;           /* no lease, so that no heartbeat shows whether the registry is there */
    const struct registry_watch_event *watch;
    const struct registry_reply *reply;
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
    KEYWATCH_DO_READ_BACK, /* it is open, or was deaf: what both keys hold now is to be read */
    KEYWATCH_DO_COMPARE,   /* submit `request`; its keys are the keywatch's own */
    KEYWATCH_DO_CONFIRM,   /* the record's key is as it is known */
    KEYWATCH_DO_NOTE       /* log `note` with `text` */
};

struct keywatch_effect {
    enum keywatch_effect_type type;
    uint64_t id;
    int64_t revision; /* read back: of the store when the watch was opened */
    struct registry_watch watch;
    struct registry_request request;
    enum keywatch_note note;
    struct str text;
};

/* Its fields are its own: use the functions. */
struct keywatch {
    char *record_key, *control_key;
    int64_t timeout_ms, quiet_ms;
    struct random random;
    struct backoff backoff;
    enum keywatch_state state;
    uint64_t id;                  /* of the latest watch */
    int64_t due;                  /* waiting: mono of the next try */
    bool reachable;               /* waiting: a request has succeeded since the last one ended */
    int64_t opened_mono;          /* open: since when */
    int64_t pending_revision;     /* open: the newest revision of the record's key that it knows */
    int64_t expected_revision;    /* open: it should tell this one; 0: nothing is owed */
    int64_t expected_until;       /* mono */
    bool in_grace;                /* once, when it was us who were late */
    int64_t compare_due;          /* open: mono of the next comparison */
    bool suspected;               /* the last one said that something was not told */
    bool leaseless, settled;      /* as the last event said */
    uint64_t next_id, compare_id; /* of requests; the one under way, 0: none */
    int64_t compared_revision, compared_control; /* what it compares with */
    unsigned told;                               /* one bit for each enum keywatch_note since it was well */
    bool denied, left;
    char last_error[256]; /* why it is not open, "" when it is or was never tried */
};

/* Prepares a watch of `record_key` and `control_key` (copied), to be opened within `timeout_ms`; one that has
 * told nothing for `quiet_ms`, less the second that news may take, is compared. `seed` feeds the jitter. */
void keywatch_init(struct keywatch *keywatch, const char *record_key, const char *control_key,
                   int64_t timeout_ms, int64_t quiet_ms, uint64_t seed);

/* Frees what it owns; accepts NULL and a zeroed one. */
void keywatch_fini(struct keywatch *keywatch);

/* One event in, effects (struct keywatch_effect) out. */
void keywatch_step(struct keywatch *keywatch, const struct keywatch_event *event, struct queue *effects);

/* When a step is needed although nothing happens. */
struct window keywatch_deadline(const struct keywatch *keywatch);

/* Whether an event of watch `id` is news: the watch is the present one and open. */
bool keywatch_hears(const struct keywatch *keywatch, uint64_t id);

/* Whether the request of this id is a comparison of ours and still waited for. Ids never meet those of
 * another machine. */
bool keywatch_awaits(const struct keywatch *keywatch, uint64_t id);

/* Its state, and why it is not open ("" when there is nothing to say; borrowed until the next step). */
enum keywatch_state keywatch_state(const struct keywatch *keywatch);
const char *keywatch_last_error(const struct keywatch *keywatch);

#endif
