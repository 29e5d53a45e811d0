#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/seats/change.h"
#include "outrider/core/seats/seats.h"
#include "outrider/core/seats/turns.h"
#include "support/add_reservation.h"

#include <stdio.h>
#include <string.h>

struct world {
    struct seats *seats;
    struct queue effects;
    struct instant now;
};

static int set_up(void **state)
{
    static struct world world;
    world = (struct world){.seats = seats_new(), .now = {.mono = 1000, .boot = 5000, .wall = 100000}};
    queue_init(&world.effects, sizeof(struct seats_effect));
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    seats_free(world->seats);
    queue_fini(&world->effects);
    return 0;
}

static void pass(struct world *world, int64_t ms)
{
    world->now.mono += ms;
    world->now.boot += ms;
    world->now.wall += ms;
    seats_step(world->seats, &(struct seats_event){.type = SEATS_ON_TICK, .now = world->now},
               &world->effects);
}

static void change(struct world *world, const char *place, const struct reservations *list, bool foreign)
{
    seats_step(world->seats,
               &(struct seats_event){.type = SEATS_ON_CHANGED,
                                     .now = world->now,
                                     .place = str_of(place),
                                     .list = list,
                                     .foreign = foreign,
                                     .revision = 7},
               &world->effects);
}

/* The next effect says that `place` has `reserved`. */
static void told(struct world *world, const char *place, uint32_t reserved)
{
    struct seats_effect effect;
    assert_true(queue_take(&world->effects, &effect));
    assert_true(str_eq(effect.place, str_of(place)));
    assert_int_equal(effect.reserved, reserved);
}

static void quiet(struct world *world)
{
    struct seats_effect effect;
    assert_false(queue_take(&world->effects, &effect));
}

static void test_they_lapse_without_traffic(void **state)
{
    struct world *world = *state;
    struct reservations list = {0};
    add_reservation(&list, "a", 4, 110000);
    add_reservation(&list, "b", 2, 101000);
    change(world, "world/w1", &list, false);
    told(world, "world/w1", 6);
    change(world, "world/w1", &list, false);
    quiet(world);
    assert_int_equal(seats_facts(world->seats)->live, 2);
    assert_int_equal(seats_of(world->seats, STR("world"), STR("w1"))->reserved, 6);
    assert_null(seats_of(world->seats, STR("world"), STR("w2")));
    assert_int_equal(seats_deadline(world->seats).latest, world->now.mono + 3000);
    pass(world, 2999);
    quiet(world);
    pass(world, 1);
    told(world, "world/w1", 4);
    assert_int_equal(seats_deadline(world->seats).latest, world->now.mono + 9000);
    pass(world, 9000);
    told(world, "world/w1", 0);
    assert_int_equal(seats_facts(world->seats)->lapsed, 2);
    assert_int_equal(seats_facts(world->seats)->live, 0);
    assert_int_equal(seats_deadline(world->seats).latest, NEVER_MS);
    assert_int_equal(seats_find(world->seats, STR("world/w1"))->list.count, 2);
    change(world, "world/w1", NULL, false);
    quiet(world);
    assert_int_equal(seats_facts(world->seats)->servers, 0);
    reservations_fini(&list);
}

static void test_a_list_that_goes_frees_its_seats(void **state)
{
    struct world *world = *state;
    struct reservations list = {0};
    add_reservation(&list, "a", 4, 110000);
    change(world, "world/w1", &list, false);
    change(world, "world/w2", &list, false);
    told(world, "world/w1", 4);
    told(world, "world/w2", 4);
    assert_int_equal(seats_facts(world->seats)->reserved, 8);
    change(world, "world/w1", NULL, false);
    told(world, "world/w1", 0);
    change(world, "world/w2", NULL, true);
    told(world, "world/w2", 0);
    assert_true(seats_find(world->seats, STR("world/w2"))->foreign);
    assert_int_equal(seats_facts(world->seats)->foreign, 1);
    assert_int_equal(seats_facts(world->seats)->reserved, 0);
    change(world, "world/w2", &list, false);
    told(world, "world/w2", 4);
    assert_int_equal(seats_facts(world->seats)->foreign, 0);
    reservations_fini(&list);
}

