/* Who may be chosen, and by which strategy. */
#include "placement_world.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/core/fleet/filter.h"

#include <stdio.h>
#include <string.h>

static void set_in(struct placement_world *world, const char *id, unsigned status, int players, int capacity,
                   int weight, const char *zone, const char *region)
{
    world_set(world, &(struct server_of){.id = id,
                                         .status = status,
                                         .players = players,
                                         .capacity = capacity,
                                         .weight = weight,
                                         .zone = zone,
                                         .region = region,
                                         .group = strcmp(id, "other") == 0 ? "other" : "main"});
}

static void set(struct placement_world *world, const char *id, unsigned status, int players, int capacity,
                int weight)
{
    set_in(world, id, status, players, capacity, weight, NULL, NULL);
}

static struct placement_world *begin(void **state, enum placement_strategy strategy)
{
    struct placement_world *world = *state;
    world->query.strategy = strategy;
    world->query.key = STR("player-1");
    return world;
}

/* ---- who ---- */

static void test_none(void **state)
{
    for (int strategy = 0; strategy < PLACEMENT_STRATEGY_COUNT; strategy++) {
        struct placement_world *world = begin(state, (enum placement_strategy)strategy);
        size_t bytes;
        assert_string_equal(world_choose(world), "");
        assert_int_equal(world->answer.candidates, 0);
        for (size_t i = 0; i < PLACEMENT_EXCLUDED_COUNT; i++) {
            assert_int_equal(world->answer.excluded[i], 0);
        }
        /* A type that does not exist takes no memory: a client can ask for any word. */
        assert_int_equal(placement_types(world->placement, &bytes), 0);
    }
}

/* Each server counts once, by the first reason. */
static void test_excluded(void **state)
{
    struct filter *filter = filter_new();
    struct error err;
    assert_int_equal(filter_add(filter, STR("group"), STR("main"), &err), 0);
    for (int strategy = 0; strategy < PLACEMENT_STRATEGY_COUNT; strategy++) {
        struct placement_world *world = begin(state, (enum placement_strategy)strategy);
        set(world, "other", STATUS_READY, 5, 5, 1);
        set(world, "b", STATUS_ERROR, 5, 5, 0);
        set(world, "c", STATUS_INITIALIZING, 5, 5, 0);
        set(world, "d", STATUS_SHUTTING_DOWN, 5, 5, 1);
        set(world, "e", STATUS_UNKNOWN, 5, 5, 1);
        set(world, "f", STATUS_DRAINING, 5, 5, 1);
        set(world, "g", STATUS_READY, 5, 5, 0);
        set(world, "h", STATUS_READY, 5, 5, 1);
        set(world, "i", STATUS_READY, 0, 0, 1);
        set(world, "j", STATUS_READY, 0, 5, 1);
        world->query.filter = filter;
        world->query.exclude[0] = STR("j");
        world->query.exclude_count = 1;
        assert_string_equal(world_choose(world), "");
        static const size_t want[PLACEMENT_EXCLUDED_COUNT] = {2, 1, 1, 2, 1, 1, 2};
        for (size_t i = 0; i < PLACEMENT_EXCLUDED_COUNT; i++) {
            assert_int_equal(world->answer.excluded[i], want[i]);
        }
        world->query.exclude_count = 0;
        assert_string_equal(world_choose(world), "j");
        assert_int_equal(world->answer.candidates, 1);
        world->query.filter = NULL;
        world->query.seats = 6;
        assert_string_equal(world_choose(world), "");
        assert_int_equal(world->answer.excluded[PLACEMENT_FULL], 4);
        world->query.seats = 1;
    }
    filter_free(filter);
}

