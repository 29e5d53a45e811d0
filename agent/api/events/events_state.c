/* Whether the view is certain, servers that are gone, and the end of the stream: for live subscribers that ask for it. */
#include "events_internal.h"

#include "outrider/base/blob.h"
#include "outrider/base/mem.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/core/fleet/view_entry.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/os/clock.h"

#include <stdlib.h>

/* An event whose data is the object that `json` has begun. */
static struct events_message finish(const struct events *events, struct json_writer *json, struct str name)
{
    json_member_time(json, "now", clock_wall_ms());
    json_write_object_end(json);
    struct events_message message = events_message(events, name, buf_view(json->out));
    buf_fini(json->out);
    return message;
}

static struct events_message state_message(const struct events *events)
{
    const struct view_facts *fleet = view_facts(events->view);
    struct instant now = {.mono = clock_mono_ms(), .boot = clock_boot_ms(), .wall = clock_wall_ms()};
    struct buf data = {0};
    struct json_writer json = {.out = &data};
    json_write_object(&json);
    json_member_bool(&json, "stale", !fleet->synced);
    json_member_span(&json, "ageMs", view_age(events->view, &now));
    json_member_string_or_null(&json, "reason", fleet->synced ? STR("") : str_of(fleet->last_error));
    return finish(events, &json, STR("state"));
}

/* Two states with the same one are told once. Never 0. */
static uint64_t state_hash(const struct view_facts *fleet)
{
    return fleet->synced ? 1 : str_hash(str_of(fleet->last_error), 2) | 2;
}

static void send_all(const struct events *events, const struct events_message *message,
                     const struct view_entry *of)
{
    for (const struct events_channel *channel = events->channels; channel != NULL; channel = channel->next) {
        if (filter_state(channel->filter) && (of == NULL || filter_matches(channel->filter, of))) {
            events_send(channel, message);
        }
    }
}

/* The same of a message that is made for this alone. */
static void send_once(const struct events *events, struct events_message message)
{
    send_all(events, &message, NULL);
    events_message_fini(&message);
}

/* ---- servers that are gone ---- */

void events_forget_offline(struct events *events)
{
    for (size_t i = 0; i < events->offline_count; i++) {
        events_message_fini(&events->offline[i].message);
        view_entry_unref(events->offline[i].entry);
    }
    free(events->offline);
    events->offline = NULL;
    events->offline_count = events->offline_capacity = events->offline_bytes = events->offline_left_out = 0;
}

void events_emit_offline(struct events *events, struct view_entry *entry, struct str data)
{
    if (events->channels == NULL) {
        return;
    }
    events_wake(events);
    if (events->offline_bytes + data.size > EVENTS_OFFLINE_BYTES) {
        events->offline_left_out++;
        return;
    }
    struct events_message message = events_message(events, STR("offline"), data);
    for (enum events_form form = 0; form < EVENTS_FORMS; form++) {
        events->offline_bytes += blob_view(message.forms[form]).size;
    }
    events->offline =
        mem_grow(events->offline, events->offline_count, &events->offline_capacity, sizeof(*events->offline));
    events->offline[events->offline_count++] =
        (struct events_offline){.message = message, .entry = view_entry_ref(entry)};
}

static void tell_offline(struct events *events)
{
    for (size_t i = 0; i < events->offline_count; i++) {
        send_all(events, &events->offline[i].message, events->offline[i].entry);
    }
    if (events->offline_left_out > 0) {
        struct buf data = {0};
        struct json_writer json = {.out = &data};
        json_write_object(&json);
        json_member_text(&json, "code", "many_offline");
        json_member_uint(&json, "count", events->offline_left_out);
        json_member_text(&json, "message",
                         "more servers went at once than are told one by one: see /api/offline");
        send_once(events, finish(events, &json, STR("notice")));
    }
    events_forget_offline(events);
}

/* ---- the state ---- */

void events_tell(struct events *events)
{
    uint64_t hash = state_hash(view_facts(events->view));
    if (events->offline_count + events->offline_left_out > 0) {
        tell_offline(events);
    }
    if (hash != events->state_hash) {
        events->state_hash = hash;
        send_once(events, state_message(events));
    }
}

void events_tell_state(struct events_subscriber *subscriber)
{
    const struct events_channel *channel = subscriber->channel;
    if (filter_state(channel->filter)) {
        struct events_message message = state_message(channel->events);
        events_send_one(subscriber, &message.forms[channel->form], 1);
        events_message_fini(&message);
    }
}

void events_say_bye(struct events *events, const char *why)
{
    if (events->channels == NULL) {
        return;
    }
    struct buf data = {0};
    struct json_writer json = {.out = &data};
    json_write_object(&json);
    json_member_text(&json, "reason", why);
    send_once(events, finish(events, &json, STR("bye")));
}

struct blob *events_clock_comment(void)
{
    struct buf time = {0}, line = {0}, text = {0};
    struct json_writer json = {.out = &time};
    json_write_time(&json, clock_wall_ms());
    buf_str(&line, STR("now="));
    buf_add(&line, time.data + 1, time.size - 2); /* without its quotes */
    sse_comment(&text, buf_view(&line));
    buf_fini(&time);
    buf_fini(&line);
    return blob_take(&text);
}
