/* Connections beside that of the commands: for a command that waits in the server, or for messages. */
#include "redis_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/mem.h"
#include "outrider/codec/redis/redis_cluster.h"
#include "outrider/os/clock.h"

#include <stdlib.h>

enum { PING_EVERY_MS = 3000, PONG_WITHIN_MS = 2000, BACKOFF_FIRST_MS = 20, BACKOFF_CAP_MS = 2000 };

/* ---- what the connection tells ---- */

static void on_opened(struct redis_connection *connection, void *user)
{
    struct redis_line *line = user;
    (void)connection;
    line->ping_us = clock_mono_us() + 1000 * PING_EVERY_MS;
    if (line->handler != NULL) {
        line->handler->opened(line, line->user);
    }
}

static void on_replied(struct redis_connection *connection, struct redis_call *call,
                       const struct redis_reply *reply, void *user)
{
    struct redis_line *line = user;
    char why[300];
    if (line->handler == NULL) {
        redis_call_free(call);
    } else if (reply->type == REDIS_IS_ERROR) {
        enum redis_outcome outcome = redis_outcome_of(redis_error_of(reply->text));
        brief_format(why, sizeof(why), "%s: %.*s", connection->name, STR_ARG(reply->text));
        redis_finish(line->redis, call, outcome, NULL, why);
    } else {
        line->backoff.failures = 0;
        redis_finish(line->redis, call, REDIS_DONE, reply, "");
    }
}

static void on_lost(struct redis_connection *connection, const char *why, void *user)
{
    struct redis_line *line = user;
    char text[300];
    redis_connection_drop_calls(connection);
    line->node = NULL;
    line->retry_us = clock_mono_us() + 1000 * backoff_next(&line->backoff, &line->redis->random);
    redis_wake(line->redis);
    if (line->handler != NULL) {
        redis_note_error(line->redis, connection->name, why);
        brief_format(text, sizeof(text), "%s: %s", connection->name, why);
        line->handler->lost(line, text, line->user);
    }
}

static void on_heard(struct redis_connection *connection, const struct redis_reply *reply, void *user)
{
    struct redis_line *line = user;
    struct str kind = redis_text(redis_item(reply, 0));
    (void)connection;
    if (line->handler == NULL || line->handler->heard == NULL) {
        return;
    }
    line->backoff.failures = 0;
    enum redis_news news = str_eq(kind, STR("message"))     ? REDIS_MESSAGE
                           : str_eq(kind, STR("subscribe")) ? REDIS_SUBSCRIBED
                                                            : REDIS_UNSUBSCRIBED;
    line->handler->heard(line, news, redis_text(redis_item(reply, 1)), redis_text(redis_item(reply, 2)),
                         line->user);
}

static const struct redis_link_owner owner = {on_opened, on_replied, on_lost, on_heard};

/* ---- the interface ---- */

struct redis_line *redis_line_new(struct redis *redis, struct str key,
                                  const struct redis_line_handler *handler, void *user)
{
    struct redis_line *line = mem_zalloc(sizeof(*line));
    *line = (struct redis_line){.next = redis->lines,
                                .redis = redis,
                                .handler = handler,
                                .user = user,
                                .has_key = key.size > 0,
                                .slot = redis_slot(key),
                                .backoff = {BACKOFF_FIRST_MS, BACKOFF_CAP_MS, 0}};
    redis->lines = line;
    redis_start(redis);
    redis_wake(redis);
    return line;
}

/* The tick frees it: this may be within one of its callbacks. */
void redis_line_free(struct redis_line *line)
{
    if (line == NULL) {
        return;
    }
    line->handler = NULL;
    if (line->connection != NULL) {
        redis_connection_close(line->connection, "the line is not needed any more");
    }
    redis_wake(line->redis);
}

bool redis_line_is_open(const struct redis_line *line)
{
    return line->connection != NULL && line->connection->state == REDIS_LINK_OPEN;
}

const char *redis_line_server(const struct redis_line *line)
{
    return line->connection == NULL ? "" : line->connection->name;
}

