#include "view_tombs.h"

#include "outrider/base/mem.h"

#include <stdlib.h>

static void forget_places(struct view_tombs *tombs)
{
    free(tombs->places);
    tombs->places = NULL;
    tombs->place_count = 0;
}

void view_tombs_fini(struct view_tombs *tombs)
{
    for (size_t i = 0; i < tombs->count; i++) {
        view_entry_unref(tombs->tombs[i].stone.entry);
    }
    free(tombs->tombs);
    forget_places(tombs);
    *tombs = (struct view_tombs){0};
}

/* ---- places ---- */

static uint32_t hash_of(struct str key)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < key.size; i++) {
        hash = (hash ^ (unsigned char)key.data[i]) * 16777619u;
    }
    return hash;
}

static void put_place(struct view_tombs *tombs, size_t number)
{
    size_t mask = tombs->place_count - 1, at = tombs->tombs[number].hash & mask;
    while (tombs->places[at] != 0) {
        at = (at + 1) & mask;
    }
    tombs->places[at] = (uint32_t)number + 1;
}

static void make_places(struct view_tombs *tombs)
{
    size_t size = 64;
    while (size < 2 * tombs->capacity) {
        size *= 2;
    }
    tombs->places = mem_zalloc(size * sizeof(tombs->places[0]));
    tombs->place_count = size;
    for (size_t i = tombs->first; i < tombs->count; i++) {
        put_place(tombs, i);
    }
}

/* What was taken away keeps its place, so that others are found behind it. */
static bool find(struct view_tombs *tombs, struct str key, size_t *ret_number)
{
    if (tombs->count == 0) {
        return false;
    }
    if (tombs->places == NULL) {
        make_places(tombs);
    }
    uint32_t hash = hash_of(key);
    size_t mask = tombs->place_count - 1;
    for (size_t at = hash & mask; tombs->places[at] != 0; at = (at + 1) & mask) {
        size_t number = tombs->places[at] - 1;
        const struct view_tomb *tomb = &tombs->tombs[number];
        if (tomb->hash == hash && tomb->stone.entry != NULL &&
            str_eq(view_entry_key(tomb->stone.entry), key)) {
            *ret_number = number;
            return true;
        }
    }
    return false;
}

/* ---- tombstones ---- */

static void take_away(struct view_tombs *tombs, size_t number)
{
    view_entry_unref(tombs->tombs[number].stone.entry);
    tombs->tombs[number].stone.entry = NULL;
    tombs->taken++;
}

static void take_away_oldest(struct view_tombs *tombs)
{
    while (tombs->tombs[tombs->first].stone.entry == NULL) {
        tombs->first++;
    }
    take_away(tombs, tombs->first++);
}

static void append(struct view_tombs *tombs, const struct view_tomb *tomb)
{
    if (tombs->count == tombs->capacity) {
        tombs->capacity = tombs->capacity == 0 ? 16 : tombs->capacity * 2;
        tombs->tombs = mem_resize(tombs->tombs, tombs->capacity, sizeof(tombs->tombs[0]));
        forget_places(tombs);
    }
    tombs->tombs[tombs->count++] = *tomb;
    if (tombs->places != NULL) {
        put_place(tombs, tombs->count - 1);
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
    view_tombs_drop(tombs, view_entry_key(entry));
    while (tombs->count - tombs->taken >= max) {
        take_away_oldest(tombs);
    }
    append(tombs, &(struct view_tomb){.stone = {view_entry_ref(entry), gone_wall},
                                      .ends_mono = now->mono + stay_ms - passed,
                                      .hash = hash_of(view_entry_key(entry))});
}

bool view_tombs_drop(struct view_tombs *tombs, struct str key)
{
    size_t number;
    bool found = find(tombs, key, &number);
    if (found) {
        take_away(tombs, number);
    }
    return found;
}

bool view_tombs_settle(struct view_tombs *tombs, int64_t mono)
{
    size_t kept = 0, over = 0;
    if (tombs->count == 0 || (tombs->taken == 0 && tombs->tombs[0].ends_mono > mono)) {
        return false;
    }
    for (size_t i = 0; i < tombs->count; i++) {
        struct view_tomb *tomb = &tombs->tombs[i];
        if (tomb->stone.entry != NULL && kept == 0 && tomb->ends_mono <= mono) {
            take_away(tombs, i);
            over++;
        } else if (tomb->stone.entry != NULL) {
            tombs->tombs[kept++] = *tomb;
        }
    }
    tombs->count = kept;
    tombs->first = tombs->taken = 0;
    forget_places(tombs);
    return over > 0;
}