/* Where capacity is not known there is room. Where players are not known none count. */
static void test_unknown_numbers(void **state)
{
    for (int strategy = 0; strategy < PLACEMENT_STRATEGY_COUNT; strategy++) {
        struct placement_world *world = begin(state, (enum placement_strategy)strategy);
        set(world, "a", STATUS_READY, 4000000, UNKNOWN, 1);
        assert_string_equal(world_choose(world), "a");
        world->now.boot += 60000; /* what was given counts even so */
        set(world, "a", STATUS_READY, UNKNOWN, 1, 1);
        assert_string_equal(world_choose(world), "a");
        world_drop(world, "a");
        world_restart(world);
    }
}

/* A weight of 0 on the ring, and back. */
static void test_weight_0(void **state)
{
    struct placement_world *world = begin(state, PLACEMENT_CONSISTENT_HASH);
    set(world, "a", STATUS_READY, 0, 10, 0);
    assert_string_equal(world_choose(world), "");
    set(world, "a", STATUS_READY, 0, 10, 2);
    assert_string_equal(world_choose(world), "a");
    set(world, "b", STATUS_READY, 0, 10, 100);
    set(world, "a", STATUS_READY, 0, 10, 0);
    assert_string_equal(world_choose(world), "b");
    world_drop(world, "b");
    assert_string_equal(world_choose(world), "");
}

/* ---- least connections, packed ---- */

static void expect_order(struct placement_world *world, const char *order)
{
    char got[64] = "";
    world->query.count = PLACEMENT_COUNT_MAX;
    world_choose(world);
    for (size_t i = 0; i < world->answer.count; i++) {
        strcat(strcat(got, i == 0 ? "" : " "), world_chosen(world, i));
    }
    assert_string_equal(got, order);
    world->now.boot += 60000; /* what was given is forgotten */
}

static void test_least_connections(void **state)
{
    struct placement_world *world = begin(state, PLACEMENT_LEAST_CONNECTIONS);
    set(world, "half", STATUS_READY, 50, 100, 1);
    set(world, "third", STATUS_READY, 100, 300, 1);
    set(world, "third-heavy", STATUS_READY, 100, 300, 2);
    set(world, "no-capacity-9", STATUS_READY, 9, UNKNOWN, 1);
    set(world, "no-capacity-3", STATUS_READY, 3, UNKNOWN, 1);
    set(world, "no-players", STATUS_READY, UNKNOWN, 100, 1);
    set(world, "full", STATUS_READY, 100, 100, 1);
    expect_order(world, "third-heavy third half no-capacity-3 no-capacity-9 no-players");
}

static void test_packed(void **state)
{
    struct placement_world *world = begin(state, PLACEMENT_PACKED);
    set(world, "b", STATUS_READY, 50, 100, 1);
    set(world, "a", STATUS_READY, 50, 100, 1);
    set(world, "most", STATUS_READY, 97, 100, 1);
    set(world, "least", STATUS_READY, 0, 100, 1);
    set(world, "no-capacity", STATUS_READY, 90, UNKNOWN, 1);
    set(world, "no-players", STATUS_READY, UNKNOWN, 100, 1);
    expect_order(world, "most a b least no-capacity no-players");
    world->query.seats = 4;
    expect_order(world, "a b least no-capacity no-players");
}

static void test_ties_at_random(void **state)
{
    struct placement_world *world = begin(state, PLACEMENT_LEAST_CONNECTIONS);
    size_t chosen[4] = {0};
    world_fill(world, COUNT_OF(chosen));
    for (int i = 0; i < 400; i++) {
        chosen[world_choose(world)[1] - '0']++;
        world->now.boot += 60000;
    }
    for (size_t i = 0; i < COUNT_OF(chosen); i++) {
        assert_in_range(chosen[i], 50, 150);
    }
}

/* ---- what was given lately ---- */

/* Twenty players at once do not all go to the server that was the emptiest. */
static void test_pending_spreads(void **state)
{
    struct placement_world *world = begin(state, PLACEMENT_LEAST_CONNECTIONS);
    size_t chosen[4] = {0};
    world_fill(world, COUNT_OF(chosen));
    for (int i = 0; i < 20; i++) {
        chosen[world_choose(world)[1] - '0']++;
    }
    for (size_t i = 0; i < COUNT_OF(chosen); i++) {
        assert_int_equal(chosen[i], 5);
    }
}

