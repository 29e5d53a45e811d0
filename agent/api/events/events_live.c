/* Live subscribers: the changes of a turn, framed once per channel. */
#include "events_internal.h"

#include "outrider/base/blob.h"
#include "outrider/codec/record/discovery_json.h"
#include "outrider/codec/record/record_sign.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/core/fleet/view_entry.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/os/clock.h"

size_t events_next(const struct events_channel *channel, const struct view_change *changes, size_t count,
                   size_t at)
{
    while (at < count && filter_news(channel->filter, changes[at].was, changes[at].is) == FILTER_NOTHING) {
        at++;
    }
    return at;
}

bool events_is_last(const struct view_change *changes, size_t count, size_t at, size_t next)
{
    return next >= count || changes[next].revision != changes[at].revision;
}

static void frame_discovery(const struct events *events, const struct view_change *change, struct buf *out)
{
    struct buf data = {0};
    struct discovery_local local = {0};
    if (events->ops->local != NULL) {
        events->ops->local(events->user, &local);
    }
    if (discovery_json_event(change->was, change->is, clock_wall_ms(), &local, &data)) {
        sse_event(out, STR(""), buf_view(&data), NULL);
    }
    buf_fini(&data);
}

void events_frame_record(enum events_form form, struct buf *out, struct str name,
                         const struct view_entry *entry, const struct sse_id *id)
{
    struct blob *served = record_served(entry);
    events_write(form, out, name, blob_view(served), id);
    blob_unref(served);
}

static void frame_remove(enum events_form form, const struct view_change *change, const struct sse_id *id,
                         struct buf *out)
{
    struct buf data = {0};
    sse_remove_data(&data, change->was, change->clean);
    events_write(form, out, STR("remove"), buf_view(&data), id);
    buf_fini(&data);
}

void events_frame(const struct events_channel *channel, const struct view_change *change,
                  const struct sse_id *id, struct buf *out)
{
    if (channel->kind == EVENTS_DISCOVERY) {
        frame_discovery(channel->events, change, out);
        return;
    }
    switch (filter_news(channel->filter, change->was, change->is)) {
    case FILTER_NOTHING: break;
    case FILTER_UPDATE: events_frame_record(channel->form, out, STR("update"), change->is, id); break;
    case FILTER_REMOVE: frame_remove(channel->form, change, id, out); break;
    }
}

/* The pending changes as one message; NULL when none is an event to this channel. */
static struct blob *frame_pending(const struct events_channel *channel)
{
    const struct events *events = channel->events;
    const struct view_change *changes = events->pending;
    size_t count = events->pending_complete, next;
    struct sse_id id = {.cluster = view_stamp(events->view)};
    struct buf out = {0};
    for (size_t i = events_next(channel, changes, count, 0); i < count; i = next) {
        next = events_next(channel, changes, count, i + 1);
        id.revision = changes[i].revision;
        events_frame(channel, &changes[i], events_is_last(changes, count, i, next) ? &id : NULL, &out);
    }
    struct blob *message = out.size == 0 ? NULL : blob_new(buf_view(&out));
    buf_fini(&out);
    return message;
}

static void broadcast(const struct events_channel *channel)
{
    struct blob *message = channel->live == NULL ? NULL : frame_pending(channel);
    if (message != NULL) {
        events_send_all(channel, message);
    }
    blob_unref(message);
}

/* So much at once exceeds what a socket takes, which is not the subscriber's fault, or takes long to compress. */
static bool is_large(const struct events *events, bool gzip)
{
    return gzip ? events->pending_bytes * events->gzip_channels > EVENTS_GZIP_LIVE_BYTES
                : events->pending_bytes > EVENTS_LIVE_BYTES;
}

static void let_catch_up(struct events_channel *channel, struct events_batch *batch)
{
    while (channel->live != NULL) {
        events_begin(channel->live, events_batch_ref(batch));
    }
}

void events_forget_pending(struct events *events, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        view_entry_unref(events->pending[i].was);
        view_entry_unref(events->pending[i].is);
    }
    events->pending_count -= count;
    events->pending_complete = 0;
    events->pending_bytes = 0;
}

void events_flush(struct events *events)
{
    if (events->pending_complete == 0) {
        return;
    }
    bool large = is_large(events, false), large_gzip = is_large(events, true);
    struct events_batch *batch = large || large_gzip ? events_batch_pending(events) : NULL;
    for (struct events_channel *channel = events->channels; channel != NULL; channel = channel->next) {
        if (channel->packer == NULL ? large : large_gzip) {
            let_catch_up(channel, batch);
        } else {
            broadcast(channel);
        }
    }
    events_batch_unref(batch);
    events_forget_pending(events, events->pending_complete);
}
