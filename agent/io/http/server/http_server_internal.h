/* The inside of the HTTP server: http_server.c (states and deadlines), http_listener.c (where it listens),
 * http_admit.c (who gets a place, by http_places.c), http_connection.c (reading requests), http_exchange.c (writing
 * replies, upgrades), http_push.c (replies without end), http_inner.c (requests within them), http_response.c (the bytes of a head), http_budget.c (what peers
 * that do not read may cost). */
#ifndef OUTRIDER_IO_HTTP_SERVER_HTTP_SERVER_INTERNAL_H
#define OUTRIDER_IO_HTTP_SERVER_HTTP_SERVER_INTERNAL_H

#include "http_places_internal.h"
#include "outrider/base/buf.h"
#include "outrider/io/http/http_parse.h"
#include "outrider/io/http/server/http_push.h"
#include "outrider/io/http/server/http_server.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/tls_server.h"
#include "outrider/io/net/transport.h"
#include "outrider/io/net/unix_bind.h"

#include <event2/event_struct.h>

struct timer;

/* clang-format off */
/*             first byte           request complete          reply does not fit
 *   accept -> FRESH -> READING ----------------> HANDLING ---------------------> WRITING
 *                        ^ first byte               | reply written                 |
 *                       IDLE <----------------------+-------------------------------+
 *                                                   | connection: close, or a fault
 *                                               LINGERING
 *   accept, without a place -> BEYOND -> HANDLING: only for a kept path; every other request is refused
 *   HANDLING -> PUSHING: a reply without end (http_push.c)
 *   HANDLING, WRITING -> UPGRADED: 101 is sent; handed over at the end of the turn
 *   With TLS the handshake is made in FRESH or BEYOND, by the transport. A fault before its end closes.
 *   any -> CLOSED: in the graveyard until the end of the turn
 *
 * A request that is read in one piece goes from FRESH or IDLE to HANDLING; a fault from FRESH, READING or IDLE
 * to LINGERING or WRITING. LINGERING: FIN is sent; what still comes is read and dropped, because closing with
 * bytes unread sends a reset that can overtake the reply; and the kernel has what it still sends, for as long as the
 * peer takes of it. PUSHING drops what comes, too: nothing is expected. A connection that ends in another way than
 * by LINGERING is reset if the kernel still has bytes for it, so that it gives the memory back. */
/* clang-format on */
enum connection_state {
    CONNECTION_FRESH,
    CONNECTION_BEYOND,
    CONNECTION_READING,
    CONNECTION_HANDLING,
    CONNECTION_WRITING,
    CONNECTION_PUSHING,
    CONNECTION_IDLE,
    CONNECTION_LINGERING,
    CONNECTION_UPGRADED,
    CONNECTION_CLOSED,
};

enum { CONNECTION_STATES = CONNECTION_CLOSED };

/* A request that is handled, and its reply. */
struct http_exchange {
    int minor;
    bool keep_alive, is_head;
    bool is_open;             /* the handler has yet to end it */
    struct http_inner *inner; /* of a request within a push; NULL: of a connection */
};

/* A request within a push. */
struct http_inner {
    struct http_exchange exchange; /* the first: its owner has its address */
    http_answer_fn *answer;
    void *user;
    struct http_peer peer;
    char text[96]; /* the peer, for a log */
};

/* What waits for the peer of a connection (http_budget.c). */
struct http_waiting {
    struct connection *next, *prev; /* in the list of the budget, while `listed` */
    bool listed;
    size_t own;          /* bytes in this process that are for this peer alone, so counted */
    size_t kernel;       /* memory of the kernel, likewise */
    size_t unasked;      /* bytes sent since the kernel was last seen without any */
    int64_t progress_ms; /* when the peer, or the kernel for it, took bytes last */
};

