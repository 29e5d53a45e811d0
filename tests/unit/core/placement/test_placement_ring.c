/* The ring: who gets which key, what moves, how evenly. */
#include "placement_world.h"

#include "core/placement/placement_internal.h"
#include "outrider/base/mem.h"
#include "outrider/base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 10000 };

static void key_text(size_t i, char text[static 32])
{
    snprintf(text, 32, "player-%zu", i);
}

/* ---- the same everywhere ---- */

/* These numbers are part of the contract: agents of other versions and machines have them, too. Those of a big-endian machine
 * are the same, because XXH3 is defined on bytes and the number of a point is written byte by byte. */
static void test_points_never_change(void **state)
{
    (void)state;
    static const char bytes[] = "world\0w1\0\x02\x01\0\0";
    uint64_t *points = ring_points(STR("world"), STR("w1"), 1);
    assert_int_equal(points[0], UINT64_C(0x723d3fa2de8446e3));
    free(points);
    assert_int_equal(ring_key(STR("")), UINT64_C(0x2d06800538d394c2));
    assert_int_equal(ring_key(STR("player-1")), UINT64_C(0x773e787c25339b5a));
    assert_int_equal(ring_key((struct str){bytes, sizeof(bytes) - 1}), UINT64_C(0xef732a4701e7c5cf));
    points = ring_points(STR("world"), STR("w1"), 259);
    bool found = false;
    for (size_t i = 0; i < 259; i++) {
        found = found || points[i] == ring_key((struct str){bytes, sizeof(bytes) - 1});
        assert_true(i == 0 || points[i - 1] <= points[i]);
    }
    assert_true(found); /* point 0x0102 */
    free(points);
}

static void test_choices_never_change(void **state)
{
    struct placement_world *world = *state;
    static const struct {
        const char *key, *id;
    } rows[] = {{"", "w3"},        {"player-1", "heavy"}, {"player-2", "w2"}, {"player-3", "heavy"},
                {"party-7", "w4"}, {"Zoë", "w0"}};
    struct server_of heavy = {.id = "heavy", .status = STATUS_READY, .capacity = 100, .weight = 3};
    world_fill(world, 5);
    world_set(world, &heavy);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_string_equal(world_choose_for(world, rows[i].key), rows[i].id);
    }
}

/* An agent that saw every change and one that reads the fleet now give the same answers. */
static void test_any_history_the_same_ring(void **state)
{
    struct placement_world *world = *state;
    struct random random;
    random_seed(&random, 11);
    world_fill(world, 20);
    world->settings.balance_factor = 125;
    world_restart(world);
    world_choose_for(world, "begin"); /* from here on it is kept up */
    for (int i = 0; i < 400; i++) {
        char id[32];
        snprintf(id, sizeof(id), "w%d", (int)random_below(&random, 30));
        struct server_of server = {.id = id,
                                   .status = random_below(&random, 5) == 0 ? STATUS_ERROR : STATUS_READY,
                                   .players = (int)random_below(&random, 120),
                                   .capacity = 100,
                                   .weight = (int)random_below(&random, 5)};
        world_set(world, &server);
        if (world->count > 12 && random_below(&random, 3) == 0) {
            struct str gone = view_entry_id(world->entries[random_below(&random, world->count)]);
            snprintf(id, sizeof(id), "%.*s", STR_ARG(gone));
            world_drop(world, id);
        }
    }
    char kept[200][64];
    for (size_t i = 0; i < COUNT_OF(kept); i++) {
        char key[32];
        key_text(i, key);
        strcpy(kept[i], world_choose_for(world, key));
    }
    world_restart(world);
    for (size_t i = 0; i < COUNT_OF(kept); i++) {
        char key[32];
        key_text(i, key);
        assert_string_equal(world_choose_for(world, key), kept[i]);
    }
}

/* ---- the structure, against the plainest one ---- */

static size_t find_plainly(const struct ring *ring, uint64_t hash)
{
    for (size_t i = 0; i < ring->count; i++) {
        if (ring_hash(ring, i) >= hash) {
            return i;
        }
    }
    return 0;
}

static void check_ring(const struct ring *ring, struct random *random)
{
    for (size_t i = 1; i < ring->count; i++) {
        assert_true(ring_hash(ring, i - 1) <= ring_hash(ring, i));
    }
    for (int i = 0; i < 50; i++) {
        uint64_t hash = i == 0 ? 0 : i == 1 ? UINT64_MAX : random_next(random);
        assert_int_equal(ring_find(ring, hash), find_plainly(ring, hash));
    }
}

