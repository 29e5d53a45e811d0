/* orphan and restore: every player of the server's list, a page at a time. */
#include "session_redis_internal.h"

#include "outrider/os/clock.h"

#include <stdio.h>

enum { PAGE = 100 };

static void scan(struct job *job);

static void next_page(struct job *job)
{
    if (job->has_failed) {
        job_fail(job, job->reply.failure, "");
    } else if (str_eq(buf_view(&job->cursor), STR("0"))) {
        job_finish(job);
    } else if (clock_mono_ms() >= job->deadline_ms) {
        job_fail(job, SESSION_AWAY, "not all sessions of the server in time");
    } else {
        scan(job);
    }
}

static void on_swept(const struct redis_result *result, void *user)
{
    struct job *job = user;
    job->pending--;
    if (job_is_done(job, result) && str_eq(redis_text(redis_item(result->reply, 1)), STR("1"))) {
        job->reply.count++;
    }
    if (job->pending == 0) {
        next_page(job);
    }
}

static void on_scan(const struct redis_result *result, void *user)
{
    struct job *job = user;
    const struct session_request *request = &job->request;
    char grace[24];
    if (!job_is_done(job, result)) {
        job_fail(job, job->reply.failure, result->why);
        return;
    }
    struct str cursor = redis_text(redis_item(result->reply, 0));
    const struct redis_reply *members = redis_item(result->reply, 1);
    buf_clear(&job->cursor);
    buf_str(&job->cursor, cursor.size == 0 ? STR("0") : cursor);
    snprintf(grace, sizeof(grace), "%lld", (long long)request->ttl_ms);
    job->pending = (unsigned)(members->count / 2);
    for (size_t i = 0; i + 1 < members->count; i += 2) {
        job_record(job, session_op_name(request->op), redis_text(&members->items[i]),
                   session_type_of(request->server), (const struct str[]){request->server, str_of(grace)}, 2,
                   on_swept, job);
    }
    if (members->count / 2 == 0) {
        next_page(job);
    }
}

static void scan(struct job *job)
{
    char count[16];
    struct str cursor = job->cursor.size == 0 ? STR("0") : buf_view(&job->cursor);
    snprintf(count, sizeof(count), "%d", PAGE);
    struct str server = job->request.server;
    job_command(job, "ZSCAN", KEYS_SERVER, keys_shard(server), server,
                (const struct str[]){cursor, STR("COUNT"), str_of(count)}, 3, on_scan);
}

void sweep_start(struct job *job)
{
    scan(job);
}
