#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/base/random.h"
#include "outrider/core/leader/leaders.h"
#include "outrider/core/registry/mirror.h"

#include <stdio.h>
#include <stdlib.h>

enum { KEYS_MAX = 600 };

static const struct instant now = {.mono = 1, .boot = 2, .wall = 5000};

/* What the registry has: a slot for each key that may stand. */
struct world {
    struct leaders *leaders;
    struct mirror_key keys[KEYS_MAX];
    char names[KEYS_MAX][64];
    unsigned told;
};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    world->leaders = leaders_new("/ctl/leader/");
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    leaders_free(world->leaders);
    for (size_t i = 0; i < KEYS_MAX; i++) {
        blob_unref(world->keys[i].value);
    }
    free(world);
    return 0;
}

/* A value that begins with '!' is unreadable. */
static void put(struct world *world, size_t slot, const char *name, uint64_t lease, int64_t create,
                const char *value)
{
    snprintf(world->names[slot], sizeof(world->names[slot]), "/ctl/leader/%s", name);
    world->keys[slot] = (struct mirror_key){.key = str_of(world->names[slot]),
                                            .value = blob_new(str_of(value)),
                                            .mod_revision = create,
                                            .create_revision = create,
                                            .lease = {0, lease}};
    leaders_change(world->leaders, NULL, &world->keys[slot], value[0] != '!');
}

static void drop(struct world *world, size_t slot)
{
    leaders_change(world->leaders, &world->keys[slot], NULL, false);
    blob_unref(world->keys[slot].value);
    world->keys[slot] = (struct mirror_key){.create_revision = 0};
}

/* Takes all changes over; the value is the id of who leads. */
static void settle(struct world *world, bool present)
{
    const struct leaders_scope *scope;
    struct str value;
    for (world->told = 0; (scope = leaders_next(world->leaders, &value)) != NULL; world->told++) {
        struct candidate who = {.type = "world", .since_wall = 77};
        assert_true(world->told < KEYS_MAX);
        snprintf(who.id, sizeof(who.id), "%.*s", STR_ARG(value));
        bool readable = value.size > 0 && value.data[0] != '!';
        leaders_settle(world->leaders, scope, readable ? &who : NULL, &now, present);
    }
}

static const struct leaders_scope *scope(struct world *world, const char *name)
{
    return leaders_find(world->leaders, str_of(name));
}

static void test_order(void **state)
{
    struct world *world = *state;
    put(world, 0, "town/b", 0xb, 20, "b");
    put(world, 1, "town/a", 0xa, 10, "a");
    put(world, 2, "town/c", 0xc, 30, "c");
    put(world, 3, "arena/d", 0xd, 25, "d");
    settle(world, true);
    assert_int_equal(world->told, 2);
    assert_true(str_eq(leaders_at(world->leaders, 0)->name, STR("arena")));
    assert_int_equal(scope(world, "town")->token, 10);
    assert_string_equal(scope(world, "town")->who.id, "a");
    assert_int_equal(scope(world, "town")->candidates, 3);
    assert_int_equal(scope(world, "town")->since_wall, 77); /* it stood before this agent came */
    assert_int_equal(scope(world, "town")->elections, 0);
    settle(world, false);
    assert_int_equal(world->told, 0);
    /* One that does not lead comes or goes: no change of the leader. */
    drop(world, 0);
    put(world, 4, "town/e", 0xe, 40, "e");
    settle(world, false);
    assert_int_equal(world->told, 0);
    assert_int_equal(scope(world, "town")->candidates, 3);
    drop(world, 1);
    settle(world, false);
    assert_int_equal(world->told, 1);
    assert_string_equal(scope(world, "town")->who.id, "c");
    assert_int_equal(scope(world, "town")->token, 30);
    assert_int_equal(scope(world, "town")->since_wall, 5000);
    assert_int_equal(scope(world, "town")->elections, 1);
    assert_ptr_equal(leaders_led_by(world->leaders, STR("world"), STR("c")), scope(world, "town"));
    assert_null(leaders_led_by(world->leaders, STR("world"), STR("a")));
    assert_null(leaders_led_by(world->leaders, STR("town"), STR("c")));
}

/* Without a leader the scope stays for its counts, and is told of once. */
static void test_nobody(void **state)
{
    struct world *world = *state;
    put(world, 0, "town/a", 0xa, 10, "a");
    settle(world, false);
    drop(world, 0);
    settle(world, false);
    assert_int_equal(world->told, 1);
    assert_int_equal(scope(world, "town")->token, 0);
    assert_false(scope(world, "town")->named);
    assert_null(leaders_led_by(world->leaders, STR("world"), STR("a")));
    put(world, 0, "town/a", 0xa, 20, "a");
    settle(world, false);
    assert_int_equal(scope(world, "town")->elections, 2);
    assert_int_equal(scope(world, "town")->token, 20);
}

/* The same key with another value: told of, but no election. */
static void test_other_value(void **state)
{
    struct world *world = *state;
    put(world, 0, "town/a", 0xa, 10, "a");
    settle(world, true);
    struct mirror_key was = world->keys[0];
    world->keys[1] = was;
    world->keys[1].value = blob_new(STR("z"));
    world->keys[1].mod_revision = 11;
    leaders_change(world->leaders, &world->keys[0], &world->keys[1], true);
    settle(world, false);
    assert_int_equal(world->told, 1);
    assert_string_equal(scope(world, "town")->who.id, "z");
    assert_int_equal(scope(world, "town")->elections, 0);
    assert_int_equal(scope(world, "town")->since_wall, 77);
    assert_int_equal(scope(world, "town")->candidates, 1);
}

