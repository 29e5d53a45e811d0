#include "placement_internal.h"

#include "outrider/core/fleet/view.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/seats/seats.h"

#include <assert.h>
#include <stdlib.h>

/* From an id to the number of its server. */
struct pool_id {
    uint32_t number;
    UT_hash_handle hh;
    char id[];
};

/* ---- names ---- */

static const char *const strategy_names[PLACEMENT_STRATEGY_COUNT] = {
    [PLACEMENT_CONSISTENT_HASH] = "consistent_hash",
    [PLACEMENT_LEAST_CONNECTIONS] = "least_connections",
    [PLACEMENT_ROUND_ROBIN] = "round_robin",
    [PLACEMENT_PACKED] = "packed",
};

const char *placement_strategy_name(enum placement_strategy strategy)
{
    return strategy_names[strategy];
}

int placement_strategy_parse(struct str name, enum placement_strategy *ret_strategy)
{
    for (int i = 0; i < PLACEMENT_STRATEGY_COUNT; i++) {
        if (str_eq(name, str_of(strategy_names[i]))) {
            *ret_strategy = (enum placement_strategy)i;
            return 0;
        }
    }
    return -1;
}

const char *placement_excluded_name(enum placement_excluded excluded)
{
    static const char *const names[PLACEMENT_EXCLUDED_COUNT] = {
        [PLACEMENT_FILTERED] = "filtered",
        [PLACEMENT_ERROR] = "error",
        [PLACEMENT_INITIALIZING] = "initializing",
        [PLACEMENT_SHUTTING_DOWN] = "shutting_down",
        [PLACEMENT_DRAINING] = "draining",
        [PLACEMENT_WEIGHT] = "weight",
        [PLACEMENT_FULL] = "full",
    };
    return names[excluded];
}

/* ---- servers ---- */

static bool counts(const struct candidate *candidate)
{
    return candidate->status == STATUS_READY && candidate->weight > 0;
}

static void set_rank(struct pool *pool, size_t number)
{
    uint32_t ranks[RANKS];
    candidate_rank(&pool->candidates[number], pool->standings[number].given.total, ranks);
    pool->open -= pool->ranks[RANK_LEAST][number] != RANK_NONE;
    pool->open += ranks[RANK_LEAST] != RANK_NONE;
    for (int i = 0; i < RANKS; i++) {
        pool->ranks[i][number] = ranks[i];
    }
}

static void count_in(struct pool *pool, const struct candidate *candidate)
{
    pool->takers_known = false;
    pool->fit += candidate->fits_one;
    pool->weights += candidate->weight;
    pool->players += counts(candidate) ? candidate->used : 0;
    pool->weight += counts(candidate) ? candidate->weight : 0;
    pool->weight_max = candidate->weight > pool->weight_max ? candidate->weight : pool->weight_max;
}

static void count_out(struct pool *pool, const struct candidate *candidate)
{
    pool->takers_known = false;
    pool->fit -= candidate->fits_one;
    pool->weights -= candidate->weight;
    pool->players -= counts(candidate) ? candidate->used : 0;
    pool->weight -= counts(candidate) ? candidate->weight : 0;
}

/* The highest weight may have gone. */
static void find_weight_max(struct pool *pool, unsigned gone)
{
    if (gone < pool->weight_max) {
        return;
    }
    pool->weight_max = 0;
    for (size_t i = 0; i < pool->count; i++) {
        unsigned weight = pool->candidates[i].weight;
        pool->weight_max = weight > pool->weight_max ? weight : pool->weight_max;
    }
}

/* ---- points on the ring ---- */

/* RING_POINTS_MAX bounds what the heaviest fleet costs: 10,000 servers of weight 100 would have 150 million points, which take
 * gigabytes and half a minute. Halves are rounded up: the points of a smaller number are some of those of a greater one. */
enum { RING_POINTS_MAX = 1 << 21, RING_CHANGES_MAX = 16 };

static unsigned points_per_weight(const struct placement *placement, const struct pool *pool)
{
    unsigned each = placement->settings.virtual_nodes;
    while (each > 1 && pool->weights * each > RING_POINTS_MAX) {
        each = (each + 1) / 2;
    }
    return each;
}

static void drop_ring(struct pool *pool)
{
    ring_fini(&pool->ring);
    pool->has_ring = false;
}

/* A change moves a good part of the ring, so after many of them in a row, as when a listing replaces the fleet, it is cheaper to
 * build it when it is asked for. */
