#include "session_redis_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/session/session_packed.h"
#include "outrider/core/config/address.h"
#include "outrider/core/config/config.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"
#include "outrider/os/log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARGS_MAX = 16, OPEN_WITHIN_MS = 500 };

static struct session_redis *own_of(const struct session_store *store)
{
    return (struct session_redis *)(uintptr_t)store; /* it comes first */
}

/* ---- commands ---- */

static int64_t time_left(const struct job *job)
{
    int64_t left = job->deadline_ms - clock_mono_ms();
    return left > 1 ? left : 1;
}

static void submit(struct job *job, const struct redis_script *script, struct str key, const struct str *args,
                   size_t count, redis_result_fn *fn, void *user)
{
    struct redis_command command = {.args = args,
                                    .count = count,
                                    .script = script,
                                    .key = key,
                                    .timeout_ms = time_left(job),
                                    .repeatable = true};
    redis_submit(job->own->redis, &command, fn, user);
}

void job_record(struct job *job, const char *op, struct str player, struct str type, const struct str *args,
                size_t count, redis_result_fn *fn, void *user)
{
    struct session_redis *own = job->own;
    struct buf keys = {0};
    struct str all[ARGS_MAX] = {STR("2")};
    unsigned shard = keys_shard(player);
    keys_add(own, KEYS_RECORD, shard, player, &keys);
    size_t split = keys.size;
    keys_add(own, KEYS_ENDS, shard, STR(""), &keys);
    all[1] = (struct str){keys.data, split};
    all[2] = (struct str){keys.data + split, keys.size - split};
    all[3] = str_of(op);
    all[4] = str_of(own->channel);
    all[5] = buf_view(&job->token);
    all[6] = player;
    all[7] = type;
    assert(count + 8 <= ARGS_MAX);
    for (size_t i = 0; i < count; i++) {
        all[8 + i] = args[i];
    }
    submit(job, &own->record, all[1], all, 8 + count, fn, user);
    buf_fini(&keys);
}

static void ignored(const struct redis_result *result, void *user)
{
    (void)result, (void)user; /* of an index that is verified when it is read */
}

void job_index(struct job *job, enum keys_kind kind, struct str name, const char *op, const struct str *args,
               size_t count, redis_result_fn *fn)
{
    struct buf key = {0};
    struct str all[ARGS_MAX] = {STR("1")};
    keys_add(job->own, kind, keys_shard(name), name, &key);
    all[1] = buf_view(&key);
    all[2] = str_of(op);
    assert(count + 3 <= ARGS_MAX);
    for (size_t i = 0; i < count; i++) {
        all[3 + i] = args[i];
    }
    submit(job, &job->own->index, buf_view(&key), all, 3 + count, fn == NULL ? ignored : fn, job);
    buf_fini(&key);
}

void job_command(struct job *job, const char *word, enum keys_kind kind, unsigned shard, struct str name,
                 const struct str *args, size_t count, redis_result_fn *fn)
{
    struct buf key = {0};
    keys_add(job->own, kind, shard, name, &key);
    struct str all[ARGS_MAX] = {str_of(word), buf_view(&key)};
    assert(count + 2 <= ARGS_MAX);
    for (size_t i = 0; i < count; i++) {
        all[2 + i] = args[i];
    }
    submit(job, NULL, buf_view(&key), all, 2 + count, fn, job);
    buf_fini(&key);
}

/* ---- what came back ---- */

/* Told once, and once more when it is over. */
static void note_state(struct session_redis *own, bool is_down, const char *why)
{
    if (is_down) {
        brief_copy(own->error, sizeof(own->error), str_of(why));
    }
    if (is_down == own->is_down) {
        return;
    }
    own->is_down = is_down;
    own->since_wall = clock_wall_ms();
    if (is_down) {
        log_warn("sessions", "sessions cannot be read or written, all else goes on", LOG_TEXT("why", why));
    } else {
        own->error[0] = '\0';
        log_info("sessions", "sessions can be read and written again",
                 LOG_TEXT("server", redis_facts(own->redis).server));
    }
}

bool job_is_done(struct job *job, const struct redis_result *result)
{
    if (result->outcome == REDIS_DONE) {
        note_state(job->own, false, "");
        return !job->has_failed;
    }
    note_state(job->own, true, result->why);
    job->has_failed = true;
    bool is_full = strstr(result->why, "OOM command") != NULL;
    job->reply.failure = is_full ? SESSION_FULL : SESSION_AWAY;
    brief_format(job->error, sizeof(job->error), "%s on redis: %s", session_op_name(job->request.op),
                 result->why);
    return false;
}

