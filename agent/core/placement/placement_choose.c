/* From a query to an answer.
 *
 * A plain query asks for one seat on any server of the type. By consistent hash it looks at no other server than those
 * that it passes on the ring. Every other query first marks each server with how near it is, or that it may not be chosen.
 * What is asked most does not come here (placement_first.c). */
#include "placement_internal.h"

#include "outrider/core/fleet/filter.h"
#include "outrider/core/fleet/view_entry.h"
#include "outrider/core/fleet/view_read.h"

#include <assert.h>

enum { NEVER = PLACEMENT_ANYWHERE + 1 };

/* What one query has found so far. */
struct choice {
    struct pool *pool;
    const struct view *view;
    const struct placement_query *query;
    struct placement_answer *answer;
    bool plain; /* nothing is marked: a server is judged when it is met */
    bool counts_pending;
    size_t kept;                         /* the server of a live reservation of the key; SIZE_MAX: none */
    enum placement_reach reach;          /* servers further away wait */
    uint64_t players, weight;            /* of the servers that balance is judged among, in all */
    uint64_t tie;                        /* orders equal servers */
    size_t numbers[PLACEMENT_COUNT_MAX]; /* of the servers chosen */
};

static const struct candidate *candidate_at(const struct choice *choice, size_t number)
{
    return &choice->pool->candidates[number];
}

/* ---- which servers ---- */

static bool is_named(const struct placement_query *query, struct str id)
{
    for (size_t i = 0; i < query->exclude_count; i++) {
        if (str_eq(query->exclude[i], id)) {
            return true;
        }
    }
    return false;
}

static enum placement_excluded excluded(const struct choice *choice, size_t number)
{
    const struct placement_query *query = choice->query;
    const struct candidate *candidate = candidate_at(choice, number);
    uint32_t pending = choice->counts_pending ? choice->pool->standings[number].given.total : 0;
    if (!filter_matches(query->filter, candidate->entry) ||
        is_named(query, view_entry_id(candidate->entry))) {
        return PLACEMENT_FILTERED;
    }
    return candidate_excluded(candidate, query->seats, pending);
}

/* The region of the zone that is asked for, by any record of that zone, of whatever type: the type may have no server there.
 * Where records differ the first by key counts, which is the same one on every agent. */
static struct str region_of(const struct choice *choice)
{
    const struct placement_query *query = choice->query;
    const struct view_facts *facts = view_facts(choice->view);
    for (size_t i = 0; i < facts->count && query->zone.size > 0; i++) {
        struct str region = view_entry_text(facts->entries[i], VIEW_REGION);
        if (region.size > 0 && str_eq(view_entry_text(facts->entries[i], VIEW_ZONE), query->zone)) {
            return region;
        }
    }
    return query->region;
}

static uint8_t reach_of(const struct choice *choice, const struct view_entry *entry, struct str region)
{
    struct str zone = choice->query->zone;
    if (zone.size > 0 && str_eq(view_entry_text(entry, VIEW_ZONE), zone)) {
        return PLACEMENT_IN_ZONE;
    }
    bool in_region = region.size > 0 && str_eq(view_entry_text(entry, VIEW_REGION), region);
    return in_region ? PLACEMENT_IN_REGION : PLACEMENT_ANYWHERE;
}

static void mark(struct choice *choice)
{
    struct pool *pool = choice->pool;
    struct str region = region_of(choice);
    for (size_t i = 0; i < pool->count; i++) {
        const struct candidate *candidate = &pool->candidates[i];
        pool->marks[i] = NEVER;
        if (candidate->entry == NULL) {
            continue;
        }
        enum placement_excluded why = excluded(choice, i);
        if (why == PLACEMENT_EXCLUDED_COUNT) {
            pool->marks[i] = reach_of(choice, candidate->entry, region);
            choice->answer->candidates++;
        }
        if (why == PLACEMENT_EXCLUDED_COUNT || why == PLACEMENT_FULL) {
            choice->players += candidate->used;
            choice->weight += candidate->weight;
        }
    }
}

