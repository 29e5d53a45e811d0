#include "session_table_internal.h"

#include "outrider/base/mem.h"

#include <stdlib.h>

enum { BITS_MIN = 6, BITS_MAX = 31 };

void session_index_fini(struct session_index *index)
{
    free(index->places);
    *index = (struct session_index){0};
}

static uint32_t mask_of(const struct session_index *index)
{
    return (UINT32_C(1) << index->bits) - 1;
}

void session_index_free_all(struct session_index *index)
{
    for (uint32_t i = 0; index->bits > 0 && i <= mask_of(index); i++) {
        free(index->places[i].what);
    }
    session_index_fini(index);
}

static uint32_t home_of(const struct session_index *index, uint32_t hash)
{
    return hash >> (32 - index->bits);
}

static void insert(struct session_index *index, struct session_index_place place)
{
    uint32_t at = home_of(index, place.hash), mask = mask_of(index);
    while (index->places[at].what != NULL) {
        at = (at + 1) & mask;
    }
    index->places[at] = place;
}

static void grow(struct session_index *index)
{
    struct session_index old = *index;
    index->bits = old.bits == 0 ? BITS_MIN : old.bits + 1;
    index->places =
        mem_zalloc((size_t)(mask_of(index)) * sizeof(index->places[0]) + sizeof(index->places[0]));
    for (uint32_t i = 0; old.bits > 0 && i <= mask_of(&old); i++) {
        if (old.places[i].what != NULL) {
            insert(index, old.places[i]);
        }
    }
    free(old.places);
}

void session_index_add(struct session_index *index, uint32_t hash, void *what)
{
    /* At most three quarters full, so that a probe is short. */
    if (index->bits == 0 || (index->count >= mask_of(index) / 4 * 3 && index->bits < BITS_MAX)) {
        grow(index);
    }
    insert(index, (struct session_index_place){what, hash});
    index->count++;
}

static uint32_t place_of(const struct session_index *index, uint32_t hash, const void *what)
{
    uint32_t mask = mask_of(index), at = home_of(index, hash);
    while (index->places[at].what != what) {
        at = (at + 1) & mask;
    }
    return at;
}

void session_index_moved(struct session_index *index, uint32_t hash, const void *was, void *is)
{
    index->places[place_of(index, hash, was)].what = is;
}

void session_index_remove(struct session_index *index, uint32_t hash, const void *what)
{
    uint32_t mask = mask_of(index), hole = place_of(index, hash, what);
    /* What follows without a gap moves up, unless it would come before the place where its probe begins. */
    for (uint32_t at = (hole + 1) & mask; index->places[at].what != NULL; at = (at + 1) & mask) {
        uint32_t begins = home_of(index, index->places[at].hash);
        if (((at - begins) & mask) >= ((at - hole) & mask)) {
            index->places[hole] = index->places[at];
            hole = at;
        }
    }
    index->places[hole] = (struct session_index_place){0};
    index->count--;
}

void *session_index_next(const struct session_index *index, uint32_t hash, uint32_t *at)
{
    if (index->bits == 0) {
        return NULL;
    }
    uint32_t mask = mask_of(index);
    for (uint32_t i = *at == UINT32_MAX ? home_of(index, hash) : (*at + 1) & mask;
         index->places[i].what != NULL; i = (i + 1) & mask) {
        if (index->places[i].hash == hash) {
            *at = i;
            return index->places[i].what;
        }
    }
    return NULL;
}
