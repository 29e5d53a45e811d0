#include "events_internal.h"

#include "outrider/base/blob.h"
#include "outrider/base/mem.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/core/fleet/view.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"
#include "outrider/os/log.h"

#include <stdlib.h>

/* ---- lists ---- */

void events_enter(struct events_subscriber *subscriber, struct events_list *list)
{
    struct events_list *old = subscriber->list;
    if (old != NULL) {
        *(subscriber->prev != NULL ? &subscriber->prev->next : &old->first) = subscriber->next;
        *(subscriber->next != NULL ? &subscriber->next->prev : &old->last) = subscriber->prev;
    }
    subscriber->list = list;
    subscriber->next = subscriber->prev = NULL;
    if (list != NULL) {
        subscriber->prev = list->last;
        *(list->last != NULL ? &list->last->next : &list->first) = subscriber;
        list->last = subscriber;
    }
}

/* ---- channels ---- */

struct events_channel *events_channel(struct events *events, enum events_kind kind, struct filter *filter)
{
    struct buf text = {0};
    uint64_t hash = filter_hash(filter);
    filter_text(filter, &text);
    for (struct events_channel *other = events->channels; other != NULL; other = other->next) {
        if (other->kind == kind && other->hash == hash && str_eq(buf_view(&other->text), buf_view(&text))) {
            buf_fini(&text);
            filter_free(filter);
            return other;
        }
    }
    struct events_channel *channel = mem_zalloc(sizeof(*channel));
    *channel = (struct events_channel){.events = events,
                                       .next = events->channels,
                                       .kind = kind,
                                       .filter = filter,
                                       .hash = hash,
                                       .text = text};
    if (events->channels != NULL) {
        events->channels->prev = channel;
    }
    events->channels = channel;
    return channel;
}

void events_channel_release(struct events_channel *channel)
{
    if (channel->members > 0) {
        return;
    }
    struct events *events = channel->events;
    *(channel->prev != NULL ? &channel->prev->next : &events->channels) = channel->next;
    if (channel->next != NULL) {
        channel->next->prev = channel->prev;
    }
    filter_free(channel->filter);
    buf_fini(&channel->text);
    free(channel);
}

/* ---- subscribers ---- */

static void leave(struct events_subscriber *subscriber)
{
    struct events_channel *channel = subscriber->channel;
    struct events *events = channel->events;
    http_push_end(subscriber->push);
    events_enter(subscriber, NULL);
    events_batch_unref(subscriber->batch);
    free(subscriber);
    channel->members--;
    events_channel_release(channel);
    events->counters.subscribers--;
    events_wake(events);
}

/* Logs the first drop at once and later ones together: a peer with a thousand streams must not flood the log. */
static void log_dropped(struct events *events)
{
    int64_t now = clock_mono_ms();
    if (events->dropped_unlogged == 0 || now < events->dropped_log_after_ms) {
        return;
    }
    log_warn("events", "slow subscribers closed", LOG_INT("count", (int64_t)events->dropped_unlogged),
             LOG_TEXT("reason", events->dropped_reason));
    events->dropped_unlogged = 0;
    events->dropped_log_after_ms = now + EVENTS_COMMENT_MS;
}

void events_drop(struct events_subscriber *subscriber, const char *reason)
{
    struct events *events = subscriber->channel->events;
    events->counters.dropped++;
    events->dropped_unlogged++;
    events->dropped_reason = reason;
    leave(subscriber);
    log_dropped(events);
}

static void on_drained(struct http_push *push, void *user)
{
    (void)push;
    struct events_subscriber *subscriber = user;
    if (subscriber->batch != NULL) {
        events_enter(subscriber, &subscriber->channel->events->ready);
        events_wake(subscriber->channel->events);
    }
}

static void on_closed(struct http_push *push, enum http_push_end why, void *user)
{
    (void)push;
    struct events_subscriber *subscriber = user;
    if (why == HTTP_PUSH_BEHIND) {
        events_drop(subscriber, "backlog larger than 256 kB");
    } else {
        leave(subscriber);
    }
}

const struct http_push_calls events_push_calls = {on_drained, on_closed};

void events_join(struct events_subscriber *subscriber, struct events_channel *channel, struct http_push *push,
                 struct events_batch *batch)
{
    struct events *events = channel->events;
    *subscriber = (struct events_subscriber){.channel = channel, .push = push, .batch = batch};
    channel->members++;
    events->counters.subscribers++;
    events->counters.subscribed++;
    events_begin(subscriber, batch);
    if (!timer_is_armed(events->comments)) {
        timer_arm_ms(events->comments, EVENTS_COMMENT_MS);
    }
}