/* A look-up reads one half of a hash, and the other only where that does not decide. */
static void test_equal_halves_of_hashes(void **state)
{
    (void)state;
    enum { COUNT = 40 };
    struct ring ring = {0};
    uint64_t points[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        points[i] = (uint64_t)(i < COUNT / 2 ? 0x12345678 : UINT32_MAX) << 32 | (i % 20) * 10;
    }
    points[COUNT - 1] = UINT64_MAX;
    ring_add(&ring, 0, points, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(ring_find(&ring, points[i]), i);
        assert_int_equal(ring_find(&ring, points[i] - 1), i);
        assert_int_equal(ring_find(&ring, points[i] + 1), (i + 1) % COUNT);
    }
    ring_fini(&ring);
}

static void test_ring_is_sorted(void **state)
{
    (void)state;
    struct ring ring = {0};
    struct random random;
    bool there[64] = {false};
    size_t points = 0;
    random_seed(&random, 3);
    for (int i = 0; i < 600; i++) {
        uint32_t owner = (uint32_t)random_below(&random, COUNT_OF(there));
        size_t count = 1 + owner * 7 % 90;
        char id[16];
        snprintf(id, sizeof(id), "s%u", owner);
        uint64_t *own = ring_points(STR("t"), str_of(id), count);
        if (there[owner]) {
            ring_remove(&ring, owner, own, count);
            points -= count;
        } else {
            ring_add(&ring, owner, own, count);
            points += count;
        }
        there[owner] = !there[owner];
        free(own);
        assert_int_equal(ring.count, points);
        if (points > 0) {
            check_ring(&ring, &random);
        }
    }
    ring_fini(&ring);
}

/* All points at once give the same ring. */
static void test_ring_is_built(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, 31, 33, 5000};
    struct random random;
    random_seed(&random, 5);
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        struct ring at_once = {0}, one_by_one = {0};
        struct ring_point *points = mem_zalloc((counts[i] + 1) * sizeof(*points));
        for (uint32_t j = 0; j < counts[i]; j++) {
            uint64_t hash = random_next(&random);
            points[j] = (struct ring_point){hash, j};
            ring_add(&one_by_one, j, &hash, 1);
        }
        ring_build(&at_once, points, counts[i]);
        assert_int_equal(at_once.count, one_by_one.count);
        for (size_t j = 0; j < counts[i]; j++) {
            assert_int_equal(ring_hash(&at_once, j), ring_hash(&one_by_one, j));
            assert_int_equal(at_once.heads[j].owner, one_by_one.heads[j].owner);
        }
        if (counts[i] > 0) {
            check_ring(&at_once, &random);
        }
        free(points);
        ring_fini(&at_once);
        ring_fini(&one_by_one);
    }
}

/* Hashes may be equal: of two servers, and of one. */
static void test_equal_points(void **state)
{
    (void)state;
    struct ring ring = {0};
    static const uint64_t same[] = {5, 5, UINT64_MAX, UINT64_MAX};
    ring_add(&ring, 1, same, COUNT_OF(same));
    ring_add(&ring, 2, same, COUNT_OF(same));
    assert_int_equal(ring.count, 8);
    assert_int_equal(ring_find(&ring, 6), 4);
    ring_remove(&ring, 1, same, COUNT_OF(same));
    assert_int_equal(ring.count, 4);
    for (size_t i = 0; i < ring.count; i++) {
        assert_int_equal(ring.heads[i].owner, 2);
    }
    ring_remove(&ring, 2, same, COUNT_OF(same));
    assert_int_equal(ring.count, 0);
    ring_fini(&ring);
}

/* ---- what moves ---- */

static void test_removal_moves_exactly_its_keys(void **state)
{
    struct placement_world *world = *state;
    static char before[KEYS][16];
    char key[32];
    size_t moved = 0;
    world_fill(world, 1000);
    for (size_t i = 0; i < KEYS; i++) {
        key_text(i, key);
        strcpy(before[i], world_choose_for(world, key));
    }
    world_drop(world, "w500");
    for (size_t i = 0; i < KEYS; i++) {
        key_text(i, key);
        const char *now = world_choose_for(world, key);
        bool own = strcmp(before[i], "w500") == 0;
        assert_true(own != (strcmp(now, before[i]) == 0));
        moved += own;
    }
    assert_true(moved > 0);
    struct server_of back = ready("w500");
    world_set(world, &back);
    for (size_t i = 0; i < KEYS; i++) {
        key_text(i, key);
        assert_string_equal(world_choose_for(world, key), before[i]);
    }
}

