/* put, touch, end. A put claims the id and enters the server's list first, so that nothing that stands is missing in an index; what it
 * has left behind there says too much for a while, which does no harm. */
#include "session_redis_internal.h"

#include "outrider/codec/session/session_packed.h"

#include <stdio.h>

static const char *ttl_text(const struct job *job, char text[static 24])
{
    snprintf(text, 24, "%lld", (long long)job->request.ttl_ms);
    return text;
}

static void add_place(struct buf *out, struct str player, struct str type)
{
    buf_str(out, player);
    buf_add(out, "", 1);
    buf_str(out, type);
}

static void claim_id(struct job *job, struct str id, struct str place, struct str instead,
                     redis_result_fn *fn)
{
    char ttl[24];
    job_index(job, KEYS_ID, id, "claim", (const struct str[]){place, str_of(ttl_text(job, ttl)), instead}, 3,
              fn);
}

static void enter_server(struct job *job, struct str server, struct str player, redis_result_fn *fn)
{
    char ttl[24];
    job_index(job, KEYS_SERVER, server, "enter", (const struct str[]){player, str_of(ttl_text(job, ttl))}, 2,
              fn);
}

/* ---- put ---- */

static void on_put(const struct redis_result *result, void *user)
{
    struct job *job = user;
    const struct session *session = &job->request.session;
    struct record_answer answer;
    if (job_record_answer(job, result, &answer) < 0) {
        return;
    }
    if (str_eq(answer.word, STR("full"))) {
        job_fail(job, SESSION_FULL, "the player has sessions of 16 server types");
        return;
    }
    job->reply.found = answer.found;
    job->told = answer.told;
    if (answer.session.size > 0 && job_set_session(job, answer.session, session->player) < 0) {
        return;
    }
    if (str_eq(answer.word, STR("conflict"))) {
        job_fail(job, SESSION_CONFLICT, "the player's session is not the one expected");
        return;
    }
    if (answer.replaced.size > 0) {
        buf_clear(&job->place);
        buf_str(&job->place, answer.replaced);
        job->reply.replaced = buf_view(&job->place);
        buf_clear(&job->instead);
        add_place(&job->instead, session->player, session->type);
        job_index(job, KEYS_ID, job->reply.replaced, "free", (const struct str[]){buf_view(&job->instead)}, 1,
                  NULL);
    }
    if (answer.from.size > 0 && !str_eq(answer.from, session->server)) {
        job_index(job, KEYS_SERVER, answer.from, "leave", (const struct str[]){session->player, answer.score},
                  2, NULL);
    }
    job_finish(job);
}

static void put(struct job *job)
{
    static const char *const words[] = {
        [SESSION_EXPECT_ANY] = "any", [SESSION_EXPECT_NONE] = "none", [SESSION_EXPECT_ID] = "id"};
    const struct session_request *request = &job->request;
    const struct session *session = &request->session;
    char ttl[24], version[24];
    snprintf(version, sizeof(version), "%llu", (unsigned long long)request->version);
    job_record(job, "put", session->player, session->type,
               (const struct str[]){session->id, session->server, str_of(ttl_text(job, ttl)),
                                    str_of(words[request->expect]), request->replaces, session->data,
                                    str_of(version)},
               7, on_put, job);
}

static void on_claimed(const struct redis_result *result, void *user);

static void begin_put(struct job *job)
{
    const struct session *session = &job->request.session;
    struct buf place = {0};
    add_place(&place, session->player, session->type);
    job->pending = 2;
    claim_id(job, session->id, buf_view(&place), buf_view(&job->instead), on_claimed);
    enter_server(job, session->server, session->player, on_claimed);
    buf_fini(&place);
}

/* What stands where the id is said to be: the session of that id, or nothing of it. */
static void on_holder(const struct redis_result *result, void *user)
{
    struct job *job = user;
    struct session session;
    if (!job_is_done(job, result)) {
        job_fail(job, job->reply.failure, result->why);
        return;
    }
    struct str packed = redis_text(redis_item(result->reply, 0));
    if (session_packed_read(packed, job->player, &session) == 0 &&
        str_eq(session.id, job->request.session.id)) {
        job->reply.found = true;
        if (job_set_session(job, packed, job->player) == 0) {
            job_fail(job, SESSION_CONFLICT, "the id is that of a session of another player or type");
        }
        return;
    }
    buf_clear(&job->instead);
    buf_str(&job->instead, buf_view(&job->place));
    begin_put(job);
}

