#include "inbox_internal.h"

#include <string.h>

enum { WAIT_FIRST_MS = 250, WAIT_MAX_MS = 2000 };

void inbox_init(struct inbox *inbox, char *const *accepted, size_t accepted_count)
{
    *inbox = (struct inbox){.accepted = accepted, .accepted_count = accepted_count};
}

void inbox_fini(struct inbox *inbox)
{
    for (size_t i = 0; i < inbox->count; i++) {
        command_fini(&inbox->entries[i].command);
    }
    inbox->count = 0;
}

struct inbox_effect *inbox_emit(struct inbox *inbox, enum inbox_effect_type type, struct str id)
{
    struct inbox_effect *effect = queue_push(inbox->effects);
    effect->type = type;
    size_t size = id.size < ULID_LENGTH ? id.size : ULID_LENGTH;
    if (size > 0) {
        memcpy(effect->id, id.data, size);
    }
    return effect;
}

static void note(struct inbox *inbox, enum inbox_note note, struct str id)
{
    inbox_emit(inbox, INBOX_DO_NOTE, id)->note = note;
}

static struct inbox_entry *find(struct inbox *inbox, struct str id)
{
    for (size_t i = 0; i < inbox->count; i++) {
        if (str_eq(str_of(inbox->entries[i].command.id), id)) {
            return &inbox->entries[i];
        }
    }
    return NULL;
}

const struct server_command *inbox_find(const struct inbox *inbox, struct str id)
{
    for (size_t i = 0; i < inbox->count; i++) {
        if (str_eq(str_of(inbox->entries[i].command.id), id)) {
            return &inbox->entries[i].command;
        }
    }
    return NULL;
}

static uint64_t hash_of(struct str text)
{
    return str_hash(text, 0);
}

static const struct inbox_done *find_done(const struct inbox *inbox, struct str id)
{
    for (size_t i = 0; i < INBOX_DONE_MAX; i++) {
        if (id.size > 0 && str_eq(str_of(inbox->done[i].id), id)) {
            return &inbox->done[i];
        }
    }
    return NULL;
}

void inbox_remove(struct inbox *inbox, struct inbox_entry *entry, const struct server_command *decided)
{
    struct inbox_done *done = &inbox->done[inbox->done_next++ % INBOX_DONE_MAX];
    const struct server_command *as = decided != NULL ? decided : &entry->command;
    /* One that was never answered is over as well: its time is, or its key has gone. */
    *done = (struct inbox_done){.state = command_is_final(as->state) ? as->state : COMMAND_EXPIRED,
                                .text = hash_of(str_of(as->text))};
    memcpy(done->id, entry->command.id, sizeof(done->id));
    command_fini(&entry->command);
    size_t at = (size_t)(entry - inbox->entries);
    memmove(entry, entry + 1, (inbox->count - at - 1) * sizeof(*entry));
    inbox->count--;
}

/* ---- to the server ---- */

static void deliver(struct inbox *inbox, struct inbox_entry *entry, uint64_t peer)
{
    inbox_emit(inbox, INBOX_DO_DELIVER, str_of(entry->command.id))->peer = peer;
    if (entry->command.state == COMMAND_QUEUED) {
        command_move(&entry->command, COMMAND_DELIVERED, STR(""));
        inbox->counters.delivered++;
    }
}

static void on_watch(struct inbox *inbox, const struct inbox_event *event)
{
    for (size_t i = 0; i < inbox->count; i++) {
        if (!command_is_final(inbox->entries[i].command.state)) {
            deliver(inbox, &inbox->entries[i], event->peer);
        }
    }
}

/* ---- from the registry ---- */

static void add(struct inbox *inbox, const struct inbox_event *event)
{
    struct inbox_entry *entry = &inbox->entries[inbox->count++];
    *entry = (struct inbox_entry){.lease = event->lease,
                                  .revision = event->revision,
                                  .stored = event->command->state,
                                  .seen = inbox->walks};
    command_copy(event->command, &entry->command);
    if (!command_fits(inbox->accepted, inbox->accepted_count, str_of(entry->command.name))) {
        command_move(&entry->command, COMMAND_ERROR,
                     STR("this server takes no such command (status.accept)"));
        inbox->counters.refused++;
        note(inbox, INBOX_NOTE_REFUSED, event->id);
    } else if (event->watching > 0) {
        deliver(inbox, entry, 0);
    }
    /* One that the agent before delivered is DELIVERED, and goes to the connections that watch now: no connection has outlived that agent. */
}

