/* Each strategy against the plainest implementation of docs/design/protocol.md, "Placement", in a fleet that changes at random. */
#include "placement_world.h"

#include "core/placement/placement_internal.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/core/fleet/filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLEET = 24, STEPS = 3000, GIVEN_MAX = STEPS + 1 };

/* Seats that were given to a server, until its record shows them. */
struct gift {
    char id[8];
    int64_t second;
    uint32_t seats;
};

struct model {
    struct placement_world *world;
    struct random random;
    struct gift gifts[GIVEN_MAX];
    size_t gift_count;
};

static unsigned below(struct model *model, unsigned bound)
{
    return (unsigned)random_below(&model->random, bound);
}

/* ---- the plainest implementation ---- */

static uint32_t pending(const struct model *model, struct str id)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < model->gift_count; i++) {
        const struct gift *gift = &model->gifts[i];
        bool counts = gift->second > model->world->now.boot / 1000 - PLACEMENT_PENDING_S;
        sum += counts && str_eq(str_of(gift->id), id) ? gift->seats : 0;
    }
    return sum;
}

/* The oldest that still count first. */
static void show(struct model *model, const char *id, uint32_t players)
{
    for (size_t i = 0; i < model->gift_count; i++) {
        struct gift *gift = &model->gifts[i];
        if (strcmp(gift->id, id) == 0 && gift->second > model->world->now.boot / 1000 - PLACEMENT_PENDING_S) {
            uint32_t shown = gift->seats < players ? gift->seats : players;
            gift->seats -= shown;
            players -= shown;
        }
    }
}

static enum placement_excluded judge(const struct model *model, const struct view_entry *entry)
{
    const struct placement_query *query = &model->world->query;
    uint32_t given = query->strategy == PLACEMENT_CONSISTENT_HASH ? 0 : pending(model, view_entry_id(entry));
    for (size_t i = 0; i < query->exclude_count; i++) {
        if (str_eq(query->exclude[i], view_entry_id(entry))) {
            return PLACEMENT_FILTERED;
        }
    }
    bool full =
        entry->has_capacity && (uint64_t)entry->players + given + query->seats > (uint64_t)entry->capacity;
    return !filter_matches(query->filter, entry)  ? PLACEMENT_FILTERED
           : entry->status == STATUS_ERROR        ? PLACEMENT_ERROR
           : entry->status == STATUS_INITIALIZING ? PLACEMENT_INITIALIZING
           : entry->status == STATUS_SHUTTING_DOWN || entry->status == STATUS_UNKNOWN
               ? PLACEMENT_SHUTTING_DOWN
           : entry->status == STATUS_DRAINING ? PLACEMENT_DRAINING
           : entry->weight == 0               ? PLACEMENT_WEIGHT
           : full                             ? PLACEMENT_FULL
                                              : PLACEMENT_EXCLUDED_COUNT;
}

static int reach(const struct model *model, const struct view_entry *entry)
{
    const struct placement_query *query = &model->world->query;
    struct str zone = query->zone, region = zone.size > 0 ? (struct str){zone.data, 1} : query->region;
    if (zone.size > 0 && str_eq(view_entry_text(entry, VIEW_ZONE), zone)) {
        return PLACEMENT_IN_ZONE;
    }
    return region.size > 0 && str_eq(view_entry_text(entry, VIEW_REGION), region) ? PLACEMENT_IN_REGION
                                                                                  : PLACEMENT_ANYWHERE;
}

/* A server that would have more than its share, of the players of those that are only full. */
static bool overloaded(const struct model *model, const struct view_entry *entry)
{
    const struct placement_world *world = model->world;
    uint64_t players = world->query.seats, weight = 0;
    for (size_t i = 0; i < world->count; i++) {
        enum placement_excluded why = judge(model, world->entries[i]);
        if (why == PLACEMENT_EXCLUDED_COUNT || why == PLACEMENT_FULL) {
            players += world->entries[i]->players;
            weight += world->entries[i]->weight;
        }
    }
    return world->settings.balance_factor > 0 && entry->has_capacity &&
           2 * (uint64_t)entry->players >= entry->capacity &&
           (double)(entry->players + (uint64_t)world->query.seats) * (double)weight * 100 >
               (double)players * entry->weight * world->settings.balance_factor;
}

