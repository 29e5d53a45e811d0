#include "http_peer.h"

#include "meter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const uint64_t fnv_start = 0xcbf29ce484222325, fnv_prime = 0x100000001b3;

char *http_peer_target(char *named)
{
    char *equals = strchr(named, '=');
    if (equals == NULL) {
        meter_die("%s is not NAME=PORT/PATH", named);
    }
    *equals = '\0';
    return equals + 1;
}

int http_peer_dial(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        meter_die("port %u: %s", (unsigned)port, strerror(errno));
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

bool http_peer_is_whole(const char *text, size_t size)
{
    const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\nContent-Length:");
    if (end == NULL) {
        return false;
    }
    if (length == NULL || length > end) {
        meter_die("an answer without a length: %.200s", text);
    }
    return size >= (size_t)(end + 4 - text) + strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
}

void http_peer_open(struct http_peer *peer, const char *target)
{
    const char *path = strchr(target, '/');
    if (path == NULL) {
        meter_die("%s is not PORT/PATH", target);
    }
    const char *etag = strchr(path, '#');
    int path_size = etag == NULL ? (int)strlen(path) : (int)(etag - path);
    *peer =
        (struct http_peer){.fd = http_peer_dial((uint16_t)atoi(target)), .status = etag == NULL ? 200 : 304};
    int size =
        snprintf(peer->request, sizeof(peer->request), "GET %.*s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s%s%s\r\n",
                 path_size, path, etag == NULL ? "" : "If-None-Match: ", etag == NULL ? "" : etag + 1,
                 etag == NULL ? "" : "\r\n");
    if (size < 0 || (size_t)size >= sizeof(peer->request)) {
        meter_die("%s: longer than a request may be", target);
    }
    peer->request_size = (size_t)size;
}

void http_peer_ask(struct http_peer *peer)
{
    if (send(peer->fd, peer->request, peer->request_size, MSG_NOSIGNAL) != (ssize_t)peer->request_size) {
        meter_die("a request could not be written: %s", strerror(errno));
    }
    peer->head_size = 0;
    peer->in_body = false;
}

static void take_body(struct http_peer *peer, const char *data, size_t size)
{
    if (size > peer->left) {
        meter_die("more came than was asked for");
    }
    peer->left -= size;
    for (size_t i = 0; peer->sums && i < size; i++) {
        peer->sum = (peer->sum ^ (unsigned char)data[i]) * fnv_prime;
    }
}

/* What came with the head belongs to the body. */
static void take_head(struct http_peer *peer, size_t size)
{
    char *head = peer->head;
    peer->head_size += size;
    head[peer->head_size] = '\0';
    const char *end = strstr(head, "\r\n\r\n");
    if (end == NULL) {
        if (peer->head_size == HTTP_PEER_HEAD_MAX - 1) {
            meter_die("the head of an answer does not end");
        }
        return;
    }
    const char *length = strcasestr(head, "\r\nContent-Length:");
    bool has_body = peer->status == 200;
    if (strncmp(head, "HTTP/1.1 ", 9) != 0 || atoi(head + 9) != peer->status ||
        (has_body && (length == NULL || length > end))) {
        meter_die("%.*s was answered %.60s", (int)strcspn(peer->request, "\r"), peer->request, head);
    }
    peer->body = has_body ? strtoul(length + strlen("\r\nContent-Length:"), NULL, 10) : 0;
    peer->left = peer->body;
    peer->sum = fnv_start;
    peer->in_body = true;
    size_t had = (size_t)(end + 4 - head);
    take_body(peer, end + 4, peer->head_size - had);
}

bool http_peer_read(struct http_peer *peer)
{
    static char sink[1 << 18];
    char *at = peer->in_body ? sink : peer->head + peer->head_size;
    size_t room = peer->in_body ? sizeof(sink) : HTTP_PEER_HEAD_MAX - 1 - peer->head_size;
    ssize_t got = recv(peer->fd, at, room, 0);
    if (got <= 0) {
        meter_die("%.*s: %s", (int)strcspn(peer->request, "\r"), peer->request,
                  got == 0 ? "the connection was closed" : strerror(errno));
    }
    if (peer->in_body) {
        take_body(peer, at, (size_t)got);
    } else {
        take_head(peer, (size_t)got);
    }
    return peer->in_body && peer->left == 0;
}
