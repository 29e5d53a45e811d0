#include "server_inbox_internal.h"

#include "outrider/base/blob.h"
#include "outrider/base/mem.h"
#include "outrider/codec/command/command_json.h"
#include "outrider/codec/command/command_line.h"
#include "outrider/io/line/line_socket.h"
#include "outrider/io/loop/timer.h"
#include "outrider/registry/registry.h"

#include <stdio.h>
#include <stdlib.h>

struct server_inbox {
    struct agent *agent;
    struct registry_client *registry;
    struct timer *timer;
    struct inbox inbox;
    struct queue effects;
    struct buf prefix, end; /* the range of its keys */
    struct buf last;        /* the last key of the page before */
    enum inbox_verdict verdict;
};

static void step(struct server_inbox *inbox, struct inbox_event event);

/* ---- effects ---- */

static void list(struct server_inbox *inbox, const struct inbox_effect *effect)
{
    struct buf key = {0};
    bool first = effect->id[0] == '\0';
    buf_str(&key, buf_view(first ? &inbox->prefix : &inbox->last));
    if (!first) {
        buf_add(&key, "", 1); /* the first key behind it */
    }
    registry_submit(inbox->registry, &(struct registry_request){
                                         .id = effect->request,
                                         .op = REGISTRY_LIST,
                                         .key = buf_view(&key),
                                         .range_end = buf_view(&inbox->end),
                                         .limit = INBOX_PAGE,
                                         .timeout_ms = inbox->agent->config->registry.request_timeout_ms});
    buf_fini(&key);
}

static void write_back(struct server_inbox *inbox, const struct inbox_effect *effect)
{
    const struct server_command *command = inbox_find(&inbox->inbox, str_of(effect->id));
    struct buf key = {0}, value = {0};
    buf_printf(&key, "%s%s", buf_text(&inbox->prefix), effect->id);
    command_encode(command, &value);
    struct blob *blob = blob_take(&value);
    registry_submit(inbox->registry, &(struct registry_request){
                                         .id = effect->request,
                                         .op = REGISTRY_PUT,
                                         .key = buf_view(&key),
                                         .value = blob,
                                         .lease = effect->lease,
                                         .expect_revision = effect->revision,
                                         .timeout_ms = inbox->agent->config->registry.request_timeout_ms});
    blob_unref(blob);
    buf_fini(&key);
}

/* Each command is a kind of its own: one that waits for a slow reader is replaced by no other. */
static void deliver(struct server_inbox *inbox, const struct inbox_effect *effect)
{
    const struct server_command *command = inbox_find(&inbox->inbox, str_of(effect->id));
    struct buf event = {0};
    char kind[sizeof("command ") + ULID_LENGTH];
    if (command == NULL) {
        return; /* its time was over in the same step */
    }
    snprintf(kind, sizeof(kind), "command %s", command->id);
    command_event(command, &event);
    if (effect->peer == 0) {
        status_sockets_emit(inbox->agent->sockets, kind, buf_view(&event));
    } else {
        line_peer_event((struct line_peer *)(uintptr_t)effect->peer, kind, buf_view(&event));
    }
    log_info("command", "command delivered", LOG_RATE(LOG_MANY), LOG_TEXT("id", command->id),
             LOG_TEXT("name", command->name), LOG_TEXT("from", command->from));
    buf_fini(&event);
}

static void log_note(const struct inbox_effect *effect)
{
    static const char *const texts[INBOX_NOTE_COUNT] = {
        [INBOX_NOTE_FOREIGN] = "key of the inbox ignored, it is no command under a lease: delete it",
        [INBOX_NOTE_REFUSED] = "command refused, status.accept does not have its name",
        [INBOX_NOTE_FULL] = "more commands than are kept, the rest waits in the registry",
        [INBOX_NOTE_DENIED] = "results cannot be written, the agent needs the right to write in its inbox",
        [INBOX_NOTE_LOST] = "result of the server lost, the registry did not take it in time",
        [INBOX_NOTE_EXPIRED] = "command expired, the server did not answer in time",
    };
    log_warn("command", texts[effect->note], LOG_RATE(LOG_SELDOM), LOG_TEXT("id", effect->id));
}

static void carry_out(struct server_inbox *inbox, const struct inbox_effect *effect)
{
    switch (effect->type) {
    case INBOX_DO_LIST: list(inbox, effect); break;
    case INBOX_DO_DELIVER: deliver(inbox, effect); break;
    case INBOX_DO_WRITE: write_back(inbox, effect); break;
    case INBOX_DO_ANSWER: inbox->verdict = effect->verdict; break;
    case INBOX_DO_NOTE: log_note(effect); break;
    }
}

static void step(struct server_inbox *inbox, struct inbox_event event)
{
    struct inbox_effect effect;
    event.now = agent_now();
    event.watching = status_sockets_watching(inbox->agent->sockets);
    inbox_step(&inbox->inbox, &event, &inbox->effects);
    while (queue_take(&inbox->effects, &effect)) {
        carry_out(inbox, &effect);
    }
    timer_arm_at_ms(inbox->timer, inbox_due(&inbox->inbox, &event.now));
}

/* ---- events ---- */

static void on_timer(void *user)
{
    step(user, (struct inbox_event){.type = INBOX_ON_TICK});
}

/* Fills what `value` has, `ret_command` where it is a command; that is the caller's to end. */
static void read_value(struct str id, struct str value, struct server_command *ret_command,
                       struct inbox_event *ret_event)
{
    struct error err;
    *ret_command = (struct server_command){0};
    ret_event->found = true;
    ret_event->command = command_decode(id, value, ret_command, &err) == 0 ? ret_command : NULL;
}

