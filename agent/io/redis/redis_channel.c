/* The messages of one channel, over a line to the master, or to any node of a cluster: its bus carries them to all. */
#include "redis_internal.h"

#include "outrider/base/mem.h"

#include <stdlib.h>

static void tell(struct redis_channel *channel, enum redis_heard heard, struct str text)
{
    channel->is_open = heard != REDIS_HEARD_LOST;
    channel->fn(heard, text, channel->user);
}

static void on_opened(struct redis_line *line, void *user)
{
    redis_line_subscribe(line, str_of(((const struct redis_channel *)user)->name));
}

static void on_lost(struct redis_line *line, const char *why, void *user)
{
    struct redis_channel *channel = user;
    (void)line, (void)why;
    if (channel->is_open) {
        tell(channel, REDIS_HEARD_LOST, STR(""));
    }
}

static void on_heard(struct redis_line *line, enum redis_news news, struct str name, struct str text,
                     void *user)
{
    struct redis_channel *channel = user;
    (void)line, (void)name;
    if (news == REDIS_MESSAGE) {
        tell(channel, REDIS_HEARD_MESSAGE, text);
    } else if (!channel->is_open) {
        tell(channel, REDIS_HEARD_OPEN, STR(""));
    }
}

static const struct redis_line_handler handler = {on_opened, on_lost, on_heard};

void redis_subscribe(struct redis *redis, struct str name, redis_heard_fn *fn, void *user)
{
    struct redis_channel *channel = &redis->channel;
    redis_unsubscribe(redis);
    free(channel->name);
    *channel = (struct redis_channel){.name = mem_copy(name.data, name.size), .fn = fn, .user = user};
    channel->line = redis_line_new(redis, STR(""), &handler, channel);
}

void redis_unsubscribe(struct redis *redis)
{
    redis_line_free(redis->channel.line);
    redis->channel.line = NULL;
    redis->channel.is_open = false;
}

void redis_channel_fini(struct redis *redis)
{
    free(redis->channel.name);
}
