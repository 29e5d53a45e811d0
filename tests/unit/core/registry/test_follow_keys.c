/* Following known keys: when the watch opens, opens again, and is closed as silent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/registry/follow.h"

struct world {
    struct follow watch;
    struct queue effects;
    int64_t now;
};

static int setup(void **state)
{
    static struct world world;
    world = (struct world){.now = 1000};
    follow_init_keys(&world.watch, "/services/world/w1", "/outrider/services/control/world/w1", 1500, 10000,
                     7);
    queue_init(&world.effects, sizeof(struct follow_effect));
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    queue_fini(&world->effects);
    follow_fini(&world->watch);
    return 0;
}

static void step(struct world *world, struct follow_event event)
{
    event.now = (struct instant){.mono = world->now, .boot = world->now, .wall = world->now};
    follow_step(&world->watch, &event, &world->effects);
}

/* Of no use to an owner of known keys. */
static bool is_plain(enum follow_effect_type type)
{
    return type == FOLLOW_DO_SYNCED || type == FOLLOW_DO_STALE || type == FOLLOW_DO_FAILED;
}

static bool asks(struct world *world, enum follow_effect_type type, struct follow_effect *ret_effect)
{
    while (queue_take(&world->effects, ret_effect)) {
        if (!is_plain(ret_effect->type)) {
            return ret_effect->type == type;
        }
    }
    return false;
}

/* Takes what is left; counts all but SYNCED and STALE. */
static unsigned pending(struct world *world)
{
    struct follow_effect effect;
    unsigned count = 0;
    while (queue_take(&world->effects, &effect)) {
        count += is_plain(effect.type) ? 0 : 1;
    }
    return count;
}

static void succeed(struct world *world, int64_t revision)
{
    step(world,
         (struct follow_event){.type = FOLLOW_ON_SUCCESS, .owner = {.settled = true, .known = {revision}}});
}

static void deliver(struct world *world, struct registry_watch_event event)
{
    step(world, (struct follow_event){.type = FOLLOW_ON_WATCH, .watch = &event});
}

/* Waits for the next watch as the router would; returns its id. */
static uint64_t next_watch(struct world *world)
{
    struct follow_effect effect;
    struct window window = follow_deadline(&world->watch);
    assert_true(window.latest != NEVER_MS);
    world->now = window.latest > world->now ? window.latest : world->now;
    step(world, (struct follow_event){.type = FOLLOW_ON_TICK});
    assert_true(asks(world, FOLLOW_DO_WATCH, &effect));
    return effect.watch.id;
}

static uint64_t opened(struct world *world, int64_t revision)
{
    struct follow_effect effect;
    succeed(world, revision);
    uint64_t id = next_watch(world);
    deliver(world,
            (struct registry_watch_event){.id = id, .type = REGISTRY_WATCH_OPENED, .revision = revision});
    assert_true(asks(world, FOLLOW_DO_READ_BACK, &effect));
    assert_int_equal(effect.revision, revision);
    assert_true(follow_watches(&world->watch, id));
    return id;
}

static void nothing_before_the_record(void **state)
{
    struct world *world = *state;
    struct follow_effect effect;
    step(world, (struct follow_event){.type = FOLLOW_ON_SUCCESS, .owner = {.settled = false}});
    assert_int_equal(world->watch.state, FOLLOW_OFF);
    assert_int_equal(follow_deadline(&world->watch).latest, NEVER_MS);
    succeed(world, 5);
    assert_int_equal(world->watch.state, FOLLOW_WAITING);
    assert_true(follow_deadline(&world->watch).latest <= world->now + 500);
    world->now = follow_deadline(&world->watch).latest;
    step(world, (struct follow_event){.type = FOLLOW_ON_TICK});
    assert_true(asks(world, FOLLOW_DO_WATCH, &effect));
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
    deliver(world,
            (struct registry_watch_event){.id = id, .type = REGISTRY_WATCH_ENDED, .failure = REGISTRY_RETRY});
    assert_false(follow_watches(&world->watch, id));
    assert_int_equal(follow_deadline(&world->watch).latest, NEVER_MS);
    world->now += 3600000;
    step(world, (struct follow_event){.type = FOLLOW_ON_TICK});
    step(world, (struct follow_event){.type = FOLLOW_ON_SUCCESS, .owner = {.settled = false}});
    assert_int_equal(pending(world), 0);
    int64_t then = world->now;
    succeed(world, 5);
    assert_true(next_watch(world) > id);
    assert_in_range(world->now - then, 1, 5000);
}

