/* sim_seats [--allocations N] [--seed S] [--players N] [--worlds N] [--verbose]: plays worlds of N players each until N allocations were
 * made, or so many worlds. Exits 1 at the first that fails. */
#include "seats_sim.h"

#include "sim/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t number(int argc, char **argv, const char *name, uint64_t otherwise)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return strtoull(argv[i + 1], NULL, 10);
        }
    }
    return otherwise;
}

int main(int argc, char **argv)
{
    uint64_t wanted = number(argc, argv, "--allocations", 20000), seed = number(argc, argv, "--seed", 1);
    uint64_t players = number(argc, argv, "--players", 1000),
             worlds = number(argc, argv, "--worlds", UINT64_MAX);
    bool verbose = strcmp(argv[argc - 1], "--verbose") == 0, fine = true;
    struct totals totals = {0};
    double began = options_seconds();
    uint64_t played = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fine && totals.made < wanted && played < worlds) {
        fine = world_play(seed + played++, players, verbose, &totals);
    }
    double took = options_seconds() - began;
    printf("%" PRIu64 " allocations made in %" PRIu64 " worlds (seeds %" PRIu64 "..%" PRIu64
           "), %.1f simulated hours: %s; %.1f s of one "
           "core, %.0f allocations a second\n",
           totals.made, played, seed, seed + played - 1, (double)totals.milliseconds / 3600000,
           fine ? "all held" : "FAILED", took, (double)totals.made / took);
    const struct {
        uint64_t count;
        const char *what;
    } rows[] = {{totals.allocations, "asked for"},
                {totals.existed, "made before"},
                {totals.none, "no server"},
                {totals.conflict, "in conflict"},
                {totals.failed, "failed"},
                {totals.claims, "claims said"},
                {totals.claimed, "claimed"},
                {totals.unknown, "not reserved"},
                {totals.away, "registry away"},
                {totals.vanished, "vanished"},
                {totals.released, "given back"},
                {totals.extended, "extended"},
                {totals.requests, "requests"},
                {totals.starts, "agents started"},
                {totals.faults, "faults"},
                {totals.joins[JOIN_PLACED], "joins placed"},
                {totals.joins[JOIN_RECONNECTED], "reconnected"},
                {totals.joins[JOIN_FOLLOWED], "followed"},
                {totals.joins[JOIN_NO_SEAT], "without a seat"},
                {totals.joins[JOIN_STORE_AWAY] + totals.joins[JOIN_STORE_REFUSED], "store away"},
                {totals.joins[JOIN_REGISTRY_AWAY] + totals.joins[JOIN_CONTENDED], "joins failed"},
                {totals.milliseconds / 1000, "seconds"},
                {totals.steps, "steps"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        printf("%10" PRIu64 "  %-16s%s", rows[i].count, rows[i].what, i % 4 == 3 ? "\n" : "");
    }
    return fine ? 0 : 1;
}