/* How far behind the key the first point of the server is. */
static uint64_t distance(const struct model *model, const struct view_entry *entry)
{
    size_t count = (size_t)entry->weight * model->world->settings.virtual_nodes;
    uint64_t *points = ring_points(view_entry_type(entry), view_entry_id(entry), count), least = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        uint64_t away = points[i] - ring_key(model->world->query.key);
        least = away < least ? away : least;
    }
    free(points);
    return least;
}

/* Whether `a` must be chosen before `b`; where neither must, either may. */
static bool is_before(const struct model *model, const struct view_entry *a, const struct view_entry *b)
{
    if (reach(model, a) != reach(model, b)) {
        return reach(model, a) < reach(model, b);
    }
    enum placement_strategy strategy = model->world->query.strategy;
    if (strategy == PLACEMENT_ROUND_ROBIN) {
        return false;
    }
    if (strategy == PLACEMENT_CONSISTENT_HASH) {
        bool over = overloaded(model, a);
        return over != overloaded(model, b) ? !over : distance(model, a) < distance(model, b);
    }
    int known_a = !a->has_players ? 2 : !a->has_capacity, known_b = !b->has_players ? 2 : !b->has_capacity;
    if (known_a != known_b) {
        return known_a < known_b;
    }
    double used_a = (double)a->players + pending(model, view_entry_id(a)),
           used_b = (double)b->players + pending(model, view_entry_id(b));
    used_a = known_a == 0 ? used_a / a->capacity : used_a;
    used_b = known_a == 0 ? used_b / b->capacity : used_b;
    if (used_a != used_b) {
        return strategy == PLACEMENT_PACKED ? used_a > used_b : used_a < used_b;
    }
    if (a->weight != b->weight) {
        return a->weight > b->weight;
    }
    return strategy == PLACEMENT_PACKED && str_compare(view_entry_id(a), view_entry_id(b)) < 0;
}

static bool is_in_answer(const struct placement_answer *answer, const struct view_entry *entry)
{
    for (size_t i = 0; i < answer->count; i++) {
        if (str_eq(view_entry_id(answer->entries[i]), view_entry_id(entry))) {
            return true;
        }
    }
    return false;
}

static void check_answer(const struct model *model)
{
    const struct placement_world *world = model->world;
    const struct placement_answer *answer = &world->answer;
    size_t counts[PLACEMENT_EXCLUDED_COUNT + 1] = {0};
    for (size_t i = 0; i < world->count; i++) {
        enum placement_excluded why = judge(model, world->entries[i]);
        counts[why]++;
        for (size_t j = 0; why == PLACEMENT_EXCLUDED_COUNT && j < answer->count; j++) {
            assert_true(is_in_answer(answer, world->entries[i]) ||
                        !is_before(model, world->entries[i], answer->entries[j]));
        }
    }
    assert_int_equal(answer->candidates, counts[PLACEMENT_EXCLUDED_COUNT]);
    assert_int_equal(answer->count,
                     answer->candidates < world->query.count ? answer->candidates : world->query.count);
    for (size_t i = 0; i < answer->count; i++) {
        assert_int_equal(judge(model, answer->entries[i]), PLACEMENT_EXCLUDED_COUNT);
        assert_int_equal(answer->reaches[i], reach(model, answer->entries[i]));
        for (size_t j = 0; j < i; j++) {
            assert_ptr_not_equal(answer->entries[i], answer->entries[j]);
            assert_false(is_before(model, answer->entries[i], answer->entries[j]));
        }
    }
    if (answer->count == 0 && world->count > 0) {
        assert_memory_equal(answer->excluded, counts, sizeof(answer->excluded));
    }
}

/* ---- chance ---- */

static void change(struct model *model, const char *id)
{
    static const int weights[] = {UNKNOWN, 1, 1, 2, 5, 0}, most[] = {UNKNOWN, 0, 3, 20, 20, 100};
    static const char *const zones[] = {NULL, "a1", "a2", "b1"}, *const regions[] = {NULL, "a", "a", "b"};
    unsigned zone = below(model, COUNT_OF(zones));
    int capacity = most[below(model, COUNT_OF(most))];
    struct server_of server = {
        .id = id,
        .status = below(model, 3) == 0 ? below(model, VIEW_STATUS_COUNT) : STATUS_READY,
        .players = below(model, 6) == 0 ? UNKNOWN : (int)below(model, capacity > 0 ? (unsigned)capacity : 9),
        .capacity = capacity,
        .weight = weights[below(model, COUNT_OF(weights))],
        .zone = zones[zone],
        .region = regions[zone],
        .group = below(model, 2) == 0 ? "main" : "other"};
    for (size_t i = 0; i < model->world->count; i++) {
        const struct view_entry *was = model->world->entries[i];
        uint32_t players = server.players == UNKNOWN ? 0 : (uint32_t)server.players;
        if (str_eq(view_entry_id(was), str_of(id)) && players > was->players) {
            show(model, id, players - was->players);
        }
    }
    world_set(model->world, &server);
}