static void free_job(struct job *job)
{
    HASH_DEL(job->own->jobs, job);
    buf_fini(&job->token);
    buf_fini(&job->texts);
    buf_fini(&job->said);
    buf_fini(&job->place);
    buf_fini(&job->instead);
    buf_fini(&job->list_text);
    buf_fini(&job->cursor);
    free(job->list);
    free(job);
}

/* What commands still wait for an answer would find no job. */
static void deliver(struct job *job)
{
    struct session_redis *own = job->own;
    struct session_reply reply = job->reply;
    reply.id = job->request.id;
    reply.op = job->request.op;
    reply.error = str_of(job->error);
    session_deliver(&own->store, &reply);
    free_job(job);
}

void job_finish(struct job *job)
{
    struct session_redis *own = job->own;
    if (own->is_hearing && job->heard < job->told && !job->is_held) {
        job->is_held = true;
        job->held_ms = clock_mono_ms();
        return;
    }
    deliver(job);
}

void job_fail(struct job *job, enum session_failure failure, const char *why)
{
    job->told = 0;
    job->reply.failure = failure;
    if (job->error[0] == '\0') {
        /* of what is in the way the caller is told as such: nothing failed */
        if (failure == SESSION_CONFLICT || failure == SESSION_FULL) {
            brief_format(job->error, sizeof(job->error), "%s", why);
        } else {
            brief_format(job->error, sizeof(job->error), "%s on redis: %s", session_op_name(job->request.op),
                         why);
        }
    }
    job_finish(job);
}

int job_record_answer(struct job *job, const struct redis_result *result, struct record_answer *ret_answer)
{
    const struct redis_reply *reply = result->reply;
    uint64_t told = 0;
    if (!job_is_done(job, result)) {
        job_fail(job, job->reply.failure, result->why);
        return -1;
    }
    if (reply->type != REDIS_IS_ARRAY || reply->count != 7 ||
        str_to_u64(redis_text(&reply->items[6]), 1000, &told) < 0) {
        job_fail(job, SESSION_AWAY, "the script answered something else");
        return -1;
    }
    *ret_answer = (struct record_answer){.word = redis_text(&reply->items[0]),
                                         .found = str_eq(redis_text(&reply->items[1]), STR("1")),
                                         .session = redis_text(&reply->items[2]),
                                         .replaced = redis_text(&reply->items[3]),
                                         .from = redis_text(&reply->items[4]),
                                         .score = redis_text(&reply->items[5]),
                                         .told = (unsigned)told};
    return 0;
}

int job_set_session(struct job *job, struct str packed, struct str player)
{
    buf_clear(&job->said);
    buf_str(&job->said, packed);
    buf_str(&job->said, player);
    struct str all = buf_view(&job->said);
    if (session_packed_read((struct str){all.data, packed.size},
                            (struct str){all.data + packed.size, player.size}, &job->reply.session) < 0) {
        job_fail(job, SESSION_AWAY, "the record is no session: the namespace is used by something else");
        return -1;
    }
    return 0;
}

/* ---- requests ---- */

static void start(struct job *job)
{
    if (job->error[0] != '\0') { /* refused when it came */
        deliver(job);
        return;
    }
    switch (job->request.op) {
    case SESSION_GET:
    case SESSION_FIND: find_start(job); break;
    case SESSION_PUT:
    case SESSION_TOUCH:
    case SESSION_END: change_start(job); break;
    case SESSION_LIST: list_start(job); break;
    case SESSION_ORPHAN:
    case SESSION_RESTORE: sweep_start(job); break;
    case SESSION_OP_COUNT: job_fail(job, SESSION_INVALID, "no such operation"); break;
    }
}

/* A listener that has just come is to hear of what follows: changes wait until it does, for a while. */
static bool is_opening(const struct session_redis *own)
{
    return own->listens && !own->was_hearing && clock_mono_ms() < own->listens_ms + OPEN_WITHIN_MS;
}

static void start_jobs(void *user)
{
    struct session_redis *own = user;
    if (is_opening(own)) {
        return; /* the timer, or the subscription, comes back to it */
    }
    struct job *fresh = own->fresh;
    own->fresh = NULL;
    own->fresh_end = &own->fresh;
    for (struct job *next; fresh != NULL; fresh = next) {
        next = fresh->next;
        start(fresh);
    }
}

/* Whether it may tell of something, by the token of which its events are known. */
static bool is_change(enum session_op op)
{
    return op != SESSION_GET && op != SESSION_FIND && op != SESSION_LIST;
}

