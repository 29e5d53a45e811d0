/* As little as it takes to tell subscribers what changes under a prefix: one watch, one message built once,
 * one send() for each of them. Its bytes are those of an observer's event stream.
 *
 * usage: bench_floor_broadcast ENDPOINT PREFIX PORT
 * ends with 0 at SIGTERM */
#include "etcd_watch.h"
#include "meter.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SUBSCRIBERS_MAX = 20000, READY_AT_ONCE = 256, LINE_TIMEOUT_MS = 1000 };

struct floor {
    struct etcd_watch watch;
    int epoll, listener, signals;
    int subscribers[SUBSCRIBERS_MAX];
    size_t count;
    struct buf message;
};

static void listen_for(const struct floor *floor, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(floor->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
        meter_die("epoll: %s", strerror(errno));
    }
}

static void accept_all(struct floor *floor)
{
    int fd;
    while ((fd = accept4(floor->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        listen_for(floor, fd);
    }
}

/* A first word is a request; an end takes the subscriber out. */
static void hear(struct floor *floor, int fd)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nid: 0\n\n";
    char request[4096];
    if (recv(fd, request, sizeof(request), 0) > 0 && floor->count < SUBSCRIBERS_MAX) {
        floor->subscribers[floor->count++] = fd;
        (void)!send(fd, head, sizeof(head) - 1, MSG_NOSIGNAL);
        return;
    }
    for (size_t i = 0; i < floor->count; i++) {
        if (floor->subscribers[i] == fd) {
            floor->subscribers[i] = floor->subscribers[--floor->count];
        }
    }
    close(fd);
}

static void send_to_all(struct floor *floor, const struct etcd_event *event)
{
    buf_clear(&floor->message);
    buf_printf(&floor->message, "event: update\ndata: %s\nid: %" PRId64 "-0123456789abcdef\n\n",
               buf_text(&event->value), event->revision);
    for (size_t i = 0; i < floor->count; i++) {
        (void)!send(floor->subscribers[i], floor->message.data, floor->message.size,
                    MSG_NOSIGNAL | MSG_DONTWAIT);
    }
}

/* A line that has begun to come is waited for: what has come of it would be forgotten. */
static void broadcast(struct floor *floor)
{
    const struct etcd_watch *watch = &floor->watch;
    do {
        const struct etcd_event *event = etcd_watch_next(&floor->watch, LINE_TIMEOUT_MS);
        if (event == NULL) {
            return;
        }
        send_to_all(floor, event);
    } while (watch->next < json_array_size(watch->events) || watch->wire.in.size > 0);
}

int main(int count, char **arguments)
{
    static struct floor floor;
    sigset_t term;
    if (count != 4) {
        meter_die("usage: ENDPOINT PREFIX PORT");
    }
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    floor.epoll = epoll_create1(EPOLL_CLOEXEC);
    floor.signals = signalfd(-1, &term, SFD_CLOEXEC);
    floor.listener = meter_bind_tcp((uint16_t)meter_number(arguments[3]));
    etcd_watch_open(&floor.watch, arguments[1], arguments[2], true);
    if (listen(floor.listener, 4096) < 0) {
        meter_die("listen: %s", strerror(errno));
    }
    fcntl(floor.listener, F_SETFL, O_NONBLOCK);
    listen_for(&floor, floor.signals);
    listen_for(&floor, floor.watch.wire.fd);
    listen_for(&floor, floor.listener);
    for (;;) {
        struct epoll_event ready[READY_AT_ONCE];
        int found = epoll_wait(floor.epoll, ready, READY_AT_ONCE, -1);
        for (int i = 0; i < found; i++) {
            int fd = ready[i].data.fd;
            if (fd == floor.signals) {
                return 0;
            }
            if (fd == floor.watch.wire.fd) {
                broadcast(&floor);
            } else if (fd == floor.listener) {
                accept_all(&floor);
            } else {
                hear(&floor, fd);
            }
        }
    }
}
