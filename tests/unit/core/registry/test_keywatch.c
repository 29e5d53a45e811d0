/* The watch of a sidecar's own keys: when it is opened, opened again, and given up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/registry/keywatch.h"

struct world {
    struct keywatch watch;
    struct queue effects;
    int64_t now;
};

static int setup(void **state)
{
    static struct world world;
    world = (struct world){.now = 1000};
    keywatch_init(&world.watch, "/services/world/w1", "/outrider/services/control/world/w1", 1500, 10000, 7);
    queue_init(&world.effects, sizeof(struct keywatch_effect));
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    queue_fini(&world->effects);
    keywatch_fini(&world->watch);
    return 0;
}

static void step(struct world *world, struct keywatch_event event)
{
    event.now = (struct instant){.mono = world->now, .boot = world->now, .wall = world->now};
    keywatch_step(&world->watch, &event, &world->effects);
}

static bool asks(struct world *world, enum keywatch_effect_type type, struct keywatch_effect *ret_effect)
{
    bool found = queue_take(&world->effects, ret_effect);
    return found && ret_effect->type == type;
}

static void succeed(struct world *world, int64_t revision)
{
    step(world, (struct keywatch_event){.type = KEYWATCH_ON_SUCCESS, .settled = true, .revision = revision});
}

static void say(struct world *world, struct registry_watch_event event)
{
    step(world, (struct keywatch_event){.type = KEYWATCH_ON_WATCH, .watch = &event});
}

/* Waits for the next watch as the router would; returns its id. */
static uint64_t next_watch(struct world *world)
{
    struct keywatch_effect effect;
    struct window window = keywatch_deadline(&world->watch);
    assert_true(window.latest != NEVER_MS);
    world->now = window.latest > world->now ? window.latest : world->now;
    step(world, (struct keywatch_event){.type = KEYWATCH_ON_TICK});
    assert_true(asks(world, KEYWATCH_DO_WATCH, &effect));
    return effect.watch.id;
}

static uint64_t opened(struct world *world, int64_t revision)
{
    struct keywatch_effect effect;
    succeed(world, revision);
    uint64_t id = next_watch(world);
    say(world, (struct registry_watch_event){.id = id, .type = REGISTRY_WATCH_OPENED, .revision = revision});
    assert_true(asks(world, KEYWATCH_DO_READ_BACK, &effect));
    assert_int_equal(effect.revision, revision);
    assert_true(keywatch_hears(&world->watch, id));
    return id;
}

static void nothing_before_the_record(void **state)
{
    struct world *world = *state;
    struct keywatch_effect effect;
    step(world, (struct keywatch_event){.type = KEYWATCH_ON_SUCCESS, .settled = false});
    assert_int_equal(keywatch_state(&world->watch), KEYWATCH_OFF);
    assert_int_equal(keywatch_deadline(&world->watch).latest, NEVER_MS);
    succeed(world, 5);
    assert_int_equal(keywatch_state(&world->watch), KEYWATCH_WAITING);
    assert_true(keywatch_deadline(&world->watch).latest <= world->now + 500);
    world->now = keywatch_deadline(&world->watch).latest;
    step(world, (struct keywatch_event){.type = KEYWATCH_ON_TICK});
    assert_true(asks(world, KEYWATCH_DO_WATCH, &effect));
    assert_int_equal(effect.watch.range_count, 2);
    assert_true(str_eq(effect.watch.ranges[0].key, STR("/services/world/w1")));
    assert_true(str_eq(effect.watch.ranges[1].key, STR("/outrider/services/control/world/w1")));
    assert_int_equal(effect.watch.from_revision, 0);
    assert_int_equal(effect.watch.timeout_ms, 1500);
}