static void test_pending_fills(void **state)
{
    static const enum placement_strategy strategies[] = {PLACEMENT_LEAST_CONNECTIONS, PLACEMENT_PACKED,
                                                         PLACEMENT_ROUND_ROBIN};
    for (size_t i = 0; i < COUNT_OF(strategies); i++) {
        struct placement_world *world = begin(state, strategies[i]);
        set(world, "a", STATUS_READY, 0, 10, 1);
        world->query.seats = 4;
        assert_string_equal(world_choose(world), "a");
        world->now.boot += 5000;
        assert_string_equal(world_choose(world), "a");
        assert_string_equal(world_choose(world), "");
        assert_int_equal(world->answer.excluded[PLACEMENT_FULL], 1);
        /* The ring depends on the records alone, so that all agents agree. */
        world->query.strategy = PLACEMENT_CONSISTENT_HASH;
        assert_string_equal(world_choose(world), "a");
        world->query.strategy = strategies[i];
        /* Four players arrive: the record shows the seats that were given first. */
        set(world, "a", STATUS_READY, 4, 10, 1);
        assert_string_equal(world_choose(world), "");
        world->now.boot += 5000; /* ten seconds after the first: it counts no more, and did not any more */
        assert_string_equal(world_choose(world), "");
        world->now.boot += 5000;
        assert_string_equal(world_choose(world), "a");
        world_drop(world, "a");
        world->query.seats = 1;
        world->now.boot += 60000;
    }
}

/* ---- in turn ---- */

static void test_round_robin(void **state)
{
    struct placement_world *world = begin(state, PLACEMENT_ROUND_ROBIN);
    world_fill(world, 3);
    static const char *const turns[] = {"w0", "w1", "w2", "w0", "w1", "w2", "w0"};
    for (size_t i = 0; i < COUNT_OF(turns); i++) {
        assert_string_equal(world_choose(world), turns[i]);
    }
    set(world, "w1", STATUS_DRAINING, 0, 100, 1);
    assert_string_equal(world_choose(world), "w2");
    assert_string_equal(world_choose(world), "w0");
    /* Alternatives do not use up turns. */
    world->query.count = 3;
    expect_order(world, "w2 w0");
    expect_order(world, "w0 w2");
}

/* By weight, spread evenly: the heavy server is not chosen three times in a row. */
static void test_round_robin_by_weight(void **state)
{
    struct placement_world *world = begin(state, PLACEMENT_ROUND_ROBIN);
    size_t chosen[3] = {0}, row = 0, longest = 0;
    char last[64] = "";
    set(world, "0", STATUS_READY, 0, UNKNOWN, 1);
    set(world, "1", STATUS_READY, 0, UNKNOWN, 2);
    set(world, "2", STATUS_READY, 0, UNKNOWN, 3);
    for (int i = 0; i < 60; i++) {
        const char *id = world_choose(world);
        chosen[id[0] - '0']++;
        row = strcmp(id, last) == 0 ? row + 1 : 1;
        longest = row > longest ? row : longest;
        strcpy(last, id);
    }
    assert_int_equal(chosen[0], 10);
    assert_int_equal(chosen[1], 20);
    assert_int_equal(chosen[2], 30);
    assert_true(longest <= 2);
}

