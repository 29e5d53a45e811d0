/* How long an answer takes over HTTP on a connection that is kept: two addresses take turns, so that a busy
 * machine slows both.
 *
 *     bench_get N SUBJECT_PORT SUBJECT_PATH FLOOR_PORT FLOOR_PATH
 *
 * Prints "subject US" and "floor US" for each of N requests, and "bytes COUNT" of the subject's body. */
#include "meter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { HEAD_MAX = 16384, WARM_UP = 20 };

struct peer {
    int fd;
    char request[512];
    size_t request_size;
    char *buffer; /* of HEAD_MAX and then a body, read over and over */
    size_t body;  /* bytes of the last answer's */
};

static struct peer peer_of(const char *port, const char *path)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)meter_number(port)),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct peer peer = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    int on = 1;
    if (peer.fd < 0 || connect(peer.fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        meter_die("port %s: %s", port, strerror(errno));
    }
    setsockopt(peer.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    int size = snprintf(peer.request, sizeof(peer.request), "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", path);
    peer.request_size = (size_t)size;
    peer.buffer = calloc(1, HEAD_MAX);
    return peer;
}

static size_t receive(const struct peer *peer, char *at, size_t room)
{
    ssize_t got = recv(peer->fd, at, room, 0);
    if (got <= 0) {
        meter_die("%.*s: %s", (int)strcspn(peer->request, "\r"), peer->request,
                  got == 0 ? "the connection was closed" : strerror(errno));
    }
    return (size_t)got;
}

/* Bytes of the body, of which `ret_had` came with the head. */
static size_t read_head(struct peer *peer, size_t *ret_had)
{
    size_t size = 0;
    char *end = NULL;
    while (end == NULL) {
        if (size == HEAD_MAX - 1) {
            meter_die("the head of an answer does not end");
        }
        size += receive(peer, peer->buffer + size, HEAD_MAX - 1 - size);
        peer->buffer[size] = '\0';
        end = strstr(peer->buffer, "\r\n\r\n");
    }
    const char *length = strcasestr(peer->buffer, "\r\nContent-Length:");
    if (strncmp(peer->buffer, "HTTP/1.1 200 ", 13) != 0 || length == NULL || length > end) {
        meter_die("answered %.60s", peer->buffer);
    }
    *ret_had = size - (size_t)(end + 4 - peer->buffer);
    return strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
}

static int64_t get(struct peer *peer)
{
    int64_t began = meter_now_us();
    size_t had;
    if (send(peer->fd, peer->request, peer->request_size, MSG_NOSIGNAL) != (ssize_t)peer->request_size) {
        meter_die("a request could not be written: %s", strerror(errno));
    }
    size_t body = read_head(peer, &had);
    static char sink[1 << 20];
    while (had < body) {
        size_t room = body - had < sizeof(sink) ? body - had : sizeof(sink);
        had += receive(peer, sink, room);
    }
    peer->body = body;
    return meter_now_us() - began;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        meter_die("usage: N SUBJECT_PORT SUBJECT_PATH FLOOR_PORT FLOOR_PATH");
    }
    int64_t count = meter_number(argv[1]);
    struct peer subject = peer_of(argv[2], argv[3]), floor = peer_of(argv[4], argv[5]);
    for (int64_t i = -WARM_UP; i < count; i++) {
        int64_t ours = get(&subject), theirs = get(&floor);
        if (i >= 0) {
            printf("subject %lld\nfloor %lld\n", (long long)ours, (long long)theirs);
        }
    }
    printf("bytes %zu\n", subject.body);
    free(subject.buffer);
    free(floor.buffer);
    return 0;
}