static bool is_kept_up(const struct placement *placement, struct pool *pool)
{
    return pool->ring_changes++ < RING_CHANGES_MAX + pool->servers / 256 &&
           pool->points_each == points_per_weight(placement, pool);
}

/* A server of weight 0 keeps no points: it is never chosen from the ring. `pool->weights` is what it is with `weight`. */
static void set_points(const struct placement *placement, struct pool *pool, size_t number, unsigned weight)
{
    const struct candidate *candidate = &pool->candidates[number];
    uint32_t *count = &pool->standings[number].points;
    struct str type = view_entry_type(candidate->entry), id = view_entry_id(candidate->entry);
    size_t before = *count, after = (size_t)weight * pool->points_each;
    if (!pool->has_ring || before == after) {
        return;
    }
    if (!is_kept_up(placement, pool)) {
        drop_ring(pool);
        return;
    }
    uint64_t *points = ring_points(type, id, before);
    ring_remove(&pool->ring, (uint32_t)number, points, before);
    free(points);
    points = ring_points(type, id, after);
    ring_add(&pool->ring, (uint32_t)number, points, after);
    free(points);
    *count = (uint32_t)after;
}

/* All points at once: one after the other each would move those that are there. */
void pool_build_ring(const struct placement *placement, struct pool *pool)
{
    struct ring_point *all;
    size_t count = 0;
    pool->points_each = points_per_weight(placement, pool);
    all = mem_resize(NULL, pool->weights * pool->points_each + 1, sizeof(*all));
    for (size_t i = 0; i < pool->count; i++) {
        const struct candidate *candidate = &pool->candidates[i];
        uint32_t own = candidate->weight * pool->points_each;
        pool->standings[i].points = own;
        if (own == 0) {
            continue;
        }
        uint64_t *points = ring_points(pool->type, view_entry_id(candidate->entry), own);
        for (size_t point = 0; point < own; point++) {
            all[count++] = (struct ring_point){points[point], (uint32_t)i};
        }
        free(points);
    }
    ring_build(&pool->ring, all, count);
    free(all);
    pool->has_ring = true;
}

/* Seats reserved on a server. */
static uint32_t reserved(const struct placement *placement, const struct view_entry *entry)
{
    const struct seats *seats = placement->settings.seats;
    const struct seats_server *server =
        seats == NULL ? NULL : seats_of(seats, view_entry_type(entry), view_entry_id(entry));
    return server == NULL ? 0 : server->reserved;
}

/* What the record says, and what is reserved. */
static void read_entry(const struct placement *placement, struct candidate *candidate,
                       const struct view_entry *entry)
{
    struct view_entry *before = candidate->entry;
    candidate->entry = view_entry_ref((struct view_entry *)(uintptr_t)entry);
    view_entry_unref(before);
    uint64_t used = (uint64_t)entry->players + reserved(placement, entry);
    candidate->used = used < UINT32_MAX ? (uint32_t)used : UINT32_MAX;
    candidate->capacity = entry->capacity;
    candidate->has_players = entry->has_players;
    candidate->has_capacity = entry->has_capacity;
    candidate->weight = entry->weight;
    candidate->status = entry->status;
    candidate->fits_one = candidate_excluded(candidate, 1, 0) == PLACEMENT_EXCLUDED_COUNT;
}

/* ---- pools ---- */

static struct pool_id *find_id(const struct pool *pool, struct str id)
{
    struct pool_id *found;
    HASH_FIND(hh, pool->ids, id.data, (unsigned)id.size, found);
    return found;
}

static void grow(struct pool *pool)
{
    size_t capacity = pool->capacity;
    pool->candidates = mem_grow(pool->candidates, pool->count, &pool->capacity, sizeof(pool->candidates[0]));
    if (pool->capacity == capacity) {
        return;
    }
    pool->standings = mem_resize(pool->standings, pool->capacity, sizeof(pool->standings[0]));
    pool->marks = mem_resize(pool->marks, pool->capacity, sizeof(pool->marks[0]));
    pool->takers = mem_resize(pool->takers, pool->capacity, sizeof(*pool->takers));
    for (int i = 0; i < RANKS; i++) {
        pool->ranks[i] = mem_resize(pool->ranks[i], pool->capacity, sizeof(pool->ranks[i][0]));
    }
}

static void clear(struct pool *pool, size_t number)
{
    pool->candidates[number] = (struct candidate){0};
    pool->standings[number] = (struct standing){0};
    for (int i = 0; i < RANKS; i++) {
        pool->ranks[i][number] = RANK_NONE;
    }
}

