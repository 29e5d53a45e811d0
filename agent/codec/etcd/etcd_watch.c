/* From bytes to events:
 *
 *     bytes -> line -> error, canceled ----------------------------------------------------> ENDED
 *                  |-> created, of every range -------------------------------------------> OPENED
 *                  |-> events -> held, until the watch is open and their revision whole --> CHANGED
 *                  '-> nothing of these: a progress notification ------------------------->    "
 *
 * The first that fits, in this order: one line may be several of them (docs/design/etcd-gateway.md, "Watch
 * lines"). */
#include "outrider/codec/etcd/etcd_watch.h"

#include "etcd_codec_internal.h"
#include "etcd_watch_held_internal.h"
#include "outrider/base/mem.h"
#include "outrider/codec/json/json_scan.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ERROR_BODY_MAX = 64 * 1024,
    INPUT_KEPT = 64 * 1024 /* a buffer that one long line has stretched is given back */
};

/* One range of the watch. */
struct watched {
    bool created;
    int64_t known;     /* every revision up to it was delivered or is held whole */
    int64_t delivered; /* every revision up to it was delivered */
    size_t whole;      /* of the held, from the first: those of whole revisions */
    struct etcd_watch_held held;
};

struct etcd_watch_decoder {
    const struct registry_watch *watch;
    struct watched watched[REGISTRY_RANGES_MAX]; /* as many as the watch has ranges */
    int http_status;
    struct buf input;
    size_t start, searched; /* in input: the line being read, and how far it has no end */
    bool finished, opened, over;
    struct watched *delivering; /* whose changes the last event points to */
    int64_t reported;           /* revision of the last event */
    int64_t created_at;         /* newest revision at which a range was created */
    struct buf frame;           /* the line being read without its events */
    struct etcd_status status;  /* what the line being read says of itself */
};

struct etcd_watch_decoder *etcd_watch_decoder_new(const struct registry_watch *watch)
{
    assert(watch->range_count > 0 && watch->range_count <= REGISTRY_RANGES_MAX);
    struct etcd_watch_decoder *decoder = mem_zalloc(sizeof(*decoder));
    decoder->watch = watch;
    decoder->http_status = 200;
    decoder->reported = watch->from_revision > 0 ? watch->from_revision - 1 : 0;
    for (size_t i = 0; i < watch->range_count; i++) {
        decoder->watched[i].known = decoder->watched[i].delivered = decoder->reported;
    }
    return decoder;
}