/* A turn of its own for each filter, and no more memory however many filters there are. */
static void test_turns_of_filters(void **state)
{
    struct placement_world *world = begin(state, PLACEMENT_ROUND_ROBIN);
    struct filter *filter = filter_new();
    struct error err;
    size_t before, after;
    assert_int_equal(filter_add(filter, STR("group"), STR("main"), &err), 0);
    set(world, "a", STATUS_READY, 0, 100, 1);
    set(world, "b", STATUS_READY, 0, 100, 1);
    assert_string_equal(world_choose(world), "a");
    world->query.filter = filter;
    assert_string_equal(world_choose(world), "a");
    world->query.filter = NULL;
    assert_string_equal(world_choose(world), "b");
    world->query.filter = filter;
    assert_string_equal(world_choose(world), "b");
    placement_types(world->placement, &before);
    for (int i = 0; i < 100; i++) {
        char zone[16];
        struct filter *other = filter_new();
        snprintf(zone, sizeof(zone), "z%d", i);
        assert_int_equal(filter_add(other, STR("zone"), str_of(zone), &err), 0);
        world->query.filter = other;
        assert_string_equal(world_choose(world), "");
        filter_free(other);
    }
    placement_types(world->placement, &after);
    assert_int_equal(after, before);
    filter_free(filter);
}

/* ---- near ---- */

static void test_near(void **state)
{
    for (int strategy = 0; strategy < PLACEMENT_STRATEGY_COUNT; strategy++) {
        struct placement_world *world = begin(state, (enum placement_strategy)strategy);
        set_in(world, "here", STATUS_READY, 90, 100, 1, "kr-a", "kr");
        set_in(world, "near", STATUS_READY, 50, 100, 1, "kr-b", "kr");
        set_in(world, "far", STATUS_READY, 0, 100, 1, "us-a", "us");
        world->query.zone = STR("kr-a");
        expect_order(world, "here near far");
        assert_int_equal(world->answer.reaches[0], PLACEMENT_IN_ZONE);
        assert_int_equal(world->answer.reaches[1], PLACEMENT_IN_REGION);
        assert_int_equal(world->answer.reaches[2], PLACEMENT_ANYWHERE);
        world->query.count = 1;
        /* The region of a zone is known by any record of it. */
        set_in(world, "here", STATUS_ERROR, 90, 100, 1, "kr-a", "kr");
        assert_string_equal(world_choose(world), "near");
        world->query.zone = STR("");
        world->query.region = STR("us");
        assert_string_equal(world_choose(world), "far");
        assert_int_equal(world->answer.reaches[0], PLACEMENT_IN_REGION);
        world->query.region = STR("");
        world->query.zone = STR("mars");
        assert_string_not_equal(world_choose(world), "");
        assert_int_equal(world->answer.reaches[0], PLACEMENT_ANYWHERE);
        world->query.zone = STR("");
        world->now.boot += 60000;
    }
}

/* Two places that ask in turn each go through all of their servers. */
static void test_turns_of_places(void **state)
{
    struct placement_world *world = begin(state, PLACEMENT_ROUND_ROBIN);
    size_t chosen[4] = {0};
    for (int i = 0; i < 4; i++) {
        char id[2] = {(char)('0' + i), '\0'};
        set_in(world, id, STATUS_READY, 0, UNKNOWN, 1, i < 2 ? "a" : "b", i < 2 ? "one" : "two");
    }
    for (int i = 0; i < 40; i++) {
        world->query.zone = i % 2 == 0 ? STR("a") : STR("b");
        chosen[world_choose(world)[0] - '0']++;
    }
    world->query.zone = STR("");
    for (int i = 0; i < 40; i++) {
        world->query.region = i % 2 == 0 ? STR("one") : STR("two");
        chosen[world_choose(world)[0] - '0']++;
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(chosen[i], 20);
    }
}

/* More turns than are remembered: the servers share what is given nevertheless. */
static void test_forgotten_turns_spread(void **state)
{
    struct placement_world *world = begin(state, PLACEMENT_ROUND_ROBIN);
    size_t chosen[4] = {0};
    char region[16];
    for (int i = 0; i < 4; i++) {
        set(world, (char[]){(char)('0' + i), '\0'}, STATUS_READY, 0, UNKNOWN, 1);
    }
    for (int i = 0; i < 400; i++) {
        snprintf(region, sizeof(region), "r%d", i % 20);
        world->query.region = str_of(region);
        chosen[world_choose(world)[0] - '0']++;
    }
    for (int i = 0; i < 4; i++) {
        assert_in_range(chosen[i], 50, 150);
    }
}

