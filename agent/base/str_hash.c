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

uint64_t str_xxh3(struct str text)
{
    return XXH3_64bits(text.data, text.size);
}