static void on_new(struct inbox *inbox, const struct inbox_event *event)
{
    const struct server_command *command = event->command;
    if (command == NULL || registry_lease_is_none(event->lease)) {
        inbox->counters.foreign++;
        note(inbox, INBOX_NOTE_FOREIGN, event->id);
    } else if (command_is_final(command->state) || inbox->now.wall >= command->until_wall ||
               find_done(inbox, event->id) != NULL) {
        return;
    } else if (inbox->count == INBOX_WAITING_MAX) {
        inbox->counters.full += inbox->full ? 0 : 1;
        if (!inbox->full) {
            note(inbox, INBOX_NOTE_FULL, event->id);
        }
        inbox->full = true;
    } else {
        add(inbox, event);
    }
}

/* The key of a command that is kept, as others, or this agent, have written it. */
static void take(struct inbox *inbox, struct inbox_entry *entry, const struct inbox_event *event)
{
    if (!event->found || event->command == NULL || command_is_final(event->command->state)) {
        inbox_remove(inbox, entry, event->found ? event->command : NULL);
        return;
    }
    if (event->revision < entry->revision) {
        return; /* as it was before a write of this agent */
    }
    entry->revision = event->revision;
    entry->lease = event->lease;
    entry->stored = event->command->state;
    if (command_may_move(entry->command.state, entry->stored)) {
        command_move(&entry->command, entry->stored, STR("")); /* the agent before had delivered it */
    }
}

static void on_item(struct inbox *inbox, const struct inbox_event *event)
{
    struct inbox_entry *entry = find(inbox, event->id);
    if (entry == NULL && event->found) {
        on_new(inbox, event);
    } else if (entry != NULL) {
        entry->seen = inbox->walks;
        take(inbox, entry, event);
    }
}

/* ---- what became of it ---- */

static enum inbox_verdict judge_done(enum command_state state, bool same)
{
    return same ? INBOX_TAKEN : state == COMMAND_EXPIRED ? INBOX_TOO_LATE : INBOX_DECIDED;
}

static enum inbox_verdict judge(struct inbox *inbox, const struct inbox_event *event)
{
    enum command_state state = event->good ? COMMAND_OK : COMMAND_ERROR;
    struct inbox_entry *entry = find(inbox, event->id);
    const struct inbox_done *done = find_done(inbox, event->id);
    if (entry == NULL) {
        bool same = done != NULL && done->state == state && done->text == hash_of(event->text);
        return done == NULL ? INBOX_UNKNOWN : judge_done(done->state, same);
    }
    struct server_command *command = &entry->command;
    if (command_is_final(command->state)) {
        bool same = command->state == state && str_eq(str_of(command->text), event->text);
        return judge_done(command->state, same);
    }
    if (command->state == COMMAND_QUEUED) {
        return INBOX_UNKNOWN; /* the server has not heard of it */
    }
    command_move(command, state, event->text);
    inbox->counters.ok += event->good ? 1 : 0;
    inbox->counters.error += event->good ? 0 : 1;
    return INBOX_TAKEN;
}

static void failed(struct inbox *inbox, struct inbox_entry *entry, enum registry_failure failure)
{
    int64_t wait = entry->wait_ms == 0 ? WAIT_FIRST_MS : 2 * entry->wait_ms;
    entry->wait_ms = wait < WAIT_MAX_MS ? wait : WAIT_MAX_MS;
    entry->retry_mono = inbox->now.mono + entry->wait_ms;
    if (failure == REGISTRY_DENIED && !inbox->denied) {
        inbox->denied = true;
        note(inbox, INBOX_NOTE_DENIED, str_of(entry->command.id));
    }
}

