#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mirror_world.h"

#include "outrider/base/attr.h"

#include <stdio.h>

static void test_order(void **state)
{
    (void)state;
    struct world world;
    mirror_world_start_with(&world, &(struct mirror_settings){.seed = 1}, 5);
    assert_int_equal(mirror_facts(world.mirror)->keys, 5);
    assert_int_equal(mirror_from(world.mirror, STR("/control/leader/k2")), 2);
    assert_int_equal(mirror_from(world.mirror, STR("/control/leader/k2x")), 3);
    assert_int_equal(mirror_from(world.mirror, STR("/control/leader/z")), 5);
    assert_true(str_eq(mirror_at(world.mirror, 0)->key, STR("/control/leader/k0")));
    assert_null(mirror_find(world.mirror, STR("/control/leader/k")));
    mirror_world_end(&world);
}

/* A lesson is newer than the watch, or it is none. */
static void test_lessons(void **state)
{
    (void)state;
    static const char key[] = "/control/leader/k0";
    struct world world;
    mirror_world_start_with(&world, &(struct mirror_settings){.seed = 1}, 2);
    unsigned before = world.changes;
    int64_t at = mirror_facts(world.mirror)->revision;
    mirror_world_learn(&world, key, "older", at - 1, at);
    mirror_world_learn(&world, key, "the same revision", at, at);
    mirror_world_learn(&world, key, NULL, 0, at);
    mirror_world_learn(&world, "/control/seats/k3", "elsewhere", at + 9, at + 9);
    assert_int_equal(world.changes, before);
    mirror_world_learn(&world, key, "newer", at + 2, at + 3);
    assert_int_equal(world.changes, before + 1);
    mirror_world_learn(&world, key, "newer than that?", at + 1, at + 3);
    mirror_world_learn(&world, key, NULL, 0, at + 1);
    assert_true(str_eq(blob_view(mirror_find(world.mirror, str_of(key))->value), STR("newer")));
    mirror_world_learn(&world, key, NULL, 0, at + 4);
    assert_null(mirror_find(world.mirror, str_of(key)));
    /* The watch tells later of what was before that. */
    mirror_world_write_key(&world, key, "before");
    (void)memory_run(world.registry);
    assert_null(mirror_find(world.mirror, str_of(key)));
    mirror_world_end(&world);
}

/* A listing that began before a lesson does not undo it. */
static void test_lesson_and_listing(void **state)
{
    (void)state;
    static const char key[] = "/control/leader/k0", gone[] = "/control/leader/k1";
    struct world world;
    mirror_world_start_with(&world, &(struct mirror_settings){.seed = 1}, 3);
    int64_t at = mirror_facts(world.mirror)->revision;
    mirror_world_step(&world, (struct mirror_event){.type = MIRROR_ON_STOP});
    mirror_world_step(&world, (struct mirror_event){.type = MIRROR_ON_START});
    mirror_world_learn(&world, key, "newer", at + 2, at + 3);
    mirror_world_learn(&world, gone, NULL, 0, at + 3);
    unsigned lists = (unsigned)mirror_facts(world.mirror)->lists;
    (void)memory_run(world.registry);
    assert_int_equal(mirror_facts(world.mirror)->lists, lists + 1);
    assert_true(str_eq(blob_view(mirror_find(world.mirror, str_of(key))->value), STR("newer")));
    assert_null(mirror_find(world.mirror, str_of(gone)));
    mirror_world_end(&world);
}

static void test_limits(void **state)
{
    (void)state;
    struct world world;
    mirror_world_start_with(&world, &(struct mirror_settings){.seed = 1, .keys_max = 3}, 5);
    const struct mirror_facts *facts = mirror_facts(world.mirror);
    assert_int_equal(facts->keys, 3);
    assert_int_equal(facts->left_out, 2);
    assert_int_equal(world.notes[MIRROR_NOTE_FULL], 1);
    /* Room, and a key that changes: it comes in. */
    mirror_world_write_key(&world, "/control/leader/k0", NULL);
    mirror_world_write_key(&world, "/control/leader/k4", "v2");
    (void)memory_run(world.registry);
    assert_non_null(mirror_find(world.mirror, STR("/control/leader/k4")));
    assert_int_equal(facts->left_out, 1);
    mirror_world_write_key(&world, "/control/leader/k3", NULL);
    (void)memory_run(world.registry);
    assert_int_equal(facts->left_out, 0);
    /* With what is left out counted, checks find nothing to do. */
    mirror_world_pass(&world, 60000);
    (void)memory_run(world.registry);
    assert_int_equal(facts->lists, 1);
    mirror_world_end(&world);
}

