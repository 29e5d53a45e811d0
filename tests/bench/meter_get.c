/* How long an answer takes over HTTP on a connection that is kept: several addresses take turns, so that a
 * busy machine slows them all.
 *
 *     bench_get N NAME=PORT/PATH[#ETAG]...
 *
 * Prints "NAME NS" of each for N rounds, and "NAME-bytes COUNT", the body of its last answer. */
#include "http_peer.h"
#include "meter.h"

#include <stdio.h>
#include <time.h>

enum { PEERS_MAX = 8, WARM_UP = 20 };

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t get(struct http_peer *peer)
{
    int64_t began = now_ns();
    http_peer_ask(peer);
    while (!http_peer_read(peer)) {
    }
    return now_ns() - began;
}

int main(int argc, char **argv)
{
    static struct http_peer peers[PEERS_MAX];
    size_t count = (size_t)argc - 2;
    if (argc < 3 || count > PEERS_MAX) {
        meter_die("usage: N NAME=PORT/PATH[#ETAG]..., %d at most", PEERS_MAX);
    }
    int64_t rounds = meter_number(argv[1]);
    char **names = argv + 2;
    for (size_t i = 0; i < count; i++) {
        const char *target = http_peer_target(names[i]);
        http_peer_open(&peers[i], target);
    }
    for (int64_t round = -WARM_UP; round < rounds; round++) {
        for (size_t i = 0; i < count; i++) {
            int64_t took = get(&peers[i]);
            if (round >= 0) {
                printf("%s %lld\n", names[i], (long long)took);
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        printf("%s-bytes %zu\n", names[i], peers[i].body);
    }
    return 0;
}
