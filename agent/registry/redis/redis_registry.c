#include "redis_registry_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/mem.h"
#include "outrider/codec/redis/redis_info.h"
#include "outrider/core/config/address.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"
#include "outrider/registry/redis/redis_registry.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

/* An answer is a page of some MiB, or one huge value. */
enum { REPLY_MAX = 16 << 20, VALUE_MAX = 3 << 19, KEY_MAX = 64 << 10, PAGE_MAX = 500, REAP_EVERY_MS = 1000 };

/* ---- calls of the script ---- */

/* Redis 6 takes the first line for an error of syntax. */
static bool knows_flags(const struct redis_registry *own)
{
    const char *version = redis_facts(own->redis).version;
    return (version[0] >= '7' && version[0] <= '9') ||
           (version[0] != '\0' && version[1] >= '0' && version[1] <= '9');
}

void redis_registry_call(struct redis_registry *own, const struct args *args, bool full, int64_t timeout_ms,
                         bool repeatable, redis_result_fn *fn, void *user)
{
    struct redis_command command = {.args = args->list,
                                    .count = args->count,
                                    .script = full && knows_flags(own) ? &own->full : &own->plain,
                                    .key = str_of(own->keys[KEY_META]),
                                    .timeout_ms = timeout_ms,
                                    .repeatable = repeatable};
    redis_submit(own->redis, &command, fn, user);
}

enum registry_failure redis_registry_failure(enum redis_outcome outcome)
{
    switch (outcome) {
    case REDIS_DONE: return REGISTRY_OK;
    case REDIS_RETRY: return REGISTRY_RETRY;
    case REDIS_UNKNOWN: return REGISTRY_UNKNOWN;
    case REDIS_OVERLOADED: return REGISTRY_OVERLOADED;
    case REDIS_DENIED: return REGISTRY_DENIED;
    case REDIS_REFUSED: return REGISTRY_REFUSED;
    }
    return REGISTRY_UNKNOWN;
}

const char *redis_registry_server(const struct redis_registry *own)
{
    const char *server = redis_facts(own->redis).server;
    return server[0] != '\0' ? server : own->endpoints[0];
}

/* ---- what comes first ---- */

static void add_note(struct redis_registry *own, bool is_so, const char *text)
{
    if (is_so) {
        buf_printf(&own->note, "%s%s", own->note.size > 0 ? "; " : "redis: ", text);
    }
}

static void note_risks(struct redis_registry *own, struct str said)
{
    struct redis_info info;
    buf_clear(&own->note);
    if (redis_info_read(said, &info) < 0) {
        return;
    }
    unsigned risks = redis_info_risks(&info);
    add_note(
        own, info.memory_max > 0 && str_starts(info.policy, STR("allkeys-")),
        "when its memory is full it evicts any key, and with one of ours the whole registry is lost: set "
        "maxmemory-policy to noeviction");
    add_note(own, (risks & REDIS_RISK_RESTART) != 0,
             "no replica and no file has the records after a restart: set appendonly to yes");
    add_note(own, (risks & REDIS_RISK_FAILOVER) != 0,
             "a master that is cut off from its replicas goes on, and what it takes is lost: set "
             "min-replicas-to-write to 1");
}

static void begin_first(struct redis_command *ret_command, const struct redis_script **ret_also, void *user)
{
    struct redis_registry *own = user;
    uint64_t id = 0;
    while (id == 0) { /* with the clock: two agents may have one seed */
        id = (random_next(&own->random) ^ (uint64_t)clock_wall_ms() * UINT64_C(0x9e3779b97f4a7c15)) >> 1;
    }
    snprintf(own->candidate, sizeof(own->candidate), "%llu", (unsigned long long)id);
    own->first[0] = STR("7");
    for (size_t i = 0; i < KEY_COUNT; i++) {
        own->first[1 + i] = str_of(own->keys[i]);
    }
    own->first[1 + KEY_COUNT] = STR("open");
    own->first[2 + KEY_COUNT] = str_of(own->candidate);
    *ret_also = knows_flags(own) ? &own->full : NULL;
    *ret_command = (struct redis_command){.args = own->first,
                                          .count = COUNT_OF(own->first),
                                          .script = &own->plain,
                                          .key = str_of(own->keys[KEY_META])};
}

static void first_ended(const struct redis_result *result, void *user)
{
    struct redis_registry *own = user;
    struct redis_log_head head;
    if (result->outcome == REDIS_DONE && redis_log_head_read(result->reply, &head) == 0) {
        own->head = head;
        note_risks(own, redis_text(redis_item(result->reply, REDIS_LOG_HEAD)));
        watches_meet(own, &head);
    }
}

static const struct redis_first first = {begin_first, first_ended};

/* ---- requests ---- */

static bool only_reads(enum registry_op op)
{
    return op == REGISTRY_GET || op == REGISTRY_LIST || op == REGISTRY_COMPARE || op == REGISTRY_LEASE_TTL ||
           op == REGISTRY_PROVE;
}

/* Twice is as good as once. */
static bool is_repeatable(enum registry_op op)
{
    return only_reads(op) || op == REGISTRY_KEEPALIVE || op == REGISTRY_REVOKE;
}

