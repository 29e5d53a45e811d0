/* Messages of one channel, over a connection of their own to the master, or to any node of a cluster: its bus carries them to all. */
#include "redis_internal.h"

#include "outrider/base/mem.h"
#include "outrider/os/clock.h"

#include <stdlib.h>

enum { PING_EVERY_MS = 5000, PONG_WITHIN_MS = 2000 };

static void tell(struct redis_channel *channel, enum redis_heard heard, struct str text)
{
    channel->is_open = heard != REDIS_HEARD_LOST;
    channel->fn(heard, text, channel->user);
}

static void on_opened(struct redis_connection *connection, void *user)
{
    struct redis *redis = user;
    if (redis->channel.fn != NULL) {
        redis_connection_subscribe(connection, str_of(redis->channel.name));
    }
}

static void on_replied(struct redis_connection *connection, struct redis_call *call,
                       const struct redis_reply *reply, void *user)
{
    (void)connection, (void)reply;
    struct redis *redis = user;
    redis->channel.pong_us = 0;
    redis_call_free(call);
}

static void on_lost(struct redis_connection *connection, const char *why, void *user)
{
    struct redis *redis = user;
    struct redis_channel *channel = &redis->channel;
    redis_connection_drop_calls(connection);
    if (channel->fn != NULL) {
        redis_note_error(redis, connection->name, why);
    }
    channel->node = NULL;
    channel->pong_us = 0;
    channel->retry_us = clock_mono_us() + 1000 * backoff_next(&channel->backoff, &redis->random);
    if (channel->is_open) {
        tell(channel, REDIS_HEARD_LOST, (struct str){"", 0});
    }
    redis_wake(redis);
}

static void on_heard(struct redis_connection *connection, const struct redis_reply *reply, void *user)
{
    (void)connection;
    struct redis *redis = user;
    struct redis_channel *channel = &redis->channel;
    if (channel->fn == NULL) {
        return;
    }
    if (str_eq(redis_text(redis_item(reply, 0)), STR("message"))) {
        tell(channel, REDIS_HEARD_MESSAGE, redis_text(redis_item(reply, 2)));
    } else if (!channel->is_open) {
        channel->backoff.failures = 0;
        channel->ping_us = clock_mono_us() + 1000 * PING_EVERY_MS;
        tell(channel, REDIS_HEARD_OPEN, (struct str){"", 0});
    }
}

static const struct redis_link_owner owner = {on_opened, on_replied, on_lost, on_heard};

static void never_told(const struct redis_result *result, void *user)
{
    (void)result, (void)user; /* on_replied drops it before */
}

static void ping(struct redis_channel *channel, int64_t now_us)
{
    if (channel->pong_us != 0 && now_us >= channel->pong_us) {
        redis_connection_close(channel->connection, "the subscription is silent");
    } else if (channel->pong_us == 0 && now_us >= channel->ping_us) {
        channel->ping_us = now_us + 1000 * PING_EVERY_MS;
        channel->pong_us = now_us + 1000 * PONG_WITHIN_MS;
        redis_ask(channel->connection, (const struct str[]){STR("PING")}, 1, never_told, NULL);
    }
}

void redis_unsubscribe(struct redis *redis)
{
    struct redis_channel *channel = &redis->channel;
    channel->fn = NULL;
    channel->is_open = false;
    if (channel->connection != NULL) {
        redis_connection_close(channel->connection, "nothing is to be heard any more");
    }
}

void redis_channel_fini(struct redis *redis)
{
    redis_connection_free(redis->channel.connection);
    free(redis->channel.name);
}

void redis_channel_tick(struct redis *redis, int64_t now_us)
{
    struct redis_channel *channel = &redis->channel;
    struct redis_connection *connection = channel->connection;
    if (channel->fn == NULL) {
        return;
    }
    if (connection != NULL && connection->is_busy) {
        if (redis->mode != REDIS_CLUSTER && redis->current != NULL && channel->node != redis->current) {
            redis_connection_close(connection, "another server is master");
        } else if (channel->is_open && connection->state == REDIS_LINK_OPEN) {
            ping(channel, now_us);
        }
        return;
    }
    struct redis_node *node = redis_node_any(redis);
    if (node == NULL || now_us < channel->retry_us) {
        return;
    }
    redis_connection_free(connection);
    channel->node = node;
    channel->connection =
        redis_connection_new(&redis->shared, node->connection->host, node->connection->port, &owner, redis);
    channel->connection->is_subscriber = true;
    redis_connection_open(channel->connection);
}
