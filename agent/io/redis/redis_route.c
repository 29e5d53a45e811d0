#include "redis_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/mem.h"
#include "outrider/os/clock.h"

#include <stdio.h>
#include <stdlib.h>

enum { RETRY_MS = 50, SLOW_RETRY_MS = 200 };

/* The node that has the call as far as is known; NULL: none. */
static struct redis_node *node_of(struct redis *redis, const struct redis_call *call)
{
    if (redis->mode != REDIS_CLUSTER) {
        return redis->current;
    }
    if (!call->has_key) {
        return redis_node_any(redis);
    }
    uint8_t owner = redis->owners == NULL ? REDIS_NO_NODE : redis->owners[call->slot];
    if (owner == REDIS_NO_NODE) {
        redis->slots_wanted = true;
        return NULL;
    }
    return redis->nodes[owner];
}

void redis_route(struct redis *redis, struct redis_call *call)
{
    struct redis_node *node = node_of(redis, call);
    if (redis_node_is_usable(node)) {
        redis_connection_send(node->connection, call);
        return;
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

/* MOVED and ASK name where to go. */
static void redirect(struct redis_node *node, struct redis_call *call, enum redis_error error,
                     struct str text)
{
    struct redis *redis = node->redis;
    uint16_t slot = 0, port = 0;
    struct str host;
    if (redis->mode != REDIS_CLUSTER || call->redirections >= REDIS_REDIRECTIONS_MAX ||
        redis_error_target(text, &slot, &host, &port) < 0 || host.size > REDIS_HOST_MAX) {
        fail(node, call, redis->mode == REDIS_CLUSTER ? REDIS_RETRY : REDIS_REFUSED, text);
        return;
    }
    struct redis_node *target =
        redis_node_at(redis, host.size > 0 ? host : str_of(node->connection->host), port);
    call->redirections++;
    redis->redirections++;
    redis->slots_wanted = redis->slots_wanted || error == REDIS_ERROR_MOVED;
    if (target == NULL) {
        fail(node, call, REDIS_RETRY, STR("the cluster has too many nodes"));
        return;
    }
    target->is_wanted = true;
    if (error == REDIS_ERROR_MOVED && redis->owners != NULL) {
        redis->owners[slot] = (uint8_t)target->index;
    }
    if (redis_node_is_usable(target)) {
        call->asking = error == REDIS_ERROR_ASK;
        redis_connection_send(target->connection, call);
    } else {
        redis_wait(redis, call, RETRY_MS);
    }
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
    bool leave = error == REDIS_ERROR_NOAUTH ||
                 (error == REDIS_ERROR_READONLY && redis->mode != REDIS_CLUSTER) ||
                 (error == REDIS_ERROR_LOADING && redis->shared.options.endpoint_count > 1 &&
                  redis->mode == REDIS_SINGLE);
    if (leave) {
        redis_node_leave(node, why);
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
    case REDIS_ERROR_OVERLOADED: fail(node, call, REDIS_OVERLOADED, text); break;
    case REDIS_ERROR_DENIED:
    case REDIS_ERROR_DENIED_HALFWAY: fail(node, call, REDIS_DENIED, text); break;
    case REDIS_ERROR_REFUSED:
    case REDIS_ERROR_NO_PASSWORD:
    case REDIS_ERROR_UNKNOWN_COMMAND: fail(node, call, REDIS_REFUSED, text); break;
    case REDIS_ERROR_OTHER: fail(node, call, REDIS_UNKNOWN, text); break;
    }
}

void redis_answered(struct redis_node *node, struct redis_call *call, const struct redis_reply *reply)
{
    if (call->answered) {
        redis_drop(node->redis, call);
    } else if (reply->type != REDIS_IS_ERROR) {
        redis_finish(node->redis, call, REDIS_DONE, reply, "");
    } else if (call->is_own) {
        fail(node, call, REDIS_RETRY, reply->text);
    } else {
        on_error(node, call, reply->text);
    }
}