static void ended_waits_for_a_success(void **state)
{
    struct world *world = *state;
    uint64_t id = opened(world, 5);
    say(world,
        (struct registry_watch_event){.id = id, .type = REGISTRY_WATCH_ENDED, .failure = REGISTRY_RETRY});
    assert_false(keywatch_hears(&world->watch, id));
    assert_int_equal(keywatch_deadline(&world->watch).latest, NEVER_MS);
    world->now += 3600000;
    step(world, (struct keywatch_event){.type = KEYWATCH_ON_TICK});
    step(world, (struct keywatch_event){.type = KEYWATCH_ON_SUCCESS, .settled = false});
    assert_int_equal(queue_size(&world->effects), 0);
    int64_t then = world->now;
    succeed(world, 5);
    assert_true(next_watch(world) > id);
    assert_in_range(world->now - then, 1, 5000);
}

static void backs_off_and_is_told_once(void **state)
{
    struct world *world = *state;
    struct keywatch_effect effect;
    unsigned told = 0;
    int64_t longest = 0;
    for (unsigned i = 0; i < 60; i++) {
        int64_t then = world->now;
        succeed(world, 5);
        uint64_t id = next_watch(world);
        longest = world->now - then > longest ? world->now - then : longest;
        say(world,
            (struct registry_watch_event){
                .id = id, .type = REGISTRY_WATCH_ENDED, .failure = REGISTRY_RETRY, .error = STR("no")});
        while (queue_take(&world->effects, &effect)) {
            assert_int_equal(effect.type, KEYWATCH_DO_NOTE);
            told += effect.note == KEYWATCH_NOTE_FAILS ? 1 : 0;
        }
    }
    assert_int_equal(told, 1);
    assert_in_range(longest, 20000, 30000);
    assert_string_equal(keywatch_last_error(&world->watch), "no");
}

static void denied_is_slow(void **state)
{
    struct world *world = *state;
    struct keywatch_effect effect;
    succeed(world, 5);
    uint64_t id = next_watch(world);
    say(world,
        (struct registry_watch_event){
            .id = id, .type = REGISTRY_WATCH_ENDED, .failure = REGISTRY_DENIED, .error = STR("permission")});
    assert_true(asks(world, KEYWATCH_DO_NOTE, &effect));
    int64_t then = world->now;
    succeed(world, 5);
    (void)next_watch(world);
    assert_in_range(world->now - then, 30000, 60000);
}

static void silent_is_given_up(void **state)
{
    struct world *world = *state;
    struct keywatch_effect effect;
    uint64_t id = opened(world, 5);
    succeed(world, 6);
    struct window window = keywatch_deadline(&world->watch);
    assert_int_equal(window.earliest, world->now + 1000);
    world->now = window.latest;
    step(world, (struct keywatch_event){.type = KEYWATCH_ON_TICK});
    assert_true(asks(world, KEYWATCH_DO_NOTE, &effect));
    assert_int_equal(effect.note, KEYWATCH_NOTE_LATE);
    assert_true(asks(world, KEYWATCH_DO_UNWATCH, &effect));
    assert_int_equal(effect.id, id);
    assert_false(keywatch_hears(&world->watch, id));
}

static void what_is_told_is_not_owed(void **state)
{
    struct world *world = *state;
    uint64_t id = opened(world, 5);
    struct registry_change change = {.mod_revision = 6};
    succeed(world, 6);
    say(world,
        (struct registry_watch_event){
            .id = id, .type = REGISTRY_WATCH_CHANGED, .revision = 6, .changes = &change, .change_count = 1});
    assert_int_equal(keywatch_deadline(&world->watch).latest, NEVER_MS);
    succeed(world, 6);
    assert_int_equal(keywatch_deadline(&world->watch).latest, NEVER_MS);
}

static void our_own_lateness_is_excused_once(void **state)
{
    struct world *world = *state;
    (void)opened(world, 5);
    succeed(world, 6);
    world->now += 60000;
    step(world, (struct keywatch_event){.type = KEYWATCH_ON_TICK});
    assert_int_equal(queue_size(&world->effects), 0);
    world->now += 1000;
    step(world, (struct keywatch_event){.type = KEYWATCH_ON_TICK});
    assert_int_equal(queue_size(&world->effects), 2);
}

