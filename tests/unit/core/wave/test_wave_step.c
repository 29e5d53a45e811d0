#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/core/server/record.h"
#include "outrider/core/wave/wave_step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERVERS = 6 };

static const char own_id[] = "01JD00000000000000000000AA", other_id[] = "01JD00000000000000000000BB";

/* Six servers of one type in two zones of one region, their control keys, and one operation. */
struct world {
    struct wave wave;
    struct wave_seen seen[SERVERS];
    struct wave_control controls[SERVERS];
    char places[SERVERS][16];
    size_t gone; /* servers at the end of the list that have no record */
    struct instant now;
    struct wave_step step;
    int64_t revision;
};

static struct world *new_world(void)
{
    struct world *world = calloc(1, sizeof(*world));
    world->now = (struct instant){.mono = 1000, .boot = 1000, .wall = 1700000000000};
    snprintf(world->wave.id, sizeof(world->wave.id), "%s", own_id);
    world->wave.spec = (struct wave_spec){.size = 2, .settle_ms = 5000, .stop_after = 1};
    for (size_t i = 0; i < SERVERS; i++) {
        snprintf(world->places[i], sizeof(world->places[i]), "world/w%zu", i);
        struct str place = str_of(world->places[i]);
        world->seen[i] = (struct wave_seen){.place = place,
                                            .type = STR("world"),
                                            .region = STR("kr"),
                                            .zone = i < 3 ? STR("a") : STR("b"),
                                            .status = STATUS_READY,
                                            .has_players = true,
                                            .has_capacity = true,
                                            .players = 10,
                                            .capacity = 100};
        world->controls[i] = (struct wave_control){.place = place, .revision = (int64_t)i + 1};
        wave_add(&world->wave, place);
    }
    return world;
}

static void end(struct world *world)
{
    wave_fini(&world->wave);
    free(world);
}

/* One step, and what it asks for is done: the agents follow at once. */
static void step(struct world *world)
{
    struct wave_fleet fleet = {.servers = world->seen,
                               .count = SERVERS - world->gone,
                               .controls = world->controls,
                               .control_count = SERVERS};
    for (size_t i = 0; i < SERVERS; i++) {
        world->seen[i].held = world->controls[i].held;
    }
    wave_step(&world->wave, &fleet, &world->now, &world->step);
    for (size_t i = 0; i < world->step.action_count; i++) {
        const struct wave_action *action = &world->step.actions[i];
        struct wave_control *control = &world->controls[action->server];
        assert_int_equal(action->revision, control->revision);
        control->held = !action->lift;
        control->operation = action->lift ? STR("") : str_of(own_id);
        control->revision = 100 + ++world->revision;
        if (world->seen[action->server].status != STATUS_ERROR) {
            world->seen[action->server].status = action->lift ? STATUS_READY : STATUS_DRAINING;
        }
    }
}

static void leave(struct world *world, size_t server)
{
    world->seen[server].players = 0;
}

/* Time passes with steps on both ends. */
static void wait_for(struct world *world, int64_t ms)
{
    step(world);
    world->now.mono += ms;
    world->now.wall += ms;
    step(world);
}

static void assert_servers(const struct world *world, const char *states)
{
    char is[SERVERS + 1] = "";
    for (size_t i = 0; i < SERVERS; i++) {
        is[i] = "WDEGSF"[world->wave.servers[i].state];
    }
    assert_string_equal(is, states);
}

static size_t holds(const struct world *world)
{
    size_t count = 0;
    for (size_t i = 0; i < SERVERS; i++) {
        count += world->controls[i].held && str_eq(world->controls[i].operation, str_of(own_id)) ? 1 : 0;
    }
    return count;
}

static void test_waves_follow_each_other(void **state)
{
    (void)state;
    struct world *world = new_world();
    step(world);
    assert_int_equal(world->wave.state, WAVE_RUNNING);
    assert_servers(world, "DDWWWW");
    leave(world, 0);
    leave(world, 1);
    wait_for(world, 4999);
    assert_servers(world, "DDWWWW");
    world->now.mono++;
    step(world);
    assert_servers(world, "EEWWWW");
    step(world);
    assert_servers(world, "EEDDWW");
    for (size_t i = 2; i < SERVERS; i++) {
        leave(world, i);
    }
    for (int i = 0; i < 3; i++) {
        wait_for(world, 5000);
    }
    assert_int_equal(world->wave.state, WAVE_DONE);
    assert_servers(world, "EEEEEE");
    assert_int_equal(holds(world), SERVERS);
    end(world);
}

