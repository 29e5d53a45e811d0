/* sim [--seed S] [--hours H] [--like KIND] [--verbose] [--keep-going]: simulates worlds from seed S on for
 * H agent-hours. The first failure prints its last events and the command that replays it. */
#include "options.h"
#include "sim.h"

#include "outrider/base/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct options {
    uint64_t seed, hours, herd;
    bool verbose, keep_going;
    const struct memory_kind *kind;
};

static int usage(void)
{
    fputs("sim [--seed S] [--hours H] [--like etcd|redis|consul] [--verbose] [--keep-going]\n"
          "sim --herd AGENTS [--seed S]\n",
          stderr);
    return 64;
}

static int read_options(int argc, char **argv, struct options *ret_options)
{
    struct options options = {.seed = 1, .hours = 100, .kind = &memory_etcd};
    for (int i = 1; i < argc; i++) {
        uint64_t *number = strcmp(argv[i], "--seed") == 0    ? &options.seed
                           : strcmp(argv[i], "--hours") == 0 ? &options.hours
                           : strcmp(argv[i], "--herd") == 0  ? &options.herd
                                                             : NULL;
        if (number != NULL && i + 1 < argc && str_to_u64(str_of(argv[i + 1]), UINT64_MAX, number) == 0) {
            i++;
        } else if (strcmp(argv[i], "--like") == 0 && i + 1 < argc && options_kind(argv[i + 1]) != NULL) {
            options.kind = options_kind(argv[++i]);
        } else if (strcmp(argv[i], "--verbose") == 0) {
            options.verbose = true;
        } else if (strcmp(argv[i], "--keep-going") == 0) {
            options.keep_going = true;
        } else {
            return -1;
        }
    }
    *ret_options = options;
    return 0;
}

static void add(struct stats *total, const struct stats *more)
{
    total->steps += more->steps;
    total->requests += more->requests;
    total->writes += more->writes;
    total->starts += more->starts;
    total->storms += more->storms;
    total->checks += more->checks;
    total->expiries += more->expiries;
    total->elections += more->elections;
    total->repairs += more->repairs;
    total->views += more->views;
    total->resumed += more->resumed;
    total->agent_ms += more->agent_ms;
    for (int fault = 0; fault < FAULT_COUNT; fault++) {
        total->faults[fault] += more->faults[fault];
    }
}

#define FAULT_TEXT(name, text) text,

static void print_faults(const struct stats *total)
{
    static const char *const texts[] = {FAULTS(FAULT_TEXT)};
    for (int fault = 0; fault < FAULT_COUNT; fault++) {
        printf("%8" PRIu64 "  %-34s%s", total->faults[fault], texts[fault],
               fault % 3 == 2 || fault == FAULT_COUNT - 1 ? "\n" : "");
    }
}

/* Runs one world; returns whether every invariant held. */
static bool play(uint64_t seed, const struct memory_kind *kind, struct narrative *narrative,
                 struct stats *total)
{
    narrative_clear(narrative);
    struct world *world = world_new(seed, kind, narrative);
    world_run(world);
    bool fine = !world->failed;
    add(total, &world->stats);
    if (!fine) {
        narrative_print(narrative);
        printf("FAILED: %s\nreplay: sim --like %s --seed %" PRIu64 " --hours 1 --verbose\n",
               narrative_verdict(narrative), kind->name, seed);
    }
    world_free(world);
    return fine;
}

static int run(const struct options *options)
{
    struct narrative *narrative = narrative_new(options->verbose);
    struct stats total = {0};
    double began = options_seconds();
    uint64_t seed = options->seed, failures = 0;
    while (total.agent_ms < options->hours * 3600000 && (failures == 0 || options->keep_going)) {
        failures += play(seed, options->kind, narrative, &total) ? 0 : 1;
        seed++;
    }
    double took = options_seconds() - began, hours = (double)total.agent_ms / 3600000.0;
    printf("%.0f agent-hours in %" PRIu64 " worlds (seeds %" PRIu64 "..%" PRIu64 "), %" PRIu64
           " failed; %.1f s of one core, "
           "%.0f agent-hours a second\n",
           hours, seed - options->seed, options->seed, seed - 1, failures, took, hours / took);
    printf("%" PRIu64 " steps, %" PRIu64 " requests, %" PRIu64 " writes, %" PRIu64 " starts, %" PRIu64
           " storms, %" PRIu64 " leases expired, %" PRIu64 " elections, %" PRIu64
           " records compared, %" PRIu64 " repairs timed, %" PRIu64 " views compared, %" PRIu64
           " readers resumed\n",
           total.steps, total.requests, total.writes, total.starts, total.storms, total.expiries,
           total.elections, total.checks, total.repairs, total.views, total.resumed);
    print_faults(&total);
    narrative_free(narrative);
    return failures == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct options options;
    if (read_options(argc, argv, &options) < 0) {
        return usage();
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (options.herd > 0) {
        return herd_run((unsigned)options.herd, options.seed) ? 0 : 1;
    }
    return run(&options);
}
