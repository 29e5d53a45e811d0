#include "redis_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"

#include <stdlib.h>

enum {
    TICK_MS = 50,       /* while commands are under way, or a connection is wanted */
    IDLE_TICK_MS = 500, /* of sentinels and subscriptions */
    CONNECT_TIMEOUT_MS = 2000,
    PATIENCE_MS = 3000,
    REPLY_MAX = 1 << 20,
    WAITING_MAX = 4096,
    WAITING_MAX_BYTES = 16 << 20,
    OWN_TIMEOUT_MS = 2000,
    BACKOFF_FIRST_MS = 20,
    BACKOFF_CAP_MS = 2000,
};

const char *redis_outcome_name(enum redis_outcome outcome)
{
    static const char *const names[] = {[REDIS_DONE] = "done",       [REDIS_RETRY] = "retry",
                                        [REDIS_UNKNOWN] = "unknown", [REDIS_OVERLOADED] = "overloaded",
                                        [REDIS_DENIED] = "denied",   [REDIS_REFUSED] = "refused"};
    return names[outcome];
}

void redis_script_init(struct redis_script *script, struct str source)
{
    script->source = source;
    redis_script_sha(source, script->sha);
}

/* ---- answers ---- */

/* The call stays. */
static void tell(struct redis_call *call, enum redis_outcome outcome, const struct redis_reply *reply,
                 const char *why)
{
    static const struct redis_reply nil;
    call->answered = true;
    struct redis_result result = {.outcome = outcome, .reply = reply == NULL ? &nil : reply, .why = why};
    call->fn(&result, call->user);
}

static void uncount(struct redis *redis, const struct redis_call *call)
{
    if (!call->is_own) {
        redis->call_count--;
        redis->call_bytes -= call->bytes;
    }
}

void redis_finish(struct redis *redis, struct redis_call *call, enum redis_outcome outcome,
                  const struct redis_reply *reply, const char *why)
{
    uncount(redis, call);
    tell(call, outcome, reply, why);
    redis_call_free(call);
}

void redis_refuse_waiting(struct redis *redis, enum redis_outcome outcome, const char *why)
{
    struct redis_calls waiting = redis->waiting;
    redis_calls_init(&redis->waiting);
    for (struct redis_call *call = waiting.first, *next; call != NULL; call = next) {
        next = call->next;
        if (call->has_key && !call->is_refused) {
            redis_finish(redis, call, call->maybe_done ? REDIS_UNKNOWN : outcome, NULL, why);
        } else {
            redis_calls_add(&redis->waiting, call);
        }
    }
}

void redis_drop(struct redis *redis, struct redis_call *call)
{
    uncount(redis, call);
    redis_call_free(call);
}

void redis_wait(struct redis *redis, struct redis_call *call, int64_t delay_ms)
{
    call->retry_us = delay_ms == 0 ? 0 : clock_mono_us() + delay_ms * 1000;
    redis_calls_add(&redis->waiting, call);
}

void redis_wake(struct redis *redis)
{
    if (!redis->is_woken) {
        redis->is_woken = true;
        redis->is_idle = false;
        timer_arm_ms(redis->tick, 1);
    }
}

/* Takes what waits out first: a call that still cannot be sent, or is not to be, is put back. */
void redis_dispatch(struct redis *redis)
{
    struct redis_calls due = redis->waiting;
    int64_t now_us = clock_mono_us();
    if (due.count == 0) {
        return;
    }
    redis_calls_init(&redis->waiting);
    due.end = NULL; /* only taken from */
    for (struct redis_call *call = due.first, *next; call != NULL; call = next) {
        next = call->next;
        if (call->is_refused || call->retry_us > now_us) {
            redis_calls_add(&redis->waiting, call);
        } else {
            redis_route(redis, call);
        }
    }
}

void redis_ask(struct redis_connection *connection, const struct str *args, size_t count, redis_result_fn *fn,
               void *user)
{
    struct redis_command command = {.args = args, .count = count, .timeout_ms = OWN_TIMEOUT_MS};
    struct redis_call *call = redis_call_new(&command, false, fn, user);
    call->is_own = true;
    redis_connection_send(connection, call);
}

