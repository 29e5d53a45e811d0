#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Who makes room: places with made-up processes and users, filled one after the other. */
#include "io/line/line_places_internal.h"

#include <string.h>

enum { MAX = 64, NOW = 100000, OLD = NOW - 5000 };

struct room {
    struct places places;
    struct place each[MAX];
    uint64_t active;
    size_t count;
};

static void enter(struct room *room, uint64_t process, uint64_t user, bool held, int64_t since)
{
    struct place *place = &room->each[room->count++];
    *place = (struct place){.held = held, .since_ms = since, .active = ++room->active};
    places_enter(&room->places, place, process, user);
}

static struct place *next_to_go(struct room *room)
{
    struct place *first = NULL;
    for (size_t i = 0; i < room->count; i++) {
        struct place *place = &room->each[i];
        if (places_may_go(&room->places, place) &&
            (first == NULL || places_goes_before(&room->places, place, first, NOW))) {
            first = place;
        }
    }
    return first;
}

/* Lets one more in, in the place of the next that goes; returns the process that lost it, 0 when there is none. */
static uint64_t replace(struct room *room, uint64_t process, uint64_t user, bool held, int64_t since)
{
    struct place *place = next_to_go(room);
    if (place == NULL) {
        return 0;
    }
    uint64_t lost = place->process->id;
    places_leave(&room->places, place);
    *place = (struct place){.held = held, .since_ms = since, .active = ++room->active};
    places_enter(&room->places, place, process, user);
    return lost;
}

static size_t of_process(const struct room *room, uint64_t process)
{
    size_t count = 0;
    for (size_t i = 0; i < room->count; i++) {
        count += room->each[i].process->id == process ? 1 : 0;
    }
    return count;
}

static int setup(void **state)
{
    static struct room room;
    memset(&room, 0, sizeof(room));
    room.places.max = MAX;
    *state = &room;
    return 0;
}

static int teardown(void **state)
{
    struct room *room = *state;
    for (size_t i = 0; i < room->count; i++) {
        places_leave(&room->places, &room->each[i]);
    }
    return room->places.processes != NULL || room->places.users != NULL;
}

/* Of one user, as in most containers. */
static void a_process_that_takes_all_pays_for_each_newcomer(void **state)
{
    struct room *room = *state;
    enter(room, 1, 7, true, OLD); /* the game, which is silent */
    enter(room, 2, 7, false, OLD);
    while (room->count < MAX) {
        enter(room, 666, 7, true, OLD);
    }
    for (uint64_t i = 0; i < 40; i++) {
        assert_int_equal(replace(room, 1000 + i, 7, true, NOW), 666);
        assert_int_equal(replace(room, 666, 7, true, NOW), 666);
    }
    assert_int_equal(of_process(room, 1) + of_process(room, 2), 2);
}

static void its_own_idle_ones_go_before_those_it_holds(void **state)
{
    struct room *room = *state;
    while (room->count < MAX) {
        enter(room, 666, 7, room->count != 40, NOW); /* even one that has just come */
    }
    assert_ptr_equal(next_to_go(room), &room->each[40]);
    room->each[40].held = true;
    assert_ptr_equal(next_to_go(room), &room->each[0]);
}

/* Many processes of one user: what is left is for other users, without a fight. */
static void a_user_with_more_than_its_share_goes_first(void **state)
{
    struct room *room = *state;
    enter(room, 1, 7, false, OLD);
    while (room->count < MAX) {
        enter(room, 1000 + room->count, 666, true, OLD);
    }
    for (uint64_t i = 0; i < MAX / 4 - 1; i++) {
        assert_true(replace(room, 2000 + i, 7, true, NOW) >= 1000);
    }
    assert_int_equal(of_process(room, 1), 1);
    /* Now no user has more than its share, and one that is not held goes. */
    assert_int_equal(replace(room, 3000, 8, true, NOW), 1);
}

/* In a swarm of processes of one user the one good newcomer is not the first to go again before it has said a word. */
static void one_that_has_just_come_gets_its_turn(void **state)
{
    struct room *room = *state;
    while (room->count < MAX) {
        enter(room, 1000 + room->count, 7, true, OLD);
    }
    assert_int_equal(replace(room, 1, 7, false, NOW), 1000);
    for (uint64_t i = 0; i < MAX - 1; i++) {
        assert_true(replace(room, 2000 + i, 7, true, NOW) >= 1000);
    }
    assert_int_equal(of_process(room, 1), 1);
}

static void the_process_of_the_server_never_goes_within_its_share(void **state)
{
    struct room *room = *state;
    room->places.has_server = true;
    room->places.server_process = 1;
    room->places.server_user = 7;
    enter(room, 1, 7, true, OLD);
    enter(room, 1, 7, false, OLD);
    while (room->count < MAX) {
        enter(room, 1000 + room->count, 7, true, OLD);
    }
    for (uint64_t i = 0; i < 1000; i++) {
        assert_true(replace(room, 2000 + i, 7, true, NOW) >= 1000);
    }
    assert_int_equal(of_process(room, 1), 2);
    /* It cannot take them all either. */
    for (uint64_t i = 0; i < MAX; i++) {
        (void)replace(room, 1, 7, true, NOW);
    }
    assert_int_equal(of_process(room, 1), MAX / PLACES_OF_PROCESS + 1);
}

/* Users are cheap as well: a user namespace has 65536. */
static void those_of_the_servers_user_go_last(void **state)
{
    struct room *room = *state;
    room->places.has_server = true;
    room->places.server_process = 1;
    room->places.server_user = 7;
    enter(room, 2, 7, true, OLD);
    while (room->count < MAX) {
        enter(room, 1000 + room->count, 1000 + room->count, true, OLD);
    }
    assert_true(replace(room, 3, 7, true, NOW) >= 1000);
    for (uint64_t i = 0; i < 1000; i++) {
        assert_true(replace(room, 2000 + i, 2000 + i, true, NOW) >= 1000);
    }
    assert_int_equal(of_process(room, 2) + of_process(room, 3), 2);
}

static void where_all_are_kept_there_is_no_room(void **state)
{
    struct room *room = *state;
    room->places.max = 2;
    room->places.has_server = true;
    room->places.server_process = 1;
    enter(room, 1, 7, true, OLD);
    enter(room, 1, 7, true, OLD);
    assert_null(next_to_go(room));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_process_that_takes_all_pays_for_each_newcomer, setup, teardown),
        cmocka_unit_test_setup_teardown(its_own_idle_ones_go_before_those_it_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(a_user_with_more_than_its_share_goes_first, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_has_just_come_gets_its_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(the_process_of_the_server_never_goes_within_its_share, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(those_of_the_servers_user_go_last, setup, teardown),
        cmocka_unit_test_setup_teardown(where_all_are_kept_there_is_no_room, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