/* What ends something, and what keeps it, is done also when the server's memory is full. */
static bool needs_no_room(enum registry_op op)
{
    return op == REGISTRY_KEEPALIVE || op == REGISTRY_REVOKE || op == REGISTRY_DELETE;
}

static void finish(struct job *job, struct registry_reply *reply)
{
    struct redis_registry *own = job->own;
    reply->id = job->id;
    reply->op = job->op;
    reply->endpoint = str_of(redis_registry_server(own));
    reply->note = buf_view(&own->note);
    if (reply->failure != REGISTRY_OK) {
        struct buf error = {0};
        buf_printf(&error, "%s on redis: %.*s", registry_op_name(job->op), STR_ARG(reply->error));
        buf_fini(&own->error);
        own->error = error;
        reply->error = buf_view(&own->error);
        own->failed_wall = clock_wall_ms();
    }
    DL_DELETE(own->jobs, job);
    deferred_cancel(&job->refusal);
    free(job);
    registry_deliver(&own->registry, reply);
}

static void on_result(const struct redis_result *result, void *user)
{
    struct job *job = user;
    struct registry_reply reply = {.failure = redis_registry_failure(result->outcome),
                                   .error = str_of(result->why)};
    if (reply.failure == REGISTRY_UNKNOWN && only_reads(job->op)) {
        reply.failure = REGISTRY_RETRY;
    }
    reply.too_large = reply.failure == REGISTRY_REFUSED && strstr(result->why, "OUTRIDER-LARGE") != NULL;
    if (reply.failure == REGISTRY_OK && answer_read(job->own, job, result->reply, &reply) < 0) {
        reply = (struct registry_reply){
            .failure = only_reads(job->op) ? REGISTRY_REFUSED : REGISTRY_UNKNOWN,
            .error = STR("the script answered something else: the namespace is used by something else")};
    }
    finish(job, &reply);
}

static void refuse(void *user)
{
    struct job *job = user;
    finish(job, &(struct registry_reply){.failure = REGISTRY_REFUSED, .error = str_of(job->problem)});
}

static const char *word_of(enum registry_op op)
{
    return op == REGISTRY_LEASE_TTL ? "ttl" : registry_op_name(op);
}

static void submit(struct registry *registry, const struct registry_request *request)
{
    struct redis_registry *own = (struct redis_registry *)registry;
    struct job *job = mem_zalloc(sizeof(*job));
    job->own = own;
    job->id = request->id;
    job->op = request->op;
    job->lease = request->lease;
    job->problem = request_problem(own, request);
    job->refusal = (struct deferred){.fn = refuse, .user = job};
    DL_APPEND(own->jobs, job);
    if (job->problem != NULL) {
        loop_defer(own->loop, &job->refusal);
        return;
    }
    struct args args;
    args_init(&args, own, word_of(request->op));
    args_request(&args, own, request);
    redis_registry_call(own, &args, needs_no_room(request->op), request->timeout_ms,
                        is_repeatable(request->op), on_result, job);
    args_fini(&args);
}

/* ---- leases end by calls ---- */

static void on_reaped(const struct redis_result *result, void *user)
{
    (void)result, (void)user; /* the next one comes in a second */
}

static void on_reaper(void *user)
{
    struct redis_registry *own = user;
    struct args args;
    if (own->tail.state == TAIL_OFF) {
        return;
    }
    args_init(&args, own, "reap");
    redis_registry_call(own, &args, true, REAP_EVERY_MS, false, on_reaped, own);
    args_fini(&args);
    timer_arm_ms(own->reaper, REAP_EVERY_MS);
}

/* ---- endpoints ---- */

/* The endpoints of the configuration, and after them the server in use where it is none of those. */
static bool endpoint(const struct registry *registry, size_t index, struct registry_endpoint *ret_endpoint)
{
    const struct redis_registry *own = (const struct redis_registry *)registry;
    struct redis_facts facts = redis_facts(own->redis);
    size_t used = 0;
    while (used < own->endpoint_count && strcmp(own->endpoints[used], facts.server) != 0) {
        used++;
    }
    if (index > own->endpoint_count ||
        (index == own->endpoint_count && (used < index || facts.server[0] == '\0'))) {
        return false;
    }
    const char *name = index == own->endpoint_count ? facts.server : own->endpoints[index];
    bool has_failed = str_starts(str_of(facts.last_error), str_of(name));
    *ret_endpoint = (struct registry_endpoint){.name = name,
                                               .in_use = facts.connected && index == used,
                                               .last_error = has_failed ? facts.last_error : "",
                                               .failed_wall = has_failed ? own->failed_wall : 0};
    return true;
}

static enum registry_login login(const struct registry *registry)
{
    const struct redis_registry *own = (const struct redis_registry *)registry;
    if (!own->has_password) {
        return REGISTRY_LOGIN_NONE;
    }
    return redis_facts(own->redis).connected ? REGISTRY_LOGIN_DONE : REGISTRY_LOGIN_NEEDED;
}

/* ---- begin and end ---- */