/* ---- time ---- */

static bool is_hopeless(const struct redis *redis, int64_t now_us)
{
    return redis->has_failed && redis->away_since_us != 0 &&
           now_us - redis->away_since_us > redis->shared.options.patience_ms * 1000;
}

static void end_waiting(struct redis *redis, int64_t now_us)
{
    struct redis_calls waiting = redis->waiting;
    bool hopeless = is_hopeless(redis, now_us);
    redis_calls_init(&redis->waiting);
    for (struct redis_call *call = waiting.first, *next; call != NULL; call = next) {
        next = call->next;
        if (call->is_refused) {
            redis_finish(redis, call, REDIS_OVERLOADED, NULL, "too many commands wait for the server");
        } else if (hopeless || now_us >= call->deadline_us) {
            redis_finish(redis, call,
                         call->maybe_done   ? REDIS_UNKNOWN
                         : redis->is_denied ? REDIS_DENIED
                                            : REDIS_RETRY,
                         NULL, redis->last_error[0] != '\0' ? redis->last_error : "no server in time");
        } else {
            redis_calls_add(&redis->waiting, call);
        }
    }
}

/* A server that has said nothing since is left, as is one that falls silent while calls of before are not answered. */
static bool is_silent(const struct redis_connection *connection, const struct redis_call *call,
                      int64_t now_us)
{
    int64_t since_us = connection->heard_us > call->deadline_us ? connection->heard_us : call->deadline_us;
    return call->answered ? now_us - since_us > connection->shared->options.patience_ms * 1000
                          : connection->heard_us < call->sent_us;
}

/* A call whose time is up is answered; its place on the connection stays, for the reply that may come, and it counts until then: a
 * server that is too slow for what is asked of it does not let the line grow for ever. */
static void end_sent(struct redis_connection *connection, int64_t now_us)
{
    for (struct redis_call *call = connection->calls.first; call != NULL; call = call->next) {
        if (now_us < call->deadline_us) {
            continue;
        }
        if (is_silent(connection, call, now_us)) {
            redis_connection_close(connection, "no answer in time");
            return;
        }
        if (!call->answered && !call->is_own) {
            tell(call, REDIS_UNKNOWN, NULL, "no answer in time");
        }
    }
}

static bool is_connecting(const struct redis *redis)
{
    return redis->is_started && redis_node_any(redis) == NULL;
}

static void on_tick(void *user)
{
    struct redis *redis = user;
    int64_t now_us = clock_mono_us();
    redis->is_woken = redis->is_idle = false;
    for (size_t i = 0; i < REDIS_NODES_MAX; i++) {
        if (redis->nodes[i] != NULL && redis->nodes[i]->connection->state == REDIS_LINK_OPEN) {
            end_sent(redis->nodes[i]->connection, now_us);
        }
    }
    if (redis->is_started) {
        redis_sentinel_tick(redis, now_us);
        redis_nodes_tick(redis, now_us);
        redis_lines_tick(redis, now_us);
    }
    redis_dispatch(redis);
    end_waiting(redis, now_us);
    if (redis->is_woken) {
        return;
    }
    if (redis->call_count > 0 || is_connecting(redis) || redis->slots_wanted || redis_lines_wait(redis)) {
        timer_arm_ms(redis->tick, TICK_MS);
    } else if (redis->mode == REDIS_SENTINEL || redis->lines != NULL) {
        redis->is_idle = true;
        timer_arm_ms(redis->tick, IDLE_TICK_MS);
    }
}

/* ---- the interface ---- */

void redis_start(struct redis *redis)
{
    if (!redis->is_started) {
        redis->is_started = true;
        redis->away_since_us = clock_mono_us();
        redis_wake(redis);
    }
}

