#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "outrider/base/mem.h"
#include "outrider/core/session/session_failover.h"

struct world {
    struct session_failover *failover;
    struct queue effects;
    struct instant now;
    struct session_failover_effect last;
};

static int set_up(void **state)
{
    struct world *world = mem_zalloc(sizeof(*world));
    world->failover =
        session_failover_new(&(struct session_failover_settings){.ttl_ms = 1800000, .grace_ms = 120000});
    queue_init(&world->effects, sizeof(struct session_failover_effect));
    world->now = (struct instant){1000, 1000, 1700000000000};
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    session_failover_free(world->failover);
    queue_fini(&world->effects);
    free(world);
    return 0;
}

static void step(struct world *world, struct session_failover_event event)
{
    event.now = world->now;
    session_failover_step(world->failover, &event, &world->effects);
}

static void on(struct world *world, enum session_failover_event_type type, const char *server)
{
    step(world, (struct session_failover_event){.type = type, .server = str_of(server)});
}

static void nothing(struct world *world)
{
    assert_false(queue_take(&world->effects, &world->last));
}

/* The next effect is a request; returns its id. */
static uint64_t asks(struct world *world, enum session_op op, const char *server)
{
    assert_true(queue_take(&world->effects, &world->last));
    assert_int_equal(world->last.type, FAILOVER_DO_REQUEST);
    assert_string_equal(session_op_name(world->last.request.op), session_op_name(op));
    assert_true(str_eq(world->last.request.server, str_of(server)));
    assert_int_equal(world->last.request.timeout_ms, SESSION_FAILOVER_TIMEOUT_MS);
    return world->last.request.id;
}

static void reply(struct world *world, enum session_op op, uint64_t id, enum session_failure failure,
                  size_t count)
{
    struct session_reply answer = {.id = id, .op = op, .failure = failure, .count = count};
    step(world, (struct session_failover_event){.type = FAILOVER_ON_REPLY, .reply = &answer});
}

static void notes(struct world *world, enum session_op op, size_t count)
{
    assert_true(queue_take(&world->effects, &world->last));
    assert_int_equal(world->last.type, FAILOVER_DO_NOTE);
    assert_int_equal(world->last.op, op);
    assert_int_equal(world->last.count, count);
}

static void pass(struct world *world, int64_t ms)
{
    world->now.mono += ms;
    world->now.boot += ms;
    step(world, (struct session_failover_event){.type = FAILOVER_ON_TICK});
}

/* A page with sessions of servers: each "w1 active there", "w2 orphaned missing" and so on, without blanks. */
static void page(struct world *world, uint64_t id, const char *next, size_t count,
                 const struct session *sessions, const bool *present)
{
    struct session_reply answer = {
        .id = id, .op = SESSION_LIST, .sessions = sessions, .count = count, .next = str_of(next)};
    step(world,
         (struct session_failover_event){.type = FAILOVER_ON_REPLY, .reply = &answer, .present = present});
}

/* Synced, with nothing to compare. */
static void settle(struct world *world)
{
    on(world, FAILOVER_ON_SYNCED, "");
    page(world, asks(world, SESSION_LIST, ""), "", 0, NULL, NULL);
    pass(world, SESSION_FAILOVER_LOOK_MS);
    nothing(world);
}

static void a_server_that_goes_and_returns(void **state)
{
    struct world *world = *state;
    settle(world);
    on(world, FAILOVER_ON_THERE, "world/w1"); /* new: nothing of it is orphaned */
    nothing(world);
    on(world, FAILOVER_ON_GONE, "world/w1");
    uint64_t id = asks(world, SESSION_ORPHAN, "world/w1");
    assert_int_equal(world->last.request.ttl_ms, 120000);
    nothing(world);
    reply(world, SESSION_ORPHAN, id, SESSION_OK, 3);
    notes(world, SESSION_ORPHAN, 3);
    nothing(world);
    assert_int_equal(session_failover_waiting(world->failover), 0);
    pass(world, 60000);
    on(world, FAILOVER_ON_THERE, "world/w1");
    id = asks(world, SESSION_RESTORE, "world/w1");
    assert_int_equal(world->last.request.ttl_ms, 1800000);
    reply(world, SESSION_RESTORE, id, SESSION_OK, 0);
    nothing(world);
    assert_int_equal(session_failover_due(world->failover) == NEVER_MS, 0);
    pass(world, 120000);
    assert_int_equal(session_failover_due(world->failover), NEVER_MS);
}

static void after_the_grace_it_is_forgotten(void **state)
{
    struct world *world = *state;
    settle(world);
    on(world, FAILOVER_ON_GONE, "world/w1");
    reply(world, SESSION_ORPHAN, asks(world, SESSION_ORPHAN, "world/w1"), SESSION_OK, 0);
    assert_int_equal(session_failover_due(world->failover), world->now.mono + 120000);
    pass(world, 120000);
    on(world, FAILOVER_ON_THERE, "world/w1");
    nothing(world);
    assert_int_equal(session_failover_due(world->failover), NEVER_MS);
}