static void backs_off_and_logs_once(void **state)
{
    struct world *world = *state;
    struct follow_effect effect;
    unsigned logged = 0;
    int64_t longest = 0;
    for (unsigned i = 0; i < 60; i++) {
        int64_t then = world->now;
        succeed(world, 5);
        uint64_t id = next_watch(world);
        longest = world->now - then > longest ? world->now - then : longest;
        deliver(world,
                (struct registry_watch_event){
                    .id = id, .type = REGISTRY_WATCH_ENDED, .failure = REGISTRY_RETRY, .error = STR("no")});
        while (queue_take(&world->effects, &effect)) {
            logged += effect.type == FOLLOW_DO_NOTE && effect.note == FOLLOW_NOTE_OUTAGE ? 1 : 0;
        }
    }
    assert_int_equal(logged, 1);
    assert_in_range(longest, 20000, 30000);
    assert_string_equal(world->watch.last_error, "no");
}

static void denied_is_slow(void **state)
{
    struct world *world = *state;
    struct follow_effect effect;
    succeed(world, 5);
    uint64_t id = next_watch(world);
    deliver(world, (struct registry_watch_event){.id = id,
                                                 .type = REGISTRY_WATCH_ENDED,
                                                 .failure = REGISTRY_DENIED,
                                                 .error = STR("permission")});
    assert_true(asks(world, FOLLOW_DO_NOTE, &effect));
    int64_t then = world->now;
    succeed(world, 5);
    (void)next_watch(world);
    assert_in_range(world->now - then, 30000, 60000);
}

static void a_silent_watch_is_closed(void **state)
{
    struct world *world = *state;
    struct follow_effect effect;
    uint64_t id = opened(world, 5);
    succeed(world, 6);
    struct window window = follow_deadline(&world->watch);
    assert_int_equal(window.earliest, world->now + 1000);
    world->now = window.latest;
    step(world, (struct follow_event){.type = FOLLOW_ON_TICK});
    assert_true(asks(world, FOLLOW_DO_UNWATCH, &effect));
    assert_int_equal(effect.id, id);
    assert_true(asks(world, FOLLOW_DO_NOTE, &effect));
    assert_int_equal(effect.note, FOLLOW_NOTE_SILENT);
    assert_false(follow_watches(&world->watch, id));
}

static void a_delivered_revision_is_not_expected(void **state)
{
    struct world *world = *state;
    uint64_t id = opened(world, 5);
    struct registry_change change = {.mod_revision = 6};
    succeed(world, 6);
    deliver(
        world,
        (struct registry_watch_event){
            .id = id, .type = REGISTRY_WATCH_CHANGED, .revision = 6, .changes = &change, .change_count = 1});
    assert_int_equal(follow_deadline(&world->watch).latest, NEVER_MS);
    succeed(world, 6);
    assert_int_equal(follow_deadline(&world->watch).latest, NEVER_MS);
}

static void a_late_step_gets_one_grace_period(void **state)
{
    struct world *world = *state;
    (void)opened(world, 5);
    succeed(world, 6);
    world->now += 60000;
    step(world, (struct follow_event){.type = FOLLOW_ON_TICK});
    assert_int_equal(pending(world), 0);
    world->now += 1000;
    step(world, (struct follow_event){.type = FOLLOW_ON_TICK});
    assert_int_equal(pending(world), 2);
}

