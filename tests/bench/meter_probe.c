/* CPU of one try of a probe beside the same work by hand: what a program must do that has other connections to serve, or for exec
 * posix_spawn() and the wait for it. Drivers and floors take turns.
 *
 * usage: bench_probe try TYPE N ROUNDS       "subject" and "floor": CPU of N tries, ns a try
 *        bench_probe pace SECONDS TCP UNIX   "floor": CPU of a program that makes 64 tries a second, a third of each type,
 *                                            at the port TCP and the socket UNIX, us in all
 *
 * The CPU of a program that is run, and of the process that starts it, counts on both sides. Other types have their own rows of
 * `kinds`. */
#include "meter.h"

#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/resolver.h"
#include "outrider/io/program/program_starter.h"
#include "outrider/io/program/programs.h"
#include "outrider/probe/driver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "/bin/true"

enum { PROBES = 64, LONG_MS = 60000 };

struct world {
    struct config_probe probe;
    struct probe_context context;
    int epoll;
    bool done;
};

static char program[] = PROGRAM;
static char socket_path[64];

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

/* ---- the servers: a process of their own, which accepts and closes ---- */

static void serve(int listener)
{
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            close(accept(listener, NULL, NULL));
        }
    }
    close(listener);
}

static uint16_t serve_tcp(void)
{
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    int fd = meter_bind_tcp(0);
    if (listen(fd, 1024) < 0 || getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
        meter_die("cannot listen: %s", strerror(errno));
    }
    serve(fd);
    return ntohs(address.sin_port);
}

static void serve_unix(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(socket_path, sizeof(socket_path), "/tmp/bench-probe-%d", (int)getpid());
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1024) < 0) {
        meter_die("cannot listen at %s: %s", socket_path, strerror(errno));
    }
    serve(fd);
}

/* ---- floors ---- */

static void bare_connect(const struct world *world, const struct sockaddr *address, socklen_t size)
{
    int error = 0;
    socklen_t error_size = sizeof(error);
    struct epoll_event event = {.events = EPOLLOUT};
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connect(fd, address, size) < 0 && errno == EINPROGRESS) {
        epoll_ctl(world->epoll, EPOLL_CTL_ADD, fd, &event);
        epoll_wait(world->epoll, &event, 1, LONG_MS);
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size);
    } else {
        error = 0;
    }
    if (fd < 0 || error != 0) {
        meter_die("a connection failed: %s", strerror(error));
    }
    close(fd);
}

static void bare_tcp(const struct world *world)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(world->probe.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bare_connect(world, (struct sockaddr *)&address, sizeof(address));
}

static void bare_unix(const struct world *world)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", world->probe.path);
    bare_connect(world, (struct sockaddr *)&address, sizeof(address));
}

static void bare_exec(const struct world *world)
{
    (void)world;
    char *words[] = {program, NULL}, *none[] = {NULL};
    pid_t pid;
    int status;
    if (posix_spawn(&pid, PROGRAM, NULL, NULL, words, none) != 0 || waitpid(pid, &status, 0) != pid ||
        status != 0) {
        meter_die("%s did not run", PROGRAM);
    }
}

static void set_tcp(struct config_probe *probe)
{
    probe->port = serve_tcp();
}

static void set_unix(struct config_probe *probe)
{
    serve_unix();
    probe->path = socket_path;
}

static void set_exec(struct config_probe *probe)
{
    probe->command[0] = program;
    probe->command_count = 1;
}

static const struct kind {
    const char *name;
    enum config_probe_type type;
    void (*set)(struct config_probe *probe);
    void (*bare)(const struct world *world);
} kinds[] = {
    {"tcp", CONFIG_PROBE_TCP, set_tcp, bare_tcp},
    {"unix", CONFIG_PROBE_UNIX, set_unix, bare_unix},
    {"exec", CONFIG_PROBE_EXEC, set_exec, bare_exec},
};

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

static int64_t measure_floor(const struct world *world, const struct kind *kind, int64_t n)
{
    int64_t before = cpu_us();
    for (int64_t i = 0; i < n; i++) {
        kind->bare(world);
    }
    return cpu_us() - before;
}

static void open_world(struct world *world)
{
    struct error err;
    struct loop *loop = loop_new(&err);
    if (loop == NULL) {
        meter_die("%s", err.text);
    }
    world->epoll = epoll_create1(EPOLL_CLOEXEC);
    world->context = (struct probe_context){.loop = loop, .resolver = resolver_new(loop, NULL)};
}

static int compare(const struct kind *kind, int64_t n, int64_t rounds)
{
    struct world world = {.probe = {.type = kind->type, .timeout_ms = LONG_MS}};
    kind->set(&world.probe); /* forks, before anything is open */
    open_world(&world);
    for (int64_t i = -1; i < rounds; i++) {
        int64_t subject = measure_subject(&world, n), floor = measure_floor(&world, kind, n);
        if (i >= 0) {
            printf("subject %" PRId64 "\nfloor %" PRId64 "\n", subject * 1000 / n, floor * 1000 / n);
        }
    }
    unlink(socket_path);
    return 0;
}

/* As the agent beside it, which has 22 tcp, 21 unix and 21 exec probes. */
static int pace(int64_t seconds, const char *port, const char *path)
{
    struct world world = {.probe = {.port = (uint16_t)meter_number(port)}};
    char *copy = strdup(path);
    world.probe.path = copy;
    world.epoll = epoll_create1(EPOLL_CLOEXEC);
    int64_t began = meter_now_us(), before = cpu_us();
    for (int64_t i = 0; i < seconds * PROBES; i++) {
        meter_rest_us(began + i * 1000000 / PROBES - meter_now_us());
        kinds[(size_t)(i % PROBES) % COUNT_OF(kinds)].bare(&world);
    }
    printf("floor %" PRId64 "\n", cpu_us() - before);
    free(copy);
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
    if (argc == 5 && strcmp(argv[1], "pace") == 0) {
        return pace(meter_number(argv[2]), argv[3], argv[4]);
    }
    fprintf(stderr, "usage: bench_probe try TYPE N ROUNDS | bench_probe pace SECONDS TCP UNIX\n");
    return 64;
}
