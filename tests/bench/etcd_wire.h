/* etcd's HTTP gateway over a bare socket: nothing between the clock and the kernel but one send() and one
 * recv(). Every failure ends the process. */
#ifndef OUTRIDER_BENCH_ETCD_WIRE_H
#define OUTRIDER_BENCH_ETCD_WIRE_H

#include "outrider/base/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* A kept-alive connection. {0} is not one. */
struct etcd_wire {
    int fd;
    char host[64]; /* HOST:PORT, for the Host header */
    struct buf in;
};

/* Connects to `endpoint` ("http://HOST:PORT", an IPv4 address). */
void etcd_wire_open(struct etcd_wire *wire, const char *endpoint);

/* Replaces `out` with a POST of `body` to `path`. */
void etcd_wire_request(const struct etcd_wire *wire, const char *path, const struct buf *body,
                       struct buf *out);

/* Sends `bytes` in one call. */
void etcd_wire_send(struct etcd_wire *wire, const struct buf *bytes);

/* Reads more into `in`, waiting at most `timeout_ms` (-1: for ever). Returns false when nothing came.
 * `ret_at_us` (may be NULL) is the moment after recv() returned. */
bool etcd_wire_read(struct etcd_wire *wire, int timeout_ms, int64_t *ret_at_us);

/* Reads the head of an answer with status 200 and drops it. Returns the Content-Length, or -1: chunked. */
int64_t etcd_wire_head(struct etcd_wire *wire);

/* Reads an answer with a Content-Length and status 200 and drops it from `in`. Its body goes into `ret_body`
 * (may be NULL). */
void etcd_wire_answer(struct etcd_wire *wire, struct buf *ret_body);

/* A request with its answer. `ret_body` may be NULL. */
void etcd_wire_post(struct etcd_wire *wire, const char *path, const struct buf *body, struct buf *ret_body);

/* Grants `lease` for `ttl_s` seconds. */
void etcd_wire_grant(struct etcd_wire *wire, int64_t lease, int64_t ttl_s);

#endif