static void it_returns_while_the_store_is_asked(void **state)
{
    struct world *world = *state;
    settle(world);
    on(world, FAILOVER_ON_GONE, "world/w1");
    uint64_t id = asks(world, SESSION_ORPHAN, "world/w1");
    on(world, FAILOVER_ON_THERE, "world/w1");
    nothing(world); /* one request at a time, so that the last word is the last */
    reply(world, SESSION_ORPHAN, id, SESSION_OK, 1);
    notes(world, SESSION_ORPHAN, 1);
    id = asks(world, SESSION_RESTORE, "world/w1");
    on(world, FAILOVER_ON_GONE, "world/w1");
    on(world, FAILOVER_ON_THERE, "world/w1");
    on(world, FAILOVER_ON_GONE, "world/w1");
    reply(world, SESSION_RESTORE, id, SESSION_OK, 0);
    id = asks(world, SESSION_ORPHAN, "world/w1");
    reply(world, SESSION_ORPHAN, id, SESSION_OK, 0);
    nothing(world);
}

static void a_store_that_is_away_is_asked_again(void **state)
{
    struct world *world = *state;
    settle(world);
    on(world, FAILOVER_ON_GONE, "world/w1");
    int64_t wait = SESSION_FAILOVER_RETRY_MS;
    for (int i = 0; i < 8; i++) {
        uint64_t id = asks(world, SESSION_ORPHAN, "world/w1");
        nothing(world);
        reply(world, SESSION_ORPHAN, id, SESSION_AWAY, 0);
        notes(world, SESSION_ORPHAN, 0);
        nothing(world);
        assert_int_equal(session_failover_waiting(world->failover), 1);
        assert_int_equal(session_failover_due(world->failover), world->now.mono + wait);
        pass(world, wait - 1);
        nothing(world);
        pass(world, 1);
        wait = wait * 2 > SESSION_FAILOVER_RETRY_MAX_MS ? SESSION_FAILOVER_RETRY_MAX_MS : wait * 2;
    }
    reply(world, SESSION_ORPHAN, asks(world, SESSION_ORPHAN, "world/w1"), SESSION_OK, 0);
    nothing(world);
    /* What is refused for good is not. */
    on(world, FAILOVER_ON_GONE, "world/w2");
    reply(world, SESSION_ORPHAN, asks(world, SESSION_ORPHAN, "world/w2"), SESSION_INVALID, 0);
    notes(world, SESSION_ORPHAN, 0);
    pass(world, 60000);
    nothing(world);
}

static void many_servers_go_at_once(void **state)
{
    struct world *world = *state;
    uint64_t ids[64];
    char server[64];
    settle(world);
    for (int i = 0; i < 64; i++) {
        snprintf(server, sizeof(server), "world/w%d", i);
        on(world, FAILOVER_ON_GONE, server);
    }
    for (int i = 0; i < 64; i++) {
        snprintf(server, sizeof(server), "world/w%d", i);
        if (i >= SESSION_FAILOVER_OUT_MAX) {
            reply(world, SESSION_ORPHAN, ids[i - SESSION_FAILOVER_OUT_MAX], SESSION_OK, 0);
        }
        ids[i] = asks(world, SESSION_ORPHAN, server);
    }
    nothing(world);
    assert_int_equal(session_failover_waiting(world->failover), SESSION_FAILOVER_OUT_MAX);
}

static const struct session listed[] = {
    {.server = STR_INIT("world/w1"), .state = SESSION_ACTIVE},
    {.server = STR_INIT("world/w2"), .state = SESSION_ORPHANED},
    {.server = STR_INIT("world/w3"), .state = SESSION_ACTIVE},
    {.server = STR_INIT("world/w4"), .state = SESSION_ORPHANED},
    {.server = STR_INIT("world/w3"), .state = SESSION_ACTIVE},
};
static const bool there[] = {true, true, false, false, false};