static void restart_and_leave(void **state)
{
    struct world *world = *state;
    struct keywatch_effect effect;
    uint64_t id = opened(world, 5);
    step(world, (struct keywatch_event){.type = KEYWATCH_ON_RESTART});
    assert_true(asks(world, KEYWATCH_DO_UNWATCH, &effect));
    assert_int_equal(effect.id, id);
    say(world, (struct registry_watch_event){.id = id, .type = REGISTRY_WATCH_OPENED, .revision = 9});
    assert_int_equal(keywatch_state(&world->watch), KEYWATCH_WAITING);
    id = opened(world, 9);
    step(world, (struct keywatch_event){.type = KEYWATCH_ON_LEAVE});
    assert_true(asks(world, KEYWATCH_DO_UNWATCH, &effect));
    assert_int_equal(effect.id, id);
    succeed(world, 10);
    assert_int_equal(keywatch_state(&world->watch), KEYWATCH_OFF);
    assert_int_equal(queue_size(&world->effects), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static uint64_t compares(struct world *world)
{
    struct keywatch_effect effect;
    assert_true(asks(world, KEYWATCH_DO_COMPARE, &effect));
    assert_int_equal(effect.request.op, REGISTRY_COMPARE);
    return effect.request.id;
}

static void compared(struct world *world, uint64_t id, enum registry_failure failure, bool same,
                     int64_t revision)
{
    struct registry_reply reply = {
        .id = id, .op = REGISTRY_COMPARE, .failure = failure, .succeeded = same, .revision = 90};
    step(world, (struct keywatch_event){
                    .type = KEYWATCH_ON_COMPARED, .settled = true, .revision = revision, .reply = &reply});
}

static uint64_t open_and_quiet(struct world *world)
{
    struct keywatch_effect effect;
    uint64_t id = opened(world, 50);
    while (queue_take(&world->effects, &effect)) {
    }
    world->now += 8900;
    succeed(world, 40);
    assert_false(queue_take(&world->effects, &effect));
    world->now += 200;
    return id;
}

static void a_quiet_watch_is_looked_after(void **state)
{
    struct world *world = *state;
    struct keywatch_effect effect;
    (void)open_and_quiet(world);
    assert_int_equal(keywatch_deadline(&world->watch).latest, NEVER_MS); /* it rides with a heartbeat */
    succeed(world, 40);
    uint64_t id = compares(world);
    assert_true(keywatch_awaits(&world->watch, id));
    succeed(world, 40);
    assert_false(queue_take(&world->effects, &effect)); /* one at a time */
    compared(world, id + 1, REGISTRY_OK, false, 40);
    compared(world, id, REGISTRY_OK, true, 40);
    assert_true(asks(world, KEYWATCH_DO_CONFIRM, &effect));
    assert_false(keywatch_awaits(&world->watch, id));
    world->now += 8900;
    succeed(world, 40);
    assert_false(queue_take(&world->effects, &effect));
    world->now += 200;
    say(world,
        (struct registry_watch_event){.id = world->watch.id, .type = REGISTRY_WATCH_CHANGED, .revision = 60});
    succeed(world, 40);
    assert_false(queue_take(&world->effects, &effect)); /* it has told something */
}

static void who_is_deaf_twice_is_closed(void **state)
{
    struct world *world = *state;
    struct keywatch_effect effect;
    uint64_t watch = open_and_quiet(world);
    succeed(world, 40);
    compared(world, compares(world), REGISTRY_OK, false, 40);
    assert_false(queue_take(&world->effects, &effect));
    assert_int_equal(keywatch_deadline(&world->watch).earliest, world->now + 1000);
    world->now += 1000;
    step(world, (struct keywatch_event){.type = KEYWATCH_ON_TICK, .settled = true, .revision = 40});
    compared(world, compares(world), REGISTRY_OK, false, 40);
    assert_true(asks(world, KEYWATCH_DO_NOTE, &effect));
    assert_int_equal(effect.note, KEYWATCH_NOTE_LATE);
    assert_true(asks(world, KEYWATCH_DO_UNWATCH, &effect));
    assert_int_equal(effect.id, watch);
    assert_true(asks(world, KEYWATCH_DO_READ_BACK, &effect));
    assert_int_equal(effect.revision, 90);
}

static void news_excuse_a_difference(void **state)
{
    struct world *world = *state;
    struct keywatch_effect effect;
    uint64_t watch = open_and_quiet(world);
    succeed(world, 40);
    compared(world, compares(world), REGISTRY_OK, false, 40);
    say(world, (struct registry_watch_event){.id = watch, .type = REGISTRY_WATCH_CHANGED, .revision = 60});
    world->now += 1000;
    step(world, (struct keywatch_event){.type = KEYWATCH_ON_TICK, .settled = true, .revision = 40});
    assert_false(queue_take(&world->effects, &effect));
    world->now += 9100;
    succeed(world, 40);
    compared(world, compares(world), REGISTRY_OK, false, 55); /* written meanwhile: that is another debt */
    succeed(world, 55);
    compared(world, compares(world), REGISTRY_OK, false, 55);
    assert_false(queue_take(&world->effects, &effect));
    assert_int_equal(keywatch_state(&world->watch), KEYWATCH_OPEN);
}

static void who_may_not_compare_asks_rarely(void **state)
{
    struct world *world = *state;
    struct keywatch_effect effect;
    (void)open_and_quiet(world);
    succeed(world, 40);
    compared(world, compares(world), REGISTRY_DENIED, false, 40);
    world->now += 59000;
    succeed(world, 40);
    assert_false(queue_take(&world->effects, &effect));
    world->now += 1100;
    succeed(world, 40);
    (void)compares(world);
}

/* What was under way when the agent ends must not bring the watch back. */
static void nothing_is_owed_to_who_leaves(void **state)
{
    struct world *world = *state;
    struct keywatch_effect effect;
    (void)open_and_quiet(world);
    succeed(world, 40);
    compared(world, compares(world), REGISTRY_OK, false, 40);
    world->now += 1000;
    succeed(world, 60); /* which the stream owes, and the second comparison is under way */
    uint64_t id = compares(world);
    step(world, (struct keywatch_event){.type = KEYWATCH_ON_LEAVE});
    assert_true(asks(world, KEYWATCH_DO_UNWATCH, &effect));
    assert_false(keywatch_awaits(&world->watch, id));
    compared(world, id, REGISTRY_OK, false, 60);
    world->now += 1500;
    step(world, (struct keywatch_event){.type = KEYWATCH_ON_TICK, .leaseless = true});
    assert_int_equal(queue_size(&world->effects), 0);
    assert_int_equal(keywatch_state(&world->watch), KEYWATCH_OFF);
}

static void after_an_outage_not_all_at_once(void **state)
{
    struct world *world = *state;
    struct keywatch_effect effect;
    (void)open_and_quiet(world);
    world->now += 60000;
    succeed(world, 40);
    assert_false(queue_take(&world->effects, &effect));
    world->now += 5001;
    succeed(world, 40);
    (void)compares(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_before_the_record),
        TEST(ended_waits_for_a_success),
        TEST(backs_off_and_is_told_once),
        TEST(denied_is_slow),
        TEST(silent_is_given_up),
        TEST(what_is_told_is_not_owed),
        TEST(our_own_lateness_is_excused_once),
        TEST(restart_and_leave),
        TEST(a_quiet_watch_is_looked_after),
        TEST(who_is_deaf_twice_is_closed),
        TEST(news_excuse_a_difference),
        TEST(who_may_not_compare_asks_rarely),
        TEST(nothing_is_owed_to_who_leaves),
        TEST(after_an_outage_not_all_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
