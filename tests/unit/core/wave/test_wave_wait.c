#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/server/record.h"
#include "outrider/core/wave/wave_wait.h"

#include <stdio.h>
#include <string.h>

enum { SERVERS = 4 };

/* Four servers, each with 40 of 100 seats free, and one operation in waves of two. */
struct world {
    struct wave wave;
    struct wave_seen seen[SERVERS];
    struct wave_fleet fleet;
    struct wave_wait wait;
};

static int set_up(void **state)
{
    static struct world world;
    static const char *const places[SERVERS] = {"world/w0", "world/w1", "world/w2", "world/w3"};
    memset(&world, 0, sizeof(world));
    world.wave.state = WAVE_RUNNING;
    world.wave.spec = (struct wave_spec){.size = 2, .settle_ms = 5000};
    for (size_t i = 0; i < SERVERS; i++) {
        world.seen[i] = (struct wave_seen){.place = str_of(places[i]),
                                           .type = STR("world"),
                                           .region = STR("kr"),
                                           .zone = STR("a"),
                                           .status = STATUS_READY,
                                           .has_players = true,
                                           .has_capacity = true,
                                           .players = 60,
                                           .capacity = 100};
        wave_add(&world.wave, str_of(places[i]));
    }
    world.fleet = (struct wave_fleet){.servers = world.seen, .count = SERVERS};
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    wave_fini(&world->wave);
    return 0;
}

static void hold(struct world *world, size_t index, uint32_t players)
{
    world->wave.servers[index].state = WAVE_DRAINING;
    world->wave.servers[index].held = true;
    world->seen[index].held = true;
    world->seen[index].status = STATUS_DRAINING;
    world->seen[index].players = players;
}

static void expect(struct world *world, const struct wave_fleet *fleet, unsigned what, const char *text)
{
    static const struct instant now = {.mono = 1000, .boot = 1000, .wall = 1700000000000};
    char is[WAVE_WAIT_TEXT];
    wave_waits(&world->wave, fleet, &now, &world->wait);
    wave_wait_text(&world->wait, is);
    assert_string_equal(is, text);
    assert_int_equal(world->wait.what, what);
}

static void of_a_state(void **state)
{
    struct world *world = *state;
    static const struct {
        enum wave_state state;
        unsigned what;
        const char *text;
    } rows[] = {
        {WAVE_PLANNED, 1U << WAVE_FOR_DRIVER, "an observer to take it up"},
        {WAVE_PAUSED, 1U << WAVE_FOR_OPERATOR, "an operator to resume it"},
        {WAVE_STOPPED, 1U << WAVE_FOR_OPERATOR,
         "an operator to resume, cancel or undo it: an error stopped it"},
        {WAVE_UNDOING, 1U << WAVE_FOR_DRIVER, "the observer that drives it to make the next step"},
        {WAVE_RUNNING, 1U << WAVE_FOR_DRIVER, "the observer that drives it to make the next step"},
        {WAVE_DONE, 0, ""},
        {WAVE_CANCELLED, 0, ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        world->wave.state = rows[i].state;
        expect(world, &world->fleet, rows[i].what, rows[i].text);
    }
    world->wave.state = WAVE_RUNNING;
    expect(world, NULL, 1U << WAVE_FOR_VIEW,
           "the fleet, which this agent does not know for certain just now");
}

static void players_and_settle(void **state)
{
    struct world *world = *state;
    hold(world, 0, 12);
    hold(world, 1, 1);
    expect(world, &world->fleet, 1U << WAVE_FOR_PLAYERS, "13 players to leave 2 servers");
    world->seen[0].players = 0;
    expect(world, &world->fleet, 1U << WAVE_FOR_PLAYERS | 1U << WAVE_FOR_SETTLE,
           "1 player to leave 1 server; 1 server to stay without players for 5s");
    world->seen[1].has_players = false;
    world->seen[0].players = 3;
    expect(world, &world->fleet, 1U << WAVE_FOR_PLAYERS, "3 players to leave 1 server");
    assert_int_equal(world->wait.unknown, 1);
    world->seen[0].has_players = false;
    expect(world, &world->fleet, 1U << WAVE_FOR_PLAYERS,
           "2 servers that do not tell how many players there are");
}

static void room_for_the_next(void **state)
{
    struct world *world = *state;
    hold(world, 0, 2);
    world->wave.spec.max_draining = 1;
    expect(world, &world->fleet, 1U << WAVE_FOR_PLAYERS | 1U << WAVE_FOR_MAX_DRAINING,
           "2 players to leave 1 server; a place for world/w1: as many are held as may be at once");
    assert_string_equal(world->wait.next, "world/w1");
    world->wave.spec.max_draining = 0;
    world->wave.spec.free_seats = 81; /* three are open with 40 each */
    expect(world, &world->fleet, 1U << WAVE_FOR_PLAYERS | 1U << WAVE_FOR_FREE_SEATS,
           "2 players to leave 1 server; seats: without world/w1 fewer than 81 would be free of the 120 of "
           "its type and "
           "region");
    world->wave.spec.free_seats = 80;
    expect(world, &world->fleet, 1U << WAVE_FOR_PLAYERS | 1U << WAVE_FOR_DRIVER,
           "2 players to leave 1 server");
    /* One that failed counts while it has players, one of another wave as well. */
    world->wave.spec.max_draining = 1;
    world->wave.servers[0].state = WAVE_FAILED;
    expect(world, &world->fleet, 1U << WAVE_FOR_MAX_DRAINING,
           "a place for world/w1: as many are held as may be at once");
    world->seen[0].players = 0;
    expect(world, &world->fleet, 1U << WAVE_FOR_DRIVER, "the observer that drives it to make the next step");
}

static void pauses(void **state)
{
    struct world *world = *state;
    world->wave.servers[0].state = world->wave.servers[1].state = WAVE_EMPTY;
    world->wave.pause_until_wall = 1700000000000 + 29001;
    expect(world, &world->fleet, 1U << WAVE_FOR_PAUSE, "the pause after wave 1, another 30s");
    assert_int_equal(world->wait.until_wall, world->wave.pause_until_wall);
    world->wave.pause_until_wall = 1700000000000;
    expect(world, &world->fleet, 1U << WAVE_FOR_DRIVER, "the observer that drives it to make the next step");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(of_a_state, set_up, tear_down),
        cmocka_unit_test_setup_teardown(players_and_settle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(room_for_the_next, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pauses, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
