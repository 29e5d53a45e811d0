/* The view: the fleet as the registry has it, kept through every outage (docs/design/protocol.md, "View").
 *
 * When it reads the registry, by its mode:
 *
 *            start, want, subscriber                       idle for `idle_ms`, reload, stop
 *     off ───────────────────────────> following, stale ────────────────────────────────> off
 *                                        │        ^
 *                                 SYNCED │        │ STALE
 *                                        v        │
 *                                     following, synced ──── idle, reload, stop ────> off
 *
 * A follower (core/registry/follow.h) lists, watches and resumes; what it delivers is applied here. Pages are
 * gathered beside what is held and applied when all have come, so that subscribers see differences only. SYNCED
 * is emitted when it is certain that nothing is missing, STALE when it no longer is. Records are never dropped
 * because of an outage.
 *
 * Values come decoded (codec/view_item.h). Replies and events are matched by id; stale ones are ignored. */
#ifndef OUTRIDER_CORE_FLEET_VIEW_H
#define OUTRIDER_CORE_FLEET_VIEW_H

#include "outrider/base/queue.h"
#include "outrider/core/fleet/view_entry.h"
#include "outrider/core/fleet/view_skip.h"
#include "outrider/core/instant.h"
#include "outrider/core/registry/registry_limits.h"
#include "outrider/core/registry/registry_request.h"

struct view;

enum view_mode {
    VIEW_AUTO,   /* from the first want until `idle_ms` without one */
    VIEW_ALWAYS, /* from the start */
    VIEW_NEVER
};

/* Zero stands for the default in the parentheses. Texts are copied. */
struct view_settings {
    const char *prefix; /* begins with '/', does not end with one */
    enum view_mode mode;
    int64_t idle_ms;            /* auto */
    int64_t check_ms;           /* between checks of the stream: half a TTL */
    int64_t request_timeout_ms; /* of one request, of opening a watch, and for a stream to catch up */
    int64_t save_ms;            /* between saves (30 s) */
    int64_t tombstone_ms;       /* how long one stays (10 min) */
    size_t tombstones_max;      /* 0: none are kept */
    size_t page;                /* records asked for at once (500) */
    size_t records_max;         /* more are counted and named, not listed (100,000) */
    size_t changes_max;         /* in the log of changes (10,000) */
    size_t change_bytes_max;    /* bytes of records in it (4 MiB) */
    bool require_signed;        /* records without a good signature are not served */
    uint64_t trust;             /* differs where other keys are trusted; 0: signatures are not looked at */
    uint64_t seed;              /* of jitter */
    uint32_t can;               /* what the registry can, a set of REGISTRY_CAN_* */
};

/* One key as the registry delivered it. */
struct view_item {
    struct str key;
    bool deleted;
    struct view_entry *entry; /* NULL: deleted, or no record, for the reason `why` */
    enum view_skip skip;
    struct str why;
    int64_t mod_revision, create_revision;
    int64_t signed_wall; /* of a record with a good signature: its `updatedAt`, ms since 1970 */
};

/* A server that went without shutting_down: its last record, and when that was seen to be gone. */
struct view_tombstone {
    struct view_entry *entry;
    int64_t gone_wall; /* ms since 1970 */
};

/* When the newest signed record of a key was written, by its own words, ms since 1970. The key by its hash alone. */
struct view_mark {
    uint64_t key_hash;
    int64_t wall;
};

/* A view as it was kept on disk. Entries are borrowed. */
struct view_kept {
    int64_t revision;
    uint64_t cluster;
    int64_t true_wall; /* when it was last known to be true, ms since 1970 */
    struct view_entry *const *entries;
    size_t entry_count;
    const struct view_tombstone *tombstones; /* oldest first */
    size_t tombstone_count;
    const struct view_mark *marks; /* set longest ago first */
    size_t mark_count;
};

enum view_event_type {
    VIEW_ON_TICK,        /* time may have passed */
    VIEW_ON_LOAD,        /* `kept` is from before the restart; before START */
    VIEW_ON_START,       /* the agent runs */
    VIEW_ON_WANT,        /* a request needs the fleet */
    VIEW_ON_SUBSCRIBERS, /* `count` of them need it from now on */
    VIEW_ON_RELOAD,      /* `mode` and `idle_ms` are new */
    VIEW_ON_REPLY,       /* `reply` to a request; of a listing, `items` are its items, decoded */
    VIEW_ON_WATCH,       /* `watch` delivered; `items` are what its changes say, in the same order */
    VIEW_ON_STOP         /* the agent ends */
};

/* Items, their entries and texts are borrowed for the step. */
struct view_event {
    enum view_event_type type;
    struct instant now;
    const struct view_kept *kept;
    size_t count;
    enum view_mode mode;
    int64_t idle_ms;
    const struct registry_reply *reply;
    const struct registry_watch_event *watch;
    const struct view_item *items;
    size_t item_count;
};

/* State changes worth one line in the log. */
enum view_note {
    VIEW_NOTE_LISTED,    /* a whole listing was read: how many records, how long it took */
    VIEW_NOTE_OUTAGE,    /* requests or the watch fail: the first failure of each class */
    VIEW_NOTE_RECOVERED, /* in sync again, after how long */
    VIEW_NOTE_RELIST,    /* the watch cannot resume: compacted, wiped, another cluster */
    VIEW_NOTE_STALLED,   /* the watch was open and did not deliver what the registry has */
    VIEW_NOTE_UNREADABLE /* a key under the prefix is no record (each key once; bounded) */
};

enum view_effect_type {
    VIEW_DO_REQUEST,  /* submit `request` */
    VIEW_DO_WATCH,    /* open `watch` */
    VIEW_DO_UNWATCH,  /* close the watch `id` */
    VIEW_DO_CHANGED,  /* a record came, changed or went */
    VIEW_DO_REVISION, /* all of `revision` was emitted */
    VIEW_DO_SYNCED,   /* what is held is what the registry has */
    VIEW_DO_STALE,    /* that is no longer certain */
    VIEW_DO_SAVE,     /* write the view to disk */
    VIEW_DO_NOTE      /* log `note` with `text` */
};

/* `request`, `watch` and `text` live until the queue is taken empty. The references that CHANGED holds belong
 * to the caller that takes it: view_effect_fini. */
struct view_effect {
    enum view_effect_type type;
    enum view_note note;
    bool clean;                  /* changed, gone: its last status was shutting_down */
    int64_t revision;            /* changed, revision */
    uint64_t id;                 /* unwatch */
    struct view_entry *was, *is; /* changed; NULL: it was, or is, not there */
    struct str text;
    const struct registry_request *request;
    const struct registry_watch *watch;
};

/* Gives back the references an effect holds: for every effect taken. */
void view_effect_fini(struct view_effect *effect);

/* A view that knows nothing and does nothing until LOAD or START. The caller owns it. */
struct view *view_new(const struct view_settings *settings);

/* Accepts NULL. */
void view_free(struct view *view);

/* One event in, effects (struct view_effect) out. */
void view_step(struct view *view, const struct view_event *event, struct queue *effects);

/* When a step is needed although nothing happens. */
struct window view_deadline(const struct view *view);

#endif
