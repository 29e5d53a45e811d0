/* Who is master: one sentinel is asked every two seconds, and tells of a switch as it happens. Another one takes its place when it
 * fails, or knows no such master. */
#include "redis_internal.h"

#include "outrider/base/brief.h"
#include "outrider/os/clock.h"

#include <stdio.h>

enum {
    ASK_EVERY_MS = 2000,
    HURRY_MS = 200, /* while there is no master to be used */
    ANSWER_WITHIN_MS = 1000
};

static void master_is(struct redis *redis, struct str host, struct str port_text)
{
    uint64_t port = 0;
    if (host.size == 0 || host.size > REDIS_HOST_MAX || str_to_u64(port_text, UINT16_MAX, &port) < 0 ||
        port == 0) {
        redis_note_error(redis, redis->sentinel.asked->name, "the sentinel named no address");
        return;
    }
    struct redis_node *node = redis_node_at(redis, host, (uint16_t)port);
    if (node != NULL && node != redis->current) {
        redis_node_leave(redis->current, "the sentinels name another master");
        redis->current = node;
        node->retry_us = 0;
        redis_wake(redis);
    }
}

/* The sentinel is of no use: both its links end, and the next one is tried. */
static void leave_sentinel(struct redis *redis, const char *why)
{
    redis_connection_close(redis->sentinel.asked, why);
}

static void on_master(const struct redis_result *result, void *user)
{
    struct redis *redis = user;
    struct redis_sentinel *sentinel = &redis->sentinel;
    const struct redis_reply *reply = result->reply;
    int64_t now_us = clock_mono_us();
    sentinel->asked_us = 0;
    bool is_settled = redis_node_is_usable(redis->current);
    sentinel->ask_us = now_us + 1000 * (is_settled ? ASK_EVERY_MS : HURRY_MS);
    if (result->outcome != REDIS_DONE) {
        redis_note_error(redis, "sentinel", result->why);
        return; /* lost, or it refused: the link is closed already */
    }
    if (reply->type != REDIS_IS_ARRAY || reply->count != 2) {
        char why[160];
        snprintf(why, sizeof(why), "the sentinel knows no master with the name %s",
                 redis->shared.options.master_name);
        leave_sentinel(redis, why);
        return;
    }
    sentinel->backoff.failures = 0;
    master_is(redis, redis_text(&reply->items[0]), redis_text(&reply->items[1]));
}

static void ask(struct redis *redis, int64_t now_us)
{
    struct redis_sentinel *sentinel = &redis->sentinel;
    sentinel->asked_us = now_us;
    redis_ask(sentinel->asked,
              (const struct str[]){STR("SENTINEL"), STR("GET-MASTER-ADDR-BY-NAME"),
                                   str_of(redis->shared.options.master_name)},
              3, on_master, redis);
}

/* ---- the links ---- */

static void on_opened(struct redis_connection *connection, void *user)
{
    struct redis *redis = user;
    enum redis_mode mode = connection->hello.mode;
    if (mode != REDIS_SENTINEL && mode != REDIS_AUTO) {
        redis_connection_close(connection, "the server is no sentinel: correct mode or endpoints");
    } else if (connection->is_subscriber) {
        redis_connection_subscribe(connection, STR("+switch-master"));
    } else {
        ask(redis, clock_mono_us());
    }
}

static void on_replied(struct redis_connection *connection, struct redis_call *call,
                       const struct redis_reply *reply, void *user)
{
    struct redis *redis = user;
    if (reply->type == REDIS_IS_ERROR) {
        char why[200];
        brief_copy(why, sizeof(why), reply->text);
        redis_finish(redis, call, REDIS_REFUSED, NULL, why);
        redis_connection_close(connection, why);
    } else {
        redis_finish(redis, call, REDIS_DONE, reply, "");
    }
}

static void on_lost(struct redis_connection *connection, const char *why, void *user)
{
    struct redis *redis = user;
    struct redis_sentinel *sentinel = &redis->sentinel;
    redis_connection_drop_calls(connection);
    redis_note_error(redis, connection->name, why);
    sentinel->asked_us = 0;
    if (!connection->is_subscriber) {
        sentinel->endpoint = (sentinel->endpoint + 1) % redis->shared.options.endpoint_count;
        int64_t rest_ms = sentinel->endpoint == 0 ? backoff_next(&sentinel->backoff, &redis->random) : 0;
        sentinel->retry_us = clock_mono_us() + 1000 * rest_ms;
        sentinel->is_over = true;
    } else {
        sentinel->news_us = clock_mono_us() + 1000 * ASK_EVERY_MS; /* until then asking tells as much */
    }
    redis_wake(redis);
}

/* +switch-master NAME OLDHOST OLDPORT NEWHOST NEWPORT */
static void on_heard(struct redis_connection *connection, const struct redis_reply *reply, void *user)
{
    (void)connection;
    struct redis *redis = user;
    struct str words[5], rest = redis_text(redis_item(reply, 2));
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        words[i] = str_split(rest, ' ', &rest);
    }
    if (str_eq(words[0], str_of(redis->shared.options.master_name)) && words[4].size > 0) {
        master_is(redis, words[3], words[4]);
    }
}

static const struct redis_link_owner owner = {on_opened, on_replied, on_lost, on_heard};

/* ---- time ---- */

static struct redis_connection *link_to(struct redis *redis, bool subscriber)
{
    const struct redis_endpoint *endpoint = &redis->shared.options.endpoints[redis->sentinel.endpoint];
    struct redis_connection *link =
        redis_connection_new(&redis->shared, endpoint->host, endpoint->port, &owner, redis);
    link->is_sentinel = true;
    link->is_subscriber = subscriber;
    redis_connection_open(link);
    return link;
}

void redis_sentinel_fini(struct redis *redis)
{
    redis_connection_free(redis->sentinel.asked);
    redis_connection_free(redis->sentinel.news);
    redis->sentinel.asked = redis->sentinel.news = NULL;
}

void redis_sentinel_tick(struct redis *redis, int64_t now_us)
{
    struct redis_sentinel *sentinel = &redis->sentinel;
    if (redis->mode != REDIS_SENTINEL) {
        return;
    }
    if (sentinel->is_over) {
        sentinel->is_over = false;
        sentinel->news_us = 0;
        redis_sentinel_fini(redis);
    }
    if (sentinel->asked == NULL) {
        if (now_us >= sentinel->retry_us) {
            sentinel->asked = link_to(redis, false);
        }
        return;
    }
    if (sentinel->asked->state != REDIS_LINK_OPEN) {
        return;
    }
    if (sentinel->asked_us != 0 && now_us > sentinel->asked_us + ANSWER_WITHIN_MS * 1000) {
        leave_sentinel(redis, "no answer in time");
        return;
    }
    if (sentinel->asked_us == 0 && now_us >= sentinel->ask_us) {
        ask(redis, now_us);
    }
    if (sentinel->news != NULL && !sentinel->news->is_busy) { /* it was lost alone */
        redis_connection_free(sentinel->news);
        sentinel->news = NULL;
    }
    if (sentinel->news == NULL && now_us >= sentinel->news_us) {
        sentinel->news = link_to(redis, true);
    }
}

void redis_sentinel_hurry(struct redis *redis)
{
    int64_t soon_us = clock_mono_us() + 1000 * (HURRY_MS / 4);
    if (redis->sentinel.ask_us > soon_us) {
        redis->sentinel.ask_us = soon_us;
    }
}
