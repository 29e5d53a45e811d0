/* The ways through a join, written as what it is told and what it then asks for. */
#include "join_world.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_reconnects(void **state)
{
    struct join_world *world = *state;
    assert_int_equal(join_deadline(&world->join).latest, NEVER_MS);
    assert_string_equal(tell(world, JOIN_ON_START), "find");
    assert_string_equal(tell(world, JOIN_ON_START), "");
    assert_string_equal(found(world, "s1", "world/a", JOIN_TAKES), "touch of s1");
    assert_string_equal(tell(world, JOIN_ON_TOUCHED), "answer reconnected, free");
    assert_int_equal(world->join.state, JOIN_OVER);
    assert_int_equal(join_deadline(&world->join).latest, NEVER_MS);
}

static void test_a_player_that_has_not_arrived_yet(void **state)
{
    struct join_world *world = *state;
    tell(world, JOIN_ON_START);
    found(world, "s1", "world/a", JOIN_TAKES);
    const struct join_event touched = {.type = JOIN_ON_TOUCHED, .young = true};
    assert_string_equal(step(world, touched), "read of s1 at world/a");
    assert_string_equal(tell(world, JOIN_ON_SEAT), "answer reconnected with s1 at world/a, free");
    begin(world);
    tell(world, JOIN_ON_START);
    found(world, "s1", "world/a", JOIN_TAKES);
    step(world, touched);
    assert_string_equal(tell(world, JOIN_ON_SEATLESS), "answer reconnected, free");
}

static void test_places(void **state)
{
    struct join_world *world = *state;
    tell(world, JOIN_ON_START);
    assert_string_equal(tell(world, JOIN_ON_NONE), "allocate 1");
    assert_string_equal(allocated(world, "world/a"), "store 1 at world/a");
    assert_string_equal(tell(world, JOIN_ON_STORED), "answer placed 1 at world/a, free");
    assert_int_equal(world->join.seat.state, JOIN_SEAT_USED);
}

static void test_moves_from_a_server_that_is_gone(void **state)
{
    struct join_world *world = *state;
    tell(world, JOIN_ON_START);
    assert_string_equal(found(world, "s1", "world/a", JOIN_GONE), "allocate 1 not world/a");
    assert_string_equal(allocated(world, "world/b"), "store 1 at world/b for s1");
    assert_string_equal(tell(world, JOIN_ON_STORED), "answer placed 1 at world/b from world/a, free");
}

static void test_a_draining_server_keeps_its_player(void **state)
{
    struct join_world *world = *state;
    tell(world, JOIN_ON_START);
    assert_string_equal(found(world, "s1", "world/a", JOIN_DRAINING), "touch of s1");
}

static void test_a_draining_server_is_left(void **state)
{
    struct join_world *world = *state;
    begin_with(world, true, 30000);
    tell(world, JOIN_ON_START);
    assert_string_equal(found(world, "s1", "world/a", JOIN_DRAINING), "allocate 1 not world/a");
    assert_string_equal(allocated(world, "world/b"), "store 1 at world/b for s1");
    /* Another join was faster, and its server drains by now: the player is there, and it was not asked to leave that one. */
    assert_string_equal(tell(world, JOIN_ON_LOST), "find");
    assert_string_equal(found(world, "s2", "world/c", JOIN_DRAINING), "release 1 at world/b, touch of s2");
    assert_string_equal(tell(world, JOIN_ON_TOUCHED), "answer followed from world/a");
    assert_string_equal(tell(world, JOIN_ON_RELEASED), "free");
}

static void test_only_a_draining_server_is_left(void **state)
{
    struct join_world *world = *state;
    begin_with(world, true, 30000);
    tell(world, JOIN_ON_START);
    assert_string_equal(found(world, "s1", "world/a", JOIN_TAKES), "touch of s1");
}

static void test_follows_the_faster_join(void **state)
{
    struct join_world *world = *state;
    to_store(world);
    assert_string_equal(tell(world, JOIN_ON_LOST), "find");
    assert_string_equal(found(world, "s2", "world/b", JOIN_TAKES), "release 1 at world/a, touch of s2");
    assert_string_equal(tell(world, JOIN_ON_RELEASED), "");
    assert_string_equal(tell(world, JOIN_ON_TOUCHED), "answer followed, free");
}