static size_t free_place(struct pool *pool)
{
    size_t number = 0;
    if (pool->servers == pool->count) {
        grow(pool);
        number = pool->count++;
        clear(pool, number);
    }
    while (pool->candidates[number].entry != NULL) {
        number++;
    }
    return number;
}

/* Without points on the ring. Returns its number. */
static size_t add_server(const struct placement *placement, struct pool *pool, const struct view_entry *entry)
{
    struct str id = view_entry_id(entry);
    size_t number = free_place(pool);
    struct candidate *candidate = &pool->candidates[number];
    read_entry(placement, candidate, entry);
    pool->servers++;
    count_in(pool, candidate);
    set_rank(pool, number);
    struct pool_id *known = mem_zalloc(sizeof(*known) + id.size + 1);
    known->number = (uint32_t)number;
    memcpy(known->id, id.data, id.size);
    HASH_ADD_KEYPTR(hh, pool->ids, known->id, (unsigned)id.size, known);
    return number;
}

static void change_server(const struct placement *placement, struct pool *pool, size_t number,
                          const struct view_entry *entry, const struct instant *now)
{
    struct candidate *candidate = &pool->candidates[number];
    uint32_t before = candidate->entry->players;
    unsigned weight = candidate->weight;
    struct given *given = &pool->standings[number].given;
    given_expire(given, now);
    count_out(pool, candidate);
    read_entry(placement, candidate, entry);
    count_in(pool, candidate);
    if (candidate->weight < weight) {
        find_weight_max(pool, weight);
    }
    given_show(given, entry->players > before ? entry->players - before : 0);
    set_rank(pool, number);
    set_points(placement, pool, number, candidate->weight);
}

static void remove_server(const struct placement *placement, struct pool *pool, struct pool_id *known)
{
    size_t number = known->number;
    struct candidate *candidate = &pool->candidates[number];
    unsigned weight = candidate->weight;
    count_out(pool, candidate);
    set_points(placement, pool, number, 0);
    pool->open -= pool->ranks[RANK_LEAST][number] != RANK_NONE;
    view_entry_unref(candidate->entry);
    clear(pool, number);
    pool->servers--;
    find_weight_max(pool, weight);
    HASH_DEL(pool->ids, known);
    free(known);
}

static void pool_free(struct placement *placement, struct pool *pool)
{
    struct pool_id *known, *next;
    HASH_ITER(hh, pool->ids, known, next)
    {
        view_entry_unref(pool->candidates[known->number].entry);
        HASH_DEL(pool->ids, known);
        free(known);
    }
    HASH_DEL(placement->pools, pool);
    placement->last = NULL;
    ring_fini(&pool->ring);
    free(pool->candidates);
    free(pool->standings);
    free(pool->marks);
    free(pool->takers);
    for (int i = 0; i < RANKS; i++) {
        free(pool->ranks[i]);
    }
    free(pool);
}

static struct pool *find_pool(const struct placement *placement, struct str type)
{
    struct pool *pool;
    HASH_FIND(hh, placement->pools, type.data, (unsigned)type.size, pool);
    return pool;
}

static struct pool *pool_new(struct placement *placement, struct str type)
{
    struct pool *pool = mem_zalloc(sizeof(*pool) + type.size);
    pool->type = (struct str){memcpy(pool + 1, type.data, type.size), type.size};
    HASH_ADD_KEYPTR(hh, placement->pools, pool->type.data, (unsigned)type.size, pool);
    return pool;
}

static struct pool *fill(struct placement *placement, const struct view *view, struct str type)
{
    const struct view_facts *facts = view_facts(view);
    const struct view_type *known;
    HASH_FIND(hh, facts->types, type.data, (unsigned)type.size, known);
    if (known == NULL) {
        return NULL;
    }
    struct pool *pool = pool_new(placement, type);
    for (size_t i = 0; i < facts->count && pool->servers < known->total; i++) {
        if (str_eq(view_entry_type(facts->entries[i]), type)) {
            add_server(placement, pool, facts->entries[i]);
        }
    }
    return pool;
}

struct pool *placement_pool(struct placement *placement, const struct view *view, struct str type)
{
    struct pool *pool = find_pool(placement, type);
    pool = pool == NULL ? fill(placement, view, type) : pool;
    placement->last = pool;
    return pool;
}

