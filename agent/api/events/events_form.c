/* One event as SSE and as a message of a WebSocket. */
#include "events_internal.h"

#include "outrider/base/blob.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/codec/websocket/socket_message.h"
#include "outrider/codec/websocket/websocket.h"
#include "outrider/os/clock.h"

static void write_message(struct buf *out, struct str name, struct str data, const struct sse_id *id)
{
    struct buf text = {0};
    char id_text[SSE_ID_SIZE] = "";
    if (id != NULL) {
        sse_id_text(id, id_text);
    }
    socket_message_event_head(&text, name, str_of(id_text));
    websocket_text_head(out, text.size + data.size + 1);
    buf_str(out, buf_view(&text));
    buf_str(out, data);
    buf_str(out, STR("}"));
    buf_fini(&text);
}

void events_write(enum events_form form, struct buf *out, struct str name, struct str data,
                  const struct sse_id *id)
{
    if (form == EVENTS_SOCKET) {
        write_message(out, name, data, id);
    } else {
        sse_event(out, name, data, id);
    }
}

/* Whether a channel of the fleet has the form. */
static bool is_wanted(const struct events *events, enum events_form form)
{
    const struct events_channel *channel = events->channels;
    while (channel != NULL && (channel->form != form || channel->kind != EVENTS_FLEET)) {
        channel = channel->next;
    }
    return channel != NULL;
}

struct events_message events_message(const struct events *events, struct str name, struct str data)
{
    struct events_message message = {{NULL}};
    for (enum events_form form = 0; form < EVENTS_FORMS; form++) {
        if (is_wanted(events, form)) {
            struct buf text = {0};
            events_write(form, &text, name, data, NULL);
            message.forms[form] = blob_take(&text);
        }
    }
    return message;
}

void events_message_fini(struct events_message *message)
{
    for (enum events_form form = 0; form < EVENTS_FORMS; form++) {
        blob_unref(message->forms[form]);
    }
    *message = (struct events_message){{NULL}};
}

void events_send(const struct events_channel *channel, const struct events_message *message)
{
    struct blob *blob = message->forms[channel->form];
    if (blob != NULL) {
        events_send_all(channel, blob);
    }
}

struct blob *events_alive(void)
{
    struct buf text = {0}, frame = {0};
    struct json_writer json = {.out = &text};
    json_write_object(&json);
    json_member_text(&json, "type", "alive");
    json_member_time(&json, "now", clock_wall_ms());
    json_write_object_end(&json);
    websocket_text(&frame, buf_view(&text));
    buf_fini(&text);
    return blob_take(&frame);
}
