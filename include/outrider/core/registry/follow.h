/* Following keys of the registry: list, watch, resume, and find a stream that is open but silent. One machine
 * for the agent's own keys, the view of the fleet and `outrider kv watch`.
 *
 *     OFF ──START──> LISTING ──────all pages──────────> OPENING ──OPENED──> OPEN
 *      │              ^  │ └──pages were repeated──┐     ^ ^  │              │
 *      │          due │  │ failed                  v     │ │  │              │
 *      │              │  │                  RESUMING ────┘ │  │ failed       │ ended, silent,
 *      │              │  v      due          ^  │ same past │  │              │ check failed
 *      └──success──> WAITING ────────────────┘  │ failed    │  │              │
 *     (known keys)    ^ ^ └─────────────────────┼───due─────┘  │              │
 *                     │ └───────────────────────┴──────────────┘              │
 *                     └───────────────────────────────────────────────────────┘
 *
 * When WAITING is over: a follower that lists goes to RESUMING, or to LISTING where it has no position; another one
 * to OPENING. START of a follower that does not list leads to OPENING, STOP from everywhere to OFF.
 *
 * What a follower does first:
 *   lists      reads all keys in pages of one revision, then watches from the next. Before a watch resumes, the
 *              registry is asked what it had at the last revision known: one that lost its data and was filled
 *              again has another past. The owner compares (`same_past`). A registry that cannot say what it had
 *              names its epoch at OPENED instead; one without a history is listed again before each watch.
 *   positioned watches from a revision, and resumes after the last one delivered. Without a revision it begins
 *              with what comes after OPENED.
 *   known keys always watches from now on, and the owner reads its keys at OPENED. Nothing is resumed, so no
 *              history is needed. While the registry fails the owner's own retries are the only ones: the next
 *              watch waits for a success of the owner (`settled`), then for a random part of a spread.
 *
 * How a silent stream is told from keys that do not change (docs/design/etcd-gateway.md, "Silent watches"):
 *   known keys The owner's keys are compared beside the stream, with one of its own requests, after
 *              `check_ms` of silence. Two differences `grace_ms` apart mean a dead stream. A revision that the
 *              owner wrote must be delivered within `grace_ms`.
 *   newest     Each check asks for the registry's revision. When the stream has not reached it by the next check,
 *              the newest key of the range and the number of keys are read. The stream delivered everything if it
 *              delivered that change and the owner holds as many keys: a key written unseen is newer, a key
 *              deleted unseen is one too many. A stream that delivers nothing for `grace_ms` after that is dead; one that delivers
 *              something and not all of it is alive and behind, and the owner is not in sync until it has caught up.
 *              A registry that does not list the newest first is asked for all keys; where they do not fit into
 *              one page, the stream has to reach the revision.
 *
 * READ_ANEW is the one case for a position that cannot be resumed: compacted, another cluster, a registry that was
 * set back. A follower that lists lists again; another one is OFF and its owner decides.
 *
 * The machine reads no clock and owns no connection. */
#ifndef OUTRIDER_CORE_REGISTRY_FOLLOW_H
#define OUTRIDER_CORE_REGISTRY_FOLLOW_H

#include "outrider/base/backoff.h"
#include "outrider/base/queue.h"
#include "outrider/core/instant.h"
#include "outrider/core/registry/registry_limits.h"
#include "outrider/core/registry/registry_request.h"
#include "outrider/core/registry/retry.h"

enum follow_state {
    FOLLOW_OFF,
    FOLLOW_WAITING,  /* until `due`; known keys: also until the owner's requests succeed */
    FOLLOW_LISTING,  /* a page is in flight */
    FOLLOW_RESUMING, /* the request that verifies the past is in flight */
    FOLLOW_OPENING,
    FOLLOW_OPEN,
    FOLLOW_STATE_COUNT
};

/* "off", "waiting", "listing", "resuming", "opening", "open". */
const char *follow_state_name(enum follow_state state);

enum follow_check { FOLLOW_CHECK_KEYS, FOLLOW_CHECK_NEWEST };

/* All times in ms. */
struct follow_settings {
    struct registry_range
        ranges[REGISTRY_RANGES_MAX]; /* newest: one, with an end. Known keys: one or two keys */
    size_t range_count;
    enum follow_check check;
    uint32_t can;             /* newest: what the registry can, a set of REGISTRY_CAN_* */
    bool lists;               /* newest only */
    size_t page;              /* lists: keys asked for at once */
    int64_t timeout_ms;       /* of a request, and of opening a watch */
    int64_t check_ms;         /* silence before a check */
    int64_t grace_ms;         /* a change that the registry has may take so long to be delivered */
    int64_t first_ms, cap_ms; /* bounds of the backoff */
    int64_t slow_ms;          /* longest wait after denied, refused, overloaded; at least half of it */
    int64_t steady_ms;        /* a stream that was in sync for so long ends the outage before it */
    unsigned patience;        /* failures in a row that are not logged; one more for a stream that was open */
    uint64_t seed;            /* of the jitter */
};