static void free_registry(struct registry *registry)
{
    struct redis_registry *own = (struct redis_registry *)registry;
    struct job *job, *next;
    redis_free(own->redis);
    DL_FOREACH_SAFE(own->jobs, job, next)
    {
        deferred_cancel(&job->refusal);
        free(job);
    }
    watches_fini(own);
    hearing_fini(own);
    timer_free(own->reaper);
    for (size_t i = 0; i < KEY_COUNT; i++) {
        free(own->keys[i]);
    }
    for (size_t i = 0; i < own->endpoint_count; i++) {
        free(own->endpoints[i]);
    }
    buf_fini(&own->source);
    buf_fini(&own->note);
    buf_fini(&own->error);
    free(own->items);
    registry_fini(registry);
    free(own);
}

static void name_keys(struct redis_registry *own, const char *space)
{
    static const char *const names[] = {"meta", "kv", "idx", "lease", "ttl", "own", "log"};
    for (size_t i = 0; i < KEY_COUNT; i++) {
        struct buf key = {0};
        buf_printf(&key, "{%s}:%s", space, names[i]);
        own->keys[i] = key.data;
    }
}

static void add_endpoint(struct redis_registry *own, struct redis_options *options, struct str url)
{
    struct str host, rest = url;
    bool secure = str_starts(url, STR(CONFIG_REDIS_SECURE));
    size_t scheme = secure ? sizeof(CONFIG_REDIS_SECURE) - 1 : sizeof(CONFIG_REDIS_PLAIN) - 1;
    rest = (struct str){url.data + scheme, url.size - scheme};
    struct redis_endpoint *one = &options->endpoints[options->endpoint_count];
    int rc = address_split(rest, &host, &one->port);
    assert(rc == 0); /* checked with the configuration */
    (void)rc;
    options->tls = options->tls || secure;
    one->host = mem_copy(host.data, host.size);
    own->endpoints[options->endpoint_count++] = mem_copy(rest.data, rest.size);
}

static struct redis *new_client(struct redis_registry *own, const struct config_registry *config,
                                struct loop *loop, struct resolver *resolver, uint64_t seed)
{
    static const enum redis_mode modes[] = {[CONFIG_REDIS_AUTO] = REDIS_AUTO,
                                            [CONFIG_REDIS_SINGLE] = REDIS_SINGLE,
                                            [CONFIG_REDIS_SENTINEL] = REDIS_SENTINEL,
                                            [CONFIG_REDIS_CLUSTER] = REDIS_CLUSTER};
    struct redis_options options = {.mode = modes[config->redis.mode],
                                    .master_name = config->redis.master_name,
                                    .username = config->username,
                                    .password_file = config->password_file,
                                    .tls_settings = {config->tls.ca_file, config->tls.cert_file,
                                                     config->tls.key_file, config->tls.server_name},
                                    .reply_max = REPLY_MAX,
                                    .seed = seed};
    for (size_t i = 0; i < config->endpoint_count; i++) {
        add_endpoint(own, &options, str_of(config->endpoints[i]));
    }
    own->endpoint_count = options.endpoint_count;
    own->has_password = config->password_file != NULL;
    struct redis *redis = redis_new(loop, resolver, &options);
    for (size_t i = 0; i < options.endpoint_count; i++) {
        free((void *)(uintptr_t)options.endpoints[i].host);
    }
    return redis;
}

struct registry *redis_registry_new(const struct config_registry *config, struct loop *loop,
                                    struct resolver *resolver, const char *agent, uint64_t seed)
{
    static const struct registry_backend backend = {.name = "redis",
                                                    .submit = submit,
                                                    .watch = watch_open,
                                                    .unwatch = watch_close,
                                                    .endpoint = endpoint,
                                                    .login = login,
                                                    .free = free_registry};
    static const struct registry_limits limits = {.ttl_min_ms = 2000,
                                                  .ttl_max_ms = INT64_C(1) << 40,
                                                  .ends_factor = 1,
                                                  .ends_more_ms = 1000,
                                                  .key_max = KEY_MAX,
                                                  .value_max = VALUE_MAX,
                                                  .page_max = PAGE_MAX};
    struct redis_registry *own = mem_zalloc(sizeof(*own));
    registry_init(&own->registry, &backend);
    own->registry.can =
        REGISTRY_CAN_ALL & ~(uint32_t)(REGISTRY_CAN_LIST_AT | REGISTRY_CAN_NEWEST_FIRST | REGISTRY_CAN_KEEP |
                                       REGISTRY_CAN_END_LEASES | REGISTRY_CAN_ISOLATE);
    own->registry.limits = &limits;
    own->loop = loop;
    random_seed(&own->random, seed ^ str_hash(str_of(agent), 0));
    name_keys(own, config->redis.space);
    buf_printf(&own->source, "#!lua flags=allow-oom\n%s", redis_registry_script);
    redis_script_init(&own->plain, str_of(redis_registry_script));
    redis_script_init(&own->full, buf_view(&own->source));
    own->reaper = timer_new(loop, on_reaper, own);
    own->redis = new_client(own, config, loop, resolver, seed);
    redis_put_first(own->redis, &first, own);
    return &own->registry;
}
