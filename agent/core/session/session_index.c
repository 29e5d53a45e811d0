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

static uint32_t home_of(const struct session_index *index, uint32_t hash)
{
    return hash >> (32 - index->bits);
}

static void insert(struct session_index *index, struct session_index_place place)
{
    uint32_t at = home_of(index, place.hash), mask = mask_of(index);
    while (index->places[at].number != 0) {
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
        if (old.places[i].number != 0) {
            insert(index, old.places[i]);
        }
    }
    free(old.places);
}

void session_index_add(struct session_index *index, uint32_t hash, uint32_t number)
{
    /* At most three quarters full, so that a probe is short. */
    if (index->bits == 0 || (index->count >= mask_of(index) / 4 * 3 && index->bits < BITS_MAX)) {
        grow(index);
    }
    insert(index, (struct session_index_place){hash, number});
    index->count++;
}

void session_index_remove(struct session_index *index, uint32_t hash, uint32_t number)
{
    uint32_t mask = mask_of(index), hole = home_of(index, hash);
    while (index->places[hole].number != number) {
        hole = (hole + 1) & mask;
    }
    /* What follows without a gap moves up, unless it would come before the place where its probe begins. */
    for (uint32_t at = (hole + 1) & mask; index->places[at].number != 0; at = (at + 1) & mask) {
        uint32_t begins = home_of(index, index->places[at].hash);
        if (((at - begins) & mask) >= ((at - hole) & mask)) {
            index->places[hole] = index->places[at];
            hole = at;
        }
    }
    index->places[hole] = (struct session_index_place){0};
    index->count--;
}

uint32_t session_index_next(const struct session_index *index, uint32_t hash, uint32_t *at)
{
    if (index->bits == 0) {
        return 0;
    }
    uint32_t mask = mask_of(index);
    for (uint32_t i = *at == UINT32_MAX ? home_of(index, hash) : (*at + 1) & mask;
         index->places[i].number != 0; i = (i + 1) & mask) {
        if (index->places[i].hash == hash) {
            *at = i;
            return index->places[i].number;
        }
    }
    return 0;
}