enum follow_event_type {
    FOLLOW_ON_TICK,    /* time may have passed */
    FOLLOW_ON_KNOWN,   /* OFF: the owner holds what the store `cluster` had at `revision` */
    FOLLOW_ON_START,   /* OFF: list; or watch from `revision` on, 0: from now on */
    FOLLOW_ON_SUCCESS, /* known keys: a request of the owner succeeded */
    FOLLOW_ON_REPLY,   /* `reply` to a request of this machine */
    FOLLOW_ON_WATCH,   /* `watch` delivered something. Newest: the owner has applied its changes */
    FOLLOW_ON_RESTART, /* what is open cannot be trusted: close it and open another */
    FOLLOW_ON_STOP     /* known keys: for good */
};

/* The known keys of an agent: places in `known`. */
enum { FOLLOW_RECORD, FOLLOW_CONTROL, FOLLOW_KEYS };

/* Known keys, with every event: what the owner knows. */
struct follow_owner {
    bool settled;               /* nothing is being written, and the keys are as they should be */
    bool leaseless;             /* no keepalive of the owner shows whether the registry answers */
    int64_t known[FOLLOW_KEYS]; /* mod revision of each key; 0: there is none; -1: unknown (control only) */
};

/* What is pointed to is borrowed for the step. */
struct follow_event {
    enum follow_event_type type;
    struct instant now;
    struct follow_owner owner;
    int64_t keys; /* newest, with every event: keys the owner holds, or counts from wherever it began */
    int64_t revision;
    uint64_t cluster;
    const struct registry_watch_event *watch;
    const struct registry_reply *reply;
    /* Reply to a list: how many keys, the last of them, and the newest mod revision. */
    size_t listed;
    struct str last_key;
    int64_t newest;
    bool same_past; /* RESUMING: the reply agrees with what the owner holds */
};

/* State changes worth one line in the log, each once until a stream was steady. */
enum follow_note {
    FOLLOW_NOTE_OUTAGE,    /* requests or the watch fail; once for each class of failure */
    FOLLOW_NOTE_SILENT,    /* the stream was open and did not deliver what the registry has */
    FOLLOW_NOTE_RECOVERED, /* in sync again after one of these */
    FOLLOW_NOTE_READ_ANEW  /* the position cannot be resumed; each time */
};

/* Why the position cannot be resumed. */
enum follow_cause {
    FOLLOW_COMPACTED,
    FOLLOW_OTHER_CLUSTER,
    FOLLOW_SET_BACK,    /* the registry's revision fell */
    FOLLOW_OTHER_PAST,  /* emptied and filled again, or an epoch began in which writes may be lost */
    FOLLOW_TORN_PAGES,  /* the pages of a listing do not belong together */
    FOLLOW_SILENT_TWICE /* a second stream did not deliver it either: what the owner holds is wrong */
};

enum follow_effect_type {
    FOLLOW_DO_REQUEST,   /* submit `request` */
    FOLLOW_DO_WATCH,     /* open `watch` */
    FOLLOW_DO_UNWATCH,   /* close the watch `id` */
    FOLLOW_DO_PAGE,      /* keep the keys of this reply beside what is held */
    FOLLOW_DO_FORGET,    /* the pages kept are void */
    FOLLOW_DO_LISTED,    /* the pages are complete: they replace what is held */
    FOLLOW_DO_OPENED,    /* the watch is open: `revision` + 1 is the first it delivers */
    FOLLOW_DO_READ_BACK, /* known keys: read them, at least at `revision` */
    FOLLOW_DO_CONFIRM,   /* at this moment the owner knows all that the registry has */
    FOLLOW_DO_SYNCED,    /* the first CONFIRM of a stream */
    FOLLOW_DO_STALE,     /* that is no longer certain, because of `text` */
    FOLLOW_DO_FAILED,    /* `failure`, `text`; another try comes after a wait */
    FOLLOW_DO_READ_ANEW, /* because of `cause`, `text` */
    FOLLOW_DO_NOTE       /* log `note` with `text` */
};

/* Texts and keys live until the queue is taken empty; ranges as long as the follower. */
struct follow_effect {
    enum follow_effect_type type;
    uint64_t id;
    int64_t revision;
    int64_t before; /* listed: the revision held so far; 0: none */
    int64_t
        until; /* listed: the newest revision that its pages show in part; `revision`, if they are of one */
    int64_t took_ms;  /* listed */
    uint64_t cluster; /* listed, opened; 0: unknown */
    int64_t oldest;   /* READ_ANEW, compacted: the oldest revision a watch can begin at; 0: unknown */
    enum follow_cause cause;
    enum follow_note note;
    enum registry_failure
        failure; /* failed; note: outage. OK: a stream that ended in good order or is silent */
    struct str text;
    struct registry_request request;
    struct registry_watch watch;
};

/* Which history of which store; 0: unknown. */
struct follow_store {
    uint64_t cluster, epoch;
};

