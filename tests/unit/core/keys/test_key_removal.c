/* Removals over the registry in memory; the one that lists only as it is now, because it keeps no older revisions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/keys/key_removal.h"
#include "outrider/registry/memory/memory.h"
#include "outrider/registry/registry.h"

#include <stdio.h>
#include <string.h>

struct world {
    struct registry *registry;
    struct registry_client *client;
    struct key_scope scope;
    struct key_removal *removal; /* under way */
    size_t steps;
    size_t meddle_at; /* behind this answer another writer changes `meddled`; 0: none does */
    const char *meddled;
    size_t fail_at; /* this answer is a failure; 0: none is */
    enum registry_failure failure;
    uint64_t last_id;
};

static void submit(struct world *world, struct registry_request request)
{
    request.id = ++world->last_id;
    request.timeout_ms = 1000;
    registry_submit(world->client, &request);
}

static void put(struct world *world, const char *key)
{
    struct registry_kv kv = memory_read(world->registry, str_of(key));
    struct blob *value = blob_new(STR("v"));
    struct registry_request request = {.op = REGISTRY_PUT,
                                       .key = str_of(key),
                                       .value = value,
                                       .expect_revision = kv.found ? kv.mod_revision : 0};
    submit(world, request);
    blob_unref(value);
    if (world->removal == NULL) {
        memory_run(world->registry);
    }
}

static void on_reply(const struct registry_reply *reply, void *user)
{
    struct world *world = user;
    if (world->removal == NULL || reply->op == REGISTRY_PUT) {
        return;
    }
    struct registry_reply own = *reply;
    if (++world->steps == world->fail_at) {
        own = (struct registry_reply){.id = reply->id, .op = reply->op, .failure = world->failure};
    }
    key_removal_step(world->removal, &own, registry_can(world->registry));
    if (world->steps == world->meddle_at) {
        put(world, world->meddled);
        world->meddle_at = 0;
    }
    if (world->removal->state != KEY_REMOVAL_ENDED) {
        struct registry_request request;
        key_removal_ask(world->removal, &request);
        submit(world, request);
    }
}

static int set_up(void **state)
{
    static struct world world;
    char key[64];
    world = (struct world){.registry = memory_new(&memory_redis)};
    world.client = registry_attach(world.registry, on_reply, NULL, &world);
    key_scope_init(&world.scope, false, "/services", "/ctl");
    for (int i = 0; i < 200; i++) {
        snprintf(key, sizeof(key), "/services/old/%03d", i);
        put(&world, key);
    }
    put(&world, "/services/older");
    put(&world, "/services/new/a");
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    key_scope_fini(&world->scope);
    registry_free(world->registry);
    return 0;
}

static void run(struct world *world, struct key_removal *removal, const char *prefix, const char *plan)
{
    struct registry_request request;
    key_removal_init(removal, &world->scope, str_of(prefix), str_of(plan));
    world->removal = removal;
    world->steps = 0;
    key_removal_ask(removal, &request);
    submit(world, request);
    while (removal->state != KEY_REMOVAL_ENDED) {
        assert_true(memory_run(world->registry) > 0);
    }
    world->removal = NULL;
}

static bool is_there(struct world *world, const char *key)
{
    return memory_read(world->registry, str_of(key)).found;
}

static void preview(struct world *world, const char *prefix, char plan[KEY_PLAN_SIZE], size_t count)
{
    struct key_removal removal;
    run(world, &removal, prefix, "");
    assert_int_equal(removal.result, KEY_REMOVAL_COUNTED);
    assert_int_equal(removal.count, count);
    assert_int_equal(removal.removed, 0);
    memcpy(plan, removal.plan, KEY_PLAN_SIZE);
    key_removal_fini(&removal);
}

static void what_was_previewed_is_removed(void **state)
{
    struct world *world = *state;
    char plan[KEY_PLAN_SIZE], again[KEY_PLAN_SIZE];
    preview(world, "/services/old/", plan, 200);
    preview(world, "/services/old/", again, 200);
    assert_string_equal(plan, again);
    assert_true(is_there(world, "/services/old/000"));
    struct key_removal removal;
    run(world, &removal, "/services/old/", plan);
    assert_int_equal(removal.result, KEY_REMOVAL_REMOVED);
    assert_int_equal(removal.removed, 200);
    key_removal_fini(&removal);
    assert_false(is_there(world, "/services/old/000"));
    assert_false(is_there(world, "/services/old/199"));
    assert_true(is_there(world, "/services/older"));
    assert_true(is_there(world, "/services/new/a"));
}

static void nothing_is_removed_by_nothing(void **state)
{
    struct world *world = *state;
    char plan[KEY_PLAN_SIZE];
    struct key_removal removal;
    preview(world, "/services/none/", plan, 0);
    run(world, &removal, "/services/none/", plan);
    assert_int_equal(removal.result, KEY_REMOVAL_REMOVED);
    assert_int_equal(removal.removed, 0);
    key_removal_fini(&removal);
}

