/* What is asked most: one server for one player, by key. It costs little more than the look-up on a bare ring, so it judges each
 * server once after a change and not in each query, and writes nothing but its answer. Every other query is in
 * placement_choose.c. */
#include "placement_internal.h"

#include "outrider/core/fleet/filter.h"
#include "outrider/core/seats/seats.h"

#include <string.h>

static bool is_plain(const struct placement_query *query)
{
    return query->seats == 1 && query->exclude_count == 0 && query->zone.size == 0 &&
           query->region.size == 0 && (query->filter == NULL || filter_is_empty(query->filter));
}

static struct pool *pool_of(struct placement *placement, const struct view *view, struct str type)
{
    struct pool *last = placement->last;
    bool same =
        last != NULL && last->type.size == type.size && memcmp(last->type.data, type.data, type.size) == 0;
    return same ? last : placement_pool(placement, view, type);
}

/* One server for one seat, any of the type: what is asked most. Returns whether there is one that is not overloaded at the
 * next points, as many as there are servers. */
static bool first_on_ring(struct pool *pool, struct str key, unsigned factor, struct placement_answer *answer)
{
    const struct ring *ring = &pool->ring;
    if (pool->fit == 0) {
        return false;
    }
    if (!pool->takers_known) {
        pool_judge(pool, factor);
    }
    size_t at = ring_find(ring, ring_key(key));
    for (size_t left = pool->count; left > 0; left--) {
        const struct view_entry *taker = pool->takers[ring->heads[at].owner];
        if (taker != NULL) {
            answer->entries[0] = taker;
            answer->reaches[0] = PLACEMENT_ANYWHERE;
            answer->count = 1;
            answer->candidates = pool->fit;
            return true;
        }
        at = at + 1 == ring->count ? 0 : at + 1;
    }
    return false;
}

void placement_choose(struct placement *placement, const struct view *view,
                      const struct placement_query *query, const struct instant *now,
                      struct placement_answer *ret_answer)
{
    struct pool *pool = pool_of(placement, view, query->type);
    if (pool == NULL) {
        *ret_answer = (struct placement_answer){0};
        return;
    }
    bool plain = is_plain(query), by_key = query->strategy == PLACEMENT_CONSISTENT_HASH;
    bool may_keep = by_key && placement->seats != NULL && placement->seats->keyed > 0;
    size_t kept = may_keep ? pool_kept(placement, pool, query->key, now) : SIZE_MAX;
    if (by_key) {
        pool_need_ring(placement, pool);
    }
    if (!by_key || !plain || query->count != 1 || kept != SIZE_MAX ||
        !first_on_ring(pool, query->key, placement->settings.balance_factor, ret_answer)) {
        pool_search(placement, pool, view, plain, kept, query, now, ret_answer);
    }
}
