/* How many answers over HTTP a server gives when several connections ask at once, each as soon as its last
 * answer is whole: servers take turns, round by round.
 *
 *     bench_pour ROUNDS REQUESTS CONNECTIONS [NAME=PORT/PATH PID]...
 *
 * Each connection's first answer is summed, and all sums of one server must be the same; of the others the
 * length is checked. Then, for each round and server:
 *     NAME NS           until all REQUESTS were answered
 *     NAME-cpu NS       of the process PID
 *     NAME-reader NS    our own CPU
 * and in the end "NAME-bytes COUNT" and "NAME-sum NUMBER" of a body. */
#include "http_peer.h"
#include "meter.h"
#include "subscribers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { SERVERS_MAX = 4, READY_AT_ONCE = 64, PATIENCE_MS = 10000, REST_US = 1000 };

struct server {
    const char *name;
    int64_t pid;
    int epoll;
    struct http_peer *peers;
    size_t count, bytes;
    uint64_t sum;
};

static int64_t own_cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void first_answer(struct server *server, struct http_peer *peer)
{
    peer->sums = true;
    http_peer_ask(peer);
    while (!http_peer_read(peer)) {
    }
    peer->sums = false;
    if (peer != server->peers && (peer->sum != server->sum || peer->body != server->bytes)) {
        meter_die("%s: two connections had different answers", server->name);
    }
    server->sum = peer->sum;
    server->bytes = peer->body;
}

static void open_server(struct server *server, char *named, const char *pid, size_t count)
{
    const char *target = http_peer_target(named);
    *server = (struct server){.name = named,
                              .pid = meter_number(pid),
                              .epoll = epoll_create1(EPOLL_CLOEXEC),
                              .peers = calloc(count, sizeof(struct http_peer)),
                              .count = count};
    for (size_t i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &server->peers[i]};
        http_peer_open(&server->peers[i], target);
        first_answer(server, &server->peers[i]);
        if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, server->peers[i].fd, &event) < 0) {
            meter_die("epoll: %s", strerror(errno));
        }
    }
}

static void answered(const struct server *server, struct http_peer *peer, size_t *asked, size_t requests)
{
    if (peer->body != server->bytes) {
        meter_die("%s: a body of %zu bytes, not %zu", server->name, peer->body, server->bytes);
    }
    if (*asked < requests) {
        http_peer_ask(peer);
        (*asked)++;
    }
}

static void pour(const struct server *server, size_t requests)
{
    size_t asked = 0, done = 0;
    for (; asked < server->count && asked < requests; asked++) {
        http_peer_ask(&server->peers[asked]);
    }
    while (done < requests) {
        struct epoll_event ready[READY_AT_ONCE];
        int found = epoll_wait(server->epoll, ready, READY_AT_ONCE, PATIENCE_MS);
        if (found == 0) {
            meter_die("%s: nothing came for %d ms", server->name, PATIENCE_MS);
        }
        for (int i = 0; i < found; i++) {
            struct http_peer *peer = ready[i].data.ptr;
            if (http_peer_read(peer)) {
                done++;
                answered(server, peer, &asked, requests);
            }
        }
    }
}

static void measure(const struct server *server, size_t requests, bool count)
{
    int64_t cpu = process_cpu_ns(server->pid), own = own_cpu_ns(), began = meter_now_us();
    pour(server, requests);
    int64_t took = meter_now_us() - began;
    own = own_cpu_ns() - own;
    meter_rest_us(REST_US); /* until it sleeps, so that its time is booked */
    cpu = process_cpu_ns(server->pid) - cpu;
    if (count) {
        printf("%s %" PRId64 "\n%s-cpu %" PRId64 "\n%s-reader %" PRId64 "\n", server->name, took * 1000,
               server->name, cpu, server->name, own);
    }
}

int main(int argc, char **argv)
{
    static struct server servers[SERVERS_MAX];
    size_t count = (size_t)(argc - 4) / 2;
    if (argc < 6 || argc % 2 != 0 || count > SERVERS_MAX) {
        meter_die("usage: ROUNDS REQUESTS CONNECTIONS [NAME=PORT/PATH PID]..., %d at most", SERVERS_MAX);
    }
    int64_t rounds = meter_number(argv[1]);
    size_t requests = (size_t)meter_number(argv[2]);
    for (size_t i = 0; i < count; i++) {
        open_server(&servers[i], argv[4 + 2 * i], argv[5 + 2 * i], (size_t)meter_number(argv[3]));
    }
    for (int64_t round = -1; round < rounds; round++) {
        for (size_t i = 0; i < count; i++) {
            measure(&servers[i], requests, round >= 0);
        }
    }
    for (size_t i = 0; i < count; i++) {
        printf("%s-bytes %zu\n%s-sum %" PRIu64 "\n", servers[i].name, servers[i].bytes, servers[i].name,
               servers[i].sum);
        free(servers[i].peers);
    }
    return 0;
}
