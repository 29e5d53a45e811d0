#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/core/server/record.h"
#include "outrider/core/wave/wave_plan.h"

#include <stdio.h>

enum { SERVERS = 6 };

/* Six servers of one type in two zones of one region. */
struct world {
    struct wave_spec spec;
    struct wave_seen seen[SERVERS];
    char places[SERVERS][16];
};

static void fill(struct world *world)
{
    *world = (struct world){.spec = {.size = 2}};
    for (size_t i = 0; i < SERVERS; i++) {
        snprintf(world->places[i], sizeof(world->places[i]), "world/w%zu", i);
        world->seen[i] = (struct wave_seen){.place = str_of(world->places[i]),
                                            .type = STR("world"),
                                            .region = STR("kr"),
                                            .zone = i < 3 ? STR("a") : STR("b"),
                                            .status = STATUS_READY,
                                            .has_players = true,
                                            .has_capacity = true,
                                            .players = 10,
                                            .capacity = 100};
    }
}

/* The marks of the plan are made in a copy. */
static void plan(struct world *world, struct wave_seen copy[static SERVERS], struct wave_plan *ret_plan)
{
    static const size_t all[SERVERS] = {0, 1, 2, 3, 4, 5};
    struct wave_fleet fleet = {.servers = copy, .count = SERVERS};
    for (size_t i = 0; i < SERVERS; i++) {
        copy[i] = world->seen[i];
    }
    wave_plan_make(&world->spec, &fleet, all, SERVERS, ret_plan);
}

static void test_a_plan(void **state)
{
    (void)state;
    struct world world;
    struct wave_seen copy[SERVERS];
    struct wave_plan made;
    fill(&world);
    world.spec = (struct wave_spec){.size = 50, .percent = true, .free_seats = 100, .keep_one = true};
    world.seen[5].status = STATUS_ERROR;
    world.seen[4].has_players = false;
    world.seen[3].held = true;
    plan(&world, copy, &made);
    assert_int_equal(made.wave_count, 2);
    assert_int_equal(made.waves[0].players, 30);
    assert_int_equal(made.waves[0].free_seats, 90); /* w2 is kept; w4 gives none */
    assert_true(made.waves[0].below_floor);
    assert_int_equal(made.servers[2].warnings, 1U << WAVE_WARN_KEPT);
    assert_int_equal(made.servers[3].warnings, 1U << WAVE_WARN_HELD);
    assert_int_equal(made.servers[4].warnings, 1U << WAVE_WARN_PLAYERS_UNKNOWN | 1U << WAVE_WARN_KEPT);
    assert_int_equal(made.servers[5].warnings, 1U << WAVE_WARN_ERROR);
    wave_plan_fini(&made);
}

static void test_holds_that_are_lifted_leave_their_seats(void **state)
{
    (void)state;
    struct world world;
    struct wave_seen copy[SERVERS];
    struct wave_plan made;
    fill(&world);
    plan(&world, copy, &made);
    assert_int_equal(made.waves[2].free_seats, 0);
    wave_plan_fini(&made);
    world.spec.undrain = true;
    plan(&world, copy, &made);
    assert_int_equal(made.waves[2].free_seats, 360);
    wave_plan_fini(&made);
}

static void test_what_a_plan_covers(void **state)
{
    (void)state;
    struct world world;
    struct wave_seen copy[SERVERS];
    struct wave_plan before, after;
    fill(&world);
    plan(&world, copy, &before);
    world.seen[0].players = 77;
    plan(&world, copy, &after);
    assert_string_equal(before.hash, after.hash);
    wave_plan_fini(&after);
    for (int i = 0; i < 3; i++) {
        const struct wave_seen was = world.seen[1];
        world.seen[1].status = i == 0 ? STATUS_DRAINING : was.status;
        world.seen[1].zone = i == 1 ? STR("z") : was.zone;
        world.seen[1].held = i == 2;
        plan(&world, copy, &after);
        assert_string_not_equal(before.hash, after.hash);
        wave_plan_fini(&after);
        world.seen[1] = was;
    }
    wave_plan_fini(&before);
}

static void test_transitions(void **state)
{
    (void)state;
    assert_true(wave_may_move(WAVE_PLANNED, WAVE_RUNNING));
    assert_true(wave_may_move(WAVE_DONE, WAVE_UNDOING));
    assert_false(wave_may_move(WAVE_DONE, WAVE_RUNNING));
    assert_false(wave_may_move(WAVE_CANCELLED, WAVE_RUNNING));
    assert_false(wave_may_move(WAVE_UNDOING, WAVE_CANCELLED));
    assert_false(wave_server_may_move(WAVE_EMPTY, WAVE_DRAINING));
    assert_false(wave_server_may_move(WAVE_WAITING, WAVE_EMPTY));
    for (enum wave_state each = 0; each < WAVE_STATE_COUNT; each++) {
        enum wave_state back = WAVE_STATE_COUNT;
        assert_int_equal(wave_state_parse(str_of(wave_state_name(each)), &back), 0);
        assert_int_equal(back, each);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plan),
        cmocka_unit_test(test_holds_that_are_lifted_leave_their_seats),
        cmocka_unit_test(test_what_a_plan_covers),
        cmocka_unit_test(test_transitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
