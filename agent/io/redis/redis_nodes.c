#include "redis_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/redis/redis_cluster.h"
#include "outrider/os/clock.h"

#include <stdio.h>
#include <stdlib.h>

enum { FIRST_MS = 20, CAP_MS = 2000, SLOTS_EVERY_MS = 500, SLOTS_PATIENCE_MS = 2000 };

void redis_note_error(struct redis *redis, const char *server, const char *why)
{
    brief_format(redis->last_error, sizeof(redis->last_error), "%s: %s", server, why);
    redis->has_failed = true;
}

/* Whether anybody can be used is what decides between waiting and failing at once. */
static void set_usable(struct redis_node *node, bool usable)
{
    struct redis *redis = node->redis;
    node->is_usable = usable;
    if (redis_node_any(redis) != NULL) {
        redis->away_since_us = 0;
        redis->has_failed = redis->is_denied = false;
    } else if (redis->away_since_us == 0) {
        redis->away_since_us = clock_mono_us();
    }
}

/* ---- slots ---- */

static void on_slots(const struct redis_result *result, void *user);

static void ask_slots(struct redis *redis, int64_t now_us)
{
    struct redis_node *node = redis_node_any(redis);
    if (redis->slots_asked && now_us > redis->slots_us + SLOTS_PATIENCE_MS * 1000) {
        redis->slots_asked = false; /* the node that was asked is slow; its answer still counts */
    }
    if (node == NULL || redis->slots_asked || now_us < redis->slots_us + SLOTS_EVERY_MS * 1000) {
        return;
    }
    redis->slots_wanted = false;
    redis->slots_asked = true;
    redis->slots_us = now_us;
    redis_ask(node->connection, (const struct str[]){STR("CLUSTER"), STR("SLOTS")}, 2, on_slots, node);
}

static void take_slots(struct redis *redis, const struct redis_reply *reply, const char *asked)
{
    for (size_t i = 0; i < reply->count; i++) {
        struct redis_slots slots;
        struct error err;
        if (redis_slots_read(&reply->items[i], &err, &slots) < 0 || slots.host.size > REDIS_HOST_MAX) {
            redis_note_error(redis, asked, "CLUSTER SLOTS told no slots");
            continue;
        }
        struct str host = slots.host.size > 0 ? slots.host : str_of(asked);
        struct redis_node *node = redis_node_at(redis, host, slots.port);
        for (unsigned slot = slots.first; node != NULL && slot <= slots.last; slot++) {
            redis->owners[slot] = (uint8_t)node->index;
        }
    }
}

/* Nodes that have no slot and nothing to do are forgotten, as are masters of before. */
static void forget_nodes(struct redis *redis)
{
    bool owns[REDIS_NODES_MAX] = {false};
    for (size_t slot = 0; redis->owners != NULL && slot < REDIS_SLOTS; slot++) {
        if (redis->owners[slot] != REDIS_NO_NODE) {
            owns[redis->owners[slot]] = true;
        }
    }
    for (size_t i = 0; i < REDIS_NODES_MAX; i++) {
        struct redis_node *node = redis->nodes[i];
        if (node != NULL && node != redis->current && !owns[i] && !node->connection->is_busy) {
            redis_node_free(node);
        }
    }
}

static void on_slots(const struct redis_result *result, void *user)
{
    struct redis_node *node = user;
    struct redis *redis = node->redis;
    redis->slots_asked = false;
    if (result->outcome != REDIS_DONE || result->reply->type != REDIS_IS_ARRAY) {
        redis->slots_wanted = true;
        return;
    }
    take_slots(redis, result->reply, node->connection->host);
    forget_nodes(redis);
    redis_dispatch(redis);
}

/* ---- what a connection tells ---- */

static void begin_cluster(struct redis *redis)
{
    if (redis->owners == NULL) {
        redis->owners = mem_zalloc(REDIS_SLOTS);
        memset(redis->owners, REDIS_NO_NODE, REDIS_SLOTS);
    }
    redis->slots_wanted = true;
}

/* Why the server is not one to be used, or NULL. */
static const char *wrong_server(const struct redis *redis, const struct redis_hello *hello)
{
    if (redis->mode == REDIS_CLUSTER && hello->mode != REDIS_CLUSTER && hello->mode != REDIS_AUTO) {
        return "the server is no node of a cluster: correct mode or endpoints";
    }
    if (redis->mode != REDIS_CLUSTER && hello->mode == REDIS_CLUSTER) {
        return "the server is a node of a cluster: set mode to cluster";
    }
    if (hello->mode == REDIS_SENTINEL) {
        return "the server is a sentinel: set mode to sentinel, with a master_name";
    }
    return redis->mode != REDIS_CLUSTER && hello->is_replica ? "the server is a replica" : NULL;
}