static void test_players_that_come_back_start_the_wait_again(void **state)
{
    (void)state;
    struct world *world = new_world();
    step(world);
    leave(world, 0);
    wait_for(world, 3000);
    world->seen[0].players = 1;
    step(world);
    leave(world, 0);
    wait_for(world, 4000);
    wait_for(world, 1000);
    assert_servers(world, "EDWWWW");
    end(world);
}

static void test_a_ready_server_is_not_empty(void **state)
{
    (void)state;
    struct world *world = new_world();
    leave(world, 0);
    step(world);
    world->seen[0].status = STATUS_READY; /* its agent has not heard of the hold */
    wait_for(world, 60000);
    assert_servers(world, "DDWWWW");
    end(world);
}

static void test_max_draining(void **state)
{
    (void)state;
    struct world *world = new_world();
    world->wave.spec.size = 6;
    world->wave.spec.max_draining = 2;
    step(world);
    assert_servers(world, "DDWWWW");
    assert_int_equal(world->step.blocked, WAVE_BY_MAX_DRAINING);
    leave(world, 1);
    wait_for(world, 5000);
    assert_servers(world, "DEDWWW");
    end(world);
}

static void test_a_failed_server_counts_until_it_is_empty_or_gone(void **state)
{
    (void)state;
    struct world *world = new_world();
    world->wave.spec.size = 6;
    world->wave.spec.max_draining = 1;
    world->wave.spec.stop_after = 0;
    step(world);
    world->seen[0].status = STATUS_ERROR;
    step(world);
    step(world);
    assert_servers(world, "FWWWWW");
    leave(world, 0);
    wait_for(world, 5000);
    assert_servers(world, "FDWWWW");
    end(world);
}

static void test_free_seats(void **state)
{
    (void)state;
    struct world *world = new_world();
    world->wave.spec.size = 6;
    world->wave.spec.free_seats = 360; /* 6 x 90 - 2 x 90 */
    step(world);
    assert_servers(world, "DDWWWW");
    assert_int_equal(world->step.blocked, WAVE_BY_FREE_SEATS);
    world->seen[5].reserved = 1;
    world->seen[2].players = 0;
    world->seen[3].players = world->seen[4].players = 0;
    step(world);
    assert_servers(world, "DDWWWW"); /* 389 - 100, and 389 - 89 */
    world->wave.spec.free_seats = 300;
    step(world);
    assert_servers(world, "DDWWWD");
    world->seen[4].status = STATUS_INITIALIZING; /* takes no players */
    world->seen[3].has_capacity = false;         /* gives no seats */
    step(world);
    assert_servers(world, "DDWDDD");
    end(world);
}

static void test_other_regions_have_seats_of_their_own(void **state)
{
    (void)state;
    struct world *world = new_world();
    world->wave.spec.size = 6;
    world->wave.spec.free_seats = 180;
    world->seen[0].region = STR("jp");
    world->seen[1].type = STR("lobby");
    step(world);
    assert_servers(world, "WWDDWW");
    end(world);
}

static void test_keep_one(void **state)
{
    (void)state;
    struct world *world = new_world();
    world->wave.spec.size = 6;
    world->wave.spec.keep_one = true;
    world->seen[3].status = STATUS_INITIALIZING;
    step(world);
    assert_servers(world, "DDSDDS");
    assert_string_equal(world->wave.servers[2].why, "the last ready world in its zone");
    assert_int_equal(holds(world), 4);
    end(world);
}

