/* get, find, list: an index says where to look, and what stands there decides. */
#include "session_redis_internal.h"

#include "outrider/base/mem.h"
#include "outrider/codec/session/session_packed.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- by id ---- */

static void on_place(const struct redis_result *result, void *user)
{
    struct job *job = user;
    if (!job_is_done(job, result)) {
        job_fail(job, job->reply.failure, result->why);
        return;
    }
    buf_clear(&job->place);
    buf_str(&job->place, redis_text(result->reply));
    if (session_place_read(buf_view(&job->place), &job->player, &job->type) < 0) {
        job_finish(job); /* there is none, or nothing that is one */
        return;
    }
    job->on_place(job);
}

void find_place(struct job *job, void (*fn)(struct job *job))
{
    struct str id = job->request.session_id;
    job->on_place = fn;
    job_command(job, "GET", KEYS_ID, keys_shard(id), id, NULL, 0, on_place);
}

static void on_read(const struct redis_result *result, void *user)
{
    struct job *job = user;
    if (!job_is_done(job, result)) {
        job_fail(job, job->reply.failure, result->why);
        return;
    }
    bool by_id = job->request.op == SESSION_GET;
    struct str player = by_id ? job->player : job->request.player;
    for (size_t i = 0; result->reply->type == REDIS_IS_ARRAY && i < result->reply->count; i++) {
        struct session session;
        struct str packed = redis_text(&result->reply->items[i]);
        if (session_packed_read(packed, player, &session) == 0 &&
            (!job->reply.found || session.touched_ms > job->reply.session.touched_ms) &&
            (!by_id || str_eq(session.id, job->request.session_id))) {
            job->reply.found = true;
            job->reply.session = session;
        }
    }
    job_finish(job); /* at once, while what the session points to is there: a read waits for no event */
}

static void read_place(struct job *job)
{
    job_record(job, "read", job->player, job->type, NULL, 0, on_read, job);
}

void find_start(struct job *job)
{
    if (job->request.op == SESSION_GET) {
        find_place(job, read_place);
    } else {
        job_record(job, "read", job->request.player, job->request.type, NULL, 0, on_read, job);
    }
}

/* ---- lists ---- */

/* Members that one page reads at most, about: an answer of the index is not cut. */
enum { PAGE_READS = 250 };

/* A session of a page, or of one member of it. */
struct list_read {
    struct job *job;
    char *player;
    size_t player_size;
};

static void finish_page(struct job *job)
{
    /* The texts may have moved while the list grew: only now they stand. */
    const char *at = buf_text(&job->list_text);
    for (size_t i = 0; i < job->list_count; i++) {
        struct session *session = &job->list[i];
        struct str packed = {at, session->data.size}, player = {at + packed.size, session->player.size};
        at += packed.size + player.size;
        int rc = session_packed_read(packed, player, session);
        if (rc < 0) {
            abort(); /* it was read once */
        }
    }
    job->reply.sessions = job->list;
    job->reply.count = job->list_count;
    job_finish(job);
}

/* Keeps what a record has of the server asked for. The sizes stand in for the texts until the page is whole. */
static void keep(struct job *job, struct str packed, struct str player)
{
    struct session session;
    struct str server = job->request.server;
    if (session_packed_read(packed, player, &session) < 0 ||
        (server.size > 0 && !str_eq(session.server, server))) {
        return;
    }
    job->list = mem_grow(job->list, job->list_count, &job->list_capacity, sizeof(job->list[0]));
    job->list[job->list_count++] =
        (struct session){.data = {NULL, packed.size}, .player = {NULL, player.size}};
    buf_str(&job->list_text, packed);
    buf_str(&job->list_text, player);
}

