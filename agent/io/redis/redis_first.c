/* What is done on a connection before any command that has a key. */
#include "redis_internal.h"

#include "outrider/base/brief.h"
#include "outrider/os/clock.h"

enum { FIRST_TIMEOUT_MS = 2000, RETRY_MS = 50, SLOW_RETRY_MS = 200 };

bool redis_first_is_done(const struct redis_node *node, const struct redis_call *call)
{
    return node->redis->first == NULL || !call->has_key || node->gate == REDIS_GATE_OPEN;
}

void redis_put_first(struct redis *redis, const struct redis_first *first, void *user)
{
    redis->first = first;
    redis->first_user = user;
}

static void on_first(const struct redis_result *result, void *user)
{
    const struct redis *redis = user;
    redis->first->ended(result, redis->first_user);
}

static void ignored(const struct redis_result *result, void *user)
{
    (void)result, (void)user; /* where it is not there, it is sent whole */
}

void redis_first_ask(struct redis_node *node)
{
    struct redis *redis = node->redis;
    if (redis->first == NULL || node->gate != REDIS_GATE_SHUT || !redis_node_is_usable(node) ||
        clock_mono_us() < node->gate_us) {
        return;
    }
    struct redis_command command = {0};
    const struct redis_script *also = NULL;
    redis->first->begin(&command, &also, redis->first_user);
    if (also != NULL) {
        redis_ask(node->connection, (const struct str[]){STR("SCRIPT"), STR("LOAD"), also->source}, 3,
                  ignored, NULL);
    }
    command.timeout_ms = FIRST_TIMEOUT_MS;
    struct redis_call *call = redis_call_new(&command, false, on_first, redis);
    call->is_own = call->is_first = true;
    node->gate = REDIS_GATE_ASKED;
    redis_connection_send(node->connection, call);
}

/* Another server, or another moment, may do. */
static void put_off(struct redis_node *node, enum redis_error error, const char *why)
{
    bool is_cluster = node->redis->mode == REDIS_CLUSTER;
    redis_note_error(node->redis, node->connection->name, why);
    node->redis->retries++;
    node->redis->slots_wanted = node->redis->slots_wanted || is_cluster;
    if (redis_is_elsewhere(node->redis, error)) {
        redis_node_leave(node, why);
    }
}

static void failed(struct redis_node *node, struct redis_call *call, struct str text)
{
    struct redis *redis = node->redis;
    enum redis_error error = redis_error_of(text);
    enum redis_outcome outcome = redis_outcome_of(error);
    char said[200], why[300];
    brief_copy(said, sizeof(said), text);
    brief_format(why, sizeof(why), "%s: %s", node->connection->name, said);
    node->gate = REDIS_GATE_SHUT;
    node->gate_us = clock_mono_us() + 1000 * (outcome == REDIS_RETRY ? RETRY_MS : SLOW_RETRY_MS);
    if (error == REDIS_ERROR_MOVED || error == REDIS_ERROR_ASK) {
        (void)redis_redirected(node, error, text);
    } else if (outcome == REDIS_RETRY) {
        put_off(node, error, said);
    }
    redis_finish(redis, call, outcome, NULL, why);
    if (outcome != REDIS_RETRY) {
        redis_refuse_waiting(redis, outcome == REDIS_UNKNOWN ? REDIS_RETRY : outcome, why);
    }
    redis_wake(redis);
}

void redis_first_answered(struct redis_node *node, struct redis_call *call, const struct redis_reply *reply)
{
    struct redis *redis = node->redis;
    if (reply->type != REDIS_IS_ERROR) {
        node->gate = REDIS_GATE_OPEN;
        redis_finish(redis, call, REDIS_DONE, reply, "");
        redis_dispatch(redis);
        redis_wake(redis);
    } else if (redis_error_of(reply->text) == REDIS_ERROR_NOSCRIPT && call->script != NULL &&
               !call->whole_script && redis_node_is_usable(node)) {
        call->whole_script = true;
        redis_connection_send(node->connection, call);
    } else {
        failed(node, call, reply->text);
    }
}
