/* What the sources of registry/redis share:
 *
 *     redis_registry.c   requests; what comes first on a connection
 *     encode.c           arguments of the script
 *     answer.c           replies from what it answers
 *     watch.c            watches: what has changed since, and what changes
 *     tail.c             changes of all keys, for watches of ranges
 *     hearing.c          changes of single keys, for watches of nothing else
 *     registry.lua       the script
 *
 * Keys, all in the slot of {NS}: meta (hash), kv (hash of all keys), idx (their order), lease (by their end), ttl, own (the
 * keys of leases), log (stream of changes). */
#ifndef OUTRIDER_REGISTRY_REDIS_REDIS_REGISTRY_INTERNAL_H
#define OUTRIDER_REGISTRY_REDIS_REDIS_REGISTRY_INTERNAL_H

#include "outrider/base/buf.h"
#include "outrider/base/random.h"
#include "outrider/codec/redis/redis_log.h"
#include "outrider/codec/redis/redis_reply.h"
#include "outrider/core/config/config.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/redis/redis.h"
#include "outrider/registry/backend.h"

struct timer;

enum { KEY_META, KEY_KV, KEY_IDX, KEY_LEASE, KEY_TTL, KEY_OWN, KEY_LOG, KEY_COUNT };

/* One request under way. */
struct job {
    struct job *prev, *next;
    struct redis_registry *own;
    uint64_t id;
    enum registry_op op;
    struct registry_lease lease;
    const char *problem; /* of a request that is not sent */
    struct deferred refusal;
};

/* A position in the log that moves on: everything before `next` is told.
 *
 *     OFF ──> CONNECTING ──> PROVING ──> LIVE
 *      ^          ^             │          │
 *      │          └── the line is lost ────┘
 *      └── no watch of a range */
enum tail_state { TAIL_OFF, TAIL_CONNECTING, TAIL_PROVING, TAIL_LIVE };

struct tail {
    enum tail_state state;
    struct redis_line *line; /* NULL when off */
    struct redis_log_head head;
    int64_t next;
    unsigned count; /* entries in one answer at most */
};

/* A channel. Its words are counted, as an answer does not say which one it is to. */
struct channel {
    struct channel *next;
    struct buf key;   /* empty: that of all keys */
    unsigned pending; /* words to the server that are not answered */
    bool is_wanted;
};

struct hearing {
    struct redis_line *line; /* NULL: no watch of keys */
    struct channel *channels;
};

enum watch_state {
    WATCH_WAITING, /* for the tail, or for its channels */
    WATCH_READING, /* what it has missed */
    WATCH_LIVE,
    WATCH_OVER
};

struct redis_watch {
    struct redis_watch *next;
    struct redis_registry *own;
    struct registry_watch request;
    struct buf keys; /* what the request's ranges point to */
    enum watch_state state;
    bool hears;               /* single keys only */
    bool is_opened, is_asked; /* OPENED was delivered; the script was asked */
    struct redis_log_head head;
    int64_t told;       /* every range is delivered up to it */
    int64_t news;       /* newest revision that came while it was reading */
    int64_t asked_news; /* of it, what had come before the script was asked: the store is there by now */
    int64_t seen[REGISTRY_RANGES_MAX]; /* hears: the newest change of each key that was delivered */
    int64_t last[REGISTRY_RANGES_MAX]; /* the revision it left the key at; 0: there is none; -1: not known */
    struct timer *timer;
    struct deferred release;
};

struct redis_registry {
    struct registry registry; /* first: what the caller holds */
    struct loop *loop;
    struct redis *redis;
    char *endpoints[CONFIG_ENDPOINTS_MAX]; /* host:port */
    size_t endpoint_count;
    bool has_password;
    char *keys[KEY_COUNT];
    struct buf source; /* of the script that writes when memory is full */
    struct redis_script plain, full;
    struct random random;
    char candidate[24]; /* id of a store that is made by `open` */
    struct str first[KEY_COUNT + 3];
    struct redis_log_head head; /* as last answered */
    struct buf note, error;
    int64_t failed_wall;
    struct job *jobs;
    struct redis_watch *watches;
    struct tail tail;
    struct hearing hearing;
    struct timer *reaper;
    struct registry_item *items; /* of the last reply */
    size_t item_capacity;
};

/* ---- registry.lua ---- */

extern const char redis_registry_script[];

/* ---- encode.c ---- */

/* Of a transaction: seven keys and their number, the operation and three counts, and what its lists hold. */
enum { ARGS_MAX = 1 + KEY_COUNT + 4 + REGISTRY_TXN_MAX * 3 + 2 * REGISTRY_TXN_MAX * 4 };

struct args {
    struct str list[ARGS_MAX];
    size_t count;
    struct buf texts; /* reserved, so that it stays where it is */
};

/* Begins the call of an operation. */
void args_init(struct args *args, const struct redis_registry *own, const char *op);
void args_fini(struct args *args);
void args_text(struct args *args, struct str text); /* borrowed */
void args_number(struct args *args, int64_t number);

/* Adds what `request` says. */
void args_request(struct args *args, const struct redis_registry *own,
                  const struct registry_request *request);

/* Why `request` is not sent; NULL: nothing. */
const char *request_problem(const struct redis_registry *own, const struct registry_request *request);

/* ---- answer.c ---- */

/* Fills `reply` from the answer of the script, whose texts it borrows. Returns 0, or -1 where it is no such answer. */
int answer_read(struct redis_registry *own, const struct job *job, const struct redis_reply *answer,
                struct registry_reply *reply) MUST_CHECK;

/* ---- redis_registry.c ---- */

enum { SINCE_TIMEOUT_MS = 2000 };

/* Calls the script, of which `full` also writes when memory is full. */
void redis_registry_call(struct redis_registry *own, const struct args *args, bool full, int64_t timeout_ms,
                         bool repeatable, redis_result_fn *fn, void *user);

/* What a failed command means. */
enum registry_failure redis_registry_failure(enum redis_outcome outcome);

/* The server that answers, or the first endpoint. Borrowed. */
const char *redis_registry_server(const struct redis_registry *own);

/* ---- watch.c ---- */

void watch_open(struct registry *registry, const struct registry_watch *request);
void watch_close(struct registry *registry, uint64_t id);
void watches_fini(struct redis_registry *own);

/* Reads what it has missed. */
void watch_read(struct redis_watch *watch);

/* Ends it; `why` without the server. */
void watch_end(struct redis_watch *watch, enum registry_failure failure, bool read_anew, const char *why);

/* Ends all of one kind. */
void watches_end(struct redis_registry *own, bool hears, enum registry_failure failure, bool read_anew,
                 const char *why);

/* The store answered as `head`: watches of another one, or of another history of it, end. */
void watches_meet(struct redis_registry *own, const struct redis_log_head *head);

/* Delivers what is in its ranges, and newer than what it has; `revision` is told. */
void watch_changes(struct redis_watch *watch, const struct registry_change *changes, size_t count,
                   int64_t revision);

/* A change of its key `index`, as it comes. */
void watch_hear(struct redis_watch *watch, size_t index, const struct redis_log_entry *entry);

/* ---- tail.c ---- */

void tail_start(struct redis_registry *own); /* where it is off */
void tail_stop(struct redis_registry *own);

/* ---- hearing.c ---- */

/* Asks for the messages of the watch's keys. */
void hearing_add(struct redis_watch *watch);

/* Asks for no more of those that no watch needs. */
void hearing_tidy(struct redis_registry *own);
void hearing_fini(struct redis_registry *own);

#endif