static bool is_chosen(const struct choice *choice, size_t number)
{
    for (size_t i = 0; i < choice->answer->count; i++) {
        if (choice->numbers[i] == number) {
            return true;
        }
    }
    return false;
}

static bool may_choose(void *user, size_t number)
{
    const struct choice *choice = user;
    if (!choice->plain) {
        return choice->pool->marks[number] <= choice->reach && !is_chosen(choice, number);
    }
    bool fits = choice->counts_pending ? choice->pool->ranks[RANK_LEAST][number] != RANK_NONE
                                       : candidate_at(choice, number)->fits_one;
    return fits && !is_chosen(choice, number);
}

static void choose(struct choice *choice, size_t number)
{
    struct placement_answer *answer = choice->answer;
    choice->numbers[answer->count] = number;
    answer->entries[answer->count] = candidate_at(choice, number)->entry;
    answer->reaches[answer->count] =
        choice->plain ? PLACEMENT_ANYWHERE : (enum placement_reach)choice->pool->marks[number];
    answer->count++;
}

static bool wants_more(const struct choice *choice)
{
    return choice->answer->count < choice->query->count && choice->answer->count < choice->answer->candidates;
}

/* ---- consistent hash ---- */

static bool may_take(struct choice *choice, const struct balance *balance, size_t number)
{
    return may_choose(choice, number) &&
           !candidate_overloaded(balance, candidate_at(choice, number), choice->query->seats);
}

static size_t count_left(struct choice *choice, const struct balance *balance)
{
    size_t left = 0;
    for (size_t i = 0; i < choice->pool->count; i++) {
        left += may_take(choice, balance, i);
    }
    return left;
}

/* Walks around the ring from the key. A server has many points, so whether there is anything left to find is counted once as
 * many points as there are servers have been passed. */
static void walk(struct choice *choice, unsigned factor)
{
    const struct balance balance = {choice->players, choice->weight, factor};
    const struct ring *ring = &choice->pool->ring;
    size_t start = ring->count == 0 ? 0 : ring_find(ring, ring_key(choice->query->key)), left = SIZE_MAX;
    for (size_t i = 0; i < ring->count && left > 0 && wants_more(choice); i++) {
        size_t at = start + i < ring->count ? start + i : start + i - ring->count;
        size_t number = ring->heads[at].owner;
        left = i == choice->pool->count ? count_left(choice, &balance) : left;
        if (may_take(choice, &balance, number)) {
            choose(choice, number);
            left -= left != SIZE_MAX;
        }
    }
}

static void by_hash(struct choice *choice, unsigned factor)
{
    walk(choice, factor);
    if (factor != 0) {
        walk(choice, 0); /* what is overloaded comes after what is not */
    }
}

/* ---- the other strategies ---- */

static uint64_t tie_of(const struct choice *choice, size_t number)
{
    return (number ^ choice->tie) * 0x9e3779b97f4a7c15ULL;
}

/* Of two servers of the same rank: the one of more weight, then by chance or, where that must be the same each time, by id. */
static bool wins_tie(const struct choice *choice, size_t left, size_t right)
{
    const struct candidate *a = candidate_at(choice, left), *b = candidate_at(choice, right);
    if (a->weight != b->weight) {
        return a->weight > b->weight;
    }
    return choice->query->strategy == PLACEMENT_PACKED
               ? str_compare(view_entry_id(a->entry), view_entry_id(b->entry)) < 0
               : tie_of(choice, left) < tie_of(choice, right);
}

static size_t find_best(struct choice *choice, const uint32_t *ranks)
{
    size_t best = SIZE_MAX;
    uint32_t lowest = RANK_NONE;
    for (size_t i = 0; i < choice->pool->count; i++) {
        if (ranks[i] > lowest || ranks[i] == RANK_NONE || !may_choose(choice, i)) {
            continue;
        }
        if (ranks[i] < lowest || wins_tie(choice, i, best)) {
            best = i;
            lowest = ranks[i];
        }
    }
    return best;
}

