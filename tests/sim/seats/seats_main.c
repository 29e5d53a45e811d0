/* sim_seats [--allocations N] [--hours N] [--seed S] [--players N] [--worlds N] [--like etcd|redis|consul] [--slow N] [--verbose]: plays
 * worlds of N players each until N allocations were made, N hours were simulated, or so many worlds, whichever is first; with --slow N
 * players and faults come N times as seldom. Exits 1 at the first that fails. */
#include "seats_sim.h"

#include "sim/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *value(int argc, char **argv, const char *name, const char *otherwise)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return argv[i + 1];
        }
    }
    return otherwise;
}

static uint64_t number(int argc, char **argv, const char *name, uint64_t otherwise)
{
    const char *text = value(argc, argv, name, NULL);
    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

int main(int argc, char **argv)
{
    uint64_t hours = number(argc, argv, "--hours", 0), seed = number(argc, argv, "--seed", 1);
    uint64_t wanted = number(argc, argv, "--allocations", hours > 0 ? UINT64_MAX : 20000);
    uint64_t worlds = number(argc, argv, "--worlds", UINT64_MAX);
    uint64_t most_ms = hours > 0 ? hours * 3600000 : UINT64_MAX;
    const struct world_options options = {.kind = options_kind(value(argc, argv, "--like", "etcd")),
                                          .wanted = number(argc, argv, "--players", 1000),
                                          .slow = (unsigned)number(argc, argv, "--slow", 1),
                                          .verbose = strcmp(argv[argc - 1], "--verbose") == 0};
    bool fine = true;
    struct totals totals = {0};
    if (options.kind == NULL) {
        fputs("--like etcd, redis or consul\n", stderr);
        return 64;
    }
    double began = options_seconds();
    uint64_t played = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fine && totals.made < wanted && totals.milliseconds < most_ms && played < worlds) {
        fine = world_play(seed + played++, &options, &totals);
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
                {totals.wiped, "registry wiped"},
                {totals.failed_over, "failed over"},
                {totals.undone, "changes undone"},
                {totals.sessions_lost, "sessions undone"},
                {totals.milliseconds / 1000, "seconds"},
                {totals.steps, "steps"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        printf("%10" PRIu64 "  %-16s%s", rows[i].count, rows[i].what, i % 4 == 3 ? "\n" : "");
    }
    puts("");
    return fine ? 0 : 1;
}
