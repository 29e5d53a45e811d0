/* The floor for an idle agent: libevent and libcurl's multi interface with the same TCP probe and the same
 * heartbeat, and nothing else.
 *
 * usage: bench_floor_bare ENDPOINT KEY TTL_SECONDS PROBE_PORT */
#include "floor_bare_curl.h"
#include "floor_etcd.h"
#include "outrider/base/buf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct bare {
    struct event_base *base;
    struct bare_curl *client;
    const char *key;
    int64_t lease;
    struct buf heartbeat;
    struct sockaddr_in target;
    int fd;
    struct event *connected, *heartbeats;
    struct timeval heartbeat_every;
};

static void on_connected(evutil_socket_t fd, short what, void *user)
{
    struct bare *bare = user;
    int errnum = ETIMEDOUT;
    socklen_t size = sizeof(errnum);
    if ((what & EV_WRITE) != 0) {
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &size);
    }
    if (errnum != 0) {
        fprintf(stderr, "floor_bare: the probe failed: error %d\n", errnum);
        exit(1);
    }
    event_free(bare->connected);
    close(fd);
}

static void probe(evutil_socket_t none, short what, void *user)
{
    (void)none;
    (void)what;
    struct bare *bare = user;
    static const struct timeval timeout = {0, 500000};
    bare->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connect(bare->fd, (struct sockaddr *)&bare->target, sizeof(bare->target)) < 0 &&
        errno != EINPROGRESS) {
        perror("floor_bare: connect");
        exit(1);
    }
    bare->connected = event_new(bare->base, bare->fd, EV_WRITE, on_connected, bare);
    event_add(bare->connected, &timeout);
}

static void heartbeat(evutil_socket_t none, short what, void *user)
{
    (void)none;
    (void)what;
    struct bare *bare = user;
    bare_curl_post(bare->client, "/v3/lease/keepalive", &bare->heartbeat, NULL, NULL);
}

static void registered(void *user)
{
    struct bare *bare = user;
    event_add(bare->heartbeats, &bare->heartbeat_every);
}

static void granted(void *user)
{
    struct bare *bare = user;
    struct buf body = {0};
    floor_put_body(bare->key, floor_record, bare->lease, &body);
    bare_curl_post(bare->client, "/v3/kv/txn", &body, registered, bare);
    buf_fini(&body);
}

static void stop(evutil_socket_t signo, short what, void *user)
{
    (void)signo;
    (void)what;
    struct bare *bare = user;
    event_base_loopbreak(bare->base);
}

static void start(struct bare *bare, const char *endpoint, long ttl_s)
{
    static const struct timeval second = {1, 0};
    bare->base = event_base_new();
    bare->client = bare_curl_new(bare->base, endpoint);
    bare->heartbeat_every = (struct timeval){ttl_s / 3, ttl_s % 3 * 1000000 / 3};
    bare->heartbeats = event_new(bare->base, -1, EV_PERSIST, heartbeat, bare);
    struct event *probes = event_new(bare->base, -1, EV_PERSIST, probe, bare);
    struct event *term = evsignal_new(bare->base, SIGTERM, stop, bare);
    if (bare->heartbeats == NULL || probes == NULL || term == NULL) {
        abort();
    }
    event_add(term, NULL);
    event_add(probes, &second);
    struct buf body = {0};
    floor_grant_body(bare->lease, ttl_s, &body);
    bare_curl_post(bare->client, "/v3/lease/grant", &body, granted, bare);
    buf_fini(&body);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: bench_floor_bare ENDPOINT KEY TTL_SECONDS PROBE_PORT\n");
        return 64;
    }
    struct bare bare = {.key = argv[2], .lease = floor_lease_id()};
    bare.target = (struct sockaddr_in){.sin_family = AF_INET,
                                       .sin_port = htons((uint16_t)atoi(argv[4])),
                                       .sin_addr = {htonl(INADDR_LOOPBACK)}};
    floor_lease_body(bare.lease, &bare.heartbeat);
    start(&bare, argv[1], atol(argv[3]));
    event_base_dispatch(bare.base);
    return 0; /* the lease expires by itself */
}