/* The id is in use: first of all the player's own session must be as expected. */
static void on_present(const struct redis_result *result, void *user)
{
    struct job *job = user;
    const struct session_request *request = &job->request;
    struct session session;
    if (!job_is_done(job, result)) {
        job_fail(job, job->reply.failure, result->why);
        return;
    }
    struct str packed = redis_text(redis_item(result->reply, 0));
    bool is_there = session_packed_read(packed, request->session.player, &session) == 0;
    bool is_expected =
        request->expect == SESSION_EXPECT_ANY || (request->expect == SESSION_EXPECT_NONE && !is_there) ||
        (request->expect == SESSION_EXPECT_ID && is_there && str_eq(session.id, request->replaces) &&
         (request->version == 0 || request->version == session.version));
    if (is_expected) {
        job_record(job, "read", job->player, job->type, NULL, 0, on_holder, job);
        return;
    }
    job->reply.found = is_there;
    if (!is_there || job_set_session(job, packed, request->session.player) == 0) {
        job_fail(job, SESSION_CONFLICT, "the player's session is not the one expected");
    }
}

/* Of both, the claim alone says anything. */
static void on_claimed(const struct redis_result *result, void *user)
{
    struct job *job = user;
    const struct session *session = &job->request.session;
    job->pending--;
    if (job_is_done(job, result) && redis_text(result->reply).size > 0) {
        buf_clear(&job->place);
        buf_str(&job->place, redis_text(result->reply));
        job->is_taken = true;
    }
    if (job->pending > 0) {
        return;
    }
    if (job->has_failed) {
        job_fail(job, job->reply.failure, "");
    } else if (!job->is_taken) {
        put(job);
    } else if (session_place_read(buf_view(&job->place), &job->player, &job->type) < 0) {
        job_fail(job, SESSION_AWAY, "an index is none: the namespace is used by something else");
    } else {
        job->is_taken = false;
        job_record(job, "read", session->player, session->type, NULL, 0, on_present, job);
    }
}

/* ---- touch and end ---- */

static void on_kept(const struct redis_result *result, void *user)
{
    struct job *job = user;
    (void)job_is_done(job, result);
    if (--job->pending == 0 && job->has_failed) {
        job_fail(job, job->reply.failure, "");
    } else if (job->pending == 0) {
        job_finish(job);
    }
}

static void on_changed(const struct redis_result *result, void *user)
{
    struct job *job = user;
    struct record_answer answer;
    if (job_record_answer(job, result, &answer) < 0) {
        return;
    }
    job->reply.found = answer.found;
    job->told = answer.told;
    if (!answer.found) {
        job_finish(job);
        return;
    }
    if (job_set_session(job, answer.session, job->player) < 0) {
        return;
    }
    const struct session *session = &job->reply.session;
    if (job->request.op == SESSION_END) {
        job_index(job, KEYS_ID, session->id, "free", (const struct str[]){buf_view(&job->place)}, 1, NULL);
        job_index(job, KEYS_SERVER, session->server, "leave",
                  (const struct str[]){session->player, answer.score}, 2, NULL);
        job_finish(job);
        return;
    }
    job->pending = 2; /* the indexes live as long as it does */
    claim_id(job, session->id, buf_view(&job->place), (struct str){"", 0}, on_kept);
    enter_server(job, session->server, session->player, on_kept);
}

static void change(struct job *job)
{
    const struct session_request *request = &job->request;
    char ttl[24];
    bool is_end = request->op == SESSION_END;
    struct str what = is_end ? str_of(session_why_name(request->why)) : str_of(ttl_text(job, ttl));
    job_record(job, is_end ? "end" : "touch", job->player, job->type,
               (const struct str[]){request->session_id, what}, 2, on_changed, job);
}

void change_start(struct job *job)
{
    if (job->request.op == SESSION_PUT) {
        begin_put(job);
    } else {
        find_place(job, change);
    }
}
