/* Following one range from a revision, checked by newest key and count, as `outrider kv watch` does. A follower that
 * lists is tested by the view's tests (tests/unit/core/fleet). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/registry/follow.h"

struct world {
    struct follow follow;
    struct queue effects;
    int64_t now, keys;
    struct follow_effect asked, last; /* the latest request; the latest other effect that matters here */
    uint64_t watch_id, epoch;
    unsigned failed, synced;
};

static void take(struct world *world)
{
    struct follow_effect effect;
    while (queue_take(&world->effects, &effect)) {
        switch (effect.type) {
        case FOLLOW_DO_REQUEST: world->asked = effect; break;
        case FOLLOW_DO_WATCH: world->watch_id = effect.watch.id; break;
        case FOLLOW_DO_UNWATCH: world->watch_id = 0; break;
        case FOLLOW_DO_FAILED: world->failed++; break;
        case FOLLOW_DO_SYNCED: world->synced++; break;
        case FOLLOW_DO_OPENED:
        case FOLLOW_DO_READ_ANEW: world->last = effect; break;
        default: break;
        }
    }
}

static void step(struct world *world, struct follow_event event)
{
    event.now = (struct instant){.mono = world->now, .boot = world->now, .wall = world->now};
    event.keys = world->keys;
    follow_step(&world->follow, &event, &world->effects);
    take(world);
}

static void pass(struct world *world)
{
    world->now = follow_deadline(&world->follow).latest;
    assert_int_not_equal(world->now, NEVER_MS);
    step(world, (struct follow_event){.type = FOLLOW_ON_TICK});
}

static void deliver(struct world *world, enum registry_watch_event_type type, int64_t revision)
{
    struct registry_watch_event event = {.id = world->watch_id, .type = type, .revision = revision};
    event.failure = REGISTRY_RETRY;
    event.epoch = world->epoch;
    step(world, (struct follow_event){.type = FOLLOW_ON_WATCH, .watch = &event});
}

static void answer(struct world *world, int64_t revision, int64_t newest, int64_t count)
{
    struct registry_reply reply = {.id = world->asked.request.id, .revision = revision, .count = count};
    world->asked.request.id = 0;
    reply.epoch = world->epoch;
    step(world, (struct follow_event){
                    .type = FOLLOW_ON_REPLY, .reply = &reply, .listed = count > 0, .newest = newest});
}

static void start(struct world *world, int64_t from)
{
    follow_init(&world->follow, &(struct follow_settings){.ranges = {{.key = STR("/a/"), .end = STR("/a0")}},
                                                          .range_count = 1,
                                                          .check = FOLLOW_CHECK_NEWEST,
                                                          .can = REGISTRY_CAN_ALL,
                                                          .timeout_ms = 1500,
                                                          .check_ms = 5000,
                                                          .grace_ms = 1000,
                                                          .first_ms = 100,
                                                          .cap_ms = 5000,
                                                          .slow_ms = 5000,
                                                          .seed = 7});
    step(world, (struct follow_event){.type = FOLLOW_ON_START, .revision = from});
    assert_int_equal(world->follow.state, FOLLOW_OPENING);
}

static int setup(void **state)
{
    static struct world world;
    world = (struct world){.now = 1000};
    queue_init(&world.effects, sizeof(struct follow_effect));
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    queue_fini(&world->effects);
    follow_fini(&world->follow);
    return 0;
}

/* In sync at revision 10, with 3 keys of which none was delivered. */
static void start_counted(struct world *world)
{
    start(world, 0);
    deliver(world, REGISTRY_WATCH_OPENED, 10);
    assert_int_equal(world->last.revision, 10);
    assert_true(world->follow.synced);
    pass(world);
    assert_int_equal(world->asked.request.op, REGISTRY_LIST);
    assert_int_equal(world->asked.request.at_revision, 10);
    answer(world, 10, 9, 3);
}

static void resumes_after_what_was_delivered(void **state)
{
    struct world *world = *state;
    start(world, 8);
    deliver(world, REGISTRY_WATCH_OPENED, 10);
    assert_int_equal(world->last.revision, 7);
    assert_false(world->follow.synced); /* 8 to 10 are on their way */
    deliver(world, REGISTRY_WATCH_CHANGED, 10);
    deliver(world, REGISTRY_WATCH_ENDED, 0);
    assert_int_equal(world->failed, 1);
    pass(world);
    deliver(world, REGISTRY_WATCH_OPENED, 12);
    assert_int_equal(world->last.revision, 10);
}

static void a_quiet_range_costs_one_read(void **state)
{
    struct world *world = *state;
    start_counted(world);
    for (int i = 0; i < 3; i++) {
        pass(world);
        assert_int_equal(world->asked.request.op, REGISTRY_GET);
        answer(world, 10, 0, 0);
    }
    assert_int_equal(world->failed, 0);
}