/* ---- turns ---- */

void events_wake(struct events *events)
{
    loop_defer(events->loop, &events->turn);
}

static void feed_ready(struct events *events)
{
    size_t sent = 0;
    while (events->ready.first != NULL && sent < EVENTS_TURN_BYTES) {
        sent += events_feed(events->ready.first);
    }
    if (events->ready.first != NULL) {
        events_wake(events);
    }
}

static void on_turn(void *user)
{
    struct events *events = user;
    events_flush(events);
    feed_ready(events);
    if (events->counted != events->counters.subscribers) {
        events->counted = events->counters.subscribers;
        events->ops->count(events->user, events->counted);
    }
}

/* ---- comments ---- */

static void send_to(const struct events_list *list, struct blob *text)
{
    for (const struct events_subscriber *each = list->first; each != NULL; each = each->next) {
        if (http_push_behind(each->push) == 0) { /* a waiting message is a sign of life by itself */
            http_push_send(each->push, &text, 1);
        }
    }
}

/* A subscriber in catch-up that stops reading pins its batch and never exceeds the push backlog, so it is
 * dropped after two intervals without progress. */
static void drop_stalled(struct events *events)
{
    for (struct events_subscriber *each = events->blocked.first, *next; each != NULL; each = next) {
        uint64_t sent = http_push_sent(each->push);
        bool stalled = sent == each->sent_bytes;
        next = each->next;
        if (stalled && each->stalled) {
            events_drop(each, "nothing read for 15 s while catching up");
        } else {
            each->stalled = stalled;
            each->sent_bytes = sent;
        }
    }
}

void events_comment(struct events *events)
{
    events_flush(events);
    for (struct events_channel *channel = events->channels; channel != NULL; channel = channel->next) {
        send_to(&channel->live, events->comment);
    }
    drop_stalled(events);
}

static void on_comments(void *user)
{
    struct events *events = user;
    events_comment(events);
    log_dropped(events);
    if (events->counters.subscribers > 0 || events->dropped_unlogged > 0) {
        timer_arm_ms(events->comments, EVENTS_COMMENT_MS);
    }
}

/* ---- public ---- */

struct events *events_new(struct loop *loop, const struct view *view, const struct events_ops *ops,
                          void *user)
{
    struct events *events = mem_zalloc(sizeof(*events));
    struct buf text = {0};
    events->loop = loop;
    events->view = view;
    events->ops = ops;
    events->user = user;
    events->turn = (struct deferred){.fn = on_turn, .user = events};
    events->comments = timer_new(loop, on_comments, events);
    sse_comment(&text, STR(""));
    events->comment = blob_new(buf_view(&text));
    buf_fini(&text);
    return events;
}

static void leave_all(struct events_list *list)
{
    while (list->first != NULL) {
        leave(list->first);
    }
}

void events_close(struct events *events)
{
    leave_all(&events->ready);
    leave_all(&events->blocked);
    while (events->channels != NULL) {
        struct events_channel *channel = events->channels;
        for (size_t members = channel->members; members > 0; members--) {
            leave(channel->live.first); /* the last one frees the channel */
        }
    }
}

void events_free(struct events *events)
{
    if (events == NULL) {
        return;
    }
    events_close(events);
    events_forget_pending(events, events->pending_count);
    free(events->pending);
    timer_free(events->comments);
    deferred_cancel(&events->turn);
    blob_unref(events->comment);
    events_portions_fini(events);
    free(events);
}

void events_emit(struct events *events, const struct view_effect *effect)
{
    if (effect->type == VIEW_DO_REVISION) {
        events->pending_complete = events->pending_count;
        events_wake(events);
        return;
    }
    if (effect->type != VIEW_DO_CHANGED || events->channels == NULL) {
        return;
    }
    if (events->pending_count == events->pending_capacity) {
        events->pending_capacity = events->pending_capacity == 0 ? 16 : events->pending_capacity * 2;
        events->pending = mem_resize(events->pending, events->pending_capacity, sizeof(*events->pending));
    }
    const struct view_entry *entry = effect->is != NULL ? effect->is : effect->was;
    events->pending_bytes += blob_view(view_entry_json(entry)).size;
    events->pending[events->pending_count++] = (struct view_change){.revision = effect->revision,
                                                                    .was = view_entry_ref(effect->was),
                                                                    .is = view_entry_ref(effect->is),
                                                                    .clean = effect->clean};
}

const struct events_counters *events_counters(const struct events *events)
{
    return &events->counters;
}