static void at_the_start_all_are_compared(void **state)
{
    struct world *world = *state;
    on(world, FAILOVER_ON_SYNCED, "");
    uint64_t id = asks(world, SESSION_LIST, "");
    assert_int_equal(world->last.request.after.size, 0);
    page(world, id, "p2", 2, listed, there);
    assert_int_equal(asks(world, SESSION_RESTORE, "world/w2") > id, 1);
    reply(world, SESSION_RESTORE, world->last.request.id, SESSION_OK, 1);
    assert_true(queue_take(&world->effects, &world->last));
    assert_true(str_eq(world->last.request.after, STR("p2")));
    id = world->last.request.id;
    notes(world, SESSION_RESTORE, 1);
    page(world, id, "", 3, listed + 2, there + 2);
    nothing(world);
    assert_int_equal(session_failover_due(world->failover), world->now.mono + SESSION_FAILOVER_LOOK_MS);
    pass(world, SESSION_FAILOVER_LOOK_MS);
    assert_true(queue_take(&world->effects, &world->last));
    assert_int_equal(world->last.type, FAILOVER_DO_LOOK);
    assert_true(str_eq(world->last.server, STR("world/w3")));
    nothing(world);
    bool present = false;
    step(world, (struct session_failover_event){
                    .type = FAILOVER_ON_LOOKED, .server = STR("world/w3"), .present = &present});
    (void)asks(world, SESSION_ORPHAN, "world/w3");
    nothing(world);
    /* One that was orphaned before the start is known when it returns. */
    on(world, FAILOVER_ON_THERE, "world/w4");
    (void)asks(world, SESSION_RESTORE, "world/w4");
    /* Once is enough. */
    on(world, FAILOVER_ON_STALE, "");
    on(world, FAILOVER_ON_SYNCED, "");
    nothing(world);
}

static void one_that_came_meanwhile_is_left_alone(void **state)
{
    struct world *world = *state;
    on(world, FAILOVER_ON_SYNCED, "");
    page(world, asks(world, SESSION_LIST, ""), "", 1, listed + 2, there + 2);
    pass(world, SESSION_FAILOVER_LOOK_MS);
    assert_true(queue_take(&world->effects, &world->last));
    bool present = true;
    step(world, (struct session_failover_event){
                    .type = FAILOVER_ON_LOOKED, .server = STR("world/w3"), .present = &present});
    nothing(world);
    assert_int_equal(session_failover_waiting(world->failover), 0);
}

static void a_stale_view_orphans_nothing(void **state)
{
    struct world *world = *state;
    pass(world, 60000);
    nothing(world); /* it was never synced */
    on(world, FAILOVER_ON_SYNCED, "");
    uint64_t id = asks(world, SESSION_LIST, "");
    page(world, id, "p2", 1, listed + 2, there + 2);
    id = asks(world, SESSION_LIST, "");
    on(world, FAILOVER_ON_STALE, "");
    assert_int_equal(session_failover_waiting(world->failover), 0);
    page(world, id, "", 1, listed + 2, there + 2); /* of before */
    pass(world, 60000);
    nothing(world);
    /* All of it again, from the first page. */
    on(world, FAILOVER_ON_SYNCED, "");
    id = asks(world, SESSION_LIST, "");
    assert_int_equal(world->last.request.after.size, 0);
    page(world, id, "", 1, listed + 2, there + 2);
    pass(world, SESSION_FAILOVER_LOOK_MS - 1);
    on(world, FAILOVER_ON_STALE, "");
    pass(world, 60000);
    nothing(world);
}

static void a_list_that_fails_is_asked_again(void **state)
{
    struct world *world = *state;
    on(world, FAILOVER_ON_SYNCED, "");
    page(world, asks(world, SESSION_LIST, ""), "p2", 0, NULL, NULL);
    reply(world, SESSION_LIST, asks(world, SESSION_LIST, ""), SESSION_AWAY, 0);
    notes(world, SESSION_LIST, 0);
    nothing(world);
    pass(world, SESSION_FAILOVER_RETRY_MS);
    uint64_t id = asks(world, SESSION_LIST, "");
    assert_true(str_eq(world->last.request.after, STR("p2")));
    reply(world, SESSION_LIST, id, SESSION_INVALID, 0); /* the store began again */
    pass(world, 2 * SESSION_FAILOVER_RETRY_MS);
    (void)asks(world, SESSION_LIST, "");
    assert_int_equal(world->last.request.after.size, 0);
}

static void new_settings_are_used(void **state)
{
    struct world *world = *state;
    settle(world);
    step(world, (struct session_failover_event){.type = FAILOVER_ON_RELOAD,
                                                .settings = {.ttl_ms = 5000, .grace_ms = 7000}});
    on(world, FAILOVER_ON_GONE, "world/w1");
    uint64_t id = asks(world, SESSION_ORPHAN, "world/w1");
    assert_int_equal(world->last.request.ttl_ms, 7000);
    reply(world, SESSION_ORPHAN, id, SESSION_OK, 0);
    on(world, FAILOVER_ON_THERE, "world/w1");
    (void)asks(world, SESSION_RESTORE, "world/w1");
    assert_int_equal(world->last.request.ttl_ms, 5000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_server_that_goes_and_returns),
        TEST(after_the_grace_it_is_forgotten),
        TEST(it_returns_while_the_store_is_asked),
        TEST(a_store_that_is_away_is_asked_again),
        TEST(many_servers_go_at_once),
        TEST(at_the_start_all_are_compared),
        TEST(one_that_came_meanwhile_is_left_alone),
        TEST(a_stale_view_orphans_nothing),
        TEST(a_list_that_fails_is_asked_again),
        TEST(new_settings_are_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
