/* The server and its connections, shared by http_server.c (who is there, and how long they may stay) and
 * http_connection.c (what is said on one of them). */
#ifndef OUTRIDER_IO_HTTP_SERVER_HTTP_SERVER_INTERNAL_H
#define OUTRIDER_IO_HTTP_SERVER_HTTP_SERVER_INTERNAL_H

#include "outrider/base/buf.h"
#include "outrider/io/http/http_parse.h"
#include "outrider/io/http/server/http_server.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/unix_bind.h"

#include <event2/event_struct.h>

struct timer;

/* clang-format off */
/*             first byte           request complete          answer does not fit
 *   accept -> FRESH -> READING ----------------> HANDLING ---------------------> WRITING
 *                        ^ first byte               | answer written                |
 *                       IDLE <----------------------+-------------------------------+
 *                                                   | connection: close, or a fault
 *                                               LINGERING
 *   HANDLING -> PUSHING: an answer without end (http_push.c)
 *
 * LINGERING: FIN is sent; what still comes is read and dropped, because a close with bytes unread is a reset
 * that can overtake the answer. PUSHING: likewise, because nothing is expected.
 * any -> CLOSED: on the graveyard until the end of the turn. */
/* clang-format on */
enum connection_state {
    CONNECTION_FRESH,
    CONNECTION_READING,
    CONNECTION_HANDLING,
    CONNECTION_WRITING,
    CONNECTION_PUSHING,
    CONNECTION_IDLE,
    CONNECTION_LINGERING,
    CONNECTION_CLOSED,
};

enum { CONNECTION_STATES = CONNECTION_CLOSED };

struct connection {
    struct http_server *server;
    struct connection *next, *prev; /* in the list of its state */
    enum connection_state state;
    int64_t deadline_ms; /* of the state; INT64_MAX: none */
    int fd;
    struct event readable, writable;
    struct buf in;
    size_t taken;      /* bytes of `in` that are served; they are dropped together */
    size_t scanned;    /* http_parse_head's */
    size_t dropped;    /* bytes read while lingering or pushing */
    struct buf out;    /* head, and a body that had to be copied */
    struct blob *blob; /* body after `out` */
    size_t written;    /* of out and blob together */
    struct http_exchange *exchange;
    struct http_push *push; /* while pushing */
    struct deferred again;
    bool head_seen;   /* the request's head is complete, its body is not */
    bool ended;       /* the peer has sent its last byte */
    bool close_after; /* the answer under way is the last */
    bool processing;
};

struct http_exchange {
    struct connection *connection; /* NULL: gone */
    int minor;
    bool keep_alive, is_head;
};

/* Entered at the end, all with the same time to stay: the first is the one with the earliest deadline. */
struct connection_list {
    struct connection *first, *last;
    size_t count;
};

struct http_server {
    struct loop *loop;
    struct http_server_options options; /* texts: NULL */
    http_handler_fn *handler;
    void *user;
    struct unix_bound socket; /* of the TCP listener only the descriptor is used */
    bool is_unix;
    uint16_t port;
    struct event acceptable;
    struct connection_list lists[CONNECTION_STATES];
    struct connection *graveyard;
    struct deferred bury;
    struct timer *timer; /* the earliest deadline, or earlier */
    int64_t timer_ms;
    struct timer *retry; /* accepting again after descriptors ran out */
    struct buf scratch;  /* the path being handled */
    struct http_server_counters counters;
};

/* http_server.c: moves the connection to `state` with a new deadline, also when it is in it already. */
void connection_enter(struct connection *connection, enum connection_state state);

/* http_server.c: closes the connection; its memory stays until the end of the turn. Its exchange can
 * still be answered, into the void. Nothing happens when it is closed already. */
void connection_close(struct connection *connection);

/* http_connection.c: prepares the events of an accepted connection whose server and descriptor are set. */
void connection_open(struct connection *connection);

/* http_connection.c: answers a fault and ends the connection. */
void connection_fault(struct connection *connection, const struct http_fault *fault);

/* http_connection.c: http_respond for a body whose length is told as `length`. */
void exchange_answer(struct http_exchange *exchange, const struct http_response *response, size_t length);

/* http_connection.c: drops what the peer has sent ahead and listens on, to learn when it goes. */
void connection_expect_nothing(struct connection *connection);

/* http_push.c: the kernel takes more of what waits. */
void push_on_writable(struct http_push *push);

/* http_push.c: its connection has ended. With `tell` the push's owner hears of it, later. */
void push_detach(struct http_push *push, bool tell);

/* The length of a body that ends with the connection. */
#define HTTP_LENGTH_UNKNOWN SIZE_MAX

/* http_response.c: appends status line and headers, the empty line included, for a body of `body_size` bytes
 * (HTTP_LENGTH_UNKNOWN: it is not told). */
void http_response_head(struct buf *out, const struct http_response *response, size_t body_size, int minor,
                        bool keep_alive);

/* http_response.c: appends the Date header of RFC 9110, 6.6.1. Written by hand: strftime and printf took more
 * than parsing the request and finding the answer. */
void http_response_date(struct buf *out, int64_t wall_ms);

/* http_response.c: appends the whole answer for a fault, `connection: close` included. */
void http_response_fault(struct buf *out, const struct http_fault *fault);

#endif
