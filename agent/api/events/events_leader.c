/* Who leads: for live subscribers when it changes, and for each that goes live. And what operations on waves of servers do. */
#include "events_internal.h"

#include "outrider/base/blob.h"
#include "outrider/codec/record/discovery_json.h"
#include "outrider/codec/record/leader_json.h"
#include "outrider/codec/wave/wave_json.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/leader/leaders.h"
#include "outrider/os/clock.h"

static void frame(const struct leaders_scope *scope, struct buf *out)
{
    struct buf data = {0};
    leader_json_scope(scope, &data);
    sse_event(out, STR("leader"), buf_view(&data), NULL);
    buf_fini(&data);
}

static void frame_elected(const struct events *events, const struct leaders_scope *scope, struct buf *out)
{
    struct buf data = {0};
    struct discovery_local local = {0};
    const struct view_entry *entry = view_find(events->view, str_of(scope->who.type), str_of(scope->who.id));
    if (events->ops->local != NULL) {
        events->ops->local(events->user, &local);
    }
    discovery_json_elected(scope, entry, &local, clock_wall_ms(), &data);
    sse_event(out, STR(""), buf_view(&data), NULL);
    buf_fini(&data);
}

static void send(const struct events_channel *channel, struct blob *message)
{
    for (const struct events_subscriber *each = channel->live; each != NULL; each = each->next) {
        http_push_send(each->push, &message, 1);
    }
}

void events_forget_leaders(struct events *events)
{
    blob_unref(events->leaders);
    events->leaders = NULL;
}

void events_emit_leader(struct events *events, const struct leaders_scope *scope, bool present)
{
    struct buf fleet = {0}, discovery = {0};
    events_forget_leaders(events);
    if (events->channels == NULL) {
        return;
    }
    frame(scope, &fleet);
    if (scope->named && !present) {
        frame_elected(events, scope, &discovery);
    }
    struct blob *messages[] = {
        [EVENTS_FLEET] = blob_new(buf_view(&fleet)), [EVENTS_DISCOVERY] = blob_new(buf_view(&discovery))};
    for (const struct events_channel *channel = events->channels; channel != NULL; channel = channel->next) {
        bool wanted =
            channel->kind == EVENTS_DISCOVERY ? discovery.size > 0 : filter_leaders(channel->filter);
        if (wanted) {
            send(channel, messages[channel->kind]);
        }
    }
    blob_unref(messages[EVENTS_FLEET]);
    blob_unref(messages[EVENTS_DISCOVERY]);
    buf_fini(&fleet);
    buf_fini(&discovery);
}

void events_tell_leaders(struct events_subscriber *subscriber)
{
    const struct events_channel *channel = subscriber->channel;
    struct events *events = channel->events;
    const struct leaders *leaders = events->ops->leaders == NULL ? NULL : events->ops->leaders(events->user);
    if (leaders == NULL || channel->kind != EVENTS_FLEET || !filter_leaders(channel->filter)) {
        return;
    }
    if (events->leaders == NULL) {
        struct buf text = {0};
        for (size_t i = 0; i < leaders_count(leaders); i++) {
            frame(leaders_at(leaders, i), &text);
        }
        events->leaders = blob_take(&text);
    }
    if (blob_view(events->leaders).size > 0) {
        http_push_send(subscriber->push, &events->leaders, 1);
    }
}

void events_emit_wave(struct events *events, const struct wave *wave)
{
    struct buf data = {0}, text = {0};
    if (events->channels == NULL) {
        return;
    }
    wave_encode(wave, WAVE_JSON_BRIEF, &data);
    sse_event(&text, STR("drain"), buf_view(&data), NULL);
    struct blob *message = blob_take(&text);
    for (const struct events_channel *channel = events->channels; channel != NULL; channel = channel->next) {
        if (channel->kind == EVENTS_FLEET) {
            send(channel, message);
        }
    }
    blob_unref(message);
    buf_fini(&data);
}