enum follow_ask {
    FOLLOW_ASK_NOTHING,
    FOLLOW_ASK_PAGE,
    FOLLOW_ASK_PAST,     /* newest key and count at the revision known */
    FOLLOW_ASK_REVISION, /* check: how far the registry is */
    FOLLOW_ASK_NEWEST,   /* check: newest key and count now */
    FOLLOW_ASK_COUNT,    /* check: how many keys there were at the revision delivered */
    FOLLOW_ASK_COMPARE   /* check of known keys */
};

struct follow_listing {
    bool begun;
    int64_t began_mono;
    int64_t revision; /* of all pages, or of the first of several revisions; 0: it has not come */
    int64_t until;    /* of the last page */
    struct follow_store store;
    int64_t total, gathered; /* keys, as the first page says; that came */
    char *next;              /* key that the next page begins with; NULL: the first of all */
    size_t next_size;
    size_t limit;     /* keys of a page: halved when one fails, in case it is too large */
    size_t asked;     /* limit of the page in flight */
    unsigned steady;  /* pages that came since it was last changed */
    bool interrupted; /* a page after the first had to be asked for again */
};

/* The check of known keys. */
struct follow_compare {
    int64_t due;               /* mono */
    bool suspect;              /* the last answer differed */
    int64_t with[FOLLOW_KEYS]; /* the revisions that the request in flight compares with */
    int64_t expected;          /* revision that must be delivered; 0: none */
    int64_t expected_until;    /* mono */
    bool in_grace;             /* once, when this agent itself was late */
};

/* The check by newest key and count. */
struct follow_newest {
    int64_t due;                    /* mono */
    int64_t asked_seen, asked_keys; /* when the request in flight was sent */
    bool lagging;                   /* the stream has not delivered all; until `lag_ends` it may */
    int64_t lag_ends, lag_delivered;
    int64_t revision, newest_key, count; /* what the registry has: as of, newest change, keys */
};

/* Only follow_step writes it. An owner may read `state`, `delivered` (everything up to this revision was delivered),
 * `synced` (that is all the registry has), `last_error` ("" when there is nothing to say), `own_keys`, `opens` and `silences`. */
struct follow {
    struct follow_settings settings;
    char *own_keys[FOLLOW_KEYS]; /* known keys: what the ranges point to */
    struct instant now;          /* of the present step, as `effects` */
    struct queue *effects;
    struct random random;
    struct backoff backoff;
    enum follow_state state;
    bool stopped;
    uint64_t next_id, watch_id, request_id; /* 0: none is in flight or open */
    enum follow_ask ask;
    int64_t due;                   /* waiting: mono; NEVER_MS: not before a success of the owner */
    bool relist;                   /* waiting: for a listing */
    enum registry_failure failure; /* waiting: the last one */
    unsigned read_anew;            /* listings begun again since the last one was complete */
    unsigned silent;               /* silent streams in a row */
    int64_t asleep_ms;

    bool positioned; /* `delivered` is a position to resume from */
    int64_t delivered;
    int64_t seen; /* newest revision that the registry was seen at */
    struct follow_store store;
    bool synced;
    int64_t synced_mono;
    bool counted, uncountable; /* newest: `base` is valid; the registry cannot say it for now */
    int64_t base;              /* keys that the registry had when the owner counted 0 */

    struct follow_owner owner; /* as the last event said */
    int64_t keys;
    struct follow_listing listing;
    struct follow_compare compare;
    struct follow_newest newest;

    struct outage outage;
    unsigned noted; /* bits of enum follow_note */
    char last_error[256];
    uint64_t opens, silences;
};

/* Prepares a follower of `settings`; what the ranges point to is borrowed until follow_fini. */
void follow_init(struct follow *follow, const struct follow_settings *settings);

/* Prepares one that lists a range and watches it. What is to be set: `ranges`, `can`, `page`, `timeout_ms`, `check_ms` and `seed`;
 * all else follows. */
void follow_init_range(struct follow *follow, const struct follow_settings *settings);

/* Prepares one of `record_key` and `control_key` (copied): known keys, `timeout_ms` for each request, compared after
 * `quiet_ms` of silence. `seed` feeds the jitter. */
void follow_init_keys(struct follow *follow, const char *record_key, const char *control_key,
                      int64_t timeout_ms, int64_t quiet_ms, uint64_t seed);

/* Frees what it owns; accepts NULL and a zeroed one. */
void follow_fini(struct follow *follow);

/* One event in, effects (struct follow_effect) out. */
void follow_step(struct follow *follow, const struct follow_event *event, struct queue *effects);

/* The request or the watch of an effect, copied to the effects of an owner that passes it on: lives until that queue is taken
 * empty. Ranges are borrowed as before. */
const struct registry_request *follow_kept_request(struct queue *effects,
                                                   const struct registry_request *request);
const struct registry_watch *follow_kept_watch(struct queue *effects, const struct registry_watch *watch);

/* When a step is needed although nothing happens. */
struct window follow_deadline(const struct follow *follow);

/* Whether watch `id` is the present one and open: its changes are news. */
bool follow_watches(const struct follow *follow, uint64_t id);

/* Whether the reply to the request `id` is waited for. */
bool follow_awaits(const struct follow *follow, uint64_t id);

#endif
