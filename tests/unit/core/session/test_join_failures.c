/* Every failure, missing answer and limit of a join. */
#include "join_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_store_away_at_the_look(void **state)
{
    struct join_world *world = *state;
    assert_string_equal(tell(world, JOIN_ON_START), "find");
    for (int i = 0; i < 5; i++) {
        assert_string_equal(fails(world, JOIN_NOT_DONE), "");
        assert_string_equal(wait(world), "find");
    }
    assert_string_equal(fails(world, JOIN_NOT_DONE), "answer store_away, free");
    assert_true(world->now.mono < 1000 + 2000);
}

static void test_store_back_at_the_look(void **state)
{
    struct join_world *world = *state;
    tell(world, JOIN_ON_START);
    fails(world, JOIN_UNKNOWN);
    wait(world);
    assert_string_equal(tell(world, JOIN_ON_NONE), "allocate 1");
}

static void test_store_refuses(void **state)
{
    struct join_world *world = *state;
    tell(world, JOIN_ON_START);
    assert_string_equal(fails(world, JOIN_REFUSED), "answer store_refused, free");
    begin(world);
    to_store(world);
    assert_string_equal(fails(world, JOIN_REFUSED), "release 1 at world/a, answer store_refused");
    assert_string_equal(tell(world, JOIN_ON_RELEASED), "free");
}

static void test_a_touch_fails(void **state)
{
    struct join_world *world = *state;
    tell(world, JOIN_ON_START);
    found(world, "s1", "world/a", JOIN_TAKES);
    assert_string_equal(fails(world, JOIN_UNKNOWN), "");
    assert_string_equal(wait(world), "find");
    assert_string_equal(found(world, "s1", "world/a", JOIN_TAKES), "touch of s1");
    assert_string_equal(fails(world, JOIN_REFUSED), "answer store_refused, free");
}

static void test_the_seat_of_a_session_is_not_known(void **state)
{
    struct join_world *world = *state;
    const struct join_event touched = {.type = JOIN_ON_TOUCHED, .young = true};
    tell(world, JOIN_ON_START);
    found(world, "s1", "world/a", JOIN_TAKES);
    step(world, touched);
    assert_string_equal(fails(world, JOIN_REFUSED), "answer reconnected, free");
    begin(world);
    tell(world, JOIN_ON_START);
    found(world, "s1", "world/a", JOIN_TAKES);
    step(world, touched);
    assert_string_equal(after(world, 5000), "answer reconnected");
    assert_string_equal(tell(world, JOIN_ON_SEAT), "free");
}

static void test_an_allocation_without_an_answer(void **state)
{
    struct join_world *world = *state;
    to_allocate(world);
    fails(world, JOIN_UNKNOWN);
    assert_string_equal(wait(world), "allocate 1"); /* the same one */
    assert_string_equal(allocated(world, "world/a"), "store 1 at world/a");
}

static void test_registry_away(void **state)
{
    struct join_world *world = *state;
    to_allocate(world);
    for (int i = 0; i < 5; i++) {
        fails(world, JOIN_UNKNOWN);
        assert_string_equal(wait(world), "allocate 1");
    }
    assert_string_equal(fails(world, JOIN_UNKNOWN), "answer registry_away, free");
    begin(world);
    to_allocate(world);
    assert_string_equal(fails(world, JOIN_REFUSED), "answer registry_away, free");
}

static void store_fails(struct join_world *world, enum join_trouble trouble)
{
    begin(world);
    to_store(world);
    assert_string_equal(fails(world, trouble), "");
    assert_string_equal(wait(world), "find");
}

static void test_a_store_without_an_answer_was_done(void **state)
{
    struct join_world *world = *state;
    store_fails(world, JOIN_UNKNOWN);
    assert_string_equal(found(world, world->seats[0], "world/a", JOIN_GONE),
                        "answer placed 1 at world/a, free");
    assert_int_equal(world->join.seat.state, JOIN_SEAT_USED);
}

static void test_a_store_without_an_answer_was_not_done(void **state)
{
    struct join_world *world = *state;
    store_fails(world, JOIN_UNKNOWN);
    assert_string_equal(tell(world, JOIN_ON_NONE), "store 1 at world/a");
    assert_string_equal(tell(world, JOIN_ON_STORED), "answer placed 1 at world/a, free");
}

static void test_a_store_without_an_answer_lost(void **state)
{
    struct join_world *world = *state;
    store_fails(world, JOIN_UNKNOWN);
    assert_string_equal(found(world, "s2", "world/b", JOIN_TAKES), "release 1 at world/a, touch of s2");
}