void etcd_watch_decoder_free(struct etcd_watch_decoder *decoder)
{
    if (decoder == NULL) {
        return;
    }
    for (size_t i = 0; i < REGISTRY_RANGES_MAX; i++) {
        etcd_watch_held_fini(&decoder->watched[i].held);
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

/* ---- events: each of these writes one and returns true, or false where there is none of the kind ---- */

static struct registry_watch_event *begin_event(const struct etcd_watch_decoder *decoder,
                                                enum registry_watch_event_type type,
                                                struct etcd_watch_event *ret_event)
{
    *ret_event = (struct etcd_watch_event){.event = {.id = decoder->watch->id, .type = type}};
    return &ret_event->event;
}

/* ENDED by `status`. */
static bool emit_ended(struct etcd_watch_decoder *decoder, struct etcd_watch_event *ret_event)
{
    const struct etcd_status *status = &decoder->status;
    struct registry_watch_event *event = begin_event(decoder, REGISTRY_WATCH_ENDED, ret_event);
    bool about_watches = status->failure == REGISTRY_OK || status->failure == REGISTRY_OVERLOADED ||
                         status->failure == REGISTRY_DENIED || status->failure == REGISTRY_REFUSED;
    event->failure = about_watches ? status->failure : REGISTRY_RETRY;
    event->error = event->failure == REGISTRY_OK ? STR("") : str_of(status->text);
    ret_event->elsewhere = status->elsewhere;
    ret_event->token_refused = status->token_refused;
    decoder->over = true;
    return true;
}

/* ENDED by a failure that the decoder found. */
static bool emit_failure(struct etcd_watch_decoder *decoder, const char *why,
                         struct etcd_watch_event *ret_event)
{
    decoder->status = (struct etcd_status){.failure = REGISTRY_RETRY, .elsewhere = true};
    snprintf(decoder->status.text, sizeof(decoder->status.text), "%s", why);
    return emit_ended(decoder, ret_event);
}

/* ENDED by something that is not etcd's. */
static bool emit_unexpected(struct etcd_watch_decoder *decoder, const char *what,
                            struct etcd_watch_event *ret_event)
{
    char why[128];
    snprintf(why, sizeof(why), "not a watch of etcd: %s", what);
    return emit_failure(decoder, why, ret_event);
}

static void note_delivered(struct watched *watched)
{
    watched->delivered = watched->whole > 0 ? watched->delivered : watched->known;
}

/* A client reads at `revision` or later after OPENED, and so sees what changed up to then. */
static void forget_until(struct watched *watched, int64_t revision)
{
    size_t count = etcd_watch_held_until(&watched->held, revision);
    etcd_watch_held_drop(&watched->held, count);
    watched->whole -= count < watched->whole ? count : watched->whole;
    watched->known = watched->known > revision ? watched->known : revision;
    watched->delivered = revision;
    note_delivered(watched);
}

static bool emit_opened(struct etcd_watch_decoder *decoder, struct etcd_watch_event *ret_event)
{
    struct registry_watch_event *event = begin_event(decoder, REGISTRY_WATCH_OPENED, ret_event);
    event->revision = decoder->created_at;
    event->cluster = decoder->status.cluster;
    decoder->opened = true;
    if (decoder->watch->from_revision == 0) {
        for (size_t i = 0; i < decoder->watch->range_count; i++) {
            forget_until(&decoder->watched[i], decoder->created_at);
        }
        decoder->reported = decoder->created_at;
    }
    return true;
}

static int64_t delivered_on_all(const struct etcd_watch_decoder *decoder)
{
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < decoder->watch->range_count; i++) {
        const struct watched *watched = &decoder->watched[i];
        least = watched->delivered < least ? watched->delivered : least;
    }
    return least;
}

static bool emit_changed(struct etcd_watch_decoder *decoder, struct etcd_watch_event *ret_event)
{
    for (size_t i = 0; decoder->opened && i < decoder->watch->range_count; i++) {
        struct watched *watched = &decoder->watched[i];
        if (watched->whole > 0) {
            struct registry_watch_event *event = begin_event(decoder, REGISTRY_WATCH_CHANGED, ret_event);
            watched->delivered = watched->known;
            decoder->delivering = watched;
            decoder->reported = delivered_on_all(decoder);
            event->revision = decoder->reported;
            event->changes = etcd_watch_held_show(&watched->held, watched->whole);
            event->change_count = watched->whole;
            return true;
        }
    }
    return false;
}

static bool emit_progress(struct etcd_watch_decoder *decoder, struct etcd_watch_event *ret_event)
{
    if (!decoder->opened || delivered_on_all(decoder) <= decoder->reported) {
        return false;
    }
    decoder->reported = delivered_on_all(decoder);
    begin_event(decoder, REGISTRY_WATCH_CHANGED, ret_event)->revision = decoder->reported;
    return true;
}

/* Drops what the last event pointed to. */
static void release(struct etcd_watch_decoder *decoder)
{
    struct watched *watched = decoder->delivering;
    if (watched != NULL) {
        etcd_watch_held_drop(&watched->held, watched->whole);
        watched->whole = 0;
        decoder->delivering = NULL;
    }
}

/* ---- lines ---- */

static bool on_canceled(struct etcd_watch_decoder *decoder, const json_t *result,
                        struct etcd_watch_event *ret_event)
{
    int64_t compacted = 0;
    const json_t *reason = json_object_get(result, "cancel_reason");
    if (etcd_json_revision(result, "compact_revision", &compacted) < 0) {
        return emit_unexpected(decoder, "its compact_revision is no number", ret_event);
    }
    if (compacted > 0) {
        char why[128];
        snprintf(why, sizeof(why), "revision %" PRId64 " is compacted, %" PRId64 " is the oldest there is",
                 decoder->watch->from_revision, compacted);
        emit_failure(decoder, why, ret_event);
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
        return emit_failure(decoder, "etcd cancelled the watch and does not say why", ret_event);
    }
    return emit_ended(decoder, ret_event);
}

static bool on_created(struct etcd_watch_decoder *decoder, struct watched *watched,
                       struct etcd_watch_event *ret_event)
{
    int64_t revision = decoder->status.revision;
    bool all = !decoder->opened;
    watched->created = true;
    decoder->created_at = revision > decoder->created_at ? revision : decoder->created_at;
    for (size_t i = 0; i < decoder->watch->range_count; i++) {
        all = all && decoder->watched[i].created;
    }
    return all && emit_opened(decoder, ret_event);
}

static size_t held_by_all(const struct etcd_watch_decoder *decoder)
{
    size_t size = 0;
    for (size_t i = 0; i < decoder->watch->range_count; i++) {
        size += etcd_watch_held_size(&decoder->watched[i].held);
    }
    return size;
}

/* Events of `watched` were read. `whole`: no more of the last revision is to come. */
static void settle(struct watched *watched, bool whole)
{
    int64_t newest = etcd_watch_held_newest(&watched->held) - (whole ? 0 : 1);
    watched->known = newest > watched->known ? newest : watched->known;
    watched->whole = etcd_watch_held_until(&watched->held, watched->known);
    note_delivered(watched);
}

/* `events` is the array of them, or nothing. */
static bool on_events(struct etcd_watch_decoder *decoder, struct watched *watched, struct str events,
                      bool whole, struct etcd_watch_event *ret_event)
{
    const struct registry_range *range = &decoder->watch->ranges[watched - decoder->watched];
    struct json_scan scan = {.text = events};
    bool emitted = false;
    int more = events.size > 0 ? 1 : 0;
    for (bool first = true; more > 0 && !emitted; first = false) {
        more = json_scan_next(&scan, ']', first);
        if (more < 0 || (more > 0 && etcd_watch_held_add(&watched->held, &scan, range, watched->known) < 0)) {
            emitted = emit_unexpected(decoder, "an event that is none, or not of what is watched", ret_event);
        } else if (held_by_all(decoder) > ETCD_WATCH_HELD_MAX) {
            emitted = emit_failure(decoder, "too many changes before they could be delivered", ret_event);
        }
    }
    json_scan_fini(&scan);
    if (!emitted) {
        settle(watched, whole);
    }
    return emitted;
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
        etcd_json_i64(result, "watch_id", &watch_id) < 0) {
        return emit_unexpected(decoder, "required fields are missing or of the wrong kind", ret_event);
    }
    if (json_is_true(json_object_get(result, "canceled"))) {
        return on_canceled(decoder, result, ret_event);
    }
    if (watch_id < 1 || (uint64_t)watch_id > decoder->watch->range_count) {
        return emit_unexpected(decoder, "its watch_id is of no watch here", ret_event);
    }
    struct watched *watched = &decoder->watched[watch_id - 1];
    bool created = json_is_true(json_object_get(result, "created"));
    bool whole = !json_is_true(json_object_get(result, "fragment"));
    if (created && events.size == 0) {
        return on_created(decoder, watched, ret_event);
    }
    if (events.size == 0) {
        int64_t revision = decoder->status.revision;
        watched->known = revision > watched->known ? revision : watched->known;
    }
    return on_events(decoder, watched, events, whole, ret_event) ||
           (created && on_created(decoder, watched, ret_event));
}

