#include "view_tombstones_internal.h"

#include "outrider/base/mem.h"

#include <stdlib.h>

static void take_away(struct view_tombstones *tombstones, struct view_tombstone_node *tombstone)
{
    HASH_DEL(tombstones->oldest, tombstone);
    view_entry_unref(tombstone->stone.entry);
    free(tombstone);
}

void view_tombstones_fini(struct view_tombstones *tombstones)
{
    while (tombstones->oldest != NULL) {
        take_away(tombstones, tombstones->oldest);
    }
}

void view_tombstones_add(struct view_tombstones *tombstones, struct view_entry *entry, int64_t gone_wall,
                         int64_t stay_ms, size_t max, const struct instant *now)
{
    /* A wall clock that was set back makes it stay as long as a new one, not for years. */
    int64_t passed = now->wall > gone_wall ? now->wall - gone_wall : 0;
    if (max == 0 || passed >= stay_ms) {
        return;
    }
    struct str key = view_entry_key(entry);
    view_tombstones_drop(tombstones, key);
    while (HASH_COUNT(tombstones->oldest) >= max) {
        take_away(tombstones, tombstones->oldest);
    }
    struct view_tombstone_node *tombstone = mem_zalloc(sizeof(*tombstone));
    tombstone->stone = (struct view_tombstone){view_entry_ref(entry), gone_wall};
    tombstone->ends_mono = now->mono + stay_ms - passed;
    HASH_ADD_KEYPTR(hh, tombstones->oldest, key.data, (unsigned)key.size, tombstone);
}

bool view_tombstones_drop(struct view_tombstones *tombstones, struct str key)
{
    struct view_tombstone_node *tombstone;
    HASH_FIND(hh, tombstones->oldest, key.data, (unsigned)key.size, tombstone);
    if (tombstone == NULL) {
        return false;
    }
    take_away(tombstones, tombstone);
    return true;
}

bool view_tombstones_expire(struct view_tombstones *tombstones, int64_t mono)
{
    bool any = false;
    for (; tombstones->oldest != NULL && tombstones->oldest->ends_mono <= mono; any = true) {
        take_away(tombstones, tombstones->oldest);
    }
    return any;
}