static void test_a_store_without_an_answer_may_still_come(void **state)
{
    struct join_world *world = *state;
    tell(world, JOIN_ON_START);
    found(world, "s1", "world/x", JOIN_GONE);
    allocated(world, "world/a");
    fails(world, JOIN_UNKNOWN);
    wait(world);
    /* The server of before is back. The session may still be replaced, so its seat is left to its ttl. */
    assert_string_equal(found(world, "s1", "world/x", JOIN_TAKES), "touch of s1");
    assert_string_equal(tell(world, JOIN_ON_TOUCHED), "answer reconnected, free");
}

/* The store fails, and is then asked in vain. */
static void stays_away(struct join_world *world, enum join_trouble trouble, const char *end)
{
    store_fails(world, trouble);
    for (int i = 0; i < 4; i++) {
        assert_string_equal(fails(world, JOIN_NOT_DONE), "");
        assert_string_equal(wait(world), "find");
    }
    assert_string_equal(fails(world, JOIN_NOT_DONE), end);
}

static void test_a_store_that_is_certainly_not_done(void **state)
{
    struct join_world *world = *state;
    stays_away(world, JOIN_NOT_DONE, "release 1 at world/a, answer store_away");
}

static void test_a_store_that_may_be_done_keeps_its_seat(void **state)
{
    struct join_world *world = *state;
    stays_away(world, JOIN_UNKNOWN, "answer store_away, free");
}

static void test_others_are_faster_too_often(void **state)
{
    struct join_world *world = *state;
    char name[16];
    int rounds = 0;
    to_allocate(world);
    const char *next = allocated(world, "world/a");
    while (strstr(next, "answer") == NULL) {
        assert_non_null(strstr(next, "store 1"));
        assert_true(++rounds < 20);
        if (strstr(tell(world, JOIN_ON_LOST), "answer") != NULL) {
            next = buf_text(&world->text);
            break;
        }
        snprintf(name, sizeof(name), "s%d", rounds);
        next = found(world, name, "world/b", JOIN_GONE);
    }
    assert_string_equal(next, "release 1 at world/a, answer contended");
}

/* ---- the seat goes back ---- */

static void test_a_seat_that_cannot_be_released(void **state)
{
    struct join_world *world = *state;
    to_store(world);
    tell(world, JOIN_ON_LOST);
    found(world, "s2", "world/b", JOIN_TAKES);
    assert_string_equal(tell(world, JOIN_ON_TOUCHED), "answer followed"); /* which waits for no seat */
    assert_string_equal(tell(world, JOIN_ON_UNRELEASED), "");
    assert_string_equal(wait(world), "release 1 at world/a");
    assert_string_equal(tell(world, JOIN_ON_TICK), "");
    assert_string_equal(tell(world, JOIN_ON_UNRELEASED), "");
    assert_string_equal(wait(world), "release 1 at world/a");
    assert_string_equal(tell(world, JOIN_ON_UNRELEASED), "free");
}

static void test_two_seats(void **state)
{
    struct join_world *world = *state;
    to_store(world);
    tell(world, JOIN_ON_LOST);
    found(world, "s2", "world/b", JOIN_TAKES);
    tell(world, JOIN_ON_LOST); /* of the touch */
    assert_string_equal(tell(world, JOIN_ON_NONE), "allocate 2");
    allocated(world, "world/a");
    tell(world, JOIN_ON_LOST);
    /* The first one is still on its way: the second is left to its ttl. */
    assert_string_equal(found(world, "s3", "world/b", JOIN_TAKES), "touch of s3");
    assert_string_equal(tell(world, JOIN_ON_RELEASED), "");
    assert_string_equal(tell(world, JOIN_ON_TOUCHED), "answer followed, free");
}

/* ---- time ---- */

static void test_limit_while_looking(void **state)
{
    struct join_world *world = *state;
    tell(world, JOIN_ON_START);
    assert_string_equal(after(world, 4999), "");
    assert_string_equal(after(world, 1), "answer store_away");
    assert_string_equal(tell(world, JOIN_ON_TICK), "");
    assert_string_equal(found(world, "s1", "world/a", JOIN_TAKES), "free");
}

static void limit_in(struct join_world *world, bool stores, const char *answer)
{
    begin(world);
    to_allocate(world);
    if (stores) {
        allocated(world, "world/a");
    }
    assert_string_equal(after(world, 5000), answer);
    assert_int_equal(world->join.state, JOIN_LEAVING);
}

static void test_limit_while_allocating(void **state)
{
    struct join_world *world = *state;
    limit_in(world, false, "answer registry_away");
    assert_string_equal(allocated(world, "world/a"), "release 1 at world/a");
    assert_string_equal(tell(world, JOIN_ON_RELEASED), "free");
    limit_in(world, false, "answer registry_away");
    assert_string_equal(tell(world, JOIN_ON_NO_SEAT), "free");
    limit_in(world, false, "answer registry_away");
    assert_string_equal(fails(world, JOIN_UNKNOWN), "free");
}

