/* sim_leader [--seed S] [--hours H] [--like etcd|redis|consul] [--verbose]: worlds of leadership from seed S on, for H
 * agent-hours. The first that fails prints its last events and the command that replays it. */
#include "leader.h"

#include "sim/options.h"

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

static void print(const struct stats *total, uint64_t worlds)
{
    printf("%" PRIu64 " agent-hours in %" PRIu64 " worlds: %" PRIu64 " events, %" PRIu64 " requests (%" PRIu64
           " lists), %" PRIu64 " faults, %" PRIu64 " calms, %" PRIu64 " handovers\n%" PRIu64 " gained; lost:",
           total->agent_ms / 3600000, worlds, total->events, total->requests, total->lists, total->faults,
           total->calms, total->handovers, total->gained);
    for (int reason = 0; reason < ELECTION_REASON_COUNT; reason++) {
        printf(" %s %" PRIu64, election_reason_name((enum election_reason)reason), total->lost[reason]);
    }
    puts("");
}

int main(int argc, char **argv)
{
    const struct memory_kind *kind = &memory_etcd;
    uint64_t seed = 1, hours = 10;
    bool verbose = false, failed = false;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--verbose") == 0) {
            verbose = true;
        } else if (strcmp(argv[i], "--seed") == 0 && str_to_u64(str_of(value), UINT64_MAX, &seed) == 0) {
            i++;
        } else if (strcmp(argv[i], "--hours") == 0 && str_to_u64(str_of(value), 1000000, &hours) == 0) {
            i++;
        } else if (strcmp(argv[i], "--like") == 0 && options_kind(value) != NULL) {
            kind = options_kind(value);
            i++;
        } else {
            fputs("sim_leader [--seed S] [--hours H] [--like etcd|redis|consul] [--verbose]\n", stderr);
            return 64;
        }
    }
    struct narrative *narrative = narrative_new(verbose);
    struct stats total = {0};
    uint64_t worlds = 0;
    do {
        narrative_clear(narrative);
        struct world *world = world_new(seed++, kind, narrative);
        world_run(world);
        failed = world->failed;
        if (failed) {
            narrative_print(narrative);
            printf("FAILED: %s\nreplay: sim_leader --like %s --seed %" PRIu64 " --hours 0 --verbose\n",
                   narrative_verdict(narrative), kind->name, world->seed);
        }
        add(&total, &world->stats);
        world_free(world);
        worlds++;
    } while (!failed && total.agent_ms < hours * 3600000);
    print(&total, worlds);
    narrative_free(narrative);
    return failed ? 1 : 0;
}