static void test_errors_stop(void **state)
{
    (void)state;
    struct world *world = new_world();
    world->wave.spec.stop_after = 2;
    step(world);
    world->seen[0].status = STATUS_ERROR;
    step(world);
    assert_int_equal(world->wave.state, WAVE_RUNNING);
    leave(world, 1);
    world->seen[2].status = STATUS_ERROR;
    wait_for(world, 5000);
    step(world);
    assert_servers(world, "FEFWWW");
    assert_int_equal(world->wave.state, WAVE_STOPPED);
    assert_string_equal(world->wave.why, "world/w2: in error before it was held");
    assert_int_equal(holds(world), 2);
    step(world);
    assert_servers(world, "FEFWWW"); /* nothing more is held */
    assert_int_equal(wave_obey(&world->wave, WAVE_RESUME, 5), 1);
    assert_string_equal(world->wave.why, "");
    step(world);
    assert_int_equal(world->wave.state, WAVE_RUNNING);
    assert_servers(world, "FEFDWW");
    end(world);
}

static void test_the_deadline(void **state)
{
    (void)state;
    struct world *world = new_world();
    world->wave.spec.deadline_ms = 60000;
    step(world);
    assert_int_equal(world->wave.servers[0].deadline_wall, world->now.wall + 60000);
    world->seen[1].has_players = false;
    wait_for(world, 59999);
    assert_servers(world, "DDWWWW");
    leave(world, 0); /* just in time */
    world->now.mono += 1;
    world->now.wall += 1;
    step(world);
    assert_servers(world, "DFWWWW");
    assert_string_equal(world->wave.servers[1].why, "deadline passed, players unknown");
    assert_int_equal(world->wave.state, WAVE_STOPPED);
    wait_for(world, 5000);
    assert_servers(world, "EFWWWW");
    end(world);
}

static void test_servers_that_vanish_are_through(void **state)
{
    (void)state;
    struct world *world = new_world();
    world->wave.spec.size = 6;
    world->wave.spec.max_draining = 5;
    step(world);
    world->gone = 2; /* one that drains, one that waits */
    step(world);
    assert_servers(world, "DDDDGG");
    assert_int_equal(wave_counts(&world->wave, WAVE_FAILED), 0);
    end(world);
}

static void test_holds_of_others(void **state)
{
    (void)state;
    struct world *world = new_world();
    world->controls[1] = (struct wave_control){.place = world->controls[1].place,
                                               .revision = 2,
                                               .held = true,
                                               .operation = str_of(other_id),
                                               .by = STR("olga")};
    world->seen[1].status = STATUS_DRAINING;
    step(world);
    assert_servers(world, "DSWWWW");
    assert_string_equal(world->wave.servers[1].why, "held by olga");
    world->controls[0].operation = STR(""); /* drained once more by hand */
    world->controls[0].by = STR("ivan");
    step(world);
    assert_servers(world, "SSWWWW");
    assert_string_equal(world->wave.servers[0].why, "its hold was replaced by ivan");
    step(world);
    assert_servers(world, "SSDDWW");
    world->controls[2].held = false;
    step(world);
    assert_string_equal(world->wave.servers[2].why, "its hold was lifted by others");
    end(world);
}

static void test_undrain_lifts_after_the_pause(void **state)
{
    (void)state;
    struct world *world = new_world();
    world->wave.spec.undrain = true;
    world->wave.spec.pause_ms = 30000;
    step(world);
    leave(world, 0);
    leave(world, 1);
    wait_for(world, 5000);
    assert_servers(world, "EEWWWW");
    assert_true(world->wave.pause_until_wall > 0);
    wait_for(world, 29999);
    assert_int_equal(holds(world), 2);
    world->now.mono++;
    world->now.wall++;
    step(world);
    assert_int_equal(holds(world), 0);
    step(world);
    assert_servers(world, "EEDDWW");
    assert_int_equal(world->wave.pause_until_wall, 0);
    end(world);
}

static void test_a_clock_behind_makes_no_pause_longer(void **state)
{
    (void)state;
    struct world *world = new_world();
    world->wave.spec.pause_ms = 10000;
    step(world);
    leave(world, 0);
    leave(world, 1);
    wait_for(world, 5000);
    world->now.wall -= 3600000; /* another observer */
    world->wave.pause_mono = 0;
    wait_for(world, 10000);
    step(world);
    assert_servers(world, "EEDDWW");
    end(world);
}