/* A server that is drained keeps its points: its keys go elsewhere and come back. */
static void test_drain_moves_exactly_its_keys(void **state)
{
    struct placement_world *world = *state;
    struct server_of server = ready("w3");
    char before[500][16], key[32];
    world_fill(world, 10);
    for (size_t i = 0; i < COUNT_OF(before); i++) {
        key_text(i, key);
        strcpy(before[i], world_choose_for(world, key));
    }
    server.status = STATUS_DRAINING;
    world_set(world, &server);
    for (size_t i = 0; i < COUNT_OF(before); i++) {
        key_text(i, key);
        const char *now = world_choose_for(world, key);
        assert_true((strcmp(before[i], "w3") == 0) != (strcmp(now, before[i]) == 0));
    }
}

static void test_memory_of_a_server(void **state)
{
    struct placement_world *world = *state;
    size_t bytes;
    world_fill(world, 1000);
    world_choose_for(world, "x");
    assert_int_equal(placement_types(world->placement, &bytes), 1);
    print_message("%zu bytes a server\n", bytes / 1000);
    assert_true(bytes / 1000 <= 3000);
}

/* ---- how evenly ---- */

static void fill_weighted(struct placement_world *world, int capacity_each)
{
    char id[32];
    for (int i = 0; i < 20; i++) {
        int weight = 1 + i % 5;
        snprintf(id, sizeof(id), "w%d", i);
        world_set(world, &(struct server_of){.id = id,
                                             .status = STATUS_READY,
                                             .players = 0,
                                             .capacity = capacity_each * weight,
                                             .weight = weight});
    }
}

/* The fullest server, relative to its share by weight. */
static double fullest(struct placement_world *world, bool moves)
{
    int players[20] = {0};
    double worst = 0;
    char key[32];
    for (size_t i = 0; i < KEYS; i++) {
        key_text(i, key);
        int number = atoi(world_choose_for(world, key) + 1);
        players[number]++;
        if (moves) {
            char id[32];
            snprintf(id, sizeof(id), "w%d", number);
            int weight = 1 + number % 5;
            world_set(world, &(struct server_of){.id = id,
                                                 .status = STATUS_READY,
                                                 .players = players[number],
                                                 .capacity = weight * 180,
                                                 .weight = weight});
        }
    }
    for (int i = 0; i < 20; i++) {
        double share = KEYS * (1 + i % 5) / 60.0;
        worst = players[i] / share > worst ? players[i] / share : worst;
    }
    return worst;
}

static void test_shares_follow_weights(void **state)
{
    struct placement_world *world = *state;
    fill_weighted(world, 100000);
    double worst = fullest(world, false);
    print_message("fullest: %.3f of its share\n", worst);
    assert_true(worst <= 1.35);
}

/* Servers more than half full, each placement added: none takes more than a quarter above its share. */
static void test_balance(void **state)
{
    struct placement_world *world = *state;
    world->settings.balance_factor = 125;
    world_restart(world);
    fill_weighted(world, 180);
    double worst = fullest(world, true);
    print_message("fullest with balance: %.3f of its share\n", worst);
    assert_true(worst <= 1.25);
}

/* An empty fleet keeps a party together: balance does not apply to a server less than half full. */
static void test_balance_leaves_an_empty_fleet(void **state)
{
    struct placement_world *world = *state;
    world->settings.balance_factor = 125;
    world_restart(world);
    world_fill(world, 10);
    char first[64];
    strcpy(first, world_choose_for(world, "party-7"));
    for (int i = 1; i <= 50; i++) {
        struct server_of server = ready(first);
        server.players = i;
        world_set(world, &server);
        if (i < 50) {
            assert_string_equal(world_choose_for(world, "party-7"), first);
        }
    }
    assert_string_not_equal(world_choose_for(world, "party-7"), first);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, placement_world_set_up, placement_world_tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_points_never_change),
        T(test_choices_never_change),
        T(test_any_history_the_same_ring),
        cmocka_unit_test(test_ring_is_sorted),
        cmocka_unit_test(test_ring_is_built),
        cmocka_unit_test(test_equal_points),
        cmocka_unit_test(test_equal_halves_of_hashes),
        T(test_removal_moves_exactly_its_keys),
        T(test_drain_moves_exactly_its_keys),
        T(test_memory_of_a_server),
        T(test_shares_follow_weights),
        T(test_balance),
        T(test_balance_leaves_an_empty_fleet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
