/* What a placement costs in process, without a network: a choice by each strategy, and one server that comes or goes. The floor
 * is a bare bucketed ring that knows nothing of servers: hash the key, find the point, return its owner.
 *
 * usage: bench_placement [CHOICES [KEYS]]
 * prints "NAME SERVERS VALUE UNIT" a line, and "floor SERVERS VALUE ns" */
#include "outrider/core/placement/placement.h"
#include "outrider/base/mem.h"
#include "outrider/core/fleet/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { POINTS = 150, KEYS_MIN = 4096, KEYS_MAX = 65536, RUNS = 7, CHANGES = 200 };

static double now_ns(void)
{
    struct timespec at;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

/* Used one after the other, again and again. Even the least number of them does not fit into the first cache, nor does what they
 * lead to. A power of two: to divide by any other number would be part of each choice. */
static char keys[KEYS_MAX][24];
static size_t key_count = KEYS_MIN;

static struct str key_at(size_t i)
{
    return str_of(keys[i & (key_count - 1)]);
}

/* ---- the floor ---- */

struct floor_point {
    uint64_t hash;
    uint32_t owner;
};

struct floor_ring {
    struct floor_point *points;
    size_t count;
    uint32_t *buckets;
    unsigned bits;
};

static int by_hash(const void *a, const void *b)
{
    uint64_t left = ((const struct floor_point *)a)->hash, right = ((const struct floor_point *)b)->hash;
    return left < right ? -1 : left > right;
}

static struct floor_ring floor_new(size_t servers)
{
    struct floor_ring ring = {.count = servers * POINTS};
    ring.points = mem_zalloc(ring.count * sizeof(ring.points[0]));
    for (size_t i = 0; i < ring.count; i++) {
        ring.points[i] =
            (struct floor_point){str_xxh3((struct str){(const char *)&i, sizeof(i)}), (uint32_t)(i / POINTS)};
    }
    qsort(ring.points, ring.count, sizeof(ring.points[0]), by_hash);
    while ((size_t)1 << ring.bits < ring.count) {
        ring.bits++;
    }
    ring.buckets = mem_zalloc((((size_t)1 << ring.bits) + 1) * sizeof(ring.buckets[0]));
    for (size_t bucket = 0, point = 0; bucket <= (size_t)1 << ring.bits; bucket++) {
        while (point < ring.count && ring.points[point].hash >> (64 - ring.bits) < bucket) {
            point++;
        }
        ring.buckets[bucket] = (uint32_t)point;
    }
    return ring;
}

/* Called, as the subject is: inlined into the loop, one look-up would begin before the one before it has ended. */
static __attribute__((noinline)) uint32_t floor_pick(const struct floor_ring *ring, struct str key)
{
    uint64_t hash = str_xxh3(key);
    size_t at = ring->buckets[hash >> (64 - ring->bits)];
    while (at < ring->count && ring->points[at].hash < hash) {
        at++;
    }
    return ring->points[at == ring->count ? 0 : at].owner;
}

static double floor_ns(size_t servers, size_t choices)
{
    struct floor_ring ring = floor_new(servers);
    double least = 1e18;
    uint32_t sum = 0;
    for (int run = 0; run < RUNS; run++) {
        double start = now_ns();
        for (size_t i = 0; i < choices; i++) {
            sum += floor_pick(&ring, key_at(i));
        }
        double took = (now_ns() - start) / (double)choices;
        least = took < least ? took : least;
    }
    free(ring.points);
    free(ring.buckets);
    return sum == 0 ? 0 : least;
}

/* ---- the subject ---- */

static struct view_entry *entry_of(size_t number)
{
    char key[64];
    struct view_entry_facts facts = {.status = STATUS_READY,
                                     .fields = {[VIEW_ZONE] = STR("kr-a"), [VIEW_REGION] = STR("kr")},
                                     .players = {true, (uint32_t)(30 + number * 7 % 30)},
                                     .capacity = {true, 100}};
    snprintf(key, sizeof(key), "/services/world/01J9Z3K8QX5V7T2M4N6P%06zu", number);
    return view_entry_new(&(struct view_place){.key = str_of(key), .prefix_size = 9}, STR("{}"), &facts);
}

static struct view *view_of(struct view_entry **entries, size_t count)
{
    struct view *view = view_new(&(struct view_settings){.prefix = "/services", .mode = VIEW_NEVER});
    struct view_kept kept = {.revision = 1, .true_wall = 1, .entries = entries, .entry_count = count};
    struct queue effects;
    queue_init(&effects, sizeof(struct view_effect));
    view_step(view, &(struct view_event){.type = VIEW_ON_LOAD, .kept = &kept}, &effects);
    for (struct view_effect effect; queue_take(&effects, &effect);) {
        view_effect_fini(&effect);
    }
    queue_fini(&effects);
    return view;
}

static void measure(size_t servers, size_t choices)
{
    struct view_entry **entries = mem_zalloc(servers * sizeof(entries[0]));
    for (size_t i = 0; i < servers; i++) {
        entries[i] = entry_of(i);
    }
    struct view *view = view_of(entries, servers);
    struct placement *placement = placement_new(
        &(struct placement_settings){.virtual_nodes = POINTS, .balance_factor = 125, .seed = 1});
    printf("floor %zu %.1f ns\n", servers, floor_ns(servers, choices));
    struct instant now = {0};
    for (int strategy = 0; strategy < PLACEMENT_STRATEGY_COUNT; strategy++) {
        struct placement_query query = {
            .type = STR("world"), .strategy = (enum placement_strategy)strategy, .seats = 1, .count = 1};
        struct placement_answer answer;
        size_t rounds = strategy == PLACEMENT_CONSISTENT_HASH ? choices : choices / 50;
        double least = 1e18;
        for (int run = 0; run < RUNS; run++) {
            double start = now_ns();
            for (size_t i = 0; i < rounds; i++) {
                query.key = key_at(i);
                now.boot += 10;
                placement_choose(placement, view, &query, &now, &answer);
            }
            double took = (now_ns() - start) / (double)rounds;
            least = took < least ? took : least;
        }
        printf("%s %zu %.1f ns\n", placement_strategy_name(query.strategy), servers, least);
    }
    struct placement_query query = {.type = STR("world"), .key = STR("player-1"), .seats = 1, .count = 1};
    struct placement_answer answer;
    double least = 1e18;
    for (int i = 0; i < CHANGES; i++) {
        struct view_entry *entry = entries[(size_t)i * 31 % servers];
        double start = now_ns();
        /* A ring that is not asked is not kept up. */
        placement_changed(placement, entry, NULL, &now);
        placement_choose(placement, view, &query, &now, &answer);
        placement_changed(placement, NULL, entry, &now);
        placement_choose(placement, view, &query, &now, &answer);
        double took = (now_ns() - start) / 2;
        least = took < least ? took : least;
    }
    size_t bytes;
    placement_types(placement, &bytes);
    printf("server_comes_or_goes %zu %.1f us\n", servers, least / 1000);
    printf("memory_of_a_server %zu %.0f B\n", servers, (double)bytes / (double)servers);
    placement_free(placement);
    view_free(view);
    for (size_t i = 0; i < servers; i++) {
        view_entry_unref(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    static const size_t fleets[] = {10, 100, 1000, 10000};
    size_t choices = argc > 1 ? (size_t)atol(argv[1]) : 1000000;
    while (argc > 2 && key_count < KEYS_MAX && key_count < (size_t)atol(argv[2])) {
        key_count *= 2;
    }
    for (size_t i = 0; i < key_count; i++) {
        snprintf(keys[i], sizeof(keys[i]), "player-%zu", i * 7919);
    }
    for (size_t i = 0; i < COUNT_OF(fleets); i++) {
        measure(fleets[i], choices);
    }
    return 0;
}
