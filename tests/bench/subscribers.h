/* Many subscribers of one event stream, held by one program. */
#ifndef OUTRIDER_BENCH_SUBSCRIBERS_H
#define OUTRIDER_BENCH_SUBSCRIBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct subscriber {
    int fd;
    uint64_t bytes;
    uint64_t events; /* that had an id */
    bool line_ended; /* the last byte was a line end */
    size_t matched;  /* of a WebSocket: bytes of what stands before an id */
    bool closed;
};

struct subscribers {
    int epoll;
    struct subscriber *list;
    size_t count, closed;
    bool sockets;    /* WebSockets instead of SSE */
    uint64_t events; /* of all of them */
};

/* Opens `count` streams of /api/subscribe at 127.0.0.1:port and waits for the first event with an id of
 * each. Ends the process when one is refused. */
void subscribers_open(struct subscribers *all, uint16_t port, size_t count);

/* The same by WebSocket; pings are not answered. */
void subscribers_open_sockets(struct subscribers *all, uint16_t port, size_t count);

/* One more that never reads, with the smallest buffers that it can have. Returns its socket. */
int subscriber_that_stalls(uint16_t port);

/* Reads what comes within `timeout_ms`, once. */
void subscribers_read(struct subscribers *all, int timeout_ms);

/* Reads until each has had `events` of them; ends the process after `timeout_ms` without a byte. */
void subscribers_await(struct subscribers *all, uint64_t events, int timeout_ms);

/* How much CPU a process with one thread has taken, in ns. */
int64_t process_cpu_ns(int64_t pid);

#endif
