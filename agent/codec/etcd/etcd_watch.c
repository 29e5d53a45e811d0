/* From bytes to events:
 *
 *     bytes -> line -> error, canceled ----------------------------------------------------> ENDED
 *                  |-> created, of every range -------------------------------------------> OPENED
 *                  |-> events -> held, until the watch is open and their revision whole --> CHANGED
 *                  '-> nothing of these: a progress notification ------------------------->    "
 *
 * The first that fits, in this order: one line may be several of them (docs/design/etcd-gateway.md, "Watch
 * lines"). */
#include "etcd_watch_internal.h"
#include "etcd_watch_line_internal.h"

#include "outrider/base/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ERROR_BODY_MAX = 64 * 1024,
    INPUT_KEPT = 64 * 1024 /* a buffer that one long line has stretched is given back */
};

struct etcd_watch_decoder *etcd_watch_decoder_new(const struct registry_watch *watch)
{
    assert(watch->range_count > 0 && watch->range_count <= REGISTRY_RANGES_MAX);
    struct etcd_watch_decoder *decoder = mem_zalloc(sizeof(*decoder));
    decoder->id = watch->id;
    decoder->from_revision = watch->from_revision;
    decoder->http_status = 200;
    decoder->count = watch->range_count;
    for (size_t i = 0; i < watch->range_count; i++) {
        struct watched *watched = &decoder->watched[i];
        watched->range = watch->ranges[i];
        watched->range.key.data = watched->key = mem_copy(watched->range.key.data, watched->range.key.size);
        watched->range.end.data = watched->end = mem_copy(watched->range.end.data, watched->range.end.size);
        watched->known = watched->delivered = watch->from_revision > 0 ? watch->from_revision - 1 : 0;
    }
    decoder->reported = decoder->watched[0].delivered;
    return decoder;
}

void etcd_watch_decoder_free(struct etcd_watch_decoder *decoder)
{
    if (decoder == NULL) {
        return;
    }
    for (size_t i = 0; i < decoder->count; i++) {
        struct watched *watched = &decoder->watched[i];
        free(watched->key);
        free(watched->end);
        etcd_watch_held_fini(&watched->held);
    }
    buf_fini(&decoder->input);
    buf_fini(&decoder->frame);
    free(decoder);
}

void etcd_watch_decoder_head(struct etcd_watch_decoder *decoder, int status)
{
    decoder->http_status = status;
}

void etcd_watch_decoder_feed(struct etcd_watch_decoder *decoder, struct str bytes)
{
    struct buf *input = &decoder->input;
    if (decoder->over) {
        return;
    }
    if (decoder->http_status != 200) {
        size_t room = input->size < ERROR_BODY_MAX ? ERROR_BODY_MAX - input->size : 0;
        bytes.size = bytes.size < room ? bytes.size : room;
    }
    buf_consume(input, decoder->start);
    decoder->searched -= decoder->start;
    decoder->start = 0;
    buf_str(input, bytes);
}

void etcd_watch_decoder_finish(struct etcd_watch_decoder *decoder)
{
    decoder->finished = true;
}

/* ---- lines ---- */

/* ---- lines ---- */

static struct watched *find_watched(struct etcd_watch_decoder *decoder, int64_t watch_id)
{
    return watch_id >= 1 && (uint64_t)watch_id <= decoder->count ? &decoder->watched[watch_id - 1] : NULL;
}

