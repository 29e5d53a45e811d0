/* sim_waves [--seed S] [--hours H] [--verbose] [--selftest]: worlds of drains of many servers from seed S on, for H hours of a fleet. The first that
 * fails prints its last events and the command that replays it. --selftest: whether a rule that is broken on purpose is noticed. */
#include "waves_sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void add(struct stats *total, const struct stats *more)
{
    uint64_t *to = (uint64_t *)(void *)total;
    const uint64_t *from = (const uint64_t *)(const void *)more;
    for (size_t i = 0; i < sizeof(*total) / sizeof(*to); i++) {
        to[i] += from[i];
    }
}

/* Whether a hold without a drain is noticed. */
static bool notices(struct narrative *narrative)
{
    struct world *world = world_new(1, narrative);
    world->sabotaged = true;
    world_run(world);
    bool failed = world->failed;
    world_free(world);
    return failed && strstr(narrative_verdict(narrative), "does not know it") != NULL;
}

static bool run(uint64_t seed, struct narrative *narrative, struct stats *total)
{
    struct world *world = world_new(seed, narrative);
    world_run(world);
    bool failed = world->failed;
    if (failed) {
        narrative_print(narrative);
        printf("FAILED: %s\nreplay: sim_waves --seed %" PRIu64 " --hours 0 --verbose\n",
               narrative_verdict(narrative), seed);
    }
    add(total, &world->stats);
    world_free(world);
    return failed;
}

int main(int argc, char **argv)
{
    uint64_t seed = 1, hours = 10;
    bool verbose = false, failed = false, selftest = false;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--verbose") == 0) {
            verbose = true;
        } else if (strcmp(argv[i], "--selftest") == 0) {
            selftest = true;
        } else if (strcmp(argv[i], "--seed") == 0 && str_to_u64(str_of(value), UINT64_MAX, &seed) == 0) {
            i++;
        } else if (strcmp(argv[i], "--hours") == 0 && str_to_u64(str_of(value), 1000000, &hours) == 0) {
            i++;
        } else {
            fputs("sim_waves [--seed S] [--hours H] [--verbose] [--selftest]\n", stderr);
            return 64;
        }
    }
    struct narrative *narrative = narrative_new(verbose);
    struct stats total = {0};
    if (selftest) {
        bool good = notices(narrative);
        narrative_free(narrative);
        return good ? 0 : 1;
    }
    do {
        narrative_clear(narrative);
        failed = run(seed++, narrative, &total);
    } while (!failed && total.ms < hours * 3600000);
    printf("%" PRIu64 " hours: %" PRIu64 " events, %" PRIu64 " requests, %" PRIu64 " faults, %" PRIu64
           " times another observer drove\n%" PRIu64 " drains begun, %" PRIu64 " done; %" PRIu64
           " steps, %" PRIu64 " holds, %" PRIu64 " lifted\n",
           total.ms / 3600000, total.events, total.requests, total.faults, total.takeovers, total.begun,
           total.ended, total.steps, total.holds, total.lifts);
    narrative_free(narrative);
    return failed ? 1 : 0;
}
