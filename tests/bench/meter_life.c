/* Lives and deaths of game servers. For each agent in turn: its port is opened and the server says ready
 * (-> `ready` at a watcher, the port having been closed); the server is killed (-> `error` at a watcher).
 * Several agents take turns because the contract allows each one status write a second, and a life may
 * take three (error, initializing, ready).
 *
 * usage: bench_life ENDPOINT PREFIX DIR ROUNDS KIND:ID:PORT...
 * DIR/ID/status.sock and DIR/ID/notify.sock are the agent's. Prints "back-KIND US" and "dead-KIND US". KIND is attach,
 * mainpid, open (a connection to the status socket that is not attached), or anything else for a server that says nothing
 * at all; the last two are killed at any time between two probes. */
#include "etcd_watch.h"
#include "meter.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* PROBE_US is the interval of a probe. Its golden section, again and again, spreads the kills evenly over it. */
enum {
    EVENT_TIMEOUT_MS = 10000,
    REST_US = 50000,
    ROUND_US = 3500000,
    PROBE_US = 1000000,
    SECTION_US = 618034
};

struct bench {
    struct etcd_watch watch;
    const char *prefix, *dir;
    int64_t rest_us; /* the last within an interval */
};

enum kind { ATTACH, MAINPID, OPEN, SILENT };

struct server {
    const char *kind_name, *id;
    enum kind kind;
    uint16_t port;
    pid_t pid;
    int listener, line; /* closed here once the child alone holds them */
};

/* A process that holds the port and the life line, as a game server would; killed, the kernel closes both. */
static pid_t spawn(void)
{
    pid_t pid = fork();
    if (pid < 0) {
        meter_die("fork: %s", strerror(errno));
    }
    if (pid == 0) {
        for (;;) {
            pause();
        }
    }
    return pid;
}

static int notify_open(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        meter_die("%s: %s", path, strerror(errno));
    }
    return fd;
}

static int open_line(const struct bench *bench, const struct server *server)
{
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    snprintf(path, sizeof(path), "%s/%s/%s.sock", bench->dir, server->id,
             server->kind == MAINPID ? "notify" : "status");
    switch (server->kind) {
    case ATTACH:
    case OPEN: return meter_connect_unix(path);
    case MAINPID: return notify_open(path);
    case SILENT: break;
    }
    return -1;
}

static void come_up(struct bench *bench, struct server *server)
{
    char key[512], text[64] = "attach ready\n";
    snprintf(key, sizeof(key), "%s/%s", bench->prefix, server->id);
    server->listener = meter_bind_tcp(server->port);
    server->line = open_line(bench, server);
    server->pid = spawn();
    if (server->kind == MAINPID) {
        snprintf(text, sizeof(text), "MAINPID=%d\nREADY=1\n", (int)server->pid);
    } else if (server->kind == OPEN) {
        snprintf(text, sizeof(text), "ready\n");
    }
    if (listen(server->listener, 16) < 0) {
        meter_die("listen: %s", strerror(errno));
    }
    int64_t start = meter_now_us();
    if (server->line >= 0) {
        meter_write(server->line, text);
    }
    int64_t seen = etcd_watch_until(&bench->watch, key, "\"status\":\"ready\"", EVENT_TIMEOUT_MS)->at_us;
    printf("back-%s %" PRId64 "\n", server->kind_name, seen - start);
    close(server->listener);
    if (server->line >= 0) {
        close(server->line);
    }
}

static void go_down(struct bench *bench, struct server *server)
{
    char key[512];
    snprintf(key, sizeof(key), "%s/%s", bench->prefix, server->id);
    int64_t start = meter_now_us();
    kill(server->pid, SIGKILL);
    int64_t seen = etcd_watch_until(&bench->watch, key, "\"status\":\"error\"", EVENT_TIMEOUT_MS)->at_us;
    printf("dead-%s %" PRId64 "\n", server->kind_name, seen - start);
    waitpid(server->pid, NULL, 0);
}

static enum kind kind_of(const char *name)
{
    static const char *const names[] = {[ATTACH] = "attach", [MAINPID] = "mainpid", [OPEN] = "open"};
    enum kind kind = ATTACH;
    while (kind < SILENT && strcmp(name, names[kind]) != 0) {
        kind++;
    }
    return kind;
}

static struct server *parse(char **arguments, size_t count)
{
    struct server *servers = calloc(count, sizeof(*servers));
    for (size_t i = 0; servers != NULL && i < count; i++) {
        char *id = strchr(arguments[i], ':'), *port = strrchr(arguments[i], ':');
        if (id == port) {
            meter_die("%s: not KIND:ID:PORT", arguments[i]);
        }
        *id = *port = '\0';
        servers[i] = (struct server){.kind_name = arguments[i],
                                     .kind = kind_of(arguments[i]),
                                     .id = id + 1,
                                     .port = (uint16_t)meter_number(port + 1)};
    }
    return servers;
}

static int64_t next_rest(struct bench *bench, const struct server *server)
{
    if (server->kind < OPEN) {
        return REST_US;
    }
    bench->rest_us = (bench->rest_us + SECTION_US) % PROBE_US;
    return REST_US + bench->rest_us;
}

int main(int argc, char **argv)
{
    if (argc < 6) {
        fprintf(stderr, "usage: bench_life ENDPOINT PREFIX DIR ROUNDS KIND:ID:PORT...\n");
        return 64;
    }
    struct bench bench = {.prefix = argv[2], .dir = argv[3]};
    int64_t rounds = meter_number(argv[4]);
    size_t count = (size_t)argc - 5;
    struct server *servers = parse(argv + 5, count);
    if (servers == NULL) {
        meter_die("out of memory");
    }
    etcd_watch_open(&bench.watch, argv[1], bench.prefix, true);
    for (int64_t round = 0; round < rounds; round++) {
        int64_t start = meter_now_us();
        for (size_t i = 0; i < count; i++) {
            meter_rest_us(REST_US);
            come_up(&bench, &servers[i]);
            meter_rest_us(next_rest(&bench, &servers[i]));
            go_down(&bench, &servers[i]);
        }
        int64_t left = start + ROUND_US - meter_now_us();
        meter_rest_us(left > 0 ? left : 0);
    }
    free(servers);
    return 0;
}