static void on_reply(struct inbox *inbox, const struct inbox_event *event)
{
    struct inbox_entry *entry = NULL;
    for (size_t i = 0; i < inbox->count && entry == NULL; i++) {
        entry = inbox->entries[i].request == event->request ? &inbox->entries[i] : NULL;
    }
    if (entry == NULL || event->request == 0) {
        return;
    }
    entry->request = 0;
    if (event->failure == REGISTRY_LEASE_LOST) {
        inbox_remove(inbox, entry, NULL);
    } else if (event->failure != REGISTRY_OK) {
        failed(inbox, entry, event->failure);
    } else if (!event->succeeded) {
        inbox->denied = false;
        take(inbox, entry, event);
    } else {
        inbox->denied = false;
        entry->wait_ms = 0;
        entry->revision = event->revision > entry->revision ? event->revision : entry->revision;
        entry->stored = entry->writing;
        if (command_is_final(entry->stored)) {
            inbox_remove(inbox, entry, NULL);
        }
    }
}

/* ---- time ---- */

static bool is_to_be_written(const struct inbox_entry *entry)
{
    return entry->request == 0 && entry->stored != entry->command.state;
}

/* When the entry is over, whatever happens: by the wall clock. */
static int64_t end_of(const struct inbox_entry *entry)
{
    int64_t late = command_is_final(entry->command.state) ? COMMAND_LATE_MS : 0;
    return entry->command.until_wall + late;
}

static void expire(struct inbox *inbox)
{
    for (size_t i = inbox->count; i > 0; i--) {
        struct inbox_entry *entry = &inbox->entries[i - 1];
        if (inbox->now.wall < end_of(entry)) {
            continue;
        }
        bool final = command_is_final(entry->command.state);
        inbox->counters.lost += final ? 1 : 0;
        inbox->counters.expired += final ? 0 : 1;
        note(inbox, final ? INBOX_NOTE_LOST : INBOX_NOTE_EXPIRED, str_of(entry->command.id));
        inbox_remove(inbox, entry, NULL);
    }
}

static void write_back(struct inbox *inbox)
{
    for (size_t i = 0; i < inbox->count; i++) {
        struct inbox_entry *entry = &inbox->entries[i];
        if (is_to_be_written(entry) && entry->retry_mono <= inbox->now.mono) {
            struct inbox_effect *effect = inbox_emit(inbox, INBOX_DO_WRITE, str_of(entry->command.id));
            effect->request = entry->request = ++inbox->last_request;
            effect->revision = entry->revision;
            effect->lease = entry->lease;
            entry->writing = entry->command.state;
        }
    }
}

void inbox_step(struct inbox *inbox, const struct inbox_event *event, struct queue *effects)
{
    inbox->effects = effects;
    inbox->now = event->now;
    expire(inbox); /* before what has come: an answer at the end of its time is too late */
    switch (event->type) {
    case INBOX_ON_TICK: break;
    case INBOX_ON_OPENED: inbox_walk_begin(inbox); break;
    case INBOX_ON_ITEM: on_item(inbox, event); break;
    case INBOX_ON_PAGE: inbox_walk_page(inbox, event); break;
    case INBOX_ON_WATCH: on_watch(inbox, event); break;
    case INBOX_ON_RESULT: inbox_emit(inbox, INBOX_DO_ANSWER, event->id)->verdict = judge(inbox, event); break;
    case INBOX_ON_REPLY: on_reply(inbox, event); break;
    }
    write_back(inbox);
    inbox_walk_tick(inbox);
    inbox->effects = NULL;
}

int64_t inbox_due(const struct inbox *inbox, const struct instant *now)
{
    int64_t due = inbox->walk == INBOX_RETRYING ? inbox->walk_due : NEVER_MS;
    for (size_t i = 0; i < inbox->count; i++) {
        const struct inbox_entry *entry = &inbox->entries[i];
        int64_t end = now->mono + (end_of(entry) - now->wall);
        due = end < due ? end : due;
        if (is_to_be_written(entry) && entry->retry_mono < due) {
            due = entry->retry_mono;
        }
    }
    return due;
}
