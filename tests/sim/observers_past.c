/* What the registry had at each revision, for as long as it is asked for. */
#include "observers.h"

static void set(struct past_key *at, const struct past_key *now)
{
    struct view_entry *was = at->entry;
    *at = *now;
    view_entry_ref(at->entry);
    view_entry_unref(was);
}

static void fold(struct past *past, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct past_event *event = &past->events[i];
        set(&past->base[event->key], &event->now);
        view_entry_unref(event->now.entry);
        past->base_revision = event->revision;
    }
    past->count -= count;
    past->dropped += count;
    memmove(past->events, past->events + count, past->count * sizeof(past->events[0]));
    past->compacted = past->compacted > past->base_revision ? past->compacted : past->base_revision;
}

void past_fini(struct past *past)
{
    fold(past, past->count);
    for (unsigned i = 0; i < RECORDS_MAX; i++) {
        view_entry_unref(past->base[i].entry);
    }
}

bool past_renewed(struct world *world)
{
    struct past *past = &world->observers->past;
    if (past->cluster == world->etcd.cluster) {
        return false;
    }
    past_fini(past);
    *past = (struct past){.cluster = world->etcd.cluster, .base_revision = 1};
    return true;
}

/* Half of them go, whole revisions only. */
static void make_room(struct past *past)
{
    size_t count = PAST_MAX / 2;
    while (past->events[count - 1].revision == past->events[count].revision) {
        count++;
    }
    fold(past, count);
}

void past_add(struct world *world, unsigned key)
{
    struct observers *observers = world->observers;
    struct past *past = &observers->past;
    const struct key *at = &world->etcd.keys[key];
    struct registry_change change = {.deleted = at->value == NULL,
                                     .key = str_of(observers->names[key]),
                                     .value = blob_view(at->value),
                                     .mod_revision = world->etcd.revision,
                                     .create_revision = at->create_revision,
                                     .lease = at->lease};
    if (past->count == PAST_MAX) {
        make_room(past);
    }
    view_items_changed(&observers->decoded, STR("/services"), &change, 1);
    past->events[past->count++] =
        (struct past_event){.revision = world->etcd.revision,
                            .at = world->now,
                            .key = key,
                            .now = {.there = at->value != NULL,
                                    .entry = view_entry_ref(observers->decoded.items[0].entry),
                                    .mod_revision = world->etcd.revision,
                                    .create_revision = at->create_revision}};
    view_items_clear(&observers->decoded);
}

void past_compact(struct world *world, int64_t revision)
{
    struct past *past = &world->observers->past;
    past->compacted = revision > past->compacted ? revision : past->compacted;
}

void past_at(const struct past *past, int64_t revision, struct content *ret_content)
{
    for (unsigned i = 0; i < RECORDS_MAX; i++) {
        ret_content->keys[i] = &past->base[i];
    }
    for (size_t i = 0; i < past->count && past->events[i].revision <= revision; i++) {
        ret_content->keys[past->events[i].key] = &past->events[i].now;
    }
}

uint64_t past_after(const struct past *past, int64_t revision)
{
    size_t at = past->count;
    while (at > 0 && past->events[at - 1].revision > revision) {
        at--;
    }
    return past->dropped + at;
}