static void restart_and_leave(void **state)
{
    struct world *world = *state;
    struct follow_effect effect;
    uint64_t id = opened(world, 5);
    step(world, (struct follow_event){.type = FOLLOW_ON_RESTART});
    assert_true(asks(world, FOLLOW_DO_UNWATCH, &effect));
    assert_int_equal(effect.id, id);
    deliver(world, (struct registry_watch_event){.id = id, .type = REGISTRY_WATCH_OPENED, .revision = 9});
    assert_int_equal(world->watch.state, FOLLOW_WAITING);
    id = opened(world, 9);
    step(world, (struct follow_event){.type = FOLLOW_ON_STOP});
    assert_true(asks(world, FOLLOW_DO_UNWATCH, &effect));
    assert_int_equal(effect.id, id);
    succeed(world, 10);
    assert_int_equal(world->watch.state, FOLLOW_OFF);
    assert_int_equal(pending(world), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static uint64_t compares(struct world *world)
{
    struct follow_effect effect;
    assert_true(asks(world, FOLLOW_DO_REQUEST, &effect));
    assert_int_equal(effect.request.op, REGISTRY_COMPARE);
    return effect.request.id;
}

static void compared(struct world *world, uint64_t id, enum registry_failure failure, bool same,
                     int64_t revision)
{
    struct registry_reply reply = {
        .id = id, .op = REGISTRY_COMPARE, .failure = failure, .succeeded = same, .revision = 90};
    step(world, (struct follow_event){.type = FOLLOW_ON_REPLY,
                                      .owner = {.settled = true, .known = {revision}},
                                      .reply = &reply});
}

static uint64_t open_and_quiet(struct world *world)
{
    struct follow_effect effect;
    uint64_t id = opened(world, 50);
    (void)pending(world);
    world->now += 8900;
    succeed(world, 40);
    assert_false(queue_take(&world->effects, &effect));
    world->now += 200;
    return id;
}

static void a_quiet_watch_is_compared(void **state)
{
    struct world *world = *state;
    struct follow_effect effect;
    (void)open_and_quiet(world);
    assert_int_equal(follow_deadline(&world->watch).latest, NEVER_MS); /* it goes with a keepalive */
    succeed(world, 40);
    uint64_t id = compares(world);
    assert_true(follow_awaits(&world->watch, id));
    succeed(world, 40);
    assert_false(queue_take(&world->effects, &effect)); /* one at a time */
    compared(world, id + 1, REGISTRY_OK, false, 40);
    compared(world, id, REGISTRY_OK, true, 40);
    assert_true(asks(world, FOLLOW_DO_CONFIRM, &effect));
    assert_false(follow_awaits(&world->watch, id));
    world->now += 8900;
    succeed(world, 40);
    assert_false(queue_take(&world->effects, &effect));
    world->now += 200;
    deliver(world, (struct registry_watch_event){
                       .id = world->watch.watch_id, .type = REGISTRY_WATCH_CHANGED, .revision = 60});
    succeed(world, 40);
    assert_false(queue_take(&world->effects, &effect)); /* it delivered something */
}

static void two_differences_close_the_watch(void **state)
{
    struct world *world = *state;
    struct follow_effect effect;
    uint64_t watch = open_and_quiet(world);
    succeed(world, 40);
    compared(world, compares(world), REGISTRY_OK, false, 40);
    assert_false(queue_take(&world->effects, &effect));
    assert_int_equal(follow_deadline(&world->watch).earliest, world->now + 1000);
    world->now += 1000;
    step(world, (struct follow_event){.type = FOLLOW_ON_TICK, .owner = {.settled = true, .known = {40}}});
    compared(world, compares(world), REGISTRY_OK, false, 40);
    assert_true(asks(world, FOLLOW_DO_UNWATCH, &effect));
    assert_int_equal(effect.id, watch);
    assert_true(asks(world, FOLLOW_DO_NOTE, &effect));
    assert_int_equal(effect.note, FOLLOW_NOTE_SILENT);
    assert_true(asks(world, FOLLOW_DO_READ_BACK, &effect));
    assert_int_equal(effect.revision, 90);
}

static void a_delivered_change_clears_the_suspicion(void **state)
{
    struct world *world = *state;
    struct follow_effect effect;
    uint64_t watch = open_and_quiet(world);
    succeed(world, 40);
    compared(world, compares(world), REGISTRY_OK, false, 40);
    deliver(world,
            (struct registry_watch_event){.id = watch, .type = REGISTRY_WATCH_CHANGED, .revision = 60});
    world->now += 1000;
    step(world, (struct follow_event){.type = FOLLOW_ON_TICK, .owner = {.settled = true, .known = {40}}});
    assert_false(queue_take(&world->effects, &effect));
    world->now += 9100;
    succeed(world, 40);
    compared(world, compares(world), REGISTRY_OK, false, 55); /* written meanwhile: expected separately */
    succeed(world, 55);
    compared(world, compares(world), REGISTRY_OK, false, 55);
    assert_false(queue_take(&world->effects, &effect));
    assert_int_equal(world->watch.state, FOLLOW_OPEN);
}

static void a_denied_comparison_is_retried_slowly(void **state)
{
    struct world *world = *state;
    struct follow_effect effect;
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

/* A reply that was in flight at the stop opens no watch. */
static void after_stop_nothing_opens_a_watch(void **state)
{
    struct world *world = *state;
    struct follow_effect effect;
    (void)open_and_quiet(world);
    succeed(world, 40);
    compared(world, compares(world), REGISTRY_OK, false, 40);
    world->now += 1000;
    succeed(world, 60); /* now expected, and the second comparison is in flight */
    uint64_t id = compares(world);
    step(world, (struct follow_event){.type = FOLLOW_ON_STOP});
    assert_true(asks(world, FOLLOW_DO_UNWATCH, &effect));
    assert_false(follow_awaits(&world->watch, id));
    compared(world, id, REGISTRY_OK, false, 60);
    world->now += 1500;
    step(world, (struct follow_event){.type = FOLLOW_ON_TICK, .owner = {.leaseless = true}});
    assert_int_equal(pending(world), 0);
    assert_int_equal(world->watch.state, FOLLOW_OFF);
}

static void after_an_outage_not_all_at_once(void **state)
{
    struct world *world = *state;
    struct follow_effect effect;
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
        TEST(backs_off_and_logs_once),
        TEST(denied_is_slow),
        TEST(a_silent_watch_is_closed),
        TEST(a_delivered_revision_is_not_expected),
        TEST(a_late_step_gets_one_grace_period),
        TEST(restart_and_leave),
        TEST(a_quiet_watch_is_compared),
        TEST(two_differences_close_the_watch),
        TEST(a_delivered_change_clears_the_suspicion),
        TEST(a_denied_comparison_is_retried_slowly),
        TEST(after_stop_nothing_opens_a_watch),
        TEST(after_an_outage_not_all_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
