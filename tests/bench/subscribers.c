#include "subscribers.h"

#include "meter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READY_AT_ONCE = 1024, STALLED_BUFFER = 4096 };

/* With a mask of zeros, which changes nothing. */
static const char subscribe[] = "\x81\x94\0\0\0\0{\"type\":\"subscribe\"}";
static const char upgrade[] = "GET /api/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                              "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

static int dial(uint16_t port, int buffer, bool socket_protocol)
{
    static const char request[] = "GET /api/subscribe HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (buffer > 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
    }
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        meter_die("port %u: %s", (unsigned)port, strerror(errno));
    }
    meter_write(fd, socket_protocol ? upgrade : request);
    if (socket_protocol &&
        send(fd, subscribe, sizeof(subscribe) - 1, MSG_NOSIGNAL) != sizeof(subscribe) - 1) {
        meter_die("port %u: %s", (unsigned)port, strerror(errno));
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

int subscriber_that_stalls(uint16_t port)
{
    return dial(port, STALLED_BUFFER, false);
}

/* An event that ends a revision has an id; nothing else that is sent has a line that begins like it. */
static void count_events(struct subscribers *all, struct subscriber *one, const char *data, size_t size)
{
    uint64_t found = 0;
    for (size_t i = 0; i < size; i++) {
        found += one->line_ended && data[i] == 'i' ? 1 : 0;
        one->line_ended = data[i] == '\n';
    }
    one->bytes += size;
    one->events += found;
    all->events += found;
}

/* Of a WebSocket nothing else has these bytes: its records begin with their id, and what has none says null. */
static uint64_t count_ids(struct subscriber *one, const char *data, size_t size)
{
    static const char before[] = "\",\"id\":\"";
    uint64_t found = 0;
    for (size_t i = 0; i < size; i++) {
        one->matched = data[i] == before[one->matched] ? one->matched + 1 : data[i] == before[0] ? 1 : 0;
        if (one->matched == sizeof(before) - 1) {
            found++;
            one->matched = 0;
        }
    }
    return found;
}

static void count_messages(struct subscribers *all, struct subscriber *one, const char *data, size_t size)
{
    uint64_t found = count_ids(one, data, size);
    one->bytes += size;
    one->events += found;
    all->events += found;
}

static void read_one(struct subscribers *all, struct subscriber *one)
{
    static char data[65536];
    ssize_t got = recv(one->fd, data, sizeof(data), 0);
    if (got > 0 && all->sockets) {
        count_messages(all, one, data, (size_t)got);
    } else if (got > 0) {
        count_events(all, one, data, (size_t)got);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        one->closed = true;
        all->closed++;
        epoll_ctl(all->epoll, EPOLL_CTL_DEL, one->fd, NULL);
    }
}

static int read_ready(struct subscribers *all, int timeout_ms)
{
    struct epoll_event ready[READY_AT_ONCE];
    int found = epoll_wait(all->epoll, ready, READY_AT_ONCE, timeout_ms);
    for (int i = 0; i < found; i++) {
        read_one(all, ready[i].data.ptr);
    }
    return found;
}

void subscribers_read(struct subscribers *all, int timeout_ms)
{
    (void)read_ready(all, timeout_ms);
}

void subscribers_await(struct subscribers *all, uint64_t events, int timeout_ms)
{
    uint64_t wanted = events * all->count;
    while (all->events < wanted && all->closed == 0) {
        if (read_ready(all, timeout_ms) == 0) {
            meter_die("%" PRIu64 " of %" PRIu64 " events came, and no more within %d ms", all->events, wanted,
                      timeout_ms);
        }
    }
    if (all->closed > 0) {
        meter_die("%zu subscribers were closed", all->closed);
    }
}

static void open_all(struct subscribers *all, uint16_t port, size_t count, bool sockets)
{
    *all = (struct subscribers){.epoll = epoll_create1(EPOLL_CLOEXEC), .count = count, .sockets = sockets};
    all->list = calloc(count, sizeof(*all->list));
    for (size_t i = 0; i < count; i++) {
        struct subscriber *one = &all->list[i];
        one->fd = dial(port, 0, sockets);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = one};
        if (epoll_ctl(all->epoll, EPOLL_CTL_ADD, one->fd, &event) < 0) {
            meter_die("epoll: %s", strerror(errno));
        }
        while (one->events == 0 && !one->closed) {
            if (read_ready(all, 5000) == 0) {
                meter_die("subscriber %zu is told nothing", i);
            }
        }
    }
}

void subscribers_open(struct subscribers *all, uint16_t port, size_t count)
{
    open_all(all, port, count, false);
}

void subscribers_open_sockets(struct subscribers *all, uint16_t port, size_t count)
{
    open_all(all, port, count, true);
}

int64_t process_cpu_ns(int64_t pid)
{
    char path[64], text[128] = "";
    snprintf(path, sizeof(path), "/proc/%" PRId64 "/schedstat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0) {
        meter_die("%s: %s", path, strerror(errno));
    }
    close(fd);
    return strtoll(text, NULL, 10);
}