struct connection {
    struct http_exchange exchange; /* the first: handlers have its address */
    struct http_listener *listener;
    struct connection *next, *prev; /* in the list of its state */
    enum connection_state state;
    struct http_peer peer;
    struct http_holder *holder; /* of its place; NULL: it has none */
    enum http_shortage why;     /* why it has none, in BEYOND */
    int64_t deadline_ms;        /* of the state; INT64_MAX: none */
    struct transport transport;
    struct event readable, writable;
    struct buf in;
    size_t taken;               /* bytes of `in` that are served; they are dropped together */
    size_t scanned;             /* http_parse_head's */
    size_t dropped;             /* bytes read while lingering or pushing */
    struct buf out;             /* head, and a body that had to be copied */
    struct str body;            /* after `out`: of `blob`, or static */
    struct blob *blob;          /* NULL: none is referenced */
    size_t written;             /* of out and body together */
    struct http_push *push;     /* while pushing */
    http_upgraded_fn *upgraded; /* to be called once, or NULL */
    void *upgraded_user;
    struct deferred again;
    struct http_waiting waiting;
    bool head_seen;   /* the request's head is complete, its body is not */
    bool ended;       /* the peer has sent its last byte */
    bool close_after; /* the reply under way is the last */
    bool processing;  /* a request is borrowed from `in` */
};

/* Connections enter at the end and all stay equally long: the first has the earliest deadline. */
struct connection_list {
    struct connection *first;
    size_t count;
};

struct http_listener {
    struct http_server *server;
    struct http_listener *next;
    struct http_listener_options options; /* limits filled in; texts NULL */
    struct unix_bound socket;             /* of a TCP listener only the descriptor is used */
    bool is_unix;
    struct event acceptable;
    struct timer *retry; /* accepting again after descriptors ran out */
    struct connection_list lists[CONNECTION_STATES];
    struct http_places connections, pushes;
    size_t open; /* connections in all lists */
};

/* Of all connections together. What counts against it is counters.waiting. */
struct http_budget {
    size_t limit;
    struct connection *first; /* those that bytes wait for, here or in the kernel */
    struct timer *look;       /* armed while there are any */
    uint64_t unlogged;        /* resets */
    int64_t log_after_ms;
};

struct http_server {
    struct loop *loop;
    http_handler_fn *handler;
    http_gone_fn *gone;
    void *user;
    struct http_listener *listeners;
    struct connection *graveyard;
    struct deferred bury;
    struct timer *timer; /* at the earliest deadline or before it */
    int64_t timer_ms;
    struct timer *looks;   /* at readers that take nothing; armed while there are pushes */
    int64_t short_told_ms; /* when on_short was called last, by clock_mono_ms */
    struct buf scratch;    /* the path being handled, decoded */
    struct http_budget budget;
    struct http_server_counters counters;
};

/* http_server.c: moves the connection to `state` with a new deadline; the state may be the one it is in. */
void connection_enter(struct connection *connection, enum connection_state state);

/* http_admit.c: decides on the accepted socket `fd`, which it takes over. */
void connection_admit(struct http_listener *listener, int fd);

/* http_admit.c: closes a connection that is unfinished, idle or lingering, if there is one: descriptors have run out. */
void listener_evict(struct http_listener *listener);

/* http_admit.c: gives back the place that the connection leaves for the state `to`, and takes the one it needs
 * there. */
void connection_move_place(struct connection *connection, enum connection_state to);

/* http_admit.c: whether a connection in BEYOND may have this request answered. */
bool connection_may_ask(const struct connection *connection, const struct http_head *head);

/* http_admit.c: refuses a connection in BEYOND. */
void connection_refuse(struct connection *connection);

/* http_admit.c: as http_push_refusal, and with `make` it closes the stream that makes room. */
const struct http_fault *connection_push_refusal(struct connection *connection, bool make);

/* http_connection.c: a connection in `state` (FRESH with a place, or BEYOND) that uses the accepted socket `fd`. */
struct connection *connection_new(struct http_listener *listener, int fd, const struct http_peer *peer,
                                  enum connection_state state);

/* http_connection.c: reads once what has arrived. */
void connection_read(struct connection *connection);

/* http_server.c: closes the connection, with a reset if the kernel still has bytes for the peer; its memory stays until
 * the end of the turn. Does nothing when it is closed already. */
void connection_close(struct connection *connection);

/* http_listener.c: closes the socket, and the connections without callbacks, and frees. */
void listener_free(struct http_listener *listener);

/* http_server.c: as connection_close, and the push's owner is not called. */
void connection_end(struct connection *connection);

