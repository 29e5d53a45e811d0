/* Feeding subscribers that catch up: portions of a batch, as the socket takes them. */
#include "events_internal.h"

#include "outrider/base/blob.h"
#include "outrider/codec/websocket/socket_message.h"
#include "outrider/codec/websocket/websocket.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/core/fleet/view_entry.h"
#include "outrider/core/fleet/view_read.h"

struct portion {
    struct blob *blobs[EVENTS_PORTION_BLOBS];
    size_t count, bytes;
};

static void add(struct portion *portion, struct blob *blob)
{
    portion->blobs[portion->count++] = blob_ref(blob);
    portion->bytes += blob_view(blob).size;
}

/* Adds the text, if there is any, and ends it. */
static void add_text(struct portion *portion, struct buf *text)
{
    if (text->size > 0) {
        struct blob *blob = blob_new(buf_view(text));
        add(portion, blob);
        blob_unref(blob);
    }
    buf_fini(text);
}

/* ---- envelopes ---- */

/* What stands before and after a record in its event, with the id of `id` if that is not NULL. */
static const struct events_envelope *envelope_of(struct events *events, bool init, const struct sse_id *id)
{
    struct events_envelope *envelope = &events->envelopes[init ? 0 : id == NULL ? 1 : 2];
    if (envelope->head == NULL ||
        (id != NULL && (id->revision != envelope->id.revision || id->cluster != envelope->id.cluster))) {
        struct buf text = {0};
        struct str tail;
        sse_event(&text, init ? STR("init") : STR("update"), STR("\x01"), id);
        struct str head = str_split(buf_view(&text), '\x01', &tail);
        blob_unref(envelope->head);
        blob_unref(envelope->tail);
        *envelope = (struct events_envelope){blob_new(head), blob_new(tail), id == NULL ? envelope->id : *id};
        buf_fini(&text);
    }
    return envelope;
}

void events_envelopes_fini(struct events *events)
{
    for (size_t i = 0; i < COUNT_OF(events->envelopes); i++) {
        blob_unref(events->envelopes[i].head);
        blob_unref(events->envelopes[i].tail);
    }
}

/* ---- portions ---- */

static bool is_one_line(struct str text)
{
    return memchr(text.data, '\n', text.size) == NULL && memchr(text.data, '\r', text.size) == NULL;
}

/* As a message of a WebSocket, which begins with its length. */
static void add_message(struct events *events, struct portion *portion, struct blob *json, bool init,
                        const struct sse_id *id)
{
    struct buf text = {0}, head = {0};
    char id_text[SSE_ID_SIZE] = "";
    if (id != NULL) {
        sse_id_text(id, id_text);
    }
    socket_message_event_head(&text, init ? STR("init") : STR("update"), str_of(id_text));
    websocket_text_head(&head, text.size + blob_view(json).size + blob_view(events->brace).size);
    buf_str(&head, buf_view(&text));
    buf_fini(&text);
    add_text(portion, &head);
    add(portion, json);
    add(portion, events->brace);
}

/* A record goes out as the bytes in the registry, in the envelope of its event: three references and no copy, for any
 * number of subscribers. */
static void add_record(const struct events_channel *channel, struct portion *portion,
                       const struct view_entry *entry, bool init, const struct sse_id *id)
{
    struct events *events = channel->events;
    struct blob *json = entry->json;
    bool as_it_is = entry->signature == VIEW_SIGNATURE_UNCHECKED;
    if (as_it_is && channel->form == EVENTS_SOCKET) {
        add_message(events, portion, json, init, id);
        return;
    }
    if (as_it_is && is_one_line(blob_view(json))) {
        const struct events_envelope *envelope = envelope_of(events, init, id);
        add(portion, envelope->head);
        add(portion, json);
        add(portion, envelope->tail);
        return;
    }
    struct buf text = {0};
    events_frame_record(channel->form, &text, init ? STR("init") : STR("update"), entry, id);
    add_text(portion, &text);
}

static void add_change(struct events_subscriber *subscriber, struct portion *portion, size_t at, size_t next)
{
    const struct events_channel *channel = subscriber->channel;
    const struct events_batch *batch = subscriber->batch;
    const struct view_change *change = &batch->items[at];
    struct sse_id id = {change->revision, batch->cluster};
    bool last = batch->from != EVENTS_INIT && events_is_last(batch->items, batch->count, at, next);
    if (channel->kind == EVENTS_FLEET && filter_matches(channel->filter, change->is)) {
        subscriber->sent_records++;
        add_record(channel, portion, change->is, batch->from == EVENTS_INIT, last ? &id : NULL);
        return;
    }
    struct buf text = {0};
    events_frame(channel, change, last ? &id : NULL, &text);
    add_text(portion, &text);
}