static void accept(struct session_store *store, const struct session_request *request)
{
    struct session_redis *own = own_of(store);
    struct job *job = mem_zalloc(sizeof(*job));
    char text[SESSION_PROBLEM_SIZE];
    job->own = own;
    job->seq = ++own->last_seq;
    job->deadline_ms = clock_mono_ms() + request->timeout_ms;
    if (is_change(request->op)) {
        buf_str(&job->token, str_of(own->agent));
        buf_add(&job->token, ".", 1);
        buf_uint(&job->token, job->seq);
    }
    job->request = *request;
    session_request_keep(&job->request, &job->texts);
    const char *problem = session_request_problem(&job->request, text);
    if (problem != NULL) {
        job->reply.failure = SESSION_INVALID;
        brief_copy(job->error, sizeof(job->error), str_of(problem));
    }
    HASH_ADD(hh, own->jobs, seq, sizeof(job->seq), job);
    *own->fresh_end = job;
    own->fresh_end = &job->next;
    loop_defer(own->loop, &own->deferred);
}

static void facts(const struct session_store *store, struct session_facts *ret_facts)
{
    const struct session_redis *own = own_of(store);
    struct redis_facts redis = redis_facts(own->redis);
    *ret_facts = (struct session_facts){.kind = "redis",
                                        .up = !own->is_down,
                                        .place = redis.server,
                                        .error = own->error,
                                        .since_wall = own->since_wall};
}

/* ---- begin and end ---- */

static void on_timer(void *user)
{
    struct session_redis *own = user;
    start_jobs(own);
    hear_tick(own, clock_mono_ms());
}

static void free_store(struct session_store *store)
{
    struct session_redis *own = own_of(store);
    struct job *job, *next;
    redis_free(own->redis);
    HASH_ITER(hh, own->jobs, job, next)
    {
        free_job(job);
    }
    deferred_cancel(&own->deferred);
    timer_free(own->timer);
    free(own->space);
    free(own->channel);
    session_store_fini(store);
    free(own);
}

static const struct session_backend backend = {
    .submit = accept, .listen = hear_listen, .facts = facts, .free = free_store};

struct redis *session_redis_client(struct loop *loop, struct resolver *resolver,
                                   const struct config_redis *config, uint64_t seed)
{
    static const enum redis_mode modes[] = {[CONFIG_REDIS_AUTO] = REDIS_AUTO,
                                            [CONFIG_REDIS_SINGLE] = REDIS_SINGLE,
                                            [CONFIG_REDIS_SENTINEL] = REDIS_SENTINEL,
                                            [CONFIG_REDIS_CLUSTER] = REDIS_CLUSTER};
    struct redis_options options = {.mode = modes[config->mode],
                                    .endpoint_count = config->endpoint_count,
                                    .master_name = config->master_name,
                                    .username = config->username,
                                    .password_file = config->password_file,
                                    .tls_settings = {config->tls.ca_file, config->tls.cert_file,
                                                     config->tls.key_file, config->tls.server_name},
                                    .seed = seed};
    char hosts[CONFIG_ENDPOINTS_MAX][256];
    for (size_t i = 0; i < config->endpoint_count; i++) {
        struct str host, url = str_of(config->endpoints[i]);
        bool secure = str_starts(url, STR(CONFIG_REDIS_SECURE));
        size_t scheme = secure ? sizeof(CONFIG_REDIS_SECURE) - 1 : sizeof(CONFIG_REDIS_PLAIN) - 1;
        options.tls = options.tls || secure;
        int rc = address_split((struct str){url.data + scheme, url.size - scheme}, &host,
                               &options.endpoints[i].port);
        assert(rc == 0); /* checked with the configuration */
        (void)rc;
        snprintf(hosts[i], sizeof(hosts[i]), "%.*s", STR_ARG(host));
        options.endpoints[i].host = hosts[i];
    }
    return redis_new(loop, resolver, &options);
}

struct session_store *session_redis_new(struct loop *loop, struct resolver *resolver,
                                        const struct config_redis *config, uint64_t seed)
{
    struct session_redis *own = mem_zalloc(sizeof(*own));
    struct buf channel = {0};
    session_store_init(&own->store, &backend);
    own->loop = loop;
    own->fresh_end = &own->fresh;
    own->redis = session_redis_client(loop, resolver, config, seed);
    own->space = mem_strdup(config->space);
    buf_printf(&channel, "%s:sessions", config->space);
    own->channel = mem_strdup(buf_text(&channel));
    buf_fini(&channel);
    redis_script_init(&own->record, str_of(scripts_record));
    redis_script_init(&own->index, str_of(scripts_index));
    snprintf(own->agent, sizeof(own->agent), "%016llx", (unsigned long long)seed);
    own->deferred = (struct deferred){.fn = start_jobs, .user = own};
    own->timer = timer_new(loop, on_timer, own);
    return &own->store;
}