/* In auto the first server decides. A sentinel's connection is of no use as a node. */
static void decide_mode(struct redis *redis, const struct redis_hello *hello)
{
    if (redis->mode == REDIS_AUTO &&
        !(hello->mode == REDIS_SENTINEL && redis->shared.options.master_name == NULL)) {
        redis->mode = hello->mode == REDIS_AUTO ? REDIS_SINGLE : hello->mode;
    }
}

static void on_opened(struct redis_connection *connection, void *user)
{
    struct redis_node *node = user;
    struct redis *redis = node->redis;
    bool was_auto = redis->mode == REDIS_AUTO;
    decide_mode(redis, &connection->hello);
    if (was_auto && redis->mode == REDIS_SENTINEL) {
        redis->current = NULL;
        redis_connection_close(connection, "the server is a sentinel");
        redis_wake(redis);
        return;
    }
    const char *wrong = wrong_server(redis, &connection->hello);
    if (wrong != NULL) {
        redis_connection_close(connection, wrong);
        return;
    }
    redis->reconnects++;
    redis->backoff.failures = node->backoff.failures = 0;
    brief_copy(redis->version, sizeof(redis->version), str_of(connection->hello.version));
    brief_copy(redis->server, sizeof(redis->server), str_of(connection->name));
    node->gate = REDIS_GATE_SHUT;
    node->gate_us = 0;
    set_usable(node, true);
    if (redis->mode == REDIS_CLUSTER) {
        begin_cluster(redis);
        ask_slots(redis, clock_mono_us());
    } else {
        redis_first_ask(node);
    }
    redis_dispatch(redis);
    redis_wake(redis);
}

static void on_replied(struct redis_connection *connection, struct redis_call *call,
                       const struct redis_reply *reply, void *user)
{
    (void)connection;
    redis_answered(user, call, reply);
}

/* The calls of a connection that is gone: what may have been done is tried again only where that does no harm. */
static void give_back(struct redis_node *node, const char *why)
{
    struct redis *redis = node->redis;
    char text[300];
    bool sent = false;
    brief_format(text, sizeof(text), "%s: %s", node->connection->name, why);
    for (struct redis_call *call; (call = redis_connection_take_call(node->connection, &sent)) != NULL;) {
        call->asking = call->whole_script = false;
        if (call->answered) {
            redis_drop(redis, call);
        } else if (call->is_own) {
            redis_finish(redis, call, REDIS_RETRY, NULL, text);
        } else if (sent && !call->repeatable) {
            redis_finish(redis, call, REDIS_UNKNOWN, NULL, text);
        } else {
            redis->retries++;
            call->maybe_done = call->maybe_done || sent;
            redis_wait(redis, call, 0);
        }
    }
}

/* Single: the endpoints in turn, and a rest after each round. */
static void use_next_endpoint(struct redis *redis, int64_t now_us)
{
    const struct redis_options *options = &redis->shared.options;
    redis->next_endpoint = (redis->next_endpoint + 1) % options->endpoint_count;
    redis->current = NULL;
    if (redis->next_endpoint == 0) {
        redis->endpoint_retry_us = now_us + 1000 * backoff_next(&redis->backoff, &redis->random);
    }
}

static void on_lost(struct redis_connection *connection, const char *why, void *user)
{
    struct redis_node *node = user;
    struct redis *redis = node->redis;
    int64_t now_us = clock_mono_us();
    redis_note_error(redis, connection->name, why);
    node->gate = REDIS_GATE_SHUT;
    set_usable(node, false);
    redis->is_denied =
        connection->login_error == REDIS_ERROR_DENIED || connection->login_error == REDIS_ERROR_NOAUTH;
    node->retry_us = now_us + 1000 * backoff_next(&node->backoff, &redis->random);
    redis->slots_wanted = redis->slots_wanted || redis->mode == REDIS_CLUSTER;
    if (redis->mode == REDIS_SENTINEL) {
        redis_sentinel_hurry(redis);
    } else if (redis->mode != REDIS_CLUSTER && redis->current == node) {
        use_next_endpoint(redis, now_us);
    }
    give_back(node, why);
    redis_wake(redis);
}

