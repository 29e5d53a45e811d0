#include "redis_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/mem.h"
#include "outrider/os/clock.h"

#include <stdio.h>
#include <stdlib.h>

enum { RETRY_MS = 50, SLOW_RETRY_MS = 200 };

struct redis_node *redis_node_of(struct redis *redis, bool has_key, uint16_t slot)
{
    if (redis->mode != REDIS_CLUSTER) {
        return redis->current;
    }
    if (!has_key) {
        return redis_node_any(redis);
    }
    uint8_t owner = redis->owners == NULL ? REDIS_NO_NODE : redis->owners[slot];
    if (owner == REDIS_NO_NODE) {
        redis->slots_wanted = true;
        return NULL;
    }
    return redis->nodes[owner];
}

void redis_route(struct redis *redis, struct redis_call *call)
{
    struct redis_node *node = redis_node_of(redis, call->has_key, call->slot);
    bool is_usable = redis_node_is_usable(node);
    if (is_usable && redis_first_is_done(node, call)) {
        redis_connection_send(node->connection, call);
        return;
    }
    if (is_usable) {
        redis_first_ask(node);
    }
    if (node != NULL) {
        node->is_wanted = true;
    }
    redis_wait(redis, call, 0);
}

static void fail(struct redis_node *node, struct redis_call *call, enum redis_outcome outcome,
                 struct str text)
{
    char why[300];
    brief_format(why, sizeof(why), "%s: %.*s", node->connection->name, STR_ARG(text));
    redis_finish(node->redis, call, outcome, NULL, why);
}

struct redis_node *redis_redirected(struct redis_node *node, enum redis_error error, struct str text)
{
    struct redis *redis = node->redis;
    uint16_t slot = 0, port = 0;
    struct str host;
    if (redis->mode != REDIS_CLUSTER || redis_error_target(text, &slot, &host, &port) < 0 ||
        host.size > REDIS_HOST_MAX) {
        return NULL;
    }
    struct redis_node *target =
        redis_node_at(redis, host.size > 0 ? host : str_of(node->connection->host), port);
    redis->redirections++;
    redis->slots_wanted = redis->slots_wanted || error == REDIS_ERROR_MOVED;
    if (target != NULL) {
        target->is_wanted = true;
    }
    if (target != NULL && error == REDIS_ERROR_MOVED && redis->owners != NULL) {
        redis->owners[slot] = (uint8_t)target->index;
    }
    return target;
}

static void redirect(struct redis_node *node, struct redis_call *call, enum redis_error error,
                     struct str text)
{
    struct redis *redis = node->redis;
    struct redis_node *target =
        call->redirections < REDIS_REDIRECTIONS_MAX ? redis_redirected(node, error, text) : NULL;
    call->redirections++;
    if (target == NULL) {
        fail(node, call, redis->mode == REDIS_CLUSTER ? REDIS_RETRY : REDIS_REFUSED, text);
        return;
    }
    if (redis_node_is_usable(target) && redis_first_is_done(target, call)) {
        call->asking = error == REDIS_ERROR_ASK;
        redis_connection_send(target->connection, call);
    } else {
        redis_wait(redis, call, RETRY_MS);
    }
}

bool redis_is_elsewhere(const struct redis *redis, enum redis_error error)
{
    bool one_of_several = redis->mode == REDIS_SINGLE && redis->shared.options.endpoint_count > 1;
    return error == REDIS_ERROR_NOAUTH || (error == REDIS_ERROR_READONLY && redis->mode != REDIS_CLUSTER) ||
           (error == REDIS_ERROR_LOADING && one_of_several);
}

/* The server is not, or not yet, the one to ask. */
static void try_later(struct redis_node *node, struct redis_call *call, enum redis_error error,
                      struct str text)
{
    struct redis *redis = node->redis;
    char why[200];
    brief_copy(why, sizeof(why), text);
    redis_note_error(redis, node->connection->name, why);
    redis->retries++;
    redis_wait(redis, call, error == REDIS_ERROR_LOADING ? SLOW_RETRY_MS : RETRY_MS);
    if (redis->mode == REDIS_CLUSTER) {
        redis->slots_wanted = true;
    }
    if (redis_is_elsewhere(redis, error)) {
        redis_node_leave(node, why);
    }
}

/* What came first on this connection does not hold any more. */
static void start_over(struct redis_node *node, struct redis_call *call, struct str text)
{
    if (node->redis->first == NULL || call->redirections >= REDIS_REDIRECTIONS_MAX) {
        fail(node, call, node->redis->first == NULL ? REDIS_REFUSED : REDIS_RETRY, text);
        return;
    }
    call->redirections++;
    node->gate = node->gate == REDIS_GATE_OPEN ? REDIS_GATE_SHUT : node->gate;
    redis_wait(node->redis, call, 0);
    redis_first_ask(node);
    redis_wake(node->redis);
}

enum redis_outcome redis_outcome_of(enum redis_error error)
{
    switch (error) {
    case REDIS_ERROR_OVERLOADED: return REDIS_OVERLOADED;
    case REDIS_ERROR_DENIED:
    case REDIS_ERROR_DENIED_HALFWAY: return REDIS_DENIED;
    case REDIS_ERROR_REFUSED:
    case REDIS_ERROR_NO_PASSWORD:
    case REDIS_ERROR_UNKNOWN_COMMAND: return REDIS_REFUSED;
    case REDIS_ERROR_OTHER: return REDIS_UNKNOWN;
    default: return REDIS_RETRY;
    }
}

static void on_error(struct redis_node *node, struct redis_call *call, struct str text)
{
    enum redis_error error = redis_error_of(text);
    switch (error) {
    case REDIS_ERROR_MOVED:
    case REDIS_ERROR_ASK: redirect(node, call, error, text); break;
    case REDIS_ERROR_NOSCRIPT:
        if (call->script == NULL || call->whole_script) {
            fail(node, call, REDIS_REFUSED, text);
            break;
        }
        call->whole_script = true;
        if (redis_node_is_usable(node)) {
            redis_connection_send(node->connection, call);
        } else {
            redis_wait(node->redis, call, 0);
        }
        break;
    case REDIS_ERROR_TRYAGAIN:
    case REDIS_ERROR_CLUSTERDOWN:
    case REDIS_ERROR_LOADING:
    case REDIS_ERROR_READONLY:
    case REDIS_ERROR_NOAUTH: try_later(node, call, error, text); break;
    case REDIS_ERROR_UNOPENED: start_over(node, call, text); break;
    default:
        if (error == REDIS_ERROR_OTHER && node->gate == REDIS_GATE_OPEN) {
            node->gate = REDIS_GATE_SHUT; /* a script that broke off may have left half of what it does */
            redis_first_ask(node);
        }
        fail(node, call, redis_outcome_of(error), text);
        break;
    }
}

void redis_answered(struct redis_node *node, struct redis_call *call, const struct redis_reply *reply)
{
    if (call->is_first) {
        redis_first_answered(node, call, reply);
    } else if (call->answered) {
        redis_drop(node->redis, call);
    } else if (reply->type != REDIS_IS_ERROR) {
        redis_finish(node->redis, call, REDIS_DONE, reply, "");
    } else if (call->is_own) {
        fail(node, call, REDIS_RETRY, reply->text);
    } else {
        on_error(node, call, reply->text);
    }
}