static void drop(struct model *model, const char *id)
{
    for (size_t i = 0; i < model->gift_count; i++) {
        model->gifts[i].seats = strcmp(model->gifts[i].id, id) == 0 ? 0 : model->gifts[i].seats;
    }
    for (size_t i = 0; i < model->world->count; i++) {
        if (str_eq(view_entry_id(model->world->entries[i]), str_of(id))) {
            world_drop(model->world, id);
            return;
        }
    }
}

static void ask(struct model *model, struct filter *filter)
{
    static const char *const near[] = {"a1", "a2", "b1"};
    struct placement_query *query = &model->world->query;
    struct placement_answer *answer = &model->world->answer;
    bool plain = below(model, 2) == 0;
    char key[16], first[8];
    snprintf(key, sizeof(key), "%u", below(model, 1000));
    snprintf(first, sizeof(first), "w%u", below(model, FLEET));
    *query =
        (struct placement_query){.type = STR("world"),
                                 .strategy = (enum placement_strategy)below(model, PLACEMENT_STRATEGY_COUNT),
                                 .key = str_of(key),
                                 .seats = plain ? 1 : 1 + below(model, 4),
                                 .count = below(model, 2) == 0 ? 1 : 1 + below(model, PLACEMENT_COUNT_MAX)};
    if (!plain) {
        query->filter = below(model, 2) == 0 ? filter : NULL;
        query->exclude[0] = str_of(first);
        query->exclude_count = below(model, 2);
        query->zone = below(model, 3) == 0 ? str_of(near[below(model, COUNT_OF(near))]) : STR("");
        query->region = query->zone.size == 0 && below(model, 3) == 0 ? STR("a") : STR("");
    }
    world_choose(model->world);
    check_answer(model);
    if (answer->count > 0 && query->strategy != PLACEMENT_CONSISTENT_HASH) {
        struct gift *gift = &model->gifts[model->gift_count++];
        *gift = (struct gift){.second = model->world->now.boot / 1000, .seats = query->seats};
        snprintf(gift->id, sizeof(gift->id), "%.*s", STR_ARG(view_entry_id(answer->entries[0])));
    }
    query->zone = STR("");
}

static void test_against_the_plainest(void **state)
{
    struct model *model = mem_zalloc(sizeof(*model));
    struct filter *filter = filter_new();
    struct error err;
    char id[8];
    model->world = *state;
    random_seed(&model->random, 31);
    model->world->settings.balance_factor = 125;
    model->world->settings.virtual_nodes = 3;
    world_restart(model->world);
    assert_int_equal(filter_add(filter, STR("group"), STR("main"), &err), 0);
    /* Of each zone one record that stays, so that its region is known. */
    static const struct server_of fixed[] = {
        {.id = "x1", .status = STATUS_ERROR, .zone = "a1", .region = "a"},
        {.id = "x2", .status = STATUS_ERROR, .zone = "a2", .region = "a"},
        {.id = "x3", .status = STATUS_ERROR, .zone = "b1", .region = "b"}};
    for (size_t i = 0; i < COUNT_OF(fixed); i++) {
        world_set(model->world, &fixed[i]);
    }
    for (int i = 0; i < STEPS; i++) {
        snprintf(id, sizeof(id), "w%u", below(model, i % 1000 < 300 ? 3 : FLEET));
        unsigned what = below(model, 8);
        if (what < 3) {
            change(model, id);
        } else if (what == 3) {
            drop(model, id);
        } else {
            ask(model, filter);
        }
        model->world->now.boot += below(model, 10) == 0 ? 1 + below(model, 12000) : below(model, 300);
    }
    filter_free(filter);
    free(model);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, placement_world_set_up, placement_world_tear_down)
    const struct CMUnitTest tests[] = {T(test_against_the_plainest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