size_t pool_kept(const struct placement *placement, const struct pool *pool, struct str key,
                 const struct instant *now)
{
    const struct seats_server *server =
        seats_keyed(placement->settings.seats, pool->type, ring_key(key), now->wall);
    struct str id = {NULL, 0};
    if (server == NULL) {
        return SIZE_MAX;
    }
    (void)str_split(server->place, '/', &id);
    const struct pool_id *known = find_id(pool, id);
    return known == NULL ? SIZE_MAX : known->number;
}

/* ---- seats given lately ---- */

void pool_expire(struct pool *pool, const struct instant *now)
{
    int64_t second = now->boot / 1000;
    for (size_t i = 0; i < pool->count && pool->expired != second; i++) {
        if (pool->standings[i].given.total > 0) {
            given_expire(&pool->standings[i].given, now);
            set_rank(pool, i);
        }
    }
    pool->expired = second;
}

void pool_give(struct pool *pool, size_t number, uint32_t seats, const struct instant *now)
{
    given_add(&pool->standings[number].given, seats, now);
    set_rank(pool, number);
}

void pool_judge(struct pool *pool, unsigned factor)
{
    const struct balance balance = {pool->players, pool->weight, factor};
    for (size_t i = 0; i < pool->count; i++) {
        const struct candidate *candidate = &pool->candidates[i];
        bool takes = candidate->fits_one && !candidate_overloaded(&balance, candidate, 1);
        pool->takers[i] = takes ? candidate->entry : NULL;
    }
    pool->takers_known = true;
}

/* ---- changes ---- */

void placement_changed(struct placement *placement, const struct view_entry *was, const struct view_entry *is,
                       const struct instant *now)
{
    const struct view_entry *entry = is != NULL ? is : was;
    struct pool *pool = find_pool(placement, view_entry_type(entry));
    if (pool == NULL) {
        return;
    }
    struct pool_id *known = find_id(pool, view_entry_id(entry));
    if (is == NULL && known != NULL) {
        remove_server(placement, pool, known);
    } else if (is != NULL && known != NULL) {
        change_server(placement, pool, known->number, is, now);
    } else if (is != NULL) {
        set_points(placement, pool, add_server(placement, pool, is), is->weight);
    }
    if (pool->servers == 0) {
        pool_free(placement, pool);
    }
}

void placement_reserved(struct placement *placement, struct str type, struct str id,
                        const struct instant *now)
{
    struct pool *pool = find_pool(placement, type);
    struct pool_id *known = pool == NULL ? NULL : find_id(pool, id);
    if (known != NULL) {
        change_server(placement, pool, known->number, pool->candidates[known->number].entry, now);
    }
}

void placement_give(struct placement *placement, struct str type, struct str id, uint32_t seats,
                    const struct instant *now)
{
    struct pool *pool = find_pool(placement, type);
    struct pool_id *known = pool == NULL ? NULL : find_id(pool, id);
    if (known != NULL) {
        pool_give(pool, known->number, seats, now);
    }
}

void placement_take_back(struct placement *placement, struct str type, struct str id, uint32_t seats,
                         const struct instant *now)
{
    struct pool *pool = find_pool(placement, type);
    struct pool_id *known = pool == NULL ? NULL : find_id(pool, id);
    if (known != NULL) {
        given_expire(&pool->standings[known->number].given, now);
        given_show(&pool->standings[known->number].given, seats);
        set_rank(pool, known->number);
    }
}

struct placement *placement_new(const struct placement_settings *settings)
{
    struct placement *placement = mem_zalloc(sizeof(*placement));
    placement->settings = *settings;
    placement->seats = settings->seats == NULL ? NULL : seats_facts(settings->seats);
    random_seed(&placement->random, settings->seed);
    return placement;
}

void placement_free(struct placement *placement)
{
    while (placement != NULL && placement->pools != NULL) {
        pool_free(placement, placement->pools);
    }
    free(placement);
}

size_t placement_types(const struct placement *placement, size_t *ret_bytes)
{
    size_t types = 0;
    *ret_bytes = 0;
    for (const struct pool *pool = placement->pools; pool != NULL; pool = pool->hh.next) {
        types++;
        *ret_bytes += sizeof(*pool) + ring_bytes(&pool->ring);
        *ret_bytes += pool->capacity *
                      (sizeof(pool->candidates[0]) + sizeof(pool->standings[0]) + sizeof(pool->marks[0]) +
                       sizeof(*pool->takers) + RANKS * sizeof(pool->ranks[0][0]));
        *ret_bytes += pool->servers * (sizeof(struct pool_id) + VIEW_ID_MAX);
    }
    return types;
}