static void test_the_faster_joins_server_is_gone_too(void **state)
{
    struct join_world *world = *state;
    to_store(world);
    tell(world, JOIN_ON_LOST);
    assert_string_equal(found(world, "s2", "world/b", JOIN_GONE), "store 1 at world/a for s2");
    tell(world, JOIN_ON_LOST);
    assert_string_equal(found(world, "s3", "world/a", JOIN_GONE),
                        "release 1 at world/a, allocate 2 not world/a");
    assert_string_equal(allocated(world, "world/c"), "store 2 at world/c for s3");
    assert_string_equal(tell(world, JOIN_ON_STORED), "answer placed 2 at world/c from world/a");
    assert_string_equal(tell(world, JOIN_ON_RELEASED), "free");
}

static void test_a_session_that_ends_meanwhile(void **state)
{
    struct join_world *world = *state;
    tell(world, JOIN_ON_START);
    found(world, "s1", "world/a", JOIN_TAKES);
    assert_string_equal(tell(world, JOIN_ON_LOST), "find");
    assert_string_equal(tell(world, JOIN_ON_NONE), "allocate 1");
}

static void test_a_server_without_a_record_yet(void **state)
{
    struct join_world *world = *state;
    tell(world, JOIN_ON_START);
    assert_string_equal(found(world, "s1", "world/a", JOIN_UNSEEN), "");
    assert_int_equal(world->join.state, JOIN_PAUSED);
    assert_string_equal(wait(world), "find");
    assert_string_equal(found(world, "s1", "world/a", JOIN_TAKES), "touch of s1");
}

static void test_a_server_without_a_record_at_all(void **state)
{
    struct join_world *world = *state;
    int looks = 0;
    tell(world, JOIN_ON_START);
    const char *next = found(world, "s1", "world/a", JOIN_UNSEEN);
    while (next[0] == '\0') {
        assert_string_equal(wait(world), "find");
        next = found(world, "s1", "world/a", JOIN_UNSEEN);
        looks++;
    }
    assert_string_equal(next, "allocate 1 not world/a");
    assert_in_range(looks, 3, 5);
    assert_true(world->now.mono >= 2000);
}

/* The registry is away: a server that came since is not known here, so that its players are not placed elsewhere. */
static void test_a_server_that_cannot_be_seen(void **state)
{
    struct join_world *world = *state;
    tell(world, JOIN_ON_START);
    assert_string_equal(found(world, "s1", "world/a", JOIN_UNSURE), "");
    assert_string_equal(wait(world), "find");
    assert_string_equal(found(world, "s1", "world/a", JOIN_TAKES), "touch of s1");
    begin(world);
    tell(world, JOIN_ON_START);
    const char *next = found(world, "s1", "world/a", JOIN_UNSURE);
    while (next[0] == '\0') {
        assert_string_equal(wait(world), "find");
        next = found(world, "s1", "world/a", JOIN_UNSURE);
    }
    assert_string_equal(next, "answer registry_away, free");
    assert_in_range(world->now.mono, 2000, 2999);
}

static void test_no_seat(void **state)
{
    struct join_world *world = *state;
    to_allocate(world);
    assert_string_equal(tell(world, JOIN_ON_NO_SEAT), "find");
    assert_string_equal(tell(world, JOIN_ON_NONE), "answer no_seat, free");
    begin(world);
    to_allocate(world);
    tell(world, JOIN_ON_NO_SEAT); /* another join has the last one, for this player */
    assert_string_equal(found(world, "s1", "world/a", JOIN_TAKES), "touch of s1");
}

static void test_a_seat_at_the_server_that_is_gone(void **state)
{
    struct join_world *world = *state;
    tell(world, JOIN_ON_START);
    found(world, "s1", "world/a", JOIN_GONE);
    assert_string_equal(allocated(world, "world/a"), "release 1 at world/a, allocate 2 not world/a");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, join_world_set_up, join_world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(reconnects),
        TEST(a_player_that_has_not_arrived_yet),
        TEST(places),
        TEST(moves_from_a_server_that_is_gone),
        TEST(a_draining_server_keeps_its_player),
        TEST(a_draining_server_is_left),
        TEST(only_a_draining_server_is_left),
        TEST(follows_the_faster_join),
        TEST(the_faster_joins_server_is_gone_too),
        TEST(a_session_that_ends_meanwhile),
        TEST(a_server_without_a_record_yet),
        TEST(a_server_without_a_record_at_all),
        TEST(a_server_that_cannot_be_seen),
        TEST(no_seat),
        TEST(a_seat_at_the_server_that_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
