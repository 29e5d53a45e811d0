/* sim_commands [--episodes N] [--seed N]: commands under failure. A seed that fails is printed. */
#include "world.h"

#include "outrider/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void world_break(struct world *world, const char *what)
{
    world->broken = world->broken == NULL ? what : world->broken;
}

static void step(struct world *world)
{
    struct random *random = &world->random;
    world->now += 1 + (int64_t)random_below(random, 40);
    if (world->faults && random_below(random, 500) == 0) {
        world->away_until = world->now + (int64_t)random_below(random, 15000);
    }
    if (world->faults && random_below(random, 2000) == 0 && world->count > 0) {
        world->keys[random_below(random, (uint64_t)world->count)].lease_ends = world->now; /* revoked */
    }
    store_step(world);
    server_step(world);
    if (world->sends && random_below(random, world->faults ? 60 : 25) == 0) {
        observer_send(world);
    }
    while (world->first_sending < world->count && !world->keys[world->first_sending].sending) {
        world->first_sending++;
    }
    for (int i = world->first_sending; i < world->count; i++) {
        observer_go_on(world, i);
    }
}

/* After the faults: each command that was sent since has been heard and has its result; each that was sent has ended. */
static void check_quiet(struct world *world)
{
    for (int i = 0; i < world->count; i++) {
        const struct key *key = &world->keys[i];
        bool refused = strcmp(key->dispatch.command.name, "kick") == 0;
        if (key->sending) {
            world_break(world, "a call has no end");
        }
        if (key->quiet && (refused ? key->told != COMMAND_ERROR : key->heard_at == 0)) {
            world_break(world, "a command was not heard, or not refused");
        }
        if (key->quiet && !refused && key->told != COMMAND_OK && key->told != COMMAND_ERROR) {
            world_break(world, "a command has no result, though its server answered");
        }
        if (key->exists && key->lease_ends > world->now + 60000 + 42000 + COMMAND_LEASE_SHARE_MS) {
            world_break(world, "a key stands for longer than its lease may");
        }
    }
    if (world->inbox.count > 0) {
        world_break(world, "a command is kept after its end");
    }
}

const char *world_run(struct world *world, uint64_t seed, int64_t storm_ms)
{
    static char say[] = "say";
    static char *const accepted[] = {say};
    memset(world, 0, sizeof(*world));
    random_seed(&world->random, seed);
    queue_init(&world->effects, sizeof(struct inbox_effect));
    inbox_init(&world->inbox, accepted, 1);
    world->seed = seed;
    world->now = 1000;
    world->agent_up = world->faults = world->sends = true;
    world->opens_at = 1;
    for (int i = 0; i < 3; i++) {
        world->skew[i] = (int64_t)random_below(&world->random, 1900) - 950;
    }
    while (world->now < storm_ms && world->broken == NULL) {
        step(world);
    }
    world->faults = false;
    world->away_until = 0;
    int64_t settled = world->now + 5000, quiet_until = settled + 10000;
    int limit = world->count + 20 < KEYS_MAX ? world->count + 20 : KEYS_MAX;
    while (world->now < quiet_until + 60000 && world->broken == NULL) {
        world->sends = world->now > settled && world->now < quiet_until && world->count < limit;
        step(world);
    }
    if (world->broken == NULL) {
        check_quiet(world);
    }
    inbox_fini(&world->inbox);
    queue_fini(&world->effects);
    for (int i = 0; i < KEYS_MAX; i++) {
        dispatch_fini(&world->keys[i].dispatch);
        command_fini(&world->keys[i].stored);
    }
    for (size_t i = 0; i < FLIGHTS_MAX; i++) {
        command_fini(&world->flights[i].value);
        command_fini(&world->flights[i].seen);
    }
    return world->broken;
}

static uint64_t number(int argc, char **argv, const char *name, uint64_t fallback)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return strtoull(argv[i + 1], NULL, 10);
        }
    }
    return fallback;
}

int main(int argc, char **argv)
{
    uint64_t episodes = number(argc, argv, "--episodes", 1000), first = number(argc, argv, "--seed", 1);
    uint64_t delivered = 0, answered = 0, expired = 0, ms = 0;
    struct world *world = mem_zalloc(sizeof(*world));
    for (uint64_t seed = first; seed < first + episodes; seed++) {
        const char *broken = world_run(world, seed, 60000);
        if (broken != NULL) {
            printf("%s\nat %" PRId64 " ms; again with: sim_commands --seed %" PRIu64 " --episodes 1\n",
                   broken, world->now, seed);
            return 1;
        }
        delivered += world->delivered;
        answered += world->answered;
        expired += world->expired;
        ms += (uint64_t)world->now;
    }
    printf("%" PRIu64 " hours in %" PRIu64 " episodes: %" PRIu64 " deliveries, %" PRIu64
           " results taken, %" PRIu64 " told expired\n",
           ms / 3600000, episodes, delivered, answered, expired);
    free(world);
    return 0;
}
