/* Walks over the registry in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/keys/key_walk.h"
#include "outrider/registry/memory/memory.h"
#include "outrider/registry/registry.h"

#include <stdio.h>
#include <string.h>

struct world {
    struct registry *registry;
    struct registry_client *client;
    struct key_walk *walk;
    char seen[512]; /* the last bytes of the keys, in the order in which they came */
    size_t answers, keys;
    size_t too_large_above; /* keys in an answer that is still accepted; 0: any */
};

static void on_reply(const struct registry_reply *reply, void *user)
{
    struct world *world = user;
    struct registry_reply own = *reply;
    if (reply->op != REGISTRY_LIST) {
        return;
    }
    world->answers++;
    if (world->too_large_above > 0 && reply->item_count > world->too_large_above) {
        own = (struct registry_reply){
            .id = reply->id, .op = reply->op, .failure = REGISTRY_REFUSED, .too_large = true};
    }
    key_walk_step(world->walk, &own, registry_can(world->registry));
    for (size_t i = 0; i < own.item_count; i++) {
        struct str key = own.items[i].key;
        world->keys++;
        if (strlen(world->seen) + 2 < sizeof(world->seen)) {
            strncat(world->seen, key.size == 0 ? "?" : key.data + key.size - 1, 1);
        }
    }
}

static void put(struct world *world, struct str key)
{
    static uint64_t id = 1000;
    struct blob *value = blob_new(STR("v"));
    registry_submit(world->client,
                    &(struct registry_request){
                        .id = ++id, .op = REGISTRY_PUT, .key = key, .value = value, .timeout_ms = 1000});
    blob_unref(value);
    memory_run(world->registry);
}

static void begin(struct world *world, const struct memory_kind *kind)
{
    *world = (struct world){.registry = memory_new(kind)};
    world->client = registry_attach(world->registry, on_reply, NULL, world);
    static const struct str keys[] = {STR_INIT("/services/w/a"),
                                      STR_INIT("/services/w/b"),
                                      STR_INIT("/services/w/c"),
                                      STR_INIT("/services/w/d"),
                                      STR_INIT("/servicesX/e"),
                                      STR_INIT("/ctl/f"),
                                      STR_INIT("/ctl/g"),
                                      STR_INIT("\x01h"),
                                      STR_INIT("\xff\xff\xff"
                                               "z")};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        put(world, keys[i]);
    }
}

static void walk(struct world *world, struct key_walk *walked)
{
    world->walk = walked;
    world->seen[0] = '\0';
    world->answers = world->keys = 0;
    while (walked->state == KEY_WALK_ASKING) {
        struct registry_request request;
        key_walk_ask(walked, &request);
        request.id = 1;
        request.timeout_ms = 1000;
        registry_submit(world->client, &request);
        memory_run(world->registry);
        assert_true(world->answers < 100); /* a walk that does not move on */
    }
}

static void check(struct world *world, bool all, const char *prefix, size_t page, const char *after,
                  const char *seen)
{
    struct key_scope scope;
    struct key_walk walked;
    key_scope_init(&scope, all, "/services", "/ctl");
    key_walk_init(&walked, &scope, str_of(prefix), page, 0);
    if (after != NULL) {
        key_walk_skip(&walked, str_of(after));
    }
    walk(world, &walked);
    assert_string_equal(world->seen, seen);
    assert_int_equal(walked.state, KEY_WALK_DONE);
    key_walk_fini(&walked);
    key_scope_fini(&scope);
}

static void a_walk_meets_each_key_once(void **state)
{
    (void)state;
    static const struct memory_kind *const kinds[] = {&memory_etcd, &memory_redis, &memory_consul};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct world world;
        begin(&world, kinds[i]);
        bool any_bytes = (registry_can(world.registry) & REGISTRY_CAN_ANY_BYTES) != 0;
        for (size_t page = 1; page < 12; page++) {
            check(&world, false, "", page, NULL, "fgabcd");
            check(&world, true, "", page, NULL, any_bytes ? "hfgabcdez" : "hfgabcde");
            check(&world, true, "/services", page, NULL, "abcde");
            check(&world, false, "/services/w/", page, NULL, "abcd");
            check(&world, true, "\xff", page, NULL, any_bytes ? "z" : "");
            check(&world, true, "/services/w/nothing", page, NULL, "");
        }
        registry_free(world.registry);
    }
}

