#include "events_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/blob.h"
#include "outrider/base/mem.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/core/fleet/view.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"
#include "outrider/os/log.h"

#include <stdlib.h>
#include <utlist.h>

void events_enter(struct events_subscriber *subscriber, struct events_subscriber **list)
{
    if (subscriber->list != NULL) {
        DL_DELETE(*subscriber->list, subscriber);
    }
    subscriber->list = list;
    if (list != NULL) {
        DL_APPEND(*list, subscriber);
    }
}

void events_wake(struct events *events)
{
    loop_defer(events->loop, &events->turn);
}

/* ---- subscribers ---- */

static struct events_channel *find_channel(const struct events *events, enum events_kind kind,
                                           enum events_form form, bool gzip, const struct filter *filter)
{
    struct buf text = {0};
    uint64_t hash = filter_hash(filter);
    filter_text(filter, &text);
    struct events_channel *channel = events->channels;
    while (channel != NULL &&
           (channel->kind != kind || channel->form != form || (channel->packer != NULL) != gzip ||
            channel->hash != hash || !str_eq(buf_view(&channel->text), buf_view(&text)))) {
        channel = channel->next;
    }
    buf_fini(&text);
    return channel;
}

/* The channel of that kind, form and filter, with one member more; takes the filter over. */
static struct events_channel *join_channel(struct events *events, enum events_kind kind,
                                           enum events_form form, bool gzip, struct filter *filter)
{
    struct events_channel *channel = find_channel(events, kind, form, gzip, filter);
    if (channel != NULL) {
        filter_free(filter);
        channel->members++;
        return channel;
    }
    channel = mem_zalloc(sizeof(*channel));
    *channel = (struct events_channel){.events = events,
                                       .kind = kind,
                                       .form = form,
                                       .filter = filter,
                                       .hash = filter_hash(filter),
                                       .members = 1};
    filter_text(filter, &channel->text);
    if (gzip) {
        events_packer_open(channel);
    }
    DL_PREPEND(events->channels, channel);
    return channel;
}

/* `why`: what the owner of its WebSocket is told; NULL: nothing. */
static void leave(struct events_subscriber *subscriber, const char *why)
{
    struct events_channel *channel = subscriber->channel;
    struct events *events = channel->events;
    struct events_carrier *carrier = subscriber->carrier;
    if (carrier == NULL) {
        http_push_end(subscriber->push);
    } else {
        carrier->subscriber = NULL;
    }
    events_enter(subscriber, NULL);
    events_batch_unref(subscriber->batch);
    free(subscriber);
    if (--channel->members == 0) {
        DL_DELETE(events->channels, channel);
        events_packer_close(channel);
        filter_free(channel->filter);
        buf_fini(&channel->text);
        free(channel);
    }
    events->counters.subscribers--;
    events_wake(events);
    if (carrier != NULL && why != NULL) {
        carrier->ended(carrier, why);
    }
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
    leave(subscriber, reason);
    log_dropped(events);
}

static void go_on(struct events_subscriber *subscriber)
{
    if (subscriber->batch != NULL) {
        events_go_on(subscriber);
    }
}

static void close_subscriber(struct events_subscriber *subscriber, enum http_push_end why)
{
    switch (why) {
    case HTTP_PUSH_BEHIND: events_drop(subscriber, "backlog larger than 256 kB"); break;
    case HTTP_PUSH_SHUT: events_drop(subscriber, "nothing read for 60 s"); break;
    case HTTP_PUSH_GONE:
    case HTTP_PUSH_ROOM: leave(subscriber, NULL); break;
    }
}

static void on_drained(struct http_push *push, void *user)
{
    (void)push;
    go_on(user);
}

static void on_closed(struct http_push *push, enum http_push_end why, void *user)
{
    (void)push;
    close_subscriber(user, why);
}

/* What a new subscriber catches up with; NULL: nothing. */
static struct events_batch *first_batch(struct events *events, enum events_kind kind, struct str last_id)
{
    struct events_batch *batch;
    struct sse_id id;
    if (kind == EVENTS_DISCOVERY) {
        return NULL;
    }
    if (sse_id_parse(last_id, &id) == 0 && events_batch_log(events, id.revision, id.cluster, &batch) == 0) {
        events->counters.resumed++;
        return batch;
    }
    return events_batch_init(events);
}

