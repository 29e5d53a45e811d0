#include "view_internal.h"

#include "outrider/base/mem.h"

#include <stdlib.h>

static void take_away(struct view_tombstone_node **oldest, struct view_tombstone_node *tombstone)
{
    HASH_DEL(*oldest, tombstone);
    view_entry_unref(tombstone->stone.entry);
    free(tombstone);
}

void view_tombstones_fini(struct view_tombstone_node **oldest)
{
    while (*oldest != NULL) {
        take_away(oldest, *oldest);
    }
}

void view_tombstones_add(struct view_tombstone_node **oldest, const struct view_tombstone *stone,
                         const struct view_settings *settings, const struct instant *now)
{
    /* A wall clock that was set back makes it stay as long as a new one, not for years. */
    int64_t passed = now->wall > stone->gone_wall ? now->wall - stone->gone_wall : 0;
    if (settings->tombstones_max == 0 || passed >= settings->tombstone_ms) {
        return;
    }
    struct str key = view_entry_key(stone->entry);
    view_tombstones_drop(oldest, key);
    while (HASH_COUNT(*oldest) >= settings->tombstones_max) {
        take_away(oldest, *oldest);
    }
    struct view_tombstone_node *tombstone = mem_zalloc(sizeof(*tombstone));
    tombstone->stone = (struct view_tombstone){view_entry_ref(stone->entry), stone->gone_wall};
    tombstone->ends_mono = now->mono + settings->tombstone_ms - passed;
    HASH_ADD_KEYPTR(hh, *oldest, key.data, (unsigned)key.size, tombstone);
}

void view_tombstones_drop(struct view_tombstone_node **oldest, struct str key)
{
    struct view_tombstone_node *tombstone;
    HASH_FIND(hh, *oldest, key.data, (unsigned)key.size, tombstone);
    if (tombstone != NULL) {
        take_away(oldest, tombstone);
    }
}

bool view_tombstones_expire(struct view_tombstone_node **oldest, int64_t mono)
{
    bool any = false;
    for (; *oldest != NULL && (*oldest)->ends_mono <= mono; any = true) {
        take_away(oldest, *oldest);
    }
    return any;
}
