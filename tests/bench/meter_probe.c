/* CPU of one try of a probe beside the same work by hand (probe_bare.h). Drivers and floors take turns.
 *
 * usage: bench_probe try TYPE N ROUNDS            "subject" and "floor": CPU of N tries, ns a try
 *        bench_probe serve                        starts a server of each type; a line "TYPE PORT" or "TYPE PATH" each, and
 *                                                 ends with its standard input
 *        bench_probe pace SECONDS (TYPE WHERE)... "floor": CPU of a program that makes 64 tries a second, of each type in turn, at
 *                                                 such servers, us in all
 *
 * The CPU of a program that is run, and of the process that starts it, counts on both sides. */
#include "meter.h"
#include "probe_bare.h"
#include "probe_peer.h"

#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/resolver.h"
#include "outrider/io/program/program_starter.h"
#include "outrider/io/program/programs.h"
#include "outrider/probe/driver.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROBES = 64, LONG_MS = 60000 };

struct world {
    struct config_probe probe;
    struct probe_context context;
    struct probe_clients clients;
    bool done;
};

static char program[] = PROBE_PROGRAM;

static const struct kind {
    const char *name;
    enum config_probe_type type;
} kinds[] = {
    {"tcp", CONFIG_PROBE_TCP},
    {"unix", CONFIG_PROBE_UNIX},
    {"exec", CONFIG_PROBE_EXEC},
    {"a2s", CONFIG_PROBE_A2S},
    {"raknet", CONFIG_PROBE_RAKNET},
    {"quake3", CONFIG_PROBE_QUAKE3},
    {"minecraft", CONFIG_PROBE_MINECRAFT},
    {"http", CONFIG_PROBE_HTTP},
    {"grpc", CONFIG_PROBE_GRPC},
};

/* With children that were waited for. */
static int64_t cpu_us(void)
{
    struct rusage own, children;
    getrusage(RUSAGE_SELF, &own);
    getrusage(RUSAGE_CHILDREN, &children);
    const struct timeval parts[] = {own.ru_utime, own.ru_stime, children.ru_utime, children.ru_stime};
    int64_t sum = 0;
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        sum += (int64_t)parts[i].tv_sec * 1000000 + parts[i].tv_usec;
    }
    return sum;
}

/* ---- drivers ---- */

static int allow(const struct program_request *request, struct error *err, void *user)
{
    (void)request;
    (void)err;
    (void)user;
    return 0;
}

static void on_gone(void *user)
{
    (void)user;
    meter_die("the starter ended");
}

static void on_tried(const struct probe_result *result, void *user)
{
    struct world *world = user;
    if (result->outcome != PROBE_PASSED) {
        meter_die("a try failed: %s", result->detail);
    }
    world->done = true;
}

static void try_all(struct world *world, int64_t n)
{
    const struct probe_driver *driver = probe_driver_for(world->probe.type);
    for (int64_t i = 0; i < n; i++) {
        world->done = false;
        driver->start(&world->context, "127.0.0.1", &world->probe, on_tried, world);
        while (!world->done) {
            loop_turn_once(world->context.loop, true);
        }
    }
}

/* With the start and the end of what starts programs. */
static int64_t measure_subject(struct world *world, int64_t n)
{
    struct error err;
    pid_t starter = 0;
    int64_t before = cpu_us();
    if (world->probe.type == CONFIG_PROBE_EXEC) {
        int fd = program_starter_fork(allow, NULL, 0, &err, &starter);
        if (fd < 0) {
            meter_die("%s", err.text);
        }
        world->context.programs = programs_new(world->context.loop, fd, on_gone, NULL);
    }
    try_all(world, n);
    if (starter > 0) {
        programs_free(world->context.programs);
        waitpid(starter, NULL, 0);
    }
    return cpu_us() - before;
}