static void begin(struct api_call *call, enum events_kind kind, struct events_subscriber *subscriber)
{
    struct events *events = call->view.fleet.events;
    enum events_form form = subscriber->carrier == NULL ? EVENTS_SSE : EVENTS_SOCKET;
    /* Pending changes are in the view already; the subscriber must not get them twice. */
    events_flush(events);
    struct str last_id = call->request.last_event_id; /* newer: a browser that reconnects repeats `after` */
    struct events_batch *batch = first_batch(events, kind, last_id.size > 0 ? last_id : call->after);
    subscriber->channel = join_channel(events, kind, form, call->stream_gzip, call->filter);
    call->filter = NULL; /* it is the channel's */
    events->counters.subscribers++;
    events->counters.subscribed++;
    events->counters.gzip += call->stream_gzip ? 1 : 0;
    events_begin(subscriber, batch);
    if (!timer_is_armed(events->comments)) {
        timer_arm_ms(events->comments, EVENTS_COMMENT_MS);
    }
}

/* Whether it gets its stream as gzip. One more filter than can be compressed at a time is sent as text. */
static bool takes_gzip(const struct api_call *call, enum events_kind kind)
{
    struct events *events = call->view.fleet.events;
    bool wants = call->request.gzip && kind == EVENTS_FLEET;
    bool has_room = events->gzip_channels < EVENTS_GZIP_CHANNELS_MAX;
    bool takes = wants && (has_room || find_channel(events, kind, EVENTS_SSE, true, call->filter) != NULL);
    events->counters.gzip_refused += wants && !takes ? 1 : 0;
    return takes;
}

static void subscribe(struct api_call *call, enum events_kind kind, struct http_exchange *exchange)
{
    static const struct http_push_calls calls = {.drained = on_drained, .closed = on_closed};
    if (api_refuse_stream(exchange)) {
        call->view.fleet.events->counters.refused++;
        return;
    }
    struct events_subscriber *subscriber = mem_zalloc(sizeof(*subscriber));
    call->stream_gzip = takes_gzip(call, kind);
    subscriber->push = api_stream_begin(call, exchange, 0, &calls, subscriber);
    if (subscriber->push == NULL) {
        free(subscriber);
        return;
    }
    begin(call, kind, subscriber);
}

/* ---- the stream of a WebSocket ---- */

static void subscribe_carrier(struct api_call *call, struct http_exchange *exchange)
{
    struct events_carrier *carrier = call->request.carrier;
    events_unsubscribe(carrier);
    carrier->began(carrier, exchange);
    carrier->subscriber = mem_zalloc(sizeof(*carrier->subscriber));
    *carrier->subscriber = (struct events_subscriber){.push = carrier->push, .carrier = carrier};
    begin(call, EVENTS_FLEET, carrier->subscriber);
}

void events_unsubscribe(struct events_carrier *carrier)
{
    if (carrier->subscriber != NULL) {
        leave(carrier->subscriber, NULL);
    }
}

void events_carrier_drained(struct events_carrier *carrier)
{
    if (carrier->subscriber != NULL) {
        go_on(carrier->subscriber);
    }
}

void events_carrier_closed(struct events_carrier *carrier, enum http_push_end why)
{
    if (carrier->subscriber != NULL) {
        carrier->subscriber->carrier = NULL; /* neither is the other's any more */
        carrier->subscriber->push = NULL;
        close_subscriber(carrier->subscriber, why);
        carrier->subscriber = NULL;
    }
}

/* ---- requests ---- */

static void take_fleet(struct api_call *call, struct http_exchange *exchange)
{
    if (call->request.carrier != NULL) {
        subscribe_carrier(call, exchange);
    } else {
        subscribe(call, EVENTS_FLEET, exchange);
    }
}

static void take_discovery(struct api_call *call, struct http_exchange *exchange)
{
    subscribe(call, EVENTS_DISCOVERY, exchange);
}

void api_subscribe(struct api_call *call, struct api_reply *reply)
{
    struct sse_id id;
    if (filter_offline(call->filter)) {
        api_refuse(reply, 400, "bad_parameter", "include: the stream has no offline servers");
    } else if (filter_is_paged(call->filter)) {
        api_refuse(reply, 400, "bad_parameter", "limit: the stream has no pages");
    } else if (call->after.size > 0 && sse_id_parse(call->after, &id) < 0) {
        api_refuse(reply, 400, "bad_parameter",
                   "after: want the `cursor` of a list or the id of an event, such as 812-14e13c74f2a0b81f");
    } else if (api_need_fleet(call, reply)) {
        reply->turn = API_TAKEN;
        reply->take = take_fleet;
    }
}

void api_discovery_events(struct api_call *call, struct api_reply *reply)
{
    call->filter = filter_new();
    reply->turn = API_TAKEN;
    reply->take = take_discovery;
}

/* ---- turns and comments ---- */

static void on_turn(void *user)
{
    struct events *events = user;
    size_t sent = 0;
    events_flush(events);
    while (events->ready != NULL && sent < EVENTS_TURN_BYTES) {
        sent += events_feed(events->ready);
    }
    events_tell(events);
    if (events->ready != NULL) {
        events_wake(events);
    }
    if (events->counted != events->counters.subscribers) {
        events->counted = events->counters.subscribers;
        events->ops->count(events->user, events->counted);
    }
}