static const struct redis_link_owner owner = {on_opened, on_replied, on_lost, NULL};

/* ---- nodes ---- */

static size_t free_index_of(const struct redis *redis)
{
    size_t index = 0;
    while (index < REDIS_NODES_MAX && redis->nodes[index] != NULL) {
        index++;
    }
    return index;
}

struct redis_node *redis_node_at(struct redis *redis, struct str host, uint16_t port)
{
    char name[REDIS_HOST_MAX + 1];
    for (size_t i = 0; i < REDIS_NODES_MAX; i++) {
        struct redis_node *known = redis->nodes[i];
        if (known != NULL && known->connection->port == port &&
            str_eq(str_of(known->connection->host), host)) {
            return known;
        }
    }
    if (free_index_of(redis) == REDIS_NODES_MAX) {
        forget_nodes(redis);
    }
    size_t free_index = free_index_of(redis);
    if (free_index == REDIS_NODES_MAX) {
        return NULL;
    }
    struct redis_node *node = mem_zalloc(sizeof(*node));
    *node = (struct redis_node){.redis = redis, .index = free_index, .backoff = {FIRST_MS, CAP_MS, 0}};
    snprintf(name, sizeof(name), "%.*s", STR_ARG(host));
    node->connection = redis_connection_new(&redis->shared, name, port, &owner, node);
    redis->nodes[free_index] = node;
    return node;
}

void redis_node_free(struct redis_node *node)
{
    struct redis *redis = node->redis;
    redis->nodes[node->index] = NULL;
    redis->current = redis->current == node ? NULL : redis->current;
    redis_lines_forget(redis, node);
    redis_connection_free(node->connection);
    free(node);
}

void redis_node_leave(struct redis_node *node, const char *why)
{
    if (node != NULL) {
        set_usable(node, false);
        redis_connection_close(node->connection, why);
    }
}

bool redis_node_is_usable(const struct redis_node *node)
{
    return node != NULL && node->is_usable && node->connection->state == REDIS_LINK_OPEN;
}

struct redis_node *redis_node_any(const struct redis *redis)
{
    if (redis->mode != REDIS_CLUSTER) {
        return redis_node_is_usable(redis->current) ? redis->current : NULL;
    }
    for (size_t i = 0; i < REDIS_NODES_MAX; i++) {
        if (redis_node_is_usable(redis->nodes[i])) {
            return redis->nodes[i];
        }
    }
    return NULL;
}

static void connect_when_due(struct redis_node *node, int64_t now_us)
{
    if (!node->connection->is_busy && now_us >= node->retry_us) {
        redis_connection_open(node->connection);
    }
}

/* While no node of a cluster is known to answer, the endpoints are asked in turn. */
static void seek_cluster(struct redis *redis, int64_t now_us)
{
    const struct redis_options *options = &redis->shared.options;
    if (redis_node_any(redis) == NULL && now_us >= redis->endpoint_retry_us) {
        const struct redis_endpoint *endpoint = &options->endpoints[redis->next_endpoint];
        struct redis_node *node = redis_node_at(redis, str_of(endpoint->host), endpoint->port);
        redis->next_endpoint = (redis->next_endpoint + 1) % options->endpoint_count;
        redis->endpoint_retry_us = now_us + 1000 * FIRST_MS;
        if (node != NULL) {
            node->is_wanted = true;
        }
    }
    for (size_t i = 0; i < REDIS_NODES_MAX; i++) {
        if (redis->nodes[i] != NULL && redis->nodes[i]->is_wanted) {
            connect_when_due(redis->nodes[i], now_us);
            redis_first_ask(redis->nodes[i]);
        }
    }
    if (redis->slots_wanted && redis->owners != NULL) {
        ask_slots(redis, now_us);
    }
}

void redis_nodes_tick(struct redis *redis, int64_t now_us)
{
    if (redis->mode == REDIS_CLUSTER) {
        seek_cluster(redis, now_us);
        return;
    }
    if (redis->mode != REDIS_SENTINEL && redis->current == NULL && now_us >= redis->endpoint_retry_us) {
        const struct redis_endpoint *endpoint = &redis->shared.options.endpoints[redis->next_endpoint];
        redis->current = redis_node_at(redis, str_of(endpoint->host), endpoint->port);
        if (redis->current != NULL) {
            redis->current->retry_us = 0;
        }
    }
    if (redis->current != NULL) {
        connect_when_due(redis->current, now_us);
        redis_first_ask(redis->current);
    }
}