void redis_line_ask(struct redis_line *line, const struct str *args, size_t count, int64_t timeout_ms,
                    redis_result_fn *fn, void *user)
{
    struct redis_command command = {.args = args, .count = count, .timeout_ms = timeout_ms};
    struct redis_call *call = redis_call_new(&command, false, fn, user);
    call->is_own = true;
    redis_connection_send(line->connection, call);
}

void redis_line_leave(struct redis_line *line, const char *why)
{
    redis_connection_close(line->connection, why);
}

void redis_line_subscribe(struct redis_line *line, struct str channel)
{
    redis_connection_subscribe(line->connection, channel);
}

void redis_line_unsubscribe(struct redis_line *line, struct str channel)
{
    redis_connection_unsubscribe(line->connection, channel);
}

/* ---- time ---- */

static void ignored(const struct redis_result *result, void *user)
{
    (void)result, (void)user; /* of a PING it matters only that there is one */
}

static void watch_over(struct redis_line *line, const struct redis_node *node, int64_t now_us)
{
    struct redis_connection *connection = line->connection;
    const struct redis_call *first = connection->calls.first;
    bool is_elsewhere = node != NULL && node != line->node;
    if (is_elsewhere && (line->has_key || line->redis->mode != REDIS_CLUSTER)) {
        redis_connection_close(connection, "another server is master");
    } else if (connection->state != REDIS_LINK_OPEN) {
        return;
    } else if (first != NULL && now_us > first->deadline_us) {
        redis_connection_close(connection, "no answer in time");
    } else if (connection->is_subscriber && first == NULL && now_us >= line->ping_us) {
        line->ping_us = now_us + 1000 * PING_EVERY_MS;
        redis_line_ask(line, (const struct str[]){STR("PING")}, 1, PONG_WITHIN_MS, ignored, NULL);
    }
}

static void connect_line(struct redis_line *line, struct redis_node *node)
{
    redis_connection_free(line->connection);
    line->node = node;
    line->connection = redis_connection_new(&line->redis->shared, node->connection->host,
                                            node->connection->port, &owner, line);
    line->connection->is_subscriber = line->handler->heard != NULL;
    redis_connection_open(line->connection);
}

static void tick(struct redis_line *line, int64_t now_us)
{
    struct redis *redis = line->redis;
    struct redis_node *node = redis_node_of(redis, line->has_key, line->slot);
    if (line->connection != NULL && line->connection->is_busy) {
        watch_over(line, node, now_us);
        return;
    }
    if (node == NULL || !redis_node_is_usable(node)) {
        if (node != NULL) {
            node->is_wanted = true;
        }
        return;
    }
    if (redis->first != NULL && line->has_key && node->gate != REDIS_GATE_OPEN) {
        redis_first_ask(node);
    } else if (now_us >= line->retry_us) {
        connect_line(line, node);
    }
}

static bool is_over(const struct redis_line *line)
{
    return line->handler == NULL && (line->connection == NULL || !line->connection->is_busy);
}

void redis_lines_tick(struct redis *redis, int64_t now_us)
{
    for (struct redis_line **at = &redis->lines; *at != NULL;) {
        struct redis_line *line = *at;
        if (is_over(line)) {
            *at = line->next;
            redis_connection_free(line->connection);
            free(line);
            continue;
        }
        if (line->handler != NULL) {
            tick(line, now_us);
        }
        at = &line->next;
    }
}

bool redis_lines_wait(const struct redis *redis)
{
    for (const struct redis_line *line = redis->lines; line != NULL; line = line->next) {
        if (!redis_line_is_open(line)) {
            return true;
        }
    }
    return false;
}

void redis_lines_forget(struct redis *redis, const struct redis_node *node)
{
    for (struct redis_line *line = redis->lines; line != NULL; line = line->next) {
        line->node = line->node == node ? NULL : line->node;
    }
}

void redis_lines_fini(struct redis *redis)
{
    while (redis->lines != NULL) {
        struct redis_line *line = redis->lines;
        redis->lines = line->next;
        redis_connection_free(line->connection);
        free(line);
    }
}
