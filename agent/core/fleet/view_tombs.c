#include "view_tombs_internal.h"

#include "outrider/base/mem.h"

#include <stdlib.h>

static void take_away(struct view_tombs *tombs, struct view_tomb *tomb)
{
    HASH_DEL(tombs->oldest, tomb);
    view_entry_unref(tomb->stone.entry);
    free(tomb);
}

void view_tombs_fini(struct view_tombs *tombs)
{
    while (tombs->oldest != NULL) {
        take_away(tombs, tombs->oldest);
    }
}

void view_tombs_add(struct view_tombs *tombs, struct view_entry *entry, int64_t gone_wall, int64_t stay_ms,
                    size_t max, const struct instant *now)
{
    /* A wall clock that was set back makes it stay as long as a new one, not for years. */
    int64_t passed = now->wall > gone_wall ? now->wall - gone_wall : 0;
    if (max == 0 || passed >= stay_ms) {
        return;
    }
    struct str key = view_entry_key(entry);
    view_tombs_drop(tombs, key);
    while (HASH_COUNT(tombs->oldest) >= max) {
        take_away(tombs, tombs->oldest);
    }
    struct view_tomb *tomb = mem_zalloc(sizeof(*tomb));
    tomb->stone = (struct view_tombstone){view_entry_ref(entry), gone_wall};
    tomb->ends_mono = now->mono + stay_ms - passed;
    HASH_ADD_KEYPTR(hh, tombs->oldest, key.data, (unsigned)key.size, tomb);
}

bool view_tombs_drop(struct view_tombs *tombs, struct str key)
{
    struct view_tomb *tomb;
    HASH_FIND(hh, tombs->oldest, key.data, (unsigned)key.size, tomb);
    if (tomb == NULL) {
        return false;
    }
    take_away(tombs, tomb);
    return true;
}

bool view_tombs_expire(struct view_tombs *tombs, int64_t mono)
{
    bool any = false;
    for (; tombs->oldest != NULL && tombs->oldest->ends_mono <= mono; any = true) {
        take_away(tombs, tombs->oldest);
    }
    return any;
}