static void refused(struct world *world, const char *plan, const char *untouched)
{
    struct key_removal removal;
    run(world, &removal, "/services/old/", plan);
    assert_int_equal(removal.result, KEY_REMOVAL_REPLACED);
    assert_int_equal(removal.removed, 0);
    key_removal_fini(&removal);
    assert_true(is_there(world, untouched));
}

/* A key more, a key less, another value: each is another plan. */
static void another_plan_removes_nothing(void **state)
{
    struct world *world = *state;
    char plan[KEY_PLAN_SIZE], other[KEY_PLAN_SIZE];
    preview(world, "/services/old/", plan, 200);
    put(world, "/services/old/100");
    refused(world, plan, "/services/old/000");
    preview(world, "/services/old/", plan, 200);
    put(world, "/services/old/new");
    refused(world, plan, "/services/old/000");
    preview(world, "/services/new/", other, 1);
    refused(world, other, "/services/old/000");
    refused(world, "200", "/services/old/000");
    refused(world, "x", "/services/old/000");
}

/* Whether it is changed before it is listed to be removed or after, and whether it was planned or not. */
static void a_key_that_changes_meanwhile_stays(void **state)
{
    struct world *world = *state;
    char plan[KEY_PLAN_SIZE];
    static const struct {
        size_t at;
        const char *key;
    } cases[] = {{1, "/services/old/000"},
                 {2, "/services/old/000"},
                 {3, "/services/old/190"},
                 {3, "/services/old/zzz"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct key_removal removal, counted;
        run(world, &counted, "/services/old/", "");
        memcpy(plan, counted.plan, sizeof(plan));
        size_t count = counted.count;
        key_removal_fini(&counted);
        world->meddle_at = cases[i].at;
        world->meddled = cases[i].key;
        run(world, &removal, "/services/old/", plan);
        assert_int_equal(world->meddle_at, 0);
        assert_int_equal(removal.result, KEY_REMOVAL_CHANGED);
        assert_true(removal.removed < count);
        key_removal_fini(&removal);
        assert_true(is_there(world, cases[i].key));
    }
}

static void a_failure_ends_it_where_it_is(void **state)
{
    struct world *world = *state;
    char plan[KEY_PLAN_SIZE];
    static const struct {
        size_t at;
        enum registry_failure failure;
        size_t removed, batch;
    } cases[] = {{1, REGISTRY_RETRY, 0, 0}, {2, REGISTRY_DENIED, 0, 0}, {3, REGISTRY_UNKNOWN, 0, 64}};
    preview(world, "/services/old/", plan, 200);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct key_removal removal;
        world->fail_at = cases[i].at;
        world->failure = cases[i].failure;
        run(world, &removal, "/services/old/", plan);
        assert_int_equal(removal.result, KEY_REMOVAL_FAILED);
        assert_int_equal(removal.removed, cases[i].removed);
        assert_int_equal(removal.batch, cases[i].batch);
        key_removal_fini(&removal);
    }
}

static void too_many_are_left_alone(void **state)
{
    struct world *world = *state;
    struct key_removal removal;
    struct registry_item items[REGISTRY_LIST_MAX];
    for (size_t i = 0; i < COUNT_OF(items); i++) {
        items[i] =
            (struct registry_item){.key = STR("/services/a"), .kv = {.found = true, .mod_revision = 1}};
    }
    const struct registry_reply page = {
        .revision = 5, .items = items, .item_count = COUNT_OF(items), .count = INT64_MAX};
    key_removal_init(&removal, &world->scope, STR("/services/"), STR(""));
    size_t pages = 0;
    for (; removal.state != KEY_REMOVAL_ENDED; pages++) {
        key_removal_step(&removal, &page, REGISTRY_CAN_ALL);
    }
    assert_int_equal(removal.result, KEY_REMOVAL_TOO_MANY);
    assert_int_equal(pages, KEY_REMOVAL_MAX / REGISTRY_LIST_MAX + 1);
    key_removal_fini(&removal);
}

static void no_way_back_from_the_end(void **state)
{
    (void)state;
    for (int to = KEY_REMOVAL_COUNTING; to <= KEY_REMOVAL_ENDED; to++) {
        assert_false(key_removal_may_move(KEY_REMOVAL_ENDED, (enum key_removal_state)to));
    }
    assert_false(key_removal_may_move(KEY_REMOVAL_COUNTING, KEY_REMOVAL_REMOVING));
    assert_true(key_removal_may_move(KEY_REMOVAL_LISTING, KEY_REMOVAL_REMOVING));
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(what_was_previewed_is_removed),  WITH_WORLD(nothing_is_removed_by_nothing),
        WITH_WORLD(another_plan_removes_nothing),   WITH_WORLD(a_key_that_changes_meanwhile_stays),
        WITH_WORLD(a_failure_ends_it_where_it_is),  WITH_WORLD(too_many_are_left_alone),
        cmocka_unit_test(no_way_back_from_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