static void fill(struct events_subscriber *subscriber, struct portion *portion)
{
    const struct events_batch *batch = subscriber->batch;
    size_t limit = subscriber->channel->packer == NULL ? EVENTS_PORTION_BYTES : EVENTS_GZIP_PORTION_BYTES;
    while (subscriber->index < batch->count && portion->count + 4 <= EVENTS_PORTION_BLOBS &&
           portion->bytes < limit) {
        size_t at = subscriber->index;
        subscriber->index = events_next(subscriber->channel, batch->items, batch->count, at + 1);
        add_change(subscriber, portion, at, subscriber->index);
    }
    if (subscriber->index >= batch->count && batch->from == EVENTS_INIT) {
        struct sse_id id = {batch->revision, batch->cluster};
        struct buf data = {0}, text = {0};
        sse_synced_data(&data, subscriber->sent_records, !view_facts(batch->events->view)->synced, &id);
        events_write(subscriber->channel->form, &text, STR("synced"), buf_view(&data), &id);
        add_text(portion, &text);
        buf_fini(&data);
    }
}

/* ---- what comes next ---- */

void events_begin(struct events_subscriber *subscriber, struct events_batch *batch)
{
    struct events_channel *channel = subscriber->channel;
    subscriber->batch = batch;
    subscriber->sent_records = 0;
    if (batch == NULL) {
        events_enter(subscriber, &channel->live);
        if (channel->packer != NULL) {
            channel->packer->starts_over = true; /* it has not got what the others have */
        }
        events_tell_state(subscriber);
        events_tell_leaders(subscriber);
        return;
    }
    subscriber->index = events_next(channel, batch->items, batch->count, 0);
    /* A subscriber that was live with a backlog begins when that has drained. */
    if (http_push_facts(subscriber->push)->behind > 0) {
        events_block(subscriber);
        return;
    }
    events_go_on(subscriber);
}

/* The batch is delivered. Continues from the change log, or drops the subscriber if the log no longer reaches
 * back that far. */
static void continue_stream(struct events_subscriber *subscriber)
{
    struct events *events = subscriber->channel->events;
    struct events_batch *done = subscriber->batch, *rest;
    subscriber->batch = NULL;
    if (events_batch_rest(events, done, &rest) < 0) {
        events_drop(subscriber, "the change log no longer reaches back to the batch");
    } else {
        events_begin(subscriber, rest);
    }
}

/* The bytes of text that it sent. */
static size_t send_portion(struct events_subscriber *subscriber)
{
    struct portion portion;
    const struct events_portion *known = events_portion_find(subscriber);
    if (known != NULL) {
        subscriber->index = known->next;
        subscriber->sent_records = known->records;
        http_push_send(subscriber->push, &known->blob, 1);
        return known->bytes;
    }
    struct events_portion packed = {
        .batch = subscriber->batch, .channel = subscriber->channel, .index = subscriber->index};
    portion.count = portion.bytes = 0;
    fill(subscriber, &portion);
    if (subscriber->channel->packer == NULL || portion.count == 0) {
        http_push_send(subscriber->push, portion.blobs, portion.count);
    } else {
        packed.next = subscriber->index;
        packed.records = subscriber->sent_records;
        packed.bytes = portion.bytes;
        events_portion_send(subscriber, packed, portion.blobs, portion.count);
    }
    for (size_t i = 0; i < portion.count; i++) {
        blob_unref(portion.blobs[i]);
    }
    return portion.bytes;
}

size_t events_feed(struct events_subscriber *subscriber)
{
    struct events *events = subscriber->channel->events;
    size_t sent = send_portion(subscriber);
    if (subscriber->index >= subscriber->batch->count) {
        continue_stream(subscriber);
    } else if (http_push_facts(subscriber->push)->behind > 0 ||
               http_push_facts(subscriber->push)->is_closed) {
        events_block(subscriber);
    } else {
        /* behind the others */
        events_enter(subscriber, subscriber->channel->packer == NULL ? &events->ready : &events->packing);
    }
    return sent;
}