static int64_t measure_floor(struct bare *bare, int64_t n)
{
    int64_t before = cpu_us();
    for (int64_t i = 0; i < n; i++) {
        bare_try(bare);
    }
    return cpu_us() - before;
}

static void open_world(struct world *world, struct peer *peer)
{
    struct error err;
    struct loop *loop = loop_new(&err);
    if (loop == NULL) {
        meter_die("%s", err.text);
    }
    world->context = (struct probe_context){
        .loop = loop, .resolver = resolver_new(loop, NULL), .clients = &world->clients};
    world->probe.port = peer->port;
    world->probe.path = peer->path[0] == '\0' ? NULL : peer->path;
    world->probe.command[0] = program;
    world->probe.command_count = 1;
}

static int compare(const struct kind *kind, int64_t n, int64_t rounds)
{
    struct world world = {.probe = {.type = kind->type, .timeout_ms = LONG_MS}};
    struct peer peer;
    peer_start(kind->name, &peer); /* forks, before anything is open */
    open_world(&world, &peer);
    struct bare *bare = bare_new(kind->name, &peer);
    for (int64_t i = -1; i < rounds; i++) {
        int64_t subject = measure_subject(&world, n), floor = measure_floor(bare, n);
        if (i >= 0) {
            printf("subject %" PRId64 "\nfloor %" PRId64 "\n", subject * 1000 / n, floor * 1000 / n);
        }
    }
    unlink(peer.path);
    return 0;
}

static int serve(void)
{
    struct peer peers[COUNT_OF(kinds)];
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        peer_start(kinds[i].name, &peers[i]);
        if (peers[i].port != 0) {
            printf("%s %u\n", kinds[i].name, peers[i].port);
        } else {
            printf("%s %s\n", kinds[i].name, peers[i].path[0] == '\0' ? PROBE_PROGRAM : peers[i].path);
        }
    }
    fflush(stdout);
    while (getchar() != EOF) {
    }
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        unlink(peers[i].path);
    }
    return 0;
}

/* As the agent beside it. */
static int pace(int64_t seconds, char **words, size_t count)
{
    struct peer peers[COUNT_OF(kinds)] = {0};
    struct bare *bares[COUNT_OF(kinds)];
    for (size_t i = 0; i < count; i++) {
        const char *where = words[2 * i + 1];
        if (where[0] == '/') {
            snprintf(peers[i].path, sizeof(peers[i].path), "%s", where);
        } else {
            peers[i].port = (uint16_t)meter_number(where);
        }
        bares[i] = bare_new(words[2 * i], &peers[i]);
        if (bares[i] == NULL) {
            meter_die("no floor for probes of type %s", words[2 * i]);
        }
        bare_try(bares[i]);
    }
    int64_t began = meter_now_us(), before = cpu_us();
    for (int64_t i = 0; i < seconds * PROBES; i++) {
        meter_rest_us(began + i * 1000000 / PROBES - meter_now_us());
        bare_try(bares[(size_t)(i % PROBES) % count]);
    }
    printf("floor %" PRId64 "\n", cpu_us() - before);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "try") == 0) {
        for (size_t i = 0; i < COUNT_OF(kinds); i++) {
            if (strcmp(argv[2], kinds[i].name) == 0) {
                return compare(&kinds[i], meter_number(argv[3]), meter_number(argv[4]));
            }
        }
        meter_die("no floor for probes of type %s", argv[2]);
    }
    if (argc == 2 && strcmp(argv[1], "serve") == 0) {
        return serve();
    }
    size_t count = argc < 5 ? 0 : (size_t)(argc - 3) / 2;
    if (count > 0 && count <= COUNT_OF(kinds) && argc % 2 == 1 && strcmp(argv[1], "pace") == 0) {
        return pace(meter_number(argv[2]), argv + 3, count);
    }
    fprintf(stderr, "usage: bench_probe try TYPE N ROUNDS | bench_probe serve | bench_probe pace SECONDS "
                    "(TYPE WHERE)...\n");
    return 64;
}
