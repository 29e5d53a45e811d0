/* The content of the registry at each revision, as far back as it is needed. */
#include "observers.h"

void history_ref(const struct history_key *key)
{
    (void)view_entry_ref(key->entry);
    (void)blob_ref(key->value);
}

void history_unref(const struct history_key *key)
{
    view_entry_unref(key->entry);
    blob_unref(key->value);
}

static void fold(struct history *history, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct history_event *event = &history->events[i];
        history_unref(&history->base[event->key]);
        history->base[event->key] = event->now;
        history->base_revision = event->revision;
    }
    history->count -= count;
    history->dropped += count;
    memmove(history->events, history->events + count, history->count * sizeof(history->events[0]));
    history->compacted =
        history->compacted > history->base_revision ? history->compacted : history->base_revision;
}

void history_fini(struct history *history)
{
    fold(history, history->count);
    for (unsigned i = 0; i < RECORDS_MAX; i++) {
        history_unref(&history->base[i]);
    }
}

bool history_renewed(struct world *world)
{
    struct history *history = &world->observers->history;
    if (history->cluster == world->etcd.cluster) {
        return false;
    }
    history_fini(history);
    *history = (struct history){.cluster = world->etcd.cluster, .base_revision = 1};
    return true;
}

/* Drops the older half, in whole revisions. */
static void make_room(struct history *history)
{
    size_t count = HISTORY_MAX / 2;
    while (history->events[count - 1].revision == history->events[count].revision) {
        count++;
    }
    fold(history, count);
}

void history_add(struct world *world, unsigned key)
{
    struct observers *observers = world->observers;
    struct history *history = &observers->history;
    const struct key *at = &world->etcd.keys[key];
    struct registry_change change = {.deleted = at->value == NULL,
                                     .key = str_of(observers->names[key]),
                                     .value = blob_view(at->value),
                                     .mod_revision = world->etcd.revision,
                                     .create_revision = at->create_revision,
                                     .lease = lease_of(at->lease)};
    if (history->count == HISTORY_MAX) {
        make_room(history);
    }
    view_items_changed(&observers->decoded, STR("/services"), &change, 1);
    struct history_event *event = &history->events[history->count++];
    *event = (struct history_event){.revision = world->etcd.revision,
                                    .at = world->now,
                                    .key = key,
                                    .now = {.there = at->value != NULL,
                                            .value = at->value,
                                            .entry = observers->decoded.items[0].entry,
                                            .mod_revision = world->etcd.revision,
                                            .create_revision = at->create_revision}};
    history_ref(&event->now);
    view_items_clear(&observers->decoded);
}

void history_compact(struct world *world, int64_t revision)
{
    struct history *history = &world->observers->history;
    history->compacted = revision > history->compacted ? revision : history->compacted;
}

void history_undo(struct world *world, int64_t revision)
{
    struct history *history = &world->observers->history;
    while (history->count > 0 && history->events[history->count - 1].revision > revision) {
        history_unref(&history->events[--history->count].now);
    }
}

bool history_changed_from(const struct history *history, int64_t revision)
{
    return history_after(history, revision - 1) < history->dropped + history->count;
}

void history_at(const struct history *history, int64_t revision, struct content *ret_content)
{
    for (unsigned i = 0; i < RECORDS_MAX; i++) {
        ret_content->keys[i] = &history->base[i];
    }
    for (size_t i = 0; i < history->count && history->events[i].revision <= revision; i++) {
        ret_content->keys[history->events[i].key] = &history->events[i].now;
    }
}

uint64_t history_after(const struct history *history, int64_t revision)
{
    size_t at = history->count;
    while (at > 0 && history->events[at - 1].revision > revision) {
        at--;
    }
    return history->dropped + at;
}