void events_block(struct events_subscriber *subscriber)
{
    struct events *events = subscriber->channel->events;
    events_enter(subscriber, &events->blocked);
    subscriber->progress_ms = clock_mono_ms();
    subscriber->sent_bytes = http_push_facts(subscriber->push)->sent;
    if (!timer_is_armed(events->stalls)) {
        timer_arm_ms(events->stalls, EVENTS_LOOK_MS);
    }
}

void events_drop_stalled(struct events *events, int64_t now_ms)
{
    for (struct events_subscriber *each = events->blocked, *next; each != NULL; each = next) {
        next = each->next;
        uint64_t sent = http_push_facts(each->push)->sent;
        each->progress_ms = sent == each->sent_bytes ? each->progress_ms : now_ms;
        each->sent_bytes = sent;
        if (now_ms - each->progress_ms >= EVENTS_STALLED_MS) {
            events_drop(each, "nothing read for 15 s while catching up");
        }
    }
}

static void on_stalls(void *user)
{
    struct events *events = user;
    events_drop_stalled(events, clock_mono_ms());
    if (events->blocked != NULL) {
        timer_arm_ms(events->stalls, EVENTS_LOOK_MS);
    }
}

void events_comment(struct events *events)
{
    events_flush(events);
    struct blob *with_clock = events_clock_comment(), *alive = events_alive();
    for (const struct events_channel *channel = events->channels; channel != NULL; channel = channel->next) {
        struct blob *comment = channel->form == EVENTS_SOCKET  ? alive
                               : filter_state(channel->filter) ? with_clock
                                                               : events->comment;
        if (channel->packer != NULL) {
            events_send_all(channel, comment);
            continue;
        }
        for (const struct events_subscriber *each = channel->live; each != NULL; each = each->next) {
            if (http_push_facts(each->push)->behind ==
                0) { /* a waiting message is a sign of life by itself */
                http_push_send(each->push, &comment, 1);
            }
        }
    }
    blob_unref(with_clock);
    blob_unref(alive);
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
    *events = (struct events){.loop = loop,
                              .view = view,
                              .ops = ops,
                              .user = user,
                              .turn = {.fn = on_turn, .user = events},
                              .comments = timer_new(loop, on_comments, events),
                              .stalls = timer_new(loop, on_stalls, events),
                              .packs = timer_new(loop, events_on_packing, events)};
    sse_comment(&text, STR(""));
    events->comment = blob_new(buf_view(&text));
    events->brace = blob_new(STR("}"));
    buf_fini(&text);
    return events;
}

void events_close(struct events *events, const char *why)
{
    events_flush(events);
    events_say_bye(events, why);
    while (events->channels != NULL) {
        struct events_subscriber *waiting = events->ready != NULL     ? events->ready
                                            : events->packing != NULL ? events->packing
                                                                      : events->blocked;
        leave(waiting != NULL ? waiting : events->channels->live, why); /* the last one frees its channel */
    }
}

void events_free(struct events *events)
{
    if (events == NULL) {
        return;
    }
    events_close(events, "stopping");
    events_forget_offline(events);
    events_forget_pending(events, events->pending_count);
    free(events->pending);
    timer_free(events->comments);
    timer_free(events->stalls);
    timer_free(events->packs);
    deferred_cancel(&events->turn);
    blob_unref(events->comment);
    blob_unref(events->brace);
    events_message_fini(&events->leaders);
    events_envelopes_fini(events);
    free(events);
}

void events_emit(struct events *events, const struct view_effect *effect)
{
    if (effect->type == VIEW_DO_SYNCED || effect->type == VIEW_DO_STALE || effect->type == VIEW_DO_NOTE) {
        events_wake(events); /* the state may be another one, which events_tell() finds */
        return;
    }
    if (effect->type == VIEW_DO_REVISION) {
        events->pending_complete = events->pending_count;
        events_wake(events);
        return;
    }
    if (effect->type != VIEW_DO_CHANGED || events->channels == NULL) {
        return;
    }
    events->pending =
        mem_grow(events->pending, events->pending_count, &events->pending_capacity, sizeof(*events->pending));
    const struct view_entry *entry = effect->is != NULL ? effect->is : effect->was;
    events->pending_bytes += blob_view(entry->json).size;
    events->pending[events->pending_count++] = (struct view_change){.revision = effect->revision,
                                                                    .was = view_entry_ref(effect->was),
                                                                    .is = view_entry_ref(effect->is),
                                                                    .clean = effect->clean};
}

const struct events_counters *events_counters(const struct events *events)
{
    return &events->counters;
}