static void by_load(struct choice *choice)
{
    const uint32_t *ranks =
        choice->pool->ranks[choice->query->strategy == PLACEMENT_PACKED ? RANK_PACKED : RANK_LEAST];
    size_t best = 0;
    while (wants_more(choice) && best != SIZE_MAX) {
        best = find_best(choice, ranks);
        if (best != SIZE_MAX) {
            choose(choice, best);
        }
    }
}

/* What is asked from different places has turns of its own, as what is asked with different filters: one that two places
 * moved on would pass over the same servers of each for ever. */
static uint64_t turn_key(const struct placement_query *query)
{
    return str_hash(query->region, str_hash(query->zone, filter_hash(query->filter)));
}

/* Only the first server uses up its turn. */
static void in_turn(struct choice *choice, uint64_t query)
{
    struct turn *turn = pool_find_turn(choice->pool, turn_key(choice->query), query, choice->tie);
    struct turn first = *turn;
    while (wants_more(choice)) {
        size_t number = pool_turn(choice->pool, turn, may_choose, choice);
        if (number == SIZE_MAX) {
            break;
        }
        choose(choice, number);
        first = choice->answer->count == 1 ? *turn : first;
    }
    *turn = first;
}

/* ---- a query ---- */

static void explain(struct choice *choice)
{
    memset(choice->answer->excluded, 0, sizeof(choice->answer->excluded));
    for (size_t i = 0; i < choice->pool->count; i++) {
        if (candidate_at(choice, i)->entry != NULL) {
            choice->answer->excluded[excluded(choice, i)]++;
        }
    }
}

/* A key with a live reservation stays where it is, however near that is and however full it has become. */
static void choose_kept(struct choice *choice)
{
    choice->reach = PLACEMENT_ANYWHERE;
    if (choice->kept != SIZE_MAX && may_choose(choice, choice->kept)) {
        choose(choice, choice->kept);
    }
}

static void search(struct choice *choice, const struct placement *placement)
{
    switch (choice->query->strategy) {
    case PLACEMENT_CONSISTENT_HASH: by_hash(choice, placement->settings.balance_factor); break;
    case PLACEMENT_ROUND_ROBIN: in_turn(choice, placement->queries); break;
    case PLACEMENT_LEAST_CONNECTIONS:
    case PLACEMENT_PACKED: by_load(choice); break;
    case PLACEMENT_STRATEGY_COUNT: assert(false); break;
    }
}

static void search_plainly(struct choice *choice, const struct placement *placement)
{
    const struct pool *pool = choice->pool;
    choice->answer->candidates = choice->counts_pending ? pool->open : pool->fit;
    choice->players = pool->players;
    choice->weight = pool->weight;
    choose_kept(choice);
    search(choice, placement);
}

static void search_marked(struct choice *choice, const struct placement *placement)
{
    const struct placement_query *query = choice->query;
    bool near = query->zone.size > 0 || query->region.size > 0;
    choice->answer->candidates = 0;
    choice->players = choice->weight = 0;
    mark(choice);
    choose_kept(choice);
    for (int reach = near ? PLACEMENT_IN_ZONE : PLACEMENT_ANYWHERE; reach <= PLACEMENT_ANYWHERE; reach++) {
        choice->reach = (enum placement_reach)reach;
        search(choice, placement);
    }
}

void pool_search(struct placement *placement, struct pool *pool, const struct view *view, bool plain,
                 size_t kept, const struct placement_query *query, const struct instant *now,
                 struct placement_answer *answer)
{
    struct choice choice = {.pool = pool,
                            .view = view,
                            .query = query,
                            .answer = answer,
                            .plain = plain,
                            .kept = kept,
                            .counts_pending = query->strategy != PLACEMENT_CONSISTENT_HASH};
    placement->queries++;
    answer->count = 0;
    if (choice.counts_pending) {
        pool_expire(pool, now);
        choice.tie = random_next(&placement->random);
    }
    if (choice.plain) {
        search_plainly(&choice, placement);
    } else {
        search_marked(&choice, placement);
    }
    if (answer->count == 0) {
        explain(&choice);
    } else if (choice.counts_pending && !query->looks) {
        pool_give(pool, choice.numbers[0], query->seats, now);
    }
}