static bool is_true(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

static bool on_canceled(struct etcd_watch_decoder *decoder, const json_t *result,
                        struct etcd_watch_event *ret_event)
{
    int64_t compacted = 0;
    const json_t *reason = json_object_get(result, "cancel_reason");
    if (etcd_json_i64(result, "compact_revision", &compacted) < 0) {
        return etcd_watch_emit_unexpected(decoder, "its compact_revision is no number", ret_event);
    }
    if (compacted > 0) {
        char why[128];
        snprintf(why, sizeof(why), "revision %" PRId64 " is compacted, %" PRId64 " is the oldest there is",
                 decoder->from_revision, compacted);
        etcd_watch_emit_failure(decoder, why, ret_event);
        ret_event->event.read_anew = true;
        ret_event->event.oldest = compacted;
        ret_event->elsewhere = false;
        return true;
    }
    decoder->status = (struct etcd_status){0};
    if (json_is_string(reason)) {
        etcd_status_of_reason((struct str){json_string_value(reason), json_string_length(reason)},
                              &decoder->status);
    }
    if (decoder->status.text[0] == '\0') {
        return etcd_watch_emit_failure(decoder, "etcd cancelled the watch and does not say why", ret_event);
    }
    return etcd_watch_emit_ended(decoder, ret_event);
}

static bool on_created(struct etcd_watch_decoder *decoder, struct watched *watched,
                       struct etcd_watch_event *ret_event)
{
    int64_t revision = decoder->status.revision;
    bool all = !decoder->opened;
    watched->created = true;
    decoder->created_at = revision > decoder->created_at ? revision : decoder->created_at;
    for (size_t i = 0; i < decoder->count; i++) {
        all = all && decoder->watched[i].created;
    }
    return all && etcd_watch_emit_opened(decoder, ret_event);
}

static size_t held_by_all(const struct etcd_watch_decoder *decoder)
{
    size_t size = 0;
    for (size_t i = 0; i < decoder->count; i++) {
        size += etcd_watch_held_size(&decoder->watched[i].held);
    }
    return size;
}

static bool on_events(struct etcd_watch_decoder *decoder, struct watched *watched, struct str events,
                      bool fragment, struct etcd_watch_event *ret_event)
{
    struct str event;
    int more;
    while ((more = etcd_watch_line_next(&events, &event)) > 0) {
        if (etcd_watch_held_add(&watched->held, event, &watched->range, watched->known) < 0) {
            return etcd_watch_emit_unexpected(decoder, "an event that is none, or not of what is watched",
                                              ret_event);
        }
        if (held_by_all(decoder) > ETCD_WATCH_HELD_MAX) {
            return etcd_watch_emit_failure(decoder, "too many changes before they could be delivered",
                                           ret_event);
        }
    }
    if (more < 0) {
        return etcd_watch_emit_unexpected(decoder, "its events are no list of events", ret_event);
    }
    etcd_watch_settle(watched, !fragment);
    return false;
}

static bool on_result(struct etcd_watch_decoder *decoder, const json_t *result, struct str events,
                      struct etcd_watch_event *ret_event)
{
    int64_t watch_id;
    const json_t *left = json_object_get(result, "events"); /* they were cut out */
    bool no_list =
        left != NULL && !json_is_null(left) && !(json_is_array(left) && json_array_size(left) == 0);
    decoder->status = (struct etcd_status){0};
    if (no_list || etcd_json_header(result, &decoder->status) < 0 ||
        etcd_json_i64(result, "watch_id", &watch_id) < 0 || decoder->status.revision < 0) {
        return etcd_watch_emit_unexpected(decoder, "required fields are missing or of the wrong kind",
                                          ret_event);
    }
    if (is_true(result, "canceled")) {
        return on_canceled(decoder, result, ret_event);
    }
    struct watched *watched = find_watched(decoder, watch_id);
    if (watched == NULL) {
        return etcd_watch_emit_unexpected(decoder, "its watch_id is of no watch here", ret_event);
    }
    bool created = is_true(result, "created");
    if (created && events.size == 0) {
        return on_created(decoder, watched, ret_event);
    }
    if (events.size == 0) {
        int64_t revision = decoder->status.revision;
        watched->known = revision > watched->known ? revision : watched->known;
    }
    return on_events(decoder, watched, events, is_true(result, "fragment"), ret_event) ||
           (created && on_created(decoder, watched, ret_event));
}

static bool on_root(struct etcd_watch_decoder *decoder, const json_t *root, struct str line,
                    struct str events, struct etcd_watch_event *ret_event)
{
    if (root == NULL) {
        bool cut = decoder->finished && decoder->start == decoder->input.size;
        return cut ? etcd_watch_emit_failure(decoder, "the answer ended in the middle of a line", ret_event)
                   : etcd_watch_emit_unexpected(decoder, "no JSON", ret_event);
    }
    if (etcd_error_is(root)) {
        decoder->status = (struct etcd_status){0};
        etcd_error_classify(REGISTRY_GET, decoder->http_status, line, root, &decoder->status);
        return etcd_watch_emit_ended(decoder, ret_event);
    }
    return on_result(decoder, json_object_get(root, "result"), events, ret_event);
}

static bool on_line(struct etcd_watch_decoder *decoder, struct str line, struct etcd_watch_event *ret_event)
{
    buf_clear(&decoder->frame);
    struct str events = etcd_watch_line_split(line, &decoder->frame);
    json_t *root = etcd_json_parse(buf_view(&decoder->frame), ETCD_VALUES_MAX);
    bool emitted = on_root(decoder, root, line, events, ret_event);
    json_decref(root);
    return emitted;
}

/* The next line that is not empty, borrowed until the next feed. Returns 1, 0 when there is none yet, -1 when
 * it is too long: by its length alone, not by what happens to have arrived. */
static int take_line(struct etcd_watch_decoder *decoder, struct str *ret_line)
{
    const struct buf *input = &decoder->input;
    while (decoder->start < input->size) {
        const char *from = input->data + decoder->start;
        const char *end = memchr(input->data + decoder->searched, '\n', input->size - decoder->searched);
        size_t size = end == NULL ? input->size - decoder->start : (size_t)(end - from);
        decoder->searched = decoder->start + size;
        if (size > ETCD_WATCH_LINE_MAX) {
            return -1;
        }
        if (end == NULL && !decoder->finished) {
            return 0;
        }
        decoder->start = decoder->searched += end == NULL ? 0 : 1;
        if (size > 0) {
            *ret_line = (struct str){from, size};
            return 1;
        }
    }
    return 0;
}

static void give_back_room(struct etcd_watch_decoder *decoder)
{
    if (decoder->start == decoder->input.size && decoder->input.capacity > INPUT_KEPT) {
        buf_fini(&decoder->input);
        decoder->start = decoder->searched = 0;
    }
    if (decoder->frame.capacity > INPUT_KEPT) {
        buf_fini(&decoder->frame);
    }
}

static bool on_end(struct etcd_watch_decoder *decoder, struct etcd_watch_event *ret_event)
{
    decoder->status = (struct etcd_status){0};
    if (decoder->http_status != 200) {
        struct str body = buf_view(&decoder->input);
        json_t *root = etcd_json_parse(body, ETCD_VALUES_MAX);
        etcd_error_classify(REGISTRY_GET, decoder->http_status, body, root, &decoder->status);
        json_decref(root);
    } else if (!decoder->opened) {
        return etcd_watch_emit_failure(decoder, "the answer ended before the watch began", ret_event);
    }
    return etcd_watch_emit_ended(decoder, ret_event);
}

bool etcd_watch_decoder_next(struct etcd_watch_decoder *decoder, struct etcd_watch_event *ret_event)
{
    etcd_watch_emit_released(decoder);
    while (!decoder->over) {
        if (etcd_watch_emit_changed(decoder, ret_event) || etcd_watch_emit_progress(decoder, ret_event)) {
            return true;
        }
        struct str line;
        int got = decoder->http_status == 200 ? take_line(decoder, &line) : 0;
        if (got < 0) {
            return etcd_watch_emit_failure(decoder, "a line longer than any of etcd's", ret_event);
        }
        if (got > 0 && on_line(decoder, line, ret_event)) {
            return true;
        }
        if (got == 0) {
            give_back_room(decoder);
            return decoder->finished && on_end(decoder, ret_event);
        }
    }
    return false;
}
