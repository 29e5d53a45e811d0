#include "outrider/core/seats/turns.h"

#include "outrider/base/hash.h"

#include <assert.h>
#include <string.h>

struct turn_taken {
    UT_hash_handle hh;
    char place[];
};

static struct turn_taken *find(const struct turns *turns, struct str place)
{
    struct turn_taken *taken;
    HASH_FIND(hh, turns->taken, place.data, (unsigned)place.size, taken);
    return taken;
}

static void drop(struct turns *turns, struct turn_taken *taken)
{
    HASH_DEL(turns->taken, taken);
    free(taken);
}

void turns_fini(struct turns *turns)
{
    while (turns->taken != NULL) {
        drop(turns, turns->taken);
    }
}

bool turns_taken(const struct turns *turns, struct str place)
{
    return find(turns, place) != NULL;
}

void turns_take(struct turns *turns, struct str place)
{
    assert(find(turns, place) == NULL);
    struct turn_taken *taken = mem_zalloc(sizeof(*taken) + place.size + 1);
    memcpy(taken->place, place.data, place.size);
    HASH_ADD_KEYPTR(hh, turns->taken, taken->place, (unsigned)place.size, taken);
}

void turns_give_back(struct turns *turns, struct str place)
{
    struct turn_taken *taken = find(turns, place);
    if (taken != NULL) {
        drop(turns, taken);
    }
}