/* http_connection.c: reads on, or stops reading, as the state wants, and drops what is not expected. */
void connection_set_reading(struct connection *connection);

/* http_connection.c: serves what has been read; does nothing while a reply is under way. */
void connection_process(struct connection *connection);

/* http_exchange.c: the socket takes more of the reply. */
void connection_on_writable(struct connection *connection);

/* http_exchange.c: forgets what is written and what was to be. */
void connection_drop_output(struct connection *connection);

/* http_exchange.c: sends FIN, and closes the connection when the peer has taken everything. */
void connection_finish(struct connection *connection);

/* http_exchange.c: replies with a fault and ends the connection. */
void connection_fault(struct connection *connection, const struct http_fault *fault);

/* http_exchange.c: gives the connection in UPGRADED to its new owner. */
void connection_hand_over(struct connection *connection);

/* http_exchange.c: http_respond with a body of `length` bytes, or HTTP_LENGTH_UNKNOWN. */
void exchange_respond(struct http_exchange *exchange, const struct http_response *response, size_t length);

/* http_push.c: the socket takes more of what waits. */
void push_on_writable(struct http_push *push);

/* http_push.c: whether what the peer sends is read; the connection, which is PUSHING, has received bytes. */
bool push_receives(const struct http_push *push);
void push_received(struct connection *connection, struct str bytes);

/* http_push.c: the connection of a push; NULL: it has ended. */
const struct connection *push_connection(const struct http_push *push);

/* http_inner.c: gives the response to the owner of a request within a push. */
void inner_respond(struct http_inner *inner, const struct http_response *response);

/* http_push.c: closes the connection; the owner learns why. */
void push_close(struct http_push *push, enum http_push_end why);

/* http_push.c: closes those that have taken nothing for HTTP_PUSH_SHUT_MS although something waits for them. */
void server_close_shut(struct http_server *server, int64_t now_ms);

/* http_push.c: the timer `looks`. */
void server_look(void *server);

/* http_push.c: its connection has ended. With `notify` the push's owner is called, later. */
void push_detach(struct http_push *push, bool notify);

/* http_budget.c: the options of an accepted socket: small buffers, and the death of a peer is noticed. */
void budget_set_options(int fd, bool is_unix);

/* http_budget.c: whether the kernel has bytes that the peer has not acknowledged, and that a reset would free. */
bool budget_kernel_holds(const struct connection *connection);

/* http_budget.c: the kernel has taken so many bytes for the connection. */
void budget_sent(struct connection *connection, size_t bytes);

/* http_budget.c: bytes wait for the connection in this process, `own` of them in memory that is for it alone. Where that
 * is beyond the budget the largest waiter is closed, perhaps this one. */
void budget_waits(struct connection *connection, size_t own);

/* http_budget.c: none of its own wait any more. */
void budget_written(struct connection *connection);

/* http_budget.c: a blob waits for one connection more, or one less. However many, it counts once. */
void budget_blob_waits(struct http_server *server, struct blob *blob);
void budget_blob_done(struct http_server *server, struct blob *blob);

/* http_budget.c: the time in LINGERING is over. Whether it has to stay, because the kernel has bytes for it and the peer
 * takes some of them. */
bool budget_lingers(struct connection *connection);

/* http_budget.c: the connection has ended; nothing of it is counted any more. */
void budget_forget(struct connection *connection);

/* http_budget.c: with the default limit; frees what it has. */
void budget_init(struct http_server *server);
void budget_fini(struct http_server *server);

/* The length of a body that ends with the connection. */
#define HTTP_LENGTH_UNKNOWN SIZE_MAX

/* http_response.c: appends status line and headers, the empty line included, for a body of `body_size` bytes
 * (HTTP_LENGTH_UNKNOWN: no Content-Length). */
void http_response_head(struct buf *out, const struct http_response *response, size_t body_size, int minor,
                        bool keep_alive);

/* http_response.c: appends the Date header of RFC 9110, 6.6.1. Without strftime and printf, which cost more
 * than parsing the request and finding the reply. */
void http_response_date(struct buf *out, int64_t wall_ms);

/* http_response.c: appends the whole reply for a fault, `connection: close` included. */
void http_response_fault(struct buf *out, const struct http_fault *fault);

#endif
