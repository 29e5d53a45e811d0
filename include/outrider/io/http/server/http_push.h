/* One answer that does not end: the same messages for thousands of peers, each message built once.
 *
 * A message is a blob, referenced and never copied. While a peer keeps up it costs one send() per call and
 * nothing is armed for it; only what the kernel does not take waits, as references, in a ring that is made
 * for it and freed when it is empty. Of the kernel's own memory a peer gets HTTP_PUSH_SEND_BUFFER, because
 * what waits there is out of date, too. Who has more than `max_behind` waiting beyond that is closed.
 *
 * The body ends with the connection ("Connection: close", no length, not chunked): RFC 9112, 6.3 gives that
 * meaning to every version of HTTP, so one and the same bytes serve HTTP/1.0, HTTP/1.1, proxies and `curl
 * -N`. Chunks would tell a whole stream from one that was cut off, but these streams only ever end by being
 * cut off, and what is in them has ends of its own. */
#ifndef OUTRIDER_IO_HTTP_SERVER_HTTP_PUSH_H
#define OUTRIDER_IO_HTTP_SERVER_HTTP_PUSH_H

#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blob;
struct http_exchange;
struct http_push;
struct http_server;

/* In bytes, as asked for with SO_SNDBUF. */
enum { HTTP_PUSH_SEND_BUFFER = 131072, HTTP_PUSH_BEHIND_MAX = 262144 };

struct http_push_options {
    struct str content_type;
    const char *const *headers; /* as in http_response */
    size_t max_behind;          /* bytes that may wait for this peer (HTTP_PUSH_BEHIND_MAX) */
};

enum http_push_end {
    HTTP_PUSH_GONE,  /* the peer has closed, or cannot be reached any more */
    HTTP_PUSH_BEHIND /* it had more than `max_behind` waiting */
};

/* Both are called from the loop, never from within a call of this header, and may call http_push_end. */
struct http_push_calls {
    void (*drained)(struct http_push *push, void *user); /* something had to wait, and now nothing does */
    void (*closed)(struct http_push *push, enum http_push_end why, void *user); /* the last call */
};

/* Whether there is room for one more, of the server's max_pushes; false when the peer has gone. */
bool http_push_has_room(const struct http_exchange *exchange);

/* Begins the answer with 200, and frees the exchange. `calls` is borrowed as long as the push lives, `user`
 * too. NULL when there is nobody to push to: the peer has gone or closed its side, there is no room, or it
 * asked with HEAD and has had its answer. The caller owns the result; it also outlives the server. */
struct http_push *http_push_begin(struct http_exchange *exchange, const struct http_push_options *options,
                                  const struct http_push_calls *calls, void *user);

/* Closes the connection, if it still is open, and frees the push; no call follows. Accepts NULL. */
void http_push_end(struct http_push *push);

/* Sends the messages in their order, in one system call where the kernel takes them; takes references on
 * what has to wait. Messages to a peer that has gone are dropped. A peer that gets too far behind by it is
 * closed, what waits for it included. */
void http_push_send(struct http_push *push, struct blob *const *messages, size_t count);

/* How many bytes wait; 0 also when it is closed. */
size_t http_push_behind(const struct http_push *push);

/* How many bytes the kernel has taken so far. */
uint64_t http_push_sent(const struct http_push *push);

/* Whether the connection has ended: `closed` was called, or will be. */
bool http_push_is_closed(const struct http_push *push);

#endif
