/* The keys of one range of the registry, as they are now. A follower (follow.h) lists, watches, resumes and finds a
 * stream that is silent; what it delivers is applied here, and every change is an effect.
 *
 *     off ──START──> following, stale ──SYNCED──> following, synced ──STOP──> off
 *                          ^                           │
 *                          └───────────STALE───────────┘
 *
 * Pages of a listing are gathered beside what is held and applied when all have come: as the differences. Through an
 * outage, and after STOP, the keys stay as they were last known. Values are bytes: the owner reads them.
 *
 * A key that would be one, or some bytes, too many is left out and counted. It comes in when it changes while there is
 * room, and with the next listing.
 *
 * The machine reads no clock and owns no connection. */
#ifndef OUTRIDER_CORE_REGISTRY_MIRROR_H
#define OUTRIDER_CORE_REGISTRY_MIRROR_H

#include "outrider/base/blob.h"
#include "outrider/base/queue.h"
#include "outrider/core/instant.h"
#include "outrider/core/registry/registry_request.h"

struct mirror;

/* Zero stands for the default in the parentheses, where there is one. */
struct mirror_settings {
    const char *prefix; /* of the keys, with its last '/'; copied */
    int64_t timeout_ms; /* of one request, of opening a watch, and for a stream to catch up */
    int64_t check_ms;   /* between checks of the stream: half a TTL */
    uint64_t seed;      /* of jitter */
    uint32_t can;       /* what the registry can, a set of REGISTRY_CAN_* */
    size_t page;        /* keys asked for at once (500) */
    size_t keys_max;    /* keys held (10,000) */
    size_t bytes_max;   /* bytes of keys and values held (4 MiB) */
};

/* One key. */
struct mirror_key {
    struct str key; /* with the prefix */
    struct blob *value;
    int64_t mod_revision, create_revision;
    struct registry_lease lease; /* none: the key stands without one */
};

enum mirror_event_type {
    MIRROR_ON_TICK,  /* time may have passed */
    MIRROR_ON_START, /* follow; nothing when it does already */
    MIRROR_ON_STOP,  /* no longer; START may follow */
    MIRROR_ON_REPLY, /* `reply` to a request */
    MIRROR_ON_WATCH  /* `watch` delivered something */
};

/* What is pointed to is borrowed for the step. Replies and events of others are ignored. */
struct mirror_event {
    enum mirror_event_type type;
    struct instant now;
    const struct registry_reply *reply;
    const struct registry_watch_event *watch;
};

/* State changes worth one line in the log. */
enum mirror_note {
    MIRROR_NOTE_OUTAGE,    /* requests or the watch fail: the first failure of each class */
    MIRROR_NOTE_STALLED,   /* the watch was open and did not deliver what the registry has */
    MIRROR_NOTE_RECOVERED, /* in sync again after one of these */
    MIRROR_NOTE_RELIST,    /* the watch cannot resume: compacted, wiped, another cluster */
    MIRROR_NOTE_FULL       /* keys are left out; once until all are in again */
};

enum mirror_effect_type {
    MIRROR_DO_REQUEST, /* submit `request` */
    MIRROR_DO_WATCH,   /* open `watch` */
    MIRROR_DO_UNWATCH, /* close the watch `id` */
    MIRROR_DO_CHANGED, /* a key came (`was` is NULL), changed or went (`is` is NULL) */
    MIRROR_DO_SYNCED,  /* what is held is what the registry has */
    MIRROR_DO_STALE,   /* that is no longer certain, because of `text` */
    MIRROR_DO_NOTE     /* log `note` with `text` */
};

/* `request`, `watch` and `text` live until the queue is taken empty, `was` and `is` until the next step or lesson. */
struct mirror_effect {
    enum mirror_effect_type type;
    enum mirror_note note;
    uint64_t id;
    const struct mirror_key *was, *is;
    const struct registry_request *request;
    const struct registry_watch *watch;
    struct str text;
};

/* What can be asked, as of the last step. */
struct mirror_facts {
    bool known;     /* it was listed once */
    bool following; /* between START and STOP */
    bool waking;    /* since START neither a listing that is in sync nor a failure has come: one will soon */
    bool synced;    /* what is held is what the registry has */
    int64_t revision;         /* everything up to it was delivered; 0: nothing was */
    size_t keys, bytes;       /* held */
    size_t left_out;          /* keys that did not fit */
    unsigned long long lists; /* complete listings so far */
    const char *last_error;   /* why it is not in sync; "" when there is nothing to say; borrowed */
};

/* A mirror that knows nothing and does nothing until START. The caller owns it. */
struct mirror *mirror_new(const struct mirror_settings *settings);

/* Accepts NULL. */
void mirror_free(struct mirror *mirror);

/* One event in, effects (struct mirror_effect) out. */
void mirror_step(struct mirror *mirror, const struct mirror_event *event, struct queue *effects);

/* When a step is needed although nothing happens. */
struct window mirror_deadline(const struct mirror *mirror);

/* A reply to a request of another machine showed `key` as `kv`, at `revision` of the store; not found: the key is gone.
 * Applied (CHANGED) when it is newer than what is held and than what was delivered, so that nothing is ever undone;
 * else, and before the first listing, ignored. Only for a key under the prefix. */
void mirror_learn(struct mirror *mirror, struct str key, const struct registry_kv *kv, int64_t revision,
                  struct queue *effects);

/* Borrowed as long as the mirror; its members change with each step. */
const struct mirror_facts *mirror_facts(const struct mirror *mirror);

/* For how long it is uncertain that what is held is what the registry has, in ms, the sleep of the machine included: 0
 * while in sync; INT64_MAX: it was never known. */
int64_t mirror_age_ms(const struct mirror *mirror, const struct instant *now);

/* The key `key`; NULL when there is none. As all keys, borrowed until the next step or lesson. */
const struct mirror_key *mirror_find(const struct mirror *mirror, struct str key);

/* The keys in the order of their bytes: number `index` of them, below `keys` of the facts; and the number of the first
 * that is not before `key`. The keys of `dir/` begin at mirror_from(mirror, STR("dir/")), as long as str_starts. */
const struct mirror_key *mirror_at(const struct mirror *mirror, size_t index);
size_t mirror_from(const struct mirror *mirror, struct str key);

#endif
