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

static void frame(enum events_form form, const struct leaders_scope *scope, struct buf *out)
{
    struct buf data = {0};
    leader_json_scope(scope, &data);
    events_write(form, out, STR("leader"), buf_view(&data), NULL);
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

void events_forget_leaders(struct events *events)
{
    events_message_fini(&events->leaders);
}

void events_emit_leader(struct events *events, const struct leaders_scope *scope, bool present)
{
    struct buf data = {0}, elected = {0};
    events_forget_leaders(events);
    if (events->channels == NULL) {
        return;
    }
    leader_json_scope(scope, &data);
    if (scope->named && !present) {
        frame_elected(events, scope, &elected);
    }
    struct events_message fleet = events_message(events, STR("leader"), buf_view(&data));
    struct events_message discovery = {{[EVENTS_SSE] = elected.size > 0 ? blob_take(&elected) : NULL}};
    for (const struct events_channel *channel = events->channels; channel != NULL; channel = channel->next) {
        if (channel->kind == EVENTS_DISCOVERY) {
            events_send(channel, &discovery);
        } else if (filter_leaders(channel->filter)) {
            events_send(channel, &fleet);
        }
    }
    events_message_fini(&fleet);
    events_message_fini(&discovery);
    buf_fini(&data);
}

void events_tell_leaders(struct events_subscriber *subscriber)
{
    const struct events_channel *channel = subscriber->channel;
    struct events *events = channel->events;
    const struct leaders *leaders = events->ops->leaders == NULL ? NULL : events->ops->leaders(events->user);
    if (leaders == NULL || channel->kind != EVENTS_FLEET || !filter_leaders(channel->filter)) {
        return;
    }
    struct blob **message = &events->leaders.forms[channel->form];
    if (*message == NULL) {
        struct buf text = {0};
        for (size_t i = 0; i < leaders_count(leaders); i++) {
            frame(channel->form, leaders_at(leaders, i), &text);
        }
        *message = blob_take(&text);
    }
    if (blob_view(*message).size > 0) {
        events_send_one(subscriber, message, 1);
    }
}

void events_emit_wave(struct events *events, const struct wave *wave)
{
    struct buf data = {0};
    if (events->channels == NULL) {
        return;
    }
    wave_encode(wave, WAVE_JSON_BRIEF, &data);
    struct events_message message = events_message(events, STR("drain"), buf_view(&data));
    for (const struct events_channel *channel = events->channels; channel != NULL; channel = channel->next) {
        if (channel->kind == EVENTS_FLEET) {
            events_send(channel, &message);
        }
    }
    events_message_fini(&message);
    buf_fini(&data);
}
