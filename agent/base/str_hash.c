#include "outrider/base/mem.h"
#include "outrider/base/str.h"

#include <stdlib.h>

/* Without optimisation the compiler keeps what xxhash.h defines and nothing calls; its allocations would be mem.h's. */
#define XXH_INLINE_ALL
#define malloc(size) mem_zalloc(size)
#include <xxhash.h>
#undef malloc

uint64_t str_hash(struct str text, uint64_t seed)
{
    return XXH64(text.data, text.size, seed);
}

struct str_sum {
    XXH64_state_t state;
};

struct str_sum *str_sum_new(void)
{
    struct str_sum *sum = mem_zalloc(sizeof(*sum));
    (void)XXH64_reset(&sum->state, 0);
    return sum;
}

void str_sum_add(struct str_sum *sum, struct str piece)
{
    if (piece.size > 0) {
        (void)XXH64_update(&sum->state, piece.data, piece.size);
    }
}

uint64_t str_sum_of(const struct str_sum *sum)
{
    return XXH64_digest(&sum->state);
}

uint64_t str_xxh3(struct str text)
{
    return XXH3_64bits(text.data, text.size);
}