static bool id_of(const struct server_inbox *inbox, struct str key, struct str *ret_id)
{
    struct str prefix = buf_view(&inbox->prefix);
    bool below = str_starts(key, prefix);
    *ret_id = below ? (struct str){key.data + prefix.size, key.size - prefix.size} : STR("");
    return below;
}

static void take_item(struct server_inbox *inbox, struct str key, struct str value, int64_t revision,
                      struct registry_lease lease)
{
    struct server_command command;
    struct inbox_event event = {.type = INBOX_ON_ITEM, .revision = revision, .lease = lease};
    if (id_of(inbox, key, &event.id)) {
        read_value(event.id, value, &command, &event);
        step(inbox, event);
        command_fini(&command);
    }
}

static void on_page(struct server_inbox *inbox, const struct registry_reply *reply)
{
    struct inbox_event page = {.type = INBOX_ON_PAGE, .request = reply->id, .failure = reply->failure};
    for (size_t i = 0; i < reply->item_count; i++) {
        const struct registry_item *item = &reply->items[i];
        take_item(inbox, item->key, item->kv.value, item->kv.mod_revision, item->kv.lease);
        (void)id_of(inbox, item->key, &page.id);
        if (i + 1 == reply->item_count) {
            buf_clear(&inbox->last);
            buf_str(&inbox->last, item->key);
        }
    }
    page.more = reply->count > (int64_t)reply->item_count && page.id.size > 0;
    step(inbox, page);
}

static void on_reply(const struct registry_reply *reply, void *user)
{
    struct server_inbox *inbox = user;
    struct server_command command = {0};
    if (reply->op == REGISTRY_LIST) {
        on_page(inbox, reply);
        return;
    }
    bool done = reply->succeeded;
    struct inbox_event event = {.type = INBOX_ON_REPLY,
                                .request = reply->id,
                                .failure = reply->failure,
                                .succeeded = done,
                                .revision = done ? reply->revision : reply->kv.mod_revision,
                                .lease = reply->kv.lease};
    if (reply->failure == REGISTRY_OK && !done && reply->kv.found) {
        const struct inbox *machine = &inbox->inbox;
        for (size_t i = 0; i < machine->count && event.id.size == 0; i++) {
            bool ours = machine->entries[i].request == reply->id;
            event.id = ours ? str_of(machine->entries[i].command.id) : event.id;
        }
        read_value(event.id, reply->kv.value, &command, &event);
    }
    step(inbox, event);
    command_fini(&command);
}

void server_inbox_watched(struct server_inbox *inbox, const struct registry_watch_event *event)
{
    if (inbox == NULL) {
        return;
    }
    if (event->type == REGISTRY_WATCH_OPENED) {
        step(inbox, (struct inbox_event){.type = INBOX_ON_OPENED});
    }
    for (size_t i = 0; i < event->change_count; i++) {
        const struct registry_change *change = &event->changes[i];
        struct str id;
        if (!change->deleted) {
            take_item(inbox, change->key, change->value, change->mod_revision, change->lease);
        } else if (id_of(inbox, change->key, &id)) {
            step(inbox, (struct inbox_event){.type = INBOX_ON_ITEM, .id = id});
        }
    }
}

void server_inbox_tell(struct server_inbox *inbox, struct line_peer *peer)
{
    if (inbox != NULL) {
        step(inbox, (struct inbox_event){.type = INBOX_ON_WATCH, .peer = (uintptr_t)peer});
    }
}

enum inbox_verdict server_inbox_result(struct server_inbox *inbox, struct str id, bool good, struct str text)
{
    step(inbox, (struct inbox_event){.type = INBOX_ON_RESULT, .id = id, .good = good, .text = text});
    return inbox->verdict;
}

/* ---- life ---- */

void server_inbox_add(const struct server_inbox *inbox, struct registry_watch *watch)
{
    if (inbox != NULL && watch->range_count < REGISTRY_RANGES_MAX) {
        watch->ranges[watch->range_count++] =
            (struct registry_range){.key = buf_view(&inbox->prefix), .end = buf_view(&inbox->end)};
    }
}

struct server_inbox *server_inbox_new(struct agent *agent)
{
    const struct config *config = agent->config;
    bool has_socket = agent->sockets != NULL && status_sockets_bound(agent->sockets, false) != NULL;
    if (!has_socket || config->status.accept_count == 0) {
        return NULL;
    }
    struct server_inbox *inbox = mem_zalloc(sizeof(*inbox));
    inbox->agent = agent;
    inbox->registry = registry_attach(agent->registry, on_reply, NULL, inbox);
    inbox->timer = timer_new(agent->loop, on_timer, inbox);
    buf_printf(&inbox->prefix, "%s/inbox/%s/%s", config->registry.control_prefix, config->server.type,
               agent->id);
    buf_str(&inbox->end, buf_view(&inbox->prefix));
    buf_add(&inbox->prefix, "/", 1);
    buf_add(&inbox->end, "0", 1); /* the byte behind '/' */
    queue_init(&inbox->effects, sizeof(struct inbox_effect));
    inbox_init(&inbox->inbox, config->status.accept, config->status.accept_count);
    return inbox;
}

void server_inbox_free(struct server_inbox *inbox)
{
    if (inbox != NULL) {
        registry_detach(inbox->registry);
        timer_free(inbox->timer);
        inbox_fini(&inbox->inbox);
        queue_fini(&inbox->effects);
        buf_fini(&inbox->prefix);
        buf_fini(&inbox->end);
        buf_fini(&inbox->last);
        free(inbox);
    }
}

const struct inbox *server_inbox_look(const struct server_inbox *inbox)
{
    return inbox == NULL ? NULL : &inbox->inbox;
}
