/* Messages about single keys. A channel has no history: what counts is that it is subscribed before the watch reads what it has
 * missed. The channel of the log itself tells that another history began. */
#include "redis_registry_internal.h"

#include "outrider/base/mem.h"

#include <stdlib.h>
#include <utlist.h>

static struct channel *find(const struct hearing *hearing, struct str key)
{
    struct channel *channel;
    LL_FOREACH(hearing->channels, channel)
    {
        if (str_eq(buf_view(&channel->key), key)) {
            return channel;
        }
    }
    return NULL;
}

static void channel_free(struct hearing *hearing, struct channel *channel)
{
    LL_DELETE(hearing->channels, channel);
    buf_fini(&channel->key);
    free(channel);
}

/* NS:log, or NS:log:KEY. */
static struct buf name_of(const struct redis_registry *own, struct str key)
{
    struct buf name = {0};
    buf_str(&name, str_of(own->keys[KEY_LOG]));
    if (key.size > 0) {
        buf_add(&name, ":", 1);
        buf_str(&name, key);
    }
    return name;
}

/* Says what is wanted of it, where the line is open. */
static void say(struct redis_registry *own, struct channel *channel)
{
    if (!redis_line_is_open(own->hearing.line)) {
        return; /* when it is */
    }
    struct buf name = name_of(own, buf_view(&channel->key));
    channel->pending++;
    if (channel->is_wanted) {
        redis_line_subscribe(own->hearing.line, buf_view(&name));
    } else {
        redis_line_unsubscribe(own->hearing.line, buf_view(&name));
    }
    buf_fini(&name);
}

static void want(struct redis_registry *own, struct str key)
{
    struct channel *channel = find(&own->hearing, key);
    if (channel == NULL) {
        channel = mem_zalloc(sizeof(*channel));
        buf_str(&channel->key, key);
        LL_PREPEND(own->hearing.channels, channel);
    }
    if (!channel->is_wanted) {
        channel->is_wanted = true;
        say(own, channel);
    }
}

static bool is_heard(const struct hearing *hearing, struct str key)
{
    const struct channel *channel = find(hearing, key);
    return redis_line_is_open(hearing->line) && channel != NULL && channel->is_wanted &&
           channel->pending == 0;
}

static void begin_where_heard(struct redis_watch *watch)
{
    const struct hearing *hearing = &watch->own->hearing;
    bool all = is_heard(hearing, STR(""));
    for (size_t i = 0; i < watch->request.range_count; i++) {
        all = all && is_heard(hearing, watch->request.ranges[i].key);
    }
    if (all) {
        watch_read(watch);
    }
}

/* ---- the line ---- */

static void on_opened(struct redis_line *line, void *user)
{
    struct redis_registry *own = user;
    struct channel *channel, *next;
    (void)line;
    LL_FOREACH_SAFE(own->hearing.channels, channel, next)
    {
        channel->pending = 0;
        if (channel->is_wanted) {
            say(own, channel);
        } else {
            channel_free(&own->hearing, channel);
        }
    }
}

static void on_lost(struct redis_line *line, const char *why, void *user)
{
    struct redis_registry *own = user;
    (void)line;
    watches_end(own, true, REGISTRY_RETRY, false, why);
}

/* Of NS:log:KEY the key; of NS:log nothing. */
static struct str key_of(const struct redis_registry *own, struct str name)
{
    size_t log = strlen(own->keys[KEY_LOG]);
    return name.size > log ? (struct str){name.data + log + 1, name.size - log - 1} : STR("");
}

static void on_settled(struct redis_registry *own, struct str key)
{
    struct channel *channel = find(&own->hearing, key);
    struct redis_watch *watch;
    if (channel == NULL || channel->pending == 0 || --channel->pending > 0) {
        return;
    }
    if (!channel->is_wanted) {
        channel_free(&own->hearing, channel);
        return;
    }
    LL_FOREACH(own->watches, watch)
    {
        if (watch->hears && watch->state == WATCH_WAITING) {
            begin_where_heard(watch);
        }
    }
}

static void on_message(struct redis_registry *own, struct str key, struct str text)
{
    struct redis_log_entry entry;
    struct redis_watch *watch;
    if (redis_log_message_read(key, text, &entry) < 0) {
        watches_end(own, true, REGISTRY_REFUSED, true,
                    "a message is no change: another program sends to the channel");
    } else if (entry.kind == REDIS_LOG_EPOCH) {
        watches_end(own, true, REGISTRY_RETRY, true,
                    "the store is another one now, or has another history: all is to be read again");
    } else {
        LL_FOREACH(own->watches, watch)
        {
            for (size_t i = 0; watch->hears && i < watch->request.range_count; i++) {
                if (watch->state != WATCH_OVER && str_eq(watch->request.ranges[i].key, key)) {
                    watch_hear(watch, i, &entry);
                }
            }
        }
    }
}

static void on_heard(struct redis_line *line, enum redis_news news, struct str name, struct str text,
                     void *user)
{
    struct redis_registry *own = user;
    (void)line;
    if (news == REDIS_MESSAGE) {
        on_message(own, key_of(own, name), text);
    } else {
        on_settled(own, key_of(own, name));
    }
}

static const struct redis_line_handler handler = {on_opened, on_lost, on_heard};

/* ---- for watches ---- */

void hearing_add(struct redis_watch *watch)
{
    struct redis_registry *own = watch->own;
    if (own->hearing.line == NULL) {
        own->hearing.line = redis_line_new(own->redis, str_of(own->keys[KEY_META]), &handler, own);
    }
    want(own, STR(""));
    for (size_t i = 0; i < watch->request.range_count; i++) {
        want(own, watch->request.ranges[i].key);
    }
    begin_where_heard(watch);
}

static bool is_needed(const struct redis_registry *own, struct str key)
{
    const struct redis_watch *watch;
    LL_FOREACH(own->watches, watch)
    {
        for (size_t i = 0; watch->hears && watch->state != WATCH_OVER && i < watch->request.range_count;
             i++) {
            if (key.size == 0 || str_eq(watch->request.ranges[i].key, key)) {
                return true;
            }
        }
    }
    return false;
}

void hearing_tidy(struct redis_registry *own)
{
    struct channel *channel, *next;
    if (own->hearing.line != NULL && !is_needed(own, STR(""))) {
        redis_line_free(own->hearing.line);
        own->hearing.line = NULL;
        hearing_fini(own);
        return;
    }
    LL_FOREACH_SAFE(own->hearing.channels, channel, next)
    {
        if (channel->is_wanted && !is_needed(own, buf_view(&channel->key))) {
            channel->is_wanted = false;
            say(own, channel);
        }
    }
}

void hearing_fini(struct redis_registry *own)
{
    struct channel *channel, *next;
    LL_FOREACH_SAFE(own->hearing.channels, channel, next)
    {
        channel_free(&own->hearing, channel);
    }
}