/* A wall clock that was wrong and is set: what had lapsed by it is live again. */
static void test_a_clock_that_is_set(void **state)
{
    struct world *world = *state;
    struct reservations list = {0};
    world->now.wall += 60000;
    add_reservation(&list, "a", 4, 110000);
    change(world, "world/w1", &list, false);
    quiet(world);
    world->now.wall -= 60000;
    pass(world, 1);
    told(world, "world/w1", 4);
    reservations_fini(&list);
}

static void test_lapsed_entries_are_dropped_with_their_ids(void **state)
{
    (void)state;
    struct seats_change change = {.id = "own"};
    char name[16];
    add_reservation(&change.of.list, "live", 1, 110000);
    add_reservation(&change.of.list, "own", 1, 1000);
    add_reservation(&change.of.list, "twice", 1, 1000);
    add_reservation(&change.of.list, "twice", 1, 1000);
    for (int i = 0; i < SEATS_DROPS_MAX; i++) {
        snprintf(name, sizeof(name), "old%d", i);
        add_reservation(&change.of.list, name, 1, 1000);
    }
    seats_change_drop_lapsed(&change, 100000);
    assert_int_equal(change.dropped_count, SEATS_DROPS_MAX);
    assert_string_equal(change.dropped[0], "twice");
    assert_string_equal(change.dropped[1], "old0");
    assert_int_equal(change.of.list.count, 2);
    assert_string_equal(change.of.list.items[0].id, "live");
    assert_string_equal(change.of.list.items[1].id, "old11");
    seats_change_fini(&change);
}

static void test_the_server_of_a_key(void **state)
{
    struct world *world = *state;
    struct reservations one = {0}, other = {0};
    add_reservation(&one, "a", 1, 110000);
    add_reservation(&one, "b", 1, 105000);
    add_reservation(&other, "c", 1, 105000);
    one.items[0].key = 7;
    one.items[1].key = other.items[0].key = 9;
    change(world, "world/w2", &one, false);
    change(world, "world/w1", &other, false);
    change(world, "lobby/w0", &other, false);
    assert_int_equal(seats_facts(world->seats)->keyed, 4);
    assert_true(str_eq(seats_keyed(world->seats, STR("world"), 7, 100000)->place, STR("world/w2")));
    assert_true(str_eq(seats_keyed(world->seats, STR("world"), 9, 100000)->place, STR("world/w1")));
    assert_true(str_eq(seats_keyed(world->seats, STR("lobby"), 9, 100000)->place, STR("lobby/w0")));
    assert_null(seats_keyed(world->seats, STR("lobby"), 7, 100000));
    assert_null(seats_keyed(world->seats, STR("world"), 9, 107000)); /* both have lapsed */
    change(world, "world/w1", NULL, false);
    assert_true(str_eq(seats_keyed(world->seats, STR("world"), 9, 100000)->place, STR("world/w2")));
    reservations_remove(&one, &one.items[1]);
    change(world, "world/w2", &one, false);
    assert_null(seats_keyed(world->seats, STR("world"), 9, 100000));
    assert_non_null(seats_keyed(world->seats, STR("lobby"), 9, 100000));
    change(world, "world/w2", NULL, true);
    change(world, "lobby/w0", NULL, false);
    assert_int_equal(seats_facts(world->seats)->keyed, 0);
    reservations_fini(&one);
    reservations_fini(&other);
}

static void test_turns(void **state)
{
    (void)state;
    struct turns turns = {0};
    assert_false(turns_taken(&turns, STR("world/w1")));
    turns_take(&turns, STR("world/w1"));
    turns_take(&turns, STR("world/w2"));
    assert_true(turns_taken(&turns, STR("world/w1")));
    turns_give_back(&turns, STR("world/w1"));
    turns_give_back(&turns, STR("world/w1"));
    assert_false(turns_taken(&turns, STR("world/w1")));
    assert_true(turns_taken(&turns, STR("world/w2")));
    turns_fini(&turns);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_they_lapse_without_traffic),
        WITH_WORLD(test_a_list_that_goes_frees_its_seats),
        WITH_WORLD(test_a_clock_that_is_set),
        WITH_WORLD(test_the_server_of_a_key),
        cmocka_unit_test(test_lapsed_entries_are_dropped_with_their_ids),
        cmocka_unit_test(test_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