/* Keys that stand for nothing, and one that cannot be read, which keeps its place. */
static void test_skipped(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *name;
        uint64_t lease;
        enum leaders_skip skip;
    } rows[] = {
        {"town", 1, LEADERS_OTHER_KEY},       {"/1", 1, LEADERS_OTHER_KEY},
        {"town/", 1, LEADERS_OTHER_KEY},      {"to\nwn/1", 1, LEADERS_OTHER_KEY},
        {"to\xffwn/1", 1, LEADERS_OTHER_KEY}, {"to\xe2\x80\xaewn/1", 1, LEADERS_OTHER_KEY},
        {"town/1", 0, LEADERS_NO_LEASE},      {"town/2", 1, LEADERS_OTHER_LEASE},
        {"town/01", 1, LEADERS_OTHER_LEASE},  {"town/1/x", 1, LEADERS_OTHER_LEASE},
        {"town/A", 10, LEADERS_OTHER_LEASE},
    };
    size_t counts[LEADERS_SKIP_COUNT] = {0};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        put(world, i, rows[i].name, rows[i].lease, (int64_t)i + 1, "x");
        counts[rows[i].skip]++;
        assert_int_equal(leaders_skipped(world->leaders, rows[i].skip), counts[rows[i].skip]);
    }
    assert_int_equal(leaders_count(world->leaders), 0);
    put(world, 20, "town/a", 0xa, 100, "!");
    put(world, 21, "town/b", 0xb, 200, "b");
    settle(world, false);
    assert_int_equal(leaders_skipped(world->leaders, LEADERS_UNREADABLE), 1);
    assert_int_equal(scope(world, "town")->token, 100);
    assert_false(scope(world, "town")->named);
    assert_int_equal(scope(world, "town")->candidates, 2);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        drop(world, i);
    }
    drop(world, 20);
    settle(world, false);
    assert_string_equal(scope(world, "town")->who.id, "b");
    for (enum leaders_skip skip = 0; skip < LEADERS_SKIP_COUNT; skip++) {
        assert_int_equal(leaders_skipped(world->leaders, skip), 0);
    }
}

/* Scopes beyond the limit are counted, and none is ever known in part. */
static void test_room(void **state)
{
    struct world *world = *state;
    char name[32];
    for (size_t i = 0; i < LEADERS_SCOPES_MAX; i++) {
        snprintf(name, sizeof(name), "s%03zu/a", i);
        put(world, i, name, 0xa, (int64_t)i + 1, "a");
    }
    settle(world, false);
    put(world, 300, "z/b", 0xb, 1000, "b");
    assert_int_equal(leaders_skipped(world->leaders, LEADERS_NO_ROOM), 1);
    drop(world, 7);
    settle(world, false);
    put(world, 301, "z/c", 0xc, 1001, "c"); /* the first key of z is not there, so z is not */
    assert_null(scope(world, "z"));
    assert_int_equal(leaders_skipped(world->leaders, LEADERS_NO_ROOM), 2);
    drop(world, 300);
    drop(world, 301);
    assert_int_equal(leaders_skipped(world->leaders, LEADERS_NO_ROOM), 0);
    put(world, 302, "z/d", 0xd, 1002, "d");
    settle(world, false);
    assert_string_equal(scope(world, "z")->who.id, "d");
    assert_null(scope(world, "s007")); /* it made room */
    assert_int_equal(leaders_count(world->leaders), LEADERS_SCOPES_MAX);
}

/* Whatever comes and goes in whatever order: the lowest create revision of each scope. */
static void test_random(void **state)
{
    struct world *world = *state;
    struct random random;
    random_seed(&random, 7);
    for (int64_t round = 1; round < 4000; round++) {
        size_t slot = (size_t)random_below(&random, 24);
        if (world->keys[slot].create_revision != 0) {
            drop(world, slot);
        } else {
            char name[32];
            snprintf(name, sizeof(name), "s%zu/%zx", slot % 3, slot + 1);
            put(world, slot, name, slot + 1, 1 + (int64_t)random_below(&random, 1000000), name + 3);
        }
        if (random_below(&random, 3) == 0) {
            settle(world, false);
            for (size_t i = 0; i < leaders_count(world->leaders); i++) {
                const struct leaders_scope *facts = leaders_at(world->leaders, i);
                size_t standing = 0, first = KEYS_MAX;
                for (size_t k = (size_t)(facts->name.data[1] - '0'); k < 24; k += 3) {
                    int64_t create = world->keys[k].create_revision;
                    standing += create != 0 ? 1 : 0;
                    first = create != 0 && (first == KEYS_MAX || create < world->keys[first].create_revision)
                                ? k
                                : first;
                }
                assert_int_equal(facts->candidates, standing);
                assert_int_equal(facts->token, first == KEYS_MAX ? 0 : world->keys[first].create_revision);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_value, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_skipped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_random, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