void redis_submit(struct redis *redis, const struct redis_command *command, redis_result_fn *fn, void *user)
{
    const struct redis_options *options = &redis->shared.options;
    bool may_be_cluster = redis->mode == REDIS_CLUSTER || redis->mode == REDIS_AUTO;
    struct redis_call *call = redis_call_new(command, may_be_cluster, fn, user);
    redis->call_count++;
    redis->call_bytes += call->bytes;
    redis_start(redis);
    call->is_refused =
        redis->call_count > options->waiting_max || redis->call_bytes > options->waiting_max_bytes;
    if (call->is_refused || is_hopeless(redis, call->started_us)) {
        redis_wait(redis, call, 0); /* answered by the next tick */
        redis_wake(redis);
        return;
    }
    redis_route(redis, call);
    if (!timer_is_armed(redis->tick) || redis->is_idle) {
        redis->is_idle = false;
        timer_arm_ms(redis->tick, TICK_MS);
    }
}

struct redis_facts redis_facts(const struct redis *redis)
{
    bool connected = redis_node_any(redis) != NULL;
    struct redis_facts facts = {.mode = redis->mode,
                                .connected = connected,
                                .server = redis->server,
                                .last_error = connected ? "" : redis->last_error,
                                .version = redis->version,
                                .waiting = redis->call_count,
                                .waiting_bytes = redis->call_bytes,
                                .reconnects = redis->reconnects,
                                .redirections = redis->redirections,
                                .retries = redis->retries};
    for (size_t i = 0; i < REDIS_NODES_MAX; i++) {
        facts.connections += redis->nodes[i] != NULL && redis->nodes[i]->connection->is_busy ? 1 : 0;
    }
    return facts;
}

static const char *keep(struct redis *redis, const char *text)
{
    char *own = mem_strdup(text);
    if (own != NULL) {
        redis->texts[redis->text_count++] = own;
    }
    return own;
}

static size_t or_else(size_t value, size_t fallback)
{
    return value == 0 ? fallback : value;
}

static void copy_options(struct redis *redis, const struct redis_options *options)
{
    struct redis_options *own = &redis->shared.options;
    const struct tls_settings *tls = &options->tls_settings;
    *own = *options;
    for (size_t i = 0; i < options->endpoint_count; i++) {
        own->endpoints[i].host = keep(redis, options->endpoints[i].host);
    }
    own->master_name = keep(redis, options->master_name);
    own->username = keep(redis, options->username);
    own->password_file = keep(redis, options->password_file);
    own->tls_settings = (struct tls_settings){keep(redis, tls->ca_file), keep(redis, tls->cert_file),
                                              keep(redis, tls->key_file), keep(redis, tls->server_name)};
    own->connect_timeout_ms =
        options->connect_timeout_ms == 0 ? CONNECT_TIMEOUT_MS : options->connect_timeout_ms;
    own->patience_ms = options->patience_ms == 0 ? PATIENCE_MS : options->patience_ms;
    own->reply_max = or_else(options->reply_max, REPLY_MAX);
    own->waiting_max = or_else(options->waiting_max, WAITING_MAX);
    own->waiting_max_bytes = or_else(options->waiting_max_bytes, WAITING_MAX_BYTES);
}

struct redis *redis_new(struct loop *loop, struct resolver *resolver, const struct redis_options *options)
{
    struct redis *redis = mem_zalloc(sizeof(*redis));
    redis->shared = (struct redis_shared){.loop = loop, .resolver = resolver};
    copy_options(redis, options);
    redis->mode = options->mode;
    redis->tick = timer_new(loop, on_tick, redis);
    redis->backoff = redis->sentinel.backoff = (struct backoff){BACKOFF_FIRST_MS, BACKOFF_CAP_MS, 0};
    random_seed(&redis->random, options->seed);
    redis_calls_init(&redis->waiting);
    return redis;
}

void redis_free(struct redis *redis)
{
    if (redis == NULL) {
        return;
    }
    redis_channel_fini(redis);
    redis_lines_fini(redis);
    redis_sentinel_fini(redis);
    for (size_t i = 0; i < REDIS_NODES_MAX; i++) {
        if (redis->nodes[i] != NULL) {
            redis_node_free(redis->nodes[i]);
        }
    }
    for (struct redis_call *call; (call = redis_calls_take(&redis->waiting)) != NULL;) {
        redis_call_free(call);
    }
    timer_free(redis->tick);
    for (size_t i = 0; i < redis->text_count; i++) {
        free(redis->texts[i]);
    }
    free(redis->owners);
    free(redis);
}
