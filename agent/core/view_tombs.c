#include "view_tombs.h"

#include "outrider/base/mem.h"

#include <stdlib.h>

void view_tombs_fini(struct view_tombs *tombs)
{
    for (size_t i = 0; i < tombs->count; i++) {
        view_entry_unref(tombs->tombs[i].stone.entry);
    }
    free(tombs->tombs);
    *tombs = (struct view_tombs){0};
}

static void remove_at(struct view_tombs *tombs, size_t at)
{
    view_entry_unref(tombs->tombs[at].stone.entry);
    tombs->count--;
    memmove(tombs->tombs + at, tombs->tombs + at + 1, (tombs->count - at) * sizeof(tombs->tombs[0]));
}

void view_tombs_add(struct view_tombs *tombs, struct view_entry *entry, int64_t gone_wall, int64_t stay_ms,
                    size_t max, const struct instant *now)
{
    /* A wall clock that was set back makes it stay as long as a new one, not for years. */
    int64_t passed = now->wall > gone_wall ? now->wall - gone_wall : 0;
    if (max == 0 || passed >= stay_ms) {
        return;
    }
    view_tombs_drop(tombs, view_entry_key(entry));
    while (tombs->count >= max) {
        remove_at(tombs, 0);
    }
    if (tombs->count == tombs->capacity) {
        tombs->capacity = tombs->capacity == 0 ? 16 : tombs->capacity * 2;
        tombs->tombs = mem_resize(tombs->tombs, tombs->capacity, sizeof(tombs->tombs[0]));
    }
    tombs->tombs[tombs->count++] = (struct view_tomb){.stone = {view_entry_ref(entry), gone_wall},
                                                      .ends_mono = now->mono + stay_ms - passed};
}

bool view_tombs_drop(struct view_tombs *tombs, struct str key)
{
    for (size_t i = 0; i < tombs->count; i++) {
        if (str_eq(view_entry_key(tombs->tombs[i].stone.entry), key)) {
            remove_at(tombs, i);
            return true;
        }
    }
    return false;
}

bool view_tombs_expire(struct view_tombs *tombs, int64_t mono)
{
    size_t over = 0;
    while (over < tombs->count && tombs->tombs[over].ends_mono <= mono) {
        view_entry_unref(tombs->tombs[over++].stone.entry);
    }
    if (over == 0) {
        return false;
    }
    tombs->count -= over;
    memmove(tombs->tombs, tombs->tombs + over, tombs->count * sizeof(tombs->tombs[0]));
    return true;
}
