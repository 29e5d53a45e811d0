/* What the registry had at each revision, for as long as it is asked for. */
#include "observers.h"

static void set(struct past_key *at, const struct past_key *now)
{
    struct view_entry *was = at->entry;
    *at = *now;
    view_entry_ref(at->entry);
    view_entry_unref(was);
}

static void fold(struct restore *restore, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct past_event *event = &restore->events[i];
        set(&restore->base[event->key], &event->now);
        view_entry_unref(event->now.entry);
        restore->base_revision = event->revision;
    }
    restore->count -= count;
    restore->dropped += count;
    memmove(restore->events, restore->events + count, restore->count * sizeof(restore->events[0]));
    restore->compacted =
        restore->compacted > restore->base_revision ? restore->compacted : restore->base_revision;
}

void past_fini(struct restore *restore)
{
    fold(restore, restore->count);
    for (unsigned i = 0; i < RECORDS_MAX; i++) {
        view_entry_unref(restore->base[i].entry);
    }
}

bool past_renewed(struct world *world)
{
    struct restore *restore = &world->observers->restore;
    if (restore->cluster == world->etcd.cluster) {
        return false;
    }
    past_fini(restore);
    *restore = (struct restore){.cluster = world->etcd.cluster, .base_revision = 1};
    return true;
}

/* Half of them go, whole revisions only. */
static void make_room(struct restore *restore)
{
    size_t count = PAST_MAX / 2;
    while (restore->events[count - 1].revision == restore->events[count].revision) {
        count++;
    }
    fold(restore, count);
}

void past_add(struct world *world, unsigned key)
{
    struct observers *observers = world->observers;
    struct restore *restore = &observers->restore;
    const struct key *at = &world->etcd.keys[key];
    struct registry_change change = {.deleted = at->value == NULL,
                                     .key = str_of(observers->names[key]),
                                     .value = blob_view(at->value),
                                     .mod_revision = world->etcd.revision,
                                     .create_revision = at->create_revision,
                                     .lease = lease_of(at->lease)};
    if (restore->count == PAST_MAX) {
        make_room(restore);
    }
    view_items_changed(&observers->decoded, STR("/services"), &change, 1);
    restore->events[restore->count++] =
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
    struct restore *restore = &world->observers->restore;
    restore->compacted = revision > restore->compacted ? revision : restore->compacted;
}

void past_at(const struct restore *restore, int64_t revision, struct content *ret_content)
{
    for (unsigned i = 0; i < RECORDS_MAX; i++) {
        ret_content->keys[i] = &restore->base[i];
    }
    for (size_t i = 0; i < restore->count && restore->events[i].revision <= revision; i++) {
        ret_content->keys[restore->events[i].key] = &restore->events[i].now;
    }
}

uint64_t past_after(const struct restore *restore, int64_t revision)
{
    size_t at = restore->count;
    while (at > 0 && restore->events[at - 1].revision > revision) {
        at--;
    }
    return restore->dropped + at;
}
