/* Lives and deaths of game servers. For each agent in turn: its port is opened and the server says ready
 * (-> `ready` at a watcher, the port having been closed); the server is killed (-> `error` at a watcher).
 * Several agents take turns because the contract allows each one status write a second, and a life may
 * take three (error, initializing, ready).
 *
 * usage: bench_life ENDPOINT PREFIX DIR attach|mainpid ROUNDS ID:PORT...
 * DIR/ID/status.sock and DIR/ID/notify.sock are the agent's; prints "back US" and "dead US" */
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

enum { EVENT_TIMEOUT_MS = 10000, REST_US = 50000, ROUND_US = 3500000 };

struct bench {
    struct etcd_watch watch;
    const char *prefix, *dir;
    bool attach;
};

struct server {
    const char *id;
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

static void come_up(struct bench *bench, struct server *server)
{
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)], key[512], text[64] = "attach ready\n";
    snprintf(path, sizeof(path), "%s/%s/%s.sock", bench->dir, server->id,
             bench->attach ? "status" : "notify");
    snprintf(key, sizeof(key), "%s/%s", bench->prefix, server->id);
    server->listener = meter_bind_tcp(server->port);
    server->line = bench->attach ? meter_connect_unix(path) : notify_open(path);
    server->pid = spawn();
    if (!bench->attach) {
        snprintf(text, sizeof(text), "MAINPID=%d\nREADY=1\n", (int)server->pid);
    }
    if (listen(server->listener, 16) < 0) {
        meter_die("listen: %s", strerror(errno));
    }
    int64_t start = meter_now_us();
    meter_write(server->line, text);
    int64_t seen = etcd_watch_until(&bench->watch, key, "\"status\":\"ready\"", EVENT_TIMEOUT_MS)->at_us;
    printf("back %" PRId64 "\n", seen - start);
    close(server->listener);
    close(server->line);
}

static void go_down(struct bench *bench, struct server *server)
{
    char key[512];
    snprintf(key, sizeof(key), "%s/%s", bench->prefix, server->id);
    int64_t start = meter_now_us();
    kill(server->pid, SIGKILL);
    int64_t seen = etcd_watch_until(&bench->watch, key, "\"status\":\"error\"", EVENT_TIMEOUT_MS)->at_us;
    printf("dead %" PRId64 "\n", seen - start);
    waitpid(server->pid, NULL, 0);
}

static struct server *parse(char **arguments, size_t count)
{
    struct server *servers = calloc(count, sizeof(*servers));
    for (size_t i = 0; servers != NULL && i < count; i++) {
        char *colon = strrchr(arguments[i], ':');
        if (colon == NULL) {
            meter_die("%s: not ID:PORT", arguments[i]);
        }
        *colon = '\0';
        servers[i] = (struct server){.id = arguments[i], .port = (uint16_t)meter_number(colon + 1)};
    }
    return servers;
}

int main(int argc, char **argv)
{
    if (argc < 7) {
        fprintf(stderr, "usage: bench_life ENDPOINT PREFIX DIR attach|mainpid ROUNDS ID:PORT...\n");
        return 64;
    }
    struct bench bench = {.prefix = argv[2], .dir = argv[3], .attach = strcmp(argv[4], "attach") == 0};
    int64_t rounds = meter_number(argv[5]);
    size_t count = (size_t)argc - 6;
    struct server *servers = parse(argv + 6, count);
    if (servers == NULL) {
        meter_die("out of memory");
    }
    etcd_watch_open(&bench.watch, argv[1], bench.prefix, true);
    for (int64_t round = 0; round < rounds; round++) {
        int64_t start = meter_now_us();
        for (size_t i = 0; i < count; i++) {
            meter_rest_us(REST_US);
            come_up(&bench, &servers[i]);
            meter_rest_us(REST_US);
            go_down(&bench, &servers[i]);
        }
        int64_t left = start + ROUND_US - meter_now_us();
        meter_rest_us(left > 0 ? left : 0);
    }
    free(servers);
    return 0;
}