static void on_list_read(const struct redis_result *result, void *user)
{
    struct list_read *read = user;
    struct job *job = read->job;
    struct str player = {read->player, read->player_size};
    job->pending--;
    if (job_is_done(job, result)) {
        for (size_t i = 0; result->reply->type == REDIS_IS_ARRAY && i < result->reply->count; i++) {
            keep(job, redis_text(&result->reply->items[i]), player);
        }
    }
    free(read->player);
    free(read);
    if (job->pending == 0 && job->has_failed) {
        job_fail(job, job->reply.failure, "");
    } else if (job->pending == 0) {
        finish_page(job);
    }
}

static void read_member(struct job *job, struct str player)
{
    struct list_read *read = mem_zalloc(sizeof(*read));
    *read = (struct list_read){job, mem_copy(player.data, player.size), player.size};
    struct str type = session_type_of(job->request.server);
    job->pending++;
    job_record(job, "read", player, type, NULL, 0, on_list_read, read);
}

/* The next page goes on in this index, or in that of the next shard. */
static void set_next(struct job *job, struct str cursor)
{
    bool is_over = str_eq(cursor, STR("0"));
    bool is_all = job->request.server.size == 0;
    buf_clear(&job->cursor);
    if (!is_over) {
        buf_printf(&job->cursor, "%u-%.*s", job->shard, STR_ARG(cursor));
    } else if (is_all && job->shard + 1 < KEYS_SHARDS) {
        buf_printf(&job->cursor, "%u-0", job->shard + 1);
    }
    job->reply.next = buf_view(&job->cursor);
}

static void scan(struct job *job, struct str cursor);

static void on_scan(const struct redis_result *result, void *user)
{
    struct job *job = user;
    if (!job_is_done(job, result)) {
        job_fail(job, job->reply.failure, result->why);
        return;
    }
    const struct redis_reply *members = redis_item(result->reply, 1);
    set_next(job, redis_text(redis_item(result->reply, 0)));
    for (size_t i = 0; i + 1 < members->count; i += 2) {
        read_member(job, redis_text(&members->items[i]));
    }
    if (job->pending > 0) {
        return;
    }
    if (job->request.server.size == 0 && job->reply.next.size > 0 && job->shard + 1 < KEYS_SHARDS &&
        str_eq(redis_text(redis_item(result->reply, 0)), STR("0"))) {
        job->shard++; /* an empty shard is no page */
        scan(job, STR("0"));
    } else {
        finish_page(job);
    }
}

static void scan(struct job *job, struct str cursor)
{
    char count[24];
    size_t limit =
        job->request.limit == 0 || job->request.limit > PAGE_READS ? PAGE_READS : job->request.limit;
    snprintf(count, sizeof(count), "%zu", limit);
    struct str server = job->request.server;
    bool is_all = server.size == 0;
    job_command(job, "ZSCAN", is_all ? KEYS_ENDS : KEYS_SERVER, is_all ? job->shard : keys_shard(server),
                server, (const struct str[]){cursor, STR("COUNT"), str_of(count)}, 3, on_scan);
}

/* `after` is SHARD-CURSOR, as set_next() writes it. */
static int read_after(struct job *job, struct str *ret_cursor)
{
    struct str cursor, shard_text = str_split(job->request.after, '-', &cursor);
    uint64_t shard = 0, number = 0;
    if (job->request.after.size == 0) {
        *ret_cursor = STR("0");
        return 0;
    }
    if (str_to_u64(shard_text, KEYS_SHARDS - 1, &shard) < 0 || str_to_u64(cursor, UINT64_MAX, &number) < 0) {
        return -1;
    }
    job->shard = (unsigned)shard;
    *ret_cursor = cursor;
    return 0;
}

void list_start(struct job *job)
{
    struct str cursor;
    if (job->request.player.size > 0) {
        job->reply.next = (struct str){"", 0};
        read_member(job, job->request.player); /* few enough for one page */
    } else if (read_after(job, &cursor) < 0) {
        job->reply.failure = SESSION_INVALID;
        snprintf(job->error, sizeof(job->error), "after is no cursor of a list");
        job_finish(job);
    } else {
        scan(job, cursor);
    }
}