/* The type has no server in the zone: a record of another type says in which region it is. */
static void test_region_of_another_type(void **state)
{
    for (int strategy = 0; strategy < PLACEMENT_STRATEGY_COUNT; strategy++) {
        struct placement_world *world = begin(state, (enum placement_strategy)strategy);
        struct server_of lobby = ready("lobby");
        lobby.type = "lobby";
        lobby.zone = "kr-a";
        lobby.region = "kr";
        world_set(world, &lobby);
        set_in(world, "near", STATUS_READY, 50, 100, 1, "kr-b", "kr");
        set_in(world, "far", STATUS_READY, 0, 100, 1, "us-a", "us");
        set_in(world, "further", STATUS_READY, 80, 100, 1, "us-a", "us");
        /* A record of the zone without a region says nothing. */
        set_in(world, "0", STATUS_ERROR, 0, 100, 1, "kr-a", NULL);
        world->query.zone = STR("kr-a");
        assert_string_equal(world_choose(world), "near");
        assert_int_equal(world->answer.reaches[0], PLACEMENT_IN_REGION);
        world->query.zone = STR("");
        world->now.boot += 60000;
    }
}

/* ---- alternatives ---- */

static void test_alternatives_are_others(void **state)
{
    for (int strategy = 0; strategy < PLACEMENT_STRATEGY_COUNT; strategy++) {
        struct placement_world *world = begin(state, (enum placement_strategy)strategy);
        world_fill(world, 5);
        world->query.count = PLACEMENT_COUNT_MAX;
        world_choose(world);
        assert_int_equal(world->answer.count, 5);
        assert_int_equal(world->answer.candidates, 5);
        for (size_t i = 0; i < 5; i++) {
            for (size_t j = 0; j < i; j++) {
                assert_ptr_not_equal(world->answer.entries[i], world->answer.entries[j]);
            }
        }
        world->query.count = 2;
        world_choose(world);
        assert_int_equal(world->answer.count, 2);
        world->now.boot += 60000;
    }
}

/* What is overloaded comes last, and is still chosen where nothing else is left. */
static void test_overloaded_comes_last(void **state)
{
    struct placement_world *world = begin(state, PLACEMENT_CONSISTENT_HASH);
    char first[64];
    world->settings.balance_factor = 125;
    world_restart(world);
    world_fill(world, 3);
    strcpy(first, world_choose(world));
    set(world, first, STATUS_READY, 99, 100, 1);
    world->query.count = 3;
    world_choose(world);
    assert_int_equal(world->answer.count, 3);
    assert_string_equal(world_chosen(world, 2), first);
}

static void test_names(void **state)
{
    (void)state;
    enum placement_strategy strategy;
    for (int i = 0; i < PLACEMENT_STRATEGY_COUNT; i++) {
        const char *name = placement_strategy_name((enum placement_strategy)i);
        assert_int_equal(placement_strategy_parse(str_of(name), &strategy), 0);
        assert_int_equal(strategy, i);
    }
    assert_int_equal(placement_strategy_parse(STR("random"), &strategy), -1);
    for (int i = 0; i < PLACEMENT_EXCLUDED_COUNT; i++) {
        assert_non_null(placement_excluded_name((enum placement_excluded)i));
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, placement_world_set_up, placement_world_tear_down)
    const struct CMUnitTest tests[] = {
        T(test_none),
        T(test_excluded),
        T(test_unknown_numbers),
        T(test_weight_0),
        T(test_least_connections),
        T(test_packed),
        T(test_ties_at_random),
        T(test_pending_spreads),
        T(test_pending_fills),
        T(test_round_robin),
        T(test_round_robin_by_weight),
        T(test_turns_of_filters),
        T(test_near),
        T(test_turns_of_places),
        T(test_forgotten_turns_spread),
        T(test_region_of_another_type),
        T(test_alternatives_are_others),
        T(test_overloaded_comes_last),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