static void test_limit_while_storing(void **state)
{
    struct join_world *world = *state;
    limit_in(world, true, "answer store_away");
    assert_string_equal(tell(world, JOIN_ON_STORED), "free");
    limit_in(world, true, "answer store_away");
    assert_string_equal(tell(world, JOIN_ON_LOST), "release 1 at world/a");
    limit_in(world, true, "answer store_away");
    assert_string_equal(fails(world, JOIN_NOT_DONE), "release 1 at world/a");
    limit_in(world, true, "answer store_away");
    assert_string_equal(fails(world, JOIN_UNKNOWN), "free");
}

static void test_limit_in_a_pause(void **state)
{
    struct join_world *world = *state;
    tell(world, JOIN_ON_START);
    after(world, 4990);
    found(world, "s1", "world/a", JOIN_GONE);
    fails(world, JOIN_UNKNOWN);
    assert_int_equal(join_deadline(&world->join).latest <= 6000, 1);
    world->now.mono = 6000;
    assert_string_equal(tell(world, JOIN_ON_TICK), "answer registry_away, free");
}

static void test_a_short_ttl_is_a_short_limit(void **state)
{
    struct join_world *world = *state;
    begin_with(world, false, 2000);
    to_allocate(world);
    assert_string_equal(after(world, 999), "");
    assert_string_equal(after(world, 1), "answer registry_away");
}

/* ---- what is not awaited ---- */

static void test_events_that_are_not_awaited(void **state)
{
    static const enum join_event_type all[] = {
        JOIN_ON_TICK,   JOIN_ON_FOUND, JOIN_ON_NONE,   JOIN_ON_TOUCHED,  JOIN_ON_ALLOCATED, JOIN_ON_NO_SEAT,
        JOIN_ON_STORED, JOIN_ON_LOST,  JOIN_ON_FAILED, JOIN_ON_RELEASED, JOIN_ON_UNRELEASED};
    struct join_world *world = *state;
    for (size_t i = 0; i < COUNT_OF(all); i++) { /* not started, then over */
        assert_string_equal(tell(world, all[i]), "");
    }
    tell(world, JOIN_ON_START);
    assert_string_equal(tell(world, JOIN_ON_STORED), "");
    assert_string_equal(tell(world, JOIN_ON_TOUCHED), "");
    assert_string_equal(tell(world, JOIN_ON_LOST), "");
    assert_string_equal(tell(world, JOIN_ON_NO_SEAT), "");
    tell(world, JOIN_ON_NONE);
    assert_string_equal(tell(world, JOIN_ON_NONE), "");
    assert_string_equal(tell(world, JOIN_ON_STORED), "");
    allocated(world, "world/a");
    assert_string_equal(tell(world, JOIN_ON_TOUCHED), "");
    tell(world, JOIN_ON_STORED);
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        assert_string_equal(tell(world, all[i]), "");
    }
}

static void test_moves(void **state)
{
    (void)state;
    static const char *const allowed[JOIN_STATE_COUNT] = {
        /* NFTRASPLO */
        [JOIN_NEW] = ".F.....L.",     [JOIN_FINDING] = "..T.ASPL.",    [JOIN_TOUCHING] = ".F.R..PL.",
        [JOIN_READING] = ".......L.", [JOIN_ALLOCATING] = ".F...SPL.", [JOIN_STORING] = ".F....PL.",
        [JOIN_PAUSED] = ".F..A..L.",  [JOIN_LEAVING] = "........O",    [JOIN_OVER] = "........."};
    for (int from = 0; from < JOIN_STATE_COUNT; from++) {
        for (int to = 0; to < JOIN_STATE_COUNT; to++) {
            bool may = join_may_move((enum join_state)from, (enum join_state)to);
            assert_int_equal(may, from != to && allowed[from][to] != '.');
        }
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, join_world_set_up, join_world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(store_away_at_the_look),
        TEST(store_back_at_the_look),
        TEST(store_refuses),
        TEST(a_touch_fails),
        TEST(the_seat_of_a_session_is_not_known),
        TEST(an_allocation_without_an_answer),
        TEST(registry_away),
        TEST(a_store_without_an_answer_was_done),
        TEST(a_store_without_an_answer_was_not_done),
        TEST(a_store_without_an_answer_lost),
        TEST(a_store_without_an_answer_may_still_come),
        TEST(a_store_that_is_certainly_not_done),
        TEST(a_store_that_may_be_done_keeps_its_seat),
        TEST(others_are_faster_too_often),
        TEST(a_seat_that_cannot_be_released),
        TEST(two_seats),
        TEST(limit_while_looking),
        TEST(limit_while_allocating),
        TEST(limit_while_storing),
        TEST(limit_in_a_pause),
        TEST(a_short_ttl_is_a_short_limit),
        TEST(events_that_are_not_awaited),
        TEST(moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
