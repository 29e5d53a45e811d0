/* Sessions in Redis: keys, jobs, and who does what.
 *
 *     {NS:S}:p:PLAYER   hash, type -> session: the truth. S is the shard of the player, one of KEYS_SHARDS
 *     {NS:S}:x          sorted set of the shard's players, by when the first session of each ends
 *     {NS:S}:i:ID       PLAYER NUL TYPE: where the session of an id is. S is the shard of the id
 *     {NS:S}:s:SERVER   sorted set of the server's players. S is the shard of the server
 *     NS:sessions       channel of what changed
 *
 * All of them expire by themselves, a minute after the last session in them. */
#ifndef OUTRIDER_SESSION_REDIS_SESSION_REDIS_INTERNAL_H
#define OUTRIDER_SESSION_REDIS_SESSION_REDIS_INTERNAL_H

#include "outrider/base/buf.h"
#include "outrider/base/hash.h"
#include "outrider/codec/redis/redis_reply.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/redis/redis.h"
#include "outrider/session/backend.h"
#include "outrider/session/redis/session_redis.h"

enum { KEYS_SHARDS = 64 };

struct session_redis {
    struct session_store store;
    struct loop *loop;
    struct redis *redis;
    char *space;   /* the namespace */
    char *channel; /* NS:sessions */
    struct redis_script record, index;
    char agent[20]; /* random: the first part of tokens */
    uint64_t last_seq;
    struct job *jobs;               /* by seq */
    struct job *fresh, **fresh_end; /* not started yet */
    struct deferred deferred;
    struct timer *timer; /* while it hears: ends and answers that wait for their events */
    bool listens, is_hearing, was_hearing;
    int64_t listens_ms, ends_ms; /* since when (mono); when ends are sought next */
    bool is_down;
    char error[256];
    int64_t since_wall;
};

/* One request under way. */
struct job {
    UT_hash_handle hh;
    struct job *next; /* of those not started yet */
    struct session_redis *own;
    uint64_t seq;
    struct session_request request; /* its texts are in `texts` */
    struct buf texts;
    struct buf token; /* of a change */
    int64_t deadline_ms;
    struct session_reply
        reply; /* its texts are in `said` or in `texts`, those of a read in what Redis answered */
    struct buf said;
    char error[300];
    bool is_held; /* the reply is there, its events are not yet heard */
    int64_t held_ms;
    unsigned told, heard; /* messages */
    unsigned pending;     /* commands of this step */
    bool has_failed;
    bool is_taken; /* put: the id is said to be another session's */
    void (*on_place)(struct job *job);
    struct str player, type; /* where the session of the id is; in `place` */
    struct buf place, instead;
    struct session *list; /* of a page */
    size_t list_count, list_capacity;
    struct buf list_text;
    struct buf cursor;
    unsigned shard; /* a page of all: the one that is read */
};

/* ---- record.lua, index.lua ---- */

extern const char scripts_record[], scripts_index[];

/* ---- keys.c ---- */

enum keys_kind { KEYS_RECORD, KEYS_ID, KEYS_SERVER, KEYS_ENDS };

/* The shard of `name`: every agent finds the same. */
unsigned keys_shard(struct str name);

/* Appends the key of `kind` for `name` in `shard`. The ends have no name; without one a record's key is what those of the shard
 * begin with. */
void keys_add(const struct session_redis *own, enum keys_kind kind, unsigned shard, struct str name,
              struct buf *out);

/* ---- session_redis.c: jobs ---- */

/* Starts a script on the record of `player`; `args` follow the type. `fn` is called with the job. */
void job_record(struct job *job, const char *op, struct str player, struct str type, const struct str *args,
                size_t count, redis_result_fn *fn, void *user);

/* Starts an operation on an index; `fn` as above. NULL: nothing waits for it. */
void job_index(struct job *job, enum keys_kind kind, struct str name, const char *op, const struct str *args,
               size_t count, redis_result_fn *fn);

/* Starts a plain command on the key of `kind` for `name` in `shard`, which follows the first word. */
void job_command(struct job *job, const char *word, enum keys_kind kind, unsigned shard, struct str name,
                 const struct str *args, size_t count, redis_result_fn *fn);

/* Whether the result may be used; notes the failure otherwise. */
bool job_is_done(struct job *job, const struct redis_result *result);

/* Ends the job with its reply; once its events are heard, where it is to be heard. */
void job_finish(struct job *job);

/* The same with a failure. */
void job_fail(struct job *job, enum session_failure failure, const char *why);

/* The answer of the record's script, whose texts are borrowed. Returns 0, or -1 and the job is over. */
struct record_answer {
    struct str word, session, replaced, from, score;
    bool found;
    unsigned told;
};
int job_record_answer(struct job *job, const struct redis_result *result,
                      struct record_answer *ret_answer) MUST_CHECK;

/* Sets the session of the reply from what the script said. Returns 0, or -1 and the job is over. */
int job_set_session(struct job *job, struct str packed, struct str player) MUST_CHECK;

/* ---- change.c: put, touch, end; find.c: get, find, list; sweep.c: orphan, restore ---- */

void change_start(struct job *job);
void find_start(struct job *job);
void list_start(struct job *job);
void sweep_start(struct job *job);

/* Looks up where the session `request.session_id` is; calls `fn` with job->player and job->type, or finishes. */
void find_place(struct job *job, void (*fn)(struct job *job));

/* ---- hear.c ---- */

void hear_listen(struct session_store *store, bool listens);

/* Seeks ends, and lets go of answers that waited long enough. */
void hear_tick(struct session_redis *own, int64_t now_ms);

#endif