static bool on_root(struct etcd_watch_decoder *decoder, const json_t *root, struct str line,
                    struct str events, struct etcd_watch_event *ret_event)
{
    if (root == NULL) {
        bool cut = decoder->finished && decoder->start == decoder->input.size;
        return cut ? emit_failure(decoder, "the answer ended in the middle of a line", ret_event)
                   : emit_unexpected(decoder, "no JSON", ret_event);
    }
    if (etcd_error_is(root)) {
        decoder->status = (struct etcd_status){0};
        etcd_error_classify(REGISTRY_GET, decoder->http_status, line, root, &decoder->status);
        return emit_ended(decoder, ret_event);
    }
    return on_result(decoder, json_object_get(root, "result"), events, ret_event);
}

/* Whether the object at which `scan` stands has a member `name`; its value comes next. */
static bool find_member(struct json_scan *scan, struct str name)
{
    struct str found;
    for (bool first = true; json_scan_member(scan, first, &found) > 0; first = false) {
        if (str_eq(found, name)) {
            return true;
        }
        if (json_scan_skip(scan) < 0) {
            return false;
        }
    }
    return false;
}

/* A line can hold a hundred thousand events: they are read one at a time, and no tree of all of them is ever built. Writes to
 * `frame` the line with an empty array in place of its result's events, for a JSON parser to read and to judge. Returns the
 * events, borrowed from `line`; empty when there are none or the line is no such object. */
static struct str split_line(struct str line, struct buf *frame)
{
    struct json_scan scan = {.text = line};
    size_t from = 0, to = 0;
    if (find_member(&scan, STR("result")) && find_member(&scan, STR("events")) &&
        json_scan_peek(&scan) == '[') {
        from = to = scan.at;
        scan.at++;
        bool any = json_scan_peek(&scan) != ']';
        scan.at = from;
        if (any && json_scan_skip(&scan) == 0) {
            to = scan.at;
        }
    }
    json_scan_fini(&scan);
    buf_str(frame, (struct str){line.data, from});
    buf_str(frame, from < to ? STR("[]") : STR(""));
    buf_str(frame, (struct str){line.data + to, line.size - to});
    return (struct str){line.data + from, to - from};
}

static bool on_line(struct etcd_watch_decoder *decoder, struct str line, struct etcd_watch_event *ret_event)
{
    buf_clear(&decoder->frame);
    struct str events = split_line(line, &decoder->frame);
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
        return emit_failure(decoder, "the answer ended before the watch began", ret_event);
    }
    return emit_ended(decoder, ret_event);
}

bool etcd_watch_decoder_next(struct etcd_watch_decoder *decoder, struct etcd_watch_event *ret_event)
{
    release(decoder);
    while (!decoder->over) {
        if (emit_changed(decoder, ret_event) || emit_progress(decoder, ret_event)) {
            return true;
        }
        struct str line;
        int got = decoder->http_status == 200 ? take_line(decoder, &line) : 0;
        if (got < 0) {
            return emit_failure(decoder, "a line longer than any of etcd's", ret_event);
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
