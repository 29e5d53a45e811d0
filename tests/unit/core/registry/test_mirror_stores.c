/* A mirror over stores in memory that promise different things: whatever is written, deleted, undone, cut or learned, it
 * has what the registry has once everything is quiet, its changes say so to one who has nothing else, and nothing that
 * was newer is undone. Random, by seed; a failing seed is printed, MIRROR_SEED runs it alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mirror_world.h"

#include "support/play_seeds.h"

#include <stdio.h>
#include <stdlib.h>

enum { SEEDS = 300, ROUNDS = 8, STEPS = 30 };

static unsigned below(struct world *world, unsigned limit)
{
    return (unsigned)random_below(&world->random, limit);
}

static void write_something(struct world *world)
{
    char key[TEXT_SIZE], value[TEXT_SIZE];
    unsigned number = below(world, KEYS);
    mirror_world_key_name(number, key);
    snprintf(value, sizeof(value), "v%u", below(world, 1000));
    if (below(world, 6) == 0) {
        snprintf(key, sizeof(key), "/control/elsewhere/%u", number);
    }
    mirror_world_write_key(world, key, below(world, 3) == 0 ? NULL : value);
}

static void upset(struct world *world, const struct memory_kind *kind)
{
    char key[TEXT_SIZE];
    switch (below(world, 14)) {
    case 0: memory_cut(world->registry); break;
    case 1: memory_compact(world->registry, world->revision); break;
    case 2:
        if ((kind->can & REGISTRY_CAN_KEEP) == 0 && world->revision > 4) {
            memory_fail_over(world->registry, world->revision - (int64_t)below(world, 4));
            world->may_undo = true;
        }
        break;
    case 3: mirror_world_pass(world, 1 + below(world, 3000)); break;
    case 4:
        if (below(world, 4) == 0) {
            mirror_world_step(world, (struct mirror_event){.type = MIRROR_ON_STOP});
        }
        break;
    case 5: mirror_world_step(world, (struct mirror_event){.type = MIRROR_ON_START}); break;
    case 6:
        mirror_world_key_name(below(world, KEYS), key);
        (void)memory_run(world->registry); /* one read at a time */
        mirror_world_read_key(world, key);
        break;
    case 7:
    case 8: (void)memory_run(world->registry); break;
    default: write_something(world); break;
    }
}

static void play(const struct memory_kind *kind, uint64_t seed)
{
    struct world world;
    mirror_world_begin(&world, kind,
                       &(struct mirror_settings){
                           .seed = seed, .page = 1 + (size_t)(seed % 4), .keys_max = seed % 3 == 0 ? 3 : 0});
    mirror_world_step(&world, (struct mirror_event){.type = MIRROR_ON_START});
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < STEPS; i++) {
            upset(&world, kind);
        }
        mirror_world_settle(&world);
    }
    mirror_world_end(&world);
}

static void as_etcd(void **state)
{
    (void)state;
    play_seeds(&memory_etcd, "MIRROR_SEED", SEEDS, play);
}

static void as_redis(void **state)
{
    (void)state;
    play_seeds(&memory_redis, "MIRROR_SEED", SEEDS, play);
}

static void as_consul(void **state)
{
    (void)state;
    play_seeds(&memory_consul, "MIRROR_SEED", SEEDS, play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_etcd), cmocka_unit_test(as_redis),
                                       cmocka_unit_test(as_consul)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