static void test_limit_of_bytes(void **state)
{
    (void)state;
    struct world world;
    size_t one = strlen("/control/leader/k0") + 1;
    mirror_world_start_with(&world, &(struct mirror_settings){.seed = 1, .bytes_max = 3 * one}, 2);
    const struct mirror_facts *facts = mirror_facts(world.mirror);
    assert_int_equal(facts->bytes, 2 * one);
    /* One that is held and grows beyond it is held no more. */
    char large[TEXT_SIZE] = "";
    memset(large, 'x', one + 2);
    mirror_world_write_key(&world, "/control/leader/k0", large);
    (void)memory_run(world.registry);
    assert_null(mirror_find(world.mirror, STR("/control/leader/k0")));
    assert_false(world.reader_keys[0].there);
    assert_int_equal(facts->left_out, 1);
    large[one + 1] = '\0';
    mirror_world_write_key(&world, "/control/leader/k0", large);
    (void)memory_run(world.registry);
    assert_non_null(mirror_find(world.mirror, STR("/control/leader/k0")));
    assert_int_equal(facts->bytes, 3 * one);
    mirror_world_end(&world);
}

/* A watch that ends is resumed, with keys left out and with lessons as well; only another past is read from the beginning. */
static void test_resumes(void **state)
{
    (void)state;
    struct world world;
    for (size_t i = 0; i < 6; i++) {
        mirror_world_start_with(&world, &(struct mirror_settings){.seed = 1, .keys_max = i % 3}, 3);
        int64_t at = mirror_facts(world.mirror)->revision;
        if (i >= 3) {
            mirror_world_learn(&world, "/control/leader/k2", "learned", at + 100, at + 100);
            mirror_world_learn(&world, "/control/leader/k1", NULL, 0, at + 100);
            if (i > 3) { /* else the number of keys is another one than the registry has at that revision */
                mirror_world_learn(&world, "/control/leader/k5", "new", at + 101, at + 101);
            }
        }
        memory_cut(world.registry);
        mirror_world_step(&world, (struct mirror_event){.type = MIRROR_ON_TICK});
        mirror_world_pass(&world, 1000);
        (void)memory_run(world.registry);
        (void)memory_run(world.registry);
        assert_true(mirror_facts(world.mirror)->synced || i >= 3);
        assert_int_equal(mirror_facts(world.mirror)->lists, 1);
        assert_int_equal(world.notes[MIRROR_NOTE_RELIST], 0);
        mirror_world_end(&world);
    }
}

/* The registry lost everything and was filled again up to the revision known. */
static void test_other_past(void **state)
{
    (void)state;
    static const char *const pasts[][4] = {
        {"k1", "k5", "", ""},   /* another number of keys */
        {"k0", "k1", "k5", ""}, /* another newest one */
        {"k0", "k2", "k1", ""}, /* the same keys in another order */
    };
    for (size_t i = 0; i < 2 * COUNT_OF(pasts); i++) {
        struct world world;
        mirror_world_start_with(&world, &(struct mirror_settings){.seed = 1}, 3);
        int64_t at = mirror_facts(world.mirror)->revision;
        if (i >= COUNT_OF(pasts)) {
            mirror_world_learn(&world, "/control/leader/k2", "of the other past", at + 100, at + 100);
            mirror_world_learn(&world, "/control/leader/k1", NULL, 0, at + 100);
        }
        world.may_undo = true;
        memory_cut(world.registry);
        registry_free(world.registry);
        world.registry = memory_new(&memory_etcd);
        mirror_world_attach(&world);
        for (size_t k = 0; k < 3; k++) {
            char key[TEXT_SIZE];
            const char *name = pasts[i % COUNT_OF(pasts)][k];
            snprintf(key, sizeof(key), name[0] != 0 ? "/control/leader/%s" : "/control/elsewhere", name);
            mirror_world_write_key(&world, key, "v");
        }
        (void)memory_run(world.registry);
        mirror_world_pass(&world, 1000);
        mirror_world_settle(&world);
        assert_int_equal(mirror_facts(world.mirror)->lists, 2);
        assert_int_equal(world.notes[MIRROR_NOTE_RELIST], 1);
        mirror_world_end(&world);
    }
}

static void test_off(void **state)
{
    (void)state;
    struct world world;
    mirror_world_begin(&world, &memory_etcd, &(struct mirror_settings){.seed = 1});
    assert_int_equal(mirror_deadline(world.mirror).latest, NEVER_MS);
    assert_int_equal(mirror_age_ms(world.mirror, &world.now), INT64_MAX);
    mirror_world_learn(&world, "/control/leader/k0", "v", 5, 5);
    assert_int_equal(mirror_facts(world.mirror)->keys, 0);
    assert_int_equal(memory_run(world.registry), 0);
    mirror_world_settle(&world);
    mirror_world_write_key(&world, "/control/leader/k0", "v");
    (void)memory_run(world.registry);
    mirror_world_step(&world, (struct mirror_event){.type = MIRROR_ON_STOP});
    assert_false(mirror_facts(world.mirror)->following);
    assert_int_equal(world.stale, 1);
    assert_int_equal(mirror_facts(world.mirror)->keys, 1);
    mirror_world_pass(&world, 7000);
    assert_int_equal(mirror_age_ms(world.mirror, &world.now), 7000);
    assert_int_equal(memory_run(world.registry), 0);
    mirror_world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_off),     cmocka_unit_test(test_order),
        cmocka_unit_test(test_lessons), cmocka_unit_test(test_lesson_and_listing),
        cmocka_unit_test(test_limits),  cmocka_unit_test(test_limit_of_bytes),
        cmocka_unit_test(test_resumes), cmocka_unit_test(test_other_past),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
