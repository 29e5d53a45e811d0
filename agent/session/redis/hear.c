/* Events: the channel tells every agent of every change. An answer of ours waits for the events of its own change, which come another
 * way. Ends are told when they are found: each agent that listens looks for them once a second. */
#include "session_redis_internal.h"

#include "outrider/codec/session/session_packed.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"
#include "outrider/os/log.h"

#include <stdio.h>

enum {
    TICK_MS = 20,
    HOLD_MS = 100, /* an answer waits for its events no longer: a full buffer, a node that is behind */
    ENDS_EVERY_MS = 1000,
    ENDS_AT_ONCE = 32, /* of each shard */
    ENDS_TIMEOUT_MS = 2000
};

static struct job *job_of_token(struct session_redis *own, struct str token)
{
    struct str number, agent = str_split(token, '.', &number);
    uint64_t seq = 0;
    struct job *job = NULL;
    if (str_eq(agent, str_of(own->agent)) && str_to_u64(number, UINT64_MAX, &seq) == 0) {
        HASH_FIND(hh, own->jobs, &seq, sizeof(seq), job);
    }
    return job;
}

static void on_message(struct session_redis *own, struct str text)
{
    struct session_event event;
    struct str token;
    if (session_message_read(text, &event, &token) < 0) {
        log_warn("sessions", "a message of the channel is no event of a session",
                 LOG_TEXT("channel", own->channel), LOG_RATE(LOG_SELDOM));
        return;
    }
    session_deliver_event(&own->store, &event);
    struct job *job = job_of_token(own, token);
    if (job != NULL) {
        job->heard++;
        if (job->is_held && job->heard >= job->told) {
            job_finish(job);
        }
    }
}

static void tell_gap(struct session_redis *own)
{
    struct session_event gap = {.type = SESSION_ON_GAP};
    session_deliver_event(&own->store, &gap);
}

static void release_held(struct session_redis *own, int64_t before_ms)
{
    struct job *job, *next;
    HASH_ITER(hh, own->jobs, job, next)
    {
        if (job->is_held && job->held_ms <= before_ms) {
            job_finish(job);
        }
    }
}

static void on_heard(enum redis_heard heard, struct str text, void *user)
{
    struct session_redis *own = user;
    switch (heard) {
    case REDIS_HEARD_OPEN:
        own->is_hearing = own->was_hearing = true;
        tell_gap(own); /* also at first: what other agents did since it listens is not heard */
        loop_defer(own->loop, &own->deferred);
        break;
    case REDIS_HEARD_MESSAGE: on_message(own, text); break;
    case REDIS_HEARD_LOST:
        own->is_hearing = false;
        release_held(own, INT64_MAX);
        break;
    }
}

void hear_listen(struct session_store *store, bool listens)
{
    struct session_redis *own = (struct session_redis *)store;
    own->listens = listens;
    own->was_hearing = own->is_hearing = false;
    own->listens_ms = own->ends_ms = clock_mono_ms();
    if (listens) {
        redis_subscribe(own->redis, str_of(own->channel), on_heard, own);
        timer_arm_ms(own->timer, TICK_MS);
    } else {
        redis_unsubscribe(own->redis);
        release_held(own, INT64_MAX);
    }
}

static void ignored(const struct redis_result *result, void *user)
{
    (void)result, (void)user; /* the next one comes in a second */
}

static void seek_ends(struct session_redis *own)
{
    for (unsigned shard = 0; shard < KEYS_SHARDS; shard++) {
        struct buf record = {0}, ends = {0};
        char limit[16];
        snprintf(limit, sizeof(limit), "%d", ENDS_AT_ONCE);
        keys_add(own, KEYS_RECORD, shard, STR(""), &record);
        keys_add(own, KEYS_ENDS, shard, STR(""), &ends);
        struct str args[] = {STR("2"), buf_view(&record), buf_view(&ends), STR("reap"),  str_of(own->channel),
                             STR("-"), STR(""),           STR(""),         str_of(limit)};
        struct redis_command command = {.args = args,
                                        .count = COUNT_OF(args),
                                        .script = &own->record,
                                        .key = buf_view(&record),
                                        .timeout_ms = ENDS_TIMEOUT_MS,
                                        .repeatable = true};
        redis_submit(own->redis, &command, ignored, own);
        buf_fini(&record);
        buf_fini(&ends);
    }
}

void hear_tick(struct session_redis *own, int64_t now_ms)
{
    if (!own->listens) {
        return;
    }
    release_held(own, now_ms - HOLD_MS);
    if (now_ms >= own->ends_ms && own->is_hearing) {
        own->ends_ms = now_ms + ENDS_EVERY_MS;
        seek_ends(own);
    }
    timer_arm_ms(own->timer, own->jobs == NULL ? ENDS_EVERY_MS / 2 : TICK_MS);
}