/* Whether there is such a key or not. */
static void a_walk_begins_behind_a_key(void **state)
{
    (void)state;
    struct world world;
    begin(&world, &memory_etcd);
    check(&world, false, "", 2, "/ctl/f", "gabcd");
    check(&world, false, "", 2, "/ctl/ff", "gabcd");
    check(&world, false, "", 2, "/ctl/g", "abcd");
    check(&world, false, "", 2, "/d", "abcd"); /* between both ranges */
    check(&world, false, "", 2, "/services/w/b", "cd");
    check(&world, false, "", 2, "/services/w/bb", "cd");
    check(&world, false, "", 2, "/services/w/d", "");
    check(&world, false, "", 2, "/servicesX/a", ""); /* no way out of the scope */
    check(&world, false, "", 2, "\xff\xff", "");
    check(&world, false, "", 2, "", "fgabcd");
    check(&world, false, "/services/w/", 2, "/ctl/f", "abcd");
    check(&world, true, "", 2, "\xff\xff\xff", "z");
    check(&world, true, "", 2, "\xff\xff\xffz", "");
    registry_free(world.registry);
}

static void what_is_too_large_is_asked_in_smaller_pages(void **state)
{
    (void)state;
    struct world world;
    begin(&world, &memory_etcd);
    world.too_large_above = 1;
    check(&world, false, "", 8, NULL, "fgabcd");
    assert_int_equal(world.answers, 8); /* of 8 and 2, which are refused, and six of one */
    registry_free(world.registry);
}

static void a_key_that_is_too_large_alone_ends_it(void **state)
{
    (void)state;
    struct key_scope scope;
    struct key_walk walked;
    key_scope_init(&scope, true, "/services", "/ctl");
    key_walk_init(&walked, &scope, STR(""), 1, 0);
    key_walk_step(&walked, &(struct registry_reply){.failure = REGISTRY_REFUSED, .too_large = true},
                  REGISTRY_CAN_ALL);
    assert_int_equal(walked.state, KEY_WALK_FAILED);
    key_walk_fini(&walked);
    key_scope_fini(&scope);
}

/* What changes meanwhile changes nothing of what is asked. */
static void the_pages_are_of_one_revision(void **state)
{
    (void)state;
    struct key_scope scope;
    struct key_walk walked;
    struct registry_request request;
    const struct registry_item item = {.key = STR("/services/a"), .kv = {.found = true, .mod_revision = 7}};
    key_scope_init(&scope, false, "/services", "/ctl");
    key_walk_init(&walked, &scope, STR("/services/"), 1, 0);
    key_walk_ask(&walked, &request);
    assert_int_equal(request.at_revision, 0);
    key_walk_step(&walked,
                  &(struct registry_reply){.revision = 40, .items = &item, .item_count = 1, .count = 3},
                  REGISTRY_CAN_ALL);
    key_walk_ask(&walked, &request);
    assert_int_equal(request.at_revision, 40);
    assert_true(str_eq(request.key, STR("/services/a\0")));
    assert_true(str_eq(request.range_end, STR("/services0")));
    key_walk_step(&walked,
                  &(struct registry_reply){.revision = 55, .items = &item, .item_count = 1, .count = 1},
                  REGISTRY_CAN_ALL);
    assert_int_equal(walked.revision, 40);
    assert_int_equal(walked.state, KEY_WALK_DONE);
    key_walk_fini(&walked);
    key_scope_fini(&scope);
}

static void no_way_back_from_the_end(void **state)
{
    (void)state;
    assert_true(key_walk_may_move(KEY_WALK_ASKING, KEY_WALK_DONE));
    assert_true(key_walk_may_move(KEY_WALK_ASKING, KEY_WALK_FAILED));
    assert_false(key_walk_may_move(KEY_WALK_DONE, KEY_WALK_ASKING));
    assert_false(key_walk_may_move(KEY_WALK_FAILED, KEY_WALK_ASKING));
    assert_false(key_walk_may_move(KEY_WALK_FAILED, KEY_WALK_DONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_walk_meets_each_key_once),
        cmocka_unit_test(a_walk_begins_behind_a_key),
        cmocka_unit_test(what_is_too_large_is_asked_in_smaller_pages),
        cmocka_unit_test(a_key_that_is_too_large_alone_ends_it),
        cmocka_unit_test(the_pages_are_of_one_revision),
        cmocka_unit_test(no_way_back_from_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