static void test_undo(void **state)
{
    (void)state;
    struct world *world = new_world();
    step(world);
    world->controls[1].operation = str_of(other_id);
    assert_int_equal(wave_obey(&world->wave, WAVE_UNDO, 5), 1);
    step(world);
    assert_int_equal(world->wave.state, WAVE_DONE);
    assert_true(world->wave.undone);
    assert_servers(world, "SSWWWW");
    assert_string_equal(world->wave.servers[0].why, "undone");
    assert_int_equal(holds(world), 0);
    assert_true(world->controls[1].held); /* of another operation */
    assert_int_equal(wave_obey(&world->wave, WAVE_UNDO, 5), 0);
    end(world);
}

static void test_paused_and_cancelled_hold_nothing_more(void **state)
{
    (void)state;
    struct world *world = new_world();
    step(world);
    assert_int_equal(wave_obey(&world->wave, WAVE_PAUSE, 5), 1);
    assert_int_equal(wave_obey(&world->wave, WAVE_PAUSE, 5), 0);
    leave(world, 0);
    leave(world, 1);
    wait_for(world, 5000);
    step(world);
    assert_servers(world, "EEWWWW"); /* it still looks */
    assert_int_equal(wave_obey(&world->wave, WAVE_CANCEL, 5), 1);
    assert_true(wave_is_over(&world->wave));
    assert_int_equal(holds(world), 2);
    assert_int_equal(wave_obey(&world->wave, WAVE_RESUME, 5), -1);
    end(world);
}

static void test_refused_holds_are_errors(void **state)
{
    (void)state;
    struct world *world = new_world();
    struct wave before;
    wave_copy(&world->wave, &before);
    step(world);
    wave_refuse(&before, &world->step, "the hold was refused", &world->now);
    wave_fini(&world->wave);
    world->wave = before;
    assert_servers(world, "FFWWWW");
    step(world);
    assert_int_equal(world->wave.state, WAVE_STOPPED);
    end(world);
}

static void test_many_holds_are_more_than_one_step(void **state)
{
    (void)state;
    struct world *world = new_world();
    char places[40][16];
    struct wave_seen seen[40];
    struct wave wave = {.spec = {.size = 40}};
    for (size_t i = 0; i < 40; i++) {
        snprintf(places[i], sizeof(places[i]), "world/x%02zu", i);
        seen[i] = world->seen[0];
        seen[i].place = str_of(places[i]);
        wave_add(&wave, str_of(places[i]));
    }
    struct wave_fleet fleet = {.servers = seen, .count = 40};
    wave_step(&wave, &fleet, &world->now, &world->step);
    assert_int_equal(world->step.action_count, WAVE_ACTIONS_MAX);
    assert_int_equal(wave_counts(&wave, WAVE_DRAINING), WAVE_ACTIONS_MAX);
    wave_fini(&wave);
    end(world);
}

static void test_when_it_is_due(void **state)
{
    (void)state;
    struct world *world = new_world();
    world->wave.spec.deadline_ms = 60000;
    assert_int_equal(wave_due_mono(&world->wave, &world->now), NEVER_MS);
    step(world);
    assert_int_equal(wave_due_mono(&world->wave, &world->now), world->now.mono + 60000);
    leave(world, 1);
    step(world);
    assert_int_equal(wave_due_mono(&world->wave, &world->now), world->now.mono + 5000);
    end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waves_follow_each_other),
        cmocka_unit_test(test_players_that_come_back_start_the_wait_again),
        cmocka_unit_test(test_a_ready_server_is_not_empty),
        cmocka_unit_test(test_max_draining),
        cmocka_unit_test(test_a_failed_server_counts_until_it_is_empty_or_gone),
        cmocka_unit_test(test_free_seats),
        cmocka_unit_test(test_other_regions_have_seats_of_their_own),
        cmocka_unit_test(test_keep_one),
        cmocka_unit_test(test_errors_stop),
        cmocka_unit_test(test_the_deadline),
        cmocka_unit_test(test_servers_that_vanish_are_through),
        cmocka_unit_test(test_holds_of_others),
        cmocka_unit_test(test_undrain_lifts_after_the_pause),
        cmocka_unit_test(test_a_clock_behind_makes_no_pause_longer),
        cmocka_unit_test(test_undo),
        cmocka_unit_test(test_paused_and_cancelled_hold_nothing_more),
        cmocka_unit_test(test_refused_holds_are_errors),
        cmocka_unit_test(test_many_holds_are_more_than_one_step),
        cmocka_unit_test(test_when_it_is_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