/* Other keys change: the next check looks closer, and the count it began with still holds. */
static void other_keys_are_no_silence(void **state)
{
    struct world *world = *state;
    start_counted(world);
    pass(world);
    answer(world, 20, 0, 0);
    pass(world);
    assert_int_equal(world->asked.request.op, REGISTRY_LIST);
    answer(world, 20, 9, 3);
    assert_int_equal(world->failed, 0);
    assert_int_equal(world->follow.delivered, 20);
}

static void a_key_deleted_unseen_is_found(void **state)
{
    struct world *world = *state;
    start_counted(world);
    pass(world);
    answer(world, 20, 0, 0);
    pass(world);
    answer(world, 20, 9, 2);
    assert_int_equal(world->failed, 0); /* it may be on its way */
    pass(world);
    assert_int_equal(world->failed, 1);
    assert_int_equal(world->watch_id, 0);
    assert_int_equal(world->follow.silences, 1);
}

/* It is behind, so what the owner holds is not what the registry has. */
static void a_stream_that_delivers_is_not_silent(void **state)
{
    struct world *world = *state;
    start_counted(world);
    pass(world);
    answer(world, 20, 0, 0);
    pass(world);
    answer(world, 20, 20, 3);
    deliver(world, REGISTRY_WATCH_CHANGED, 15);
    assert_true(world->follow.synced); /* the rest may be on its way */
    pass(world);
    assert_int_equal(world->failed, 0);
    assert_false(world->follow.synced);
    assert_int_equal(world->asked.request.op, REGISTRY_LIST);
    answer(world, 20, 20, 3);
    deliver(world, REGISTRY_WATCH_CHANGED, 20);
    assert_int_equal(world->failed, 0);
    assert_true(world->follow.synced);
}

/* The registry is behind the revision asked for; that is no sign that it was set back. */
static void a_revision_still_to_come(void **state)
{
    struct world *world = *state;
    start(world, 100);
    deliver(world, REGISTRY_WATCH_OPENED, 10);
    assert_int_equal(world->last.revision, 99);
    struct registry_reply refused = {.failure = REGISTRY_REFUSED, .revision_gone = true};
    pass(world);
    assert_int_equal(world->asked.request.at_revision, 99);
    refused.id = world->asked.request.id;
    step(world, (struct follow_event){.type = FOLLOW_ON_REPLY, .reply = &refused});
    pass(world);
    assert_int_equal(world->asked.request.op, REGISTRY_GET); /* it cannot be counted yet */
    answer(world, 10, 0, 0);
    assert_int_equal(world->failed, 0);
    assert_int_equal(world->follow.state, FOLLOW_OPEN);
}

/* A member that is behind opens the watch; a read, which all members agree on, shows that nothing was set back. */
static void a_member_that_is_behind(void **state)
{
    struct world *world = *state;
    start_counted(world);
    deliver(world, REGISTRY_WATCH_ENDED, 0);
    pass(world);
    deliver(world, REGISTRY_WATCH_OPENED, 9);
    assert_false(world->follow.synced);
    assert_int_equal(world->asked.request.op, REGISTRY_LIST);
    answer(world, 10, 9, 3);
    assert_true(world->follow.synced);
}

static void a_registry_set_back_ends_it(void **state)
{
    struct world *world = *state;
    start_counted(world);
    deliver(world, REGISTRY_WATCH_ENDED, 0);
    pass(world);
    deliver(world, REGISTRY_WATCH_OPENED, 2);
    answer(world, 2, 0, 0);
    assert_int_equal(world->last.type, FOLLOW_DO_READ_ANEW);
    assert_int_equal(world->last.cause, FOLLOW_SET_BACK);
    assert_int_equal(world->follow.state, FOLLOW_OFF);
}

/* A registry that may have lost acknowledged writes begins another epoch: what was delivered may not be so any more. */
static void another_epoch_ends_it(void **state)
{
    struct world *world = *state;
    world->epoch = 1;
    start_counted(world);
    world->epoch = 2;
    pass(world);
    answer(world, 11, 0, 0);
    assert_int_equal(world->last.type, FOLLOW_DO_READ_ANEW);
    assert_int_equal(world->last.cause, FOLLOW_OTHER_PAST);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(resumes_after_what_was_delivered),
        TEST(a_quiet_range_costs_one_read),
        TEST(other_keys_are_no_silence),
        TEST(a_key_deleted_unseen_is_found),
        TEST(a_stream_that_delivers_is_not_silent),
        TEST(a_revision_still_to_come),
        TEST(a_member_that_is_behind),
        TEST(a_registry_set_back_ends_it),
        TEST(another_epoch_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
