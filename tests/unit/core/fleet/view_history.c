/* The registry of a world: all its changes, and the keys that they make. */
#include "view_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

size_t world_find_key(const struct world_keys *keys, const char *key, bool *ret_found)
{
    size_t at = 0;
    while (at < keys->count && strcmp(keys->keys[at].key, key) < 0) {
        at++;
    }
    *ret_found = at < keys->count && strcmp(keys->keys[at].key, key) == 0;
    return at;
}

void world_set_key(struct world_keys *keys, const struct world_event *event)
{
    bool found;
    size_t at = world_find_key(keys, event->key, &found);
    if (event->deleted) {
        assert_true(found);
        keys->count--;
        memmove(&keys->keys[at], &keys->keys[at + 1], (keys->count - at) * sizeof(keys->keys[0]));
        return;
    }
    if (!found) {
        assert_true(keys->count < WORLD_KEYS_MAX);
        memmove(&keys->keys[at + 1], &keys->keys[at], (keys->count - at) * sizeof(keys->keys[0]));
        keys->count++;
    }
    struct world_key *slot = &keys->keys[at];
    memcpy(slot->key, event->key, sizeof(slot->key));
    memcpy(slot->value, event->value, sizeof(slot->value));
    slot->modified = event->revision;
    slot->created = event->created;
}

void world_at(const struct world *w, int64_t revision, struct world_keys *ret_keys)
{
    ret_keys->count = 0;
    for (size_t i = 0; i < w->event_count && w->events[i].revision <= revision; i++) {
        world_set_key(ret_keys, &w->events[i]);
    }
}

void world_put_same(struct world *w, const char *key, const char *value)
{
    struct world_keys keys;
    bool found;
    assert_true(w->event_count < WORLD_EVENTS_MAX);
    world_at(w, w->revision, &keys);
    size_t at = world_find_key(&keys, key, &found);
    struct world_event *event = &w->events[w->event_count];
    *event = (struct world_event){.revision = w->revision, .deleted = value == NULL};
    event->created = found ? keys.keys[at].created : w->revision;
    snprintf(event->key, sizeof(event->key), "%s", key);
    snprintf(event->value, sizeof(event->value), "%s", value == NULL ? "" : value);
    if (value != NULL || found) {
        w->event_count++;
    }
}

void world_put(struct world *w, const char *key, const char *value)
{
    w->revision++;
    world_put_same(w, key, value);
}

void world_wipe(struct world *w, uint64_t cluster, int64_t revision)
{
    w->event_count = w->told = 0;
    w->cluster = cluster;
    w->revision = revision;
    w->compacted = 0;
}
