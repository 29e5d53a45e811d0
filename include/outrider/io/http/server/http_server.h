/* A small HTTP/1.1 server on the loop.
 *
 * Why not libevent's evhttp: it has no bound on connections, cannot tell when one that never sent a request
 * is gone, gives no control over what is written when, and cannot hand one shared message to thousands of
 * subscribers.
 *
 * One request at a time on a connection, pipelined ones in their order. Everything that a peer can make grow
 * is bounded: connections (the longest silent or idle makes room, beyond that 503), head and body
 * (http_parse.h, max_body), the time to send a request, to stay idle and to read an answer. What is written
 * and not yet read by the peer is one answer, whose blob is referenced and not copied. A connection without a
 * request has no buffers.
 *
 * What is not HTTP is answered here, with {"error":{"code":"...","message":"..."}}: 400, 408, 411, 413, 414,
 * 431, 501, 503, 505. Everything else is the handler's: unknown paths, methods, tokens. */
#ifndef OUTRIDER_IO_HTTP_SERVER_HTTP_SERVER_H
#define OUTRIDER_IO_HTTP_SERVER_HTTP_SERVER_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct blob;
struct error;
struct http_exchange;
struct http_head;
struct http_server;
struct loop;

/* Where zero is not a meaning of its own it asks for the default in parentheses. */
struct http_server_options {
    const char *unix_path;      /* listen on this socket file; NULL: on host and port */
    mode_t mode;                /* of the socket file (0660) */
    gid_t gid;                  /* of the socket file; (gid_t)-1: as created */
    const char *host;           /* numeric address, IPv6 without brackets, or "localhost" */
    uint16_t port;              /* 0: a free one, see http_server_port */
    size_t max_connections;     /* (1024), and never more than a quarter of the files for peers */
    size_t max_pushes;          /* beside them (http_push.h) (5000), never more than half of those files */
    size_t max_body;            /* bytes (65536) */
    int64_t request_timeout_ms; /* to send a head, and again to send its body (10000) */
    int64_t idle_timeout_ms;    /* between requests on a kept connection (60000) */
    int64_t write_timeout_ms;   /* without the peer reading a byte of its answer (10000) */
};

/* Borrowed until the handler returns. */
struct http_request {
    struct str method;
    struct str path;  /* decoded, valid UTF-8 */
    struct str query; /* undecoded: http_query_next */
    struct str host;  /* as the peer wrote it; empty when it named none (HTTP/1.0) */
    struct str body;
    bool is_unix; /* came over the unix socket */
    const struct http_head *head;
};

/* Static or borrowed until http_respond returns. */
struct http_response {
    int status;
    struct str content_type;    /* empty: no Content-Type header */
    struct blob *blob;          /* the body; a reference is taken. NULL: `body` */
    struct str body;            /* copied when it cannot be sent at once */
    const char *const *headers; /* more headers, "Name: value", NULL at the end; NULL: none. One with a CR or
                                   LF is left out */
    bool close;                 /* end the connection after this answer */
};

/* Since the start; `open` and `pushing` are now. */
struct http_server_counters {
    uint64_t accepted;
    uint64_t rejected; /* 503, or closed without a word: no room */
    uint64_t evicted;  /* idle, closed to make room */
    uint64_t requests; /* given to the handler */
    uint64_t faults;   /* answered here with 4xx or 5xx, rejected ones excluded */
    uint64_t request_timeouts, idle_timeouts, write_timeouts;
    uint64_t bytes_sent;
    uint64_t pushes, pushes_behind; /* begun; closed because the peer was too far behind (http_push.h) */
    size_t open, pushing;           /* pushing: of the open ones */
};

/* Called from the loop for each request. The exchange belongs to the handler from now on: it calls
 * http_respond exactly once, now or later, also when the peer has gone meanwhile. */
typedef void http_handler_fn(struct http_exchange *exchange, const struct http_request *request, void *user);

/* Listens. `loop` and `user` are borrowed until http_server_free; the options are copied. NULL with `err`
 * set: ERROR_BUSY when the address or path is in use (the text names it), ERROR_INVALID, ERROR_DENIED,
 * ERROR_NOT_FOUND, ERROR_SYSTEM. The caller owns the server. */
struct http_server *http_server_new(struct loop *loop, const struct http_server_options *options,
                                    http_handler_fn *handler, void *user, struct error *err) MUST_CHECK;

/* Closes the listener and every connection, without callbacks, and removes the socket file. Exchanges that
 * are still open stay valid, to be answered into the void. Accepts NULL. Not to be called from the handler.
 */
void http_server_free(struct http_server *server);

/* The TCP port that it listens on; 0 on a unix path. */
uint16_t http_server_port(const struct http_server *server);

/* How many connections, and pushes beside them, there may be at a time: as the options have it, or as many as
 * the files that may be open allow. */
size_t http_server_max_connections(const struct http_server *server);
size_t http_server_max_pushes(const struct http_server *server);

/* The counters, borrowed. */
const struct http_server_counters *http_server_counters(const struct http_server *server);

/* The value of a header of the request, by name in any case, borrowed like the request; false when absent. */
bool http_request_header(const struct http_request *request, struct str name, struct str *ret_value);

/* Answers, and frees the exchange. Nothing is sent when the peer has gone. To HEAD, 204 and 304 no body is
 * sent. May be called from the handler or from anywhere in the loop. */
void http_respond(struct http_exchange *exchange, const struct http_response *response);

/* Who asks, for a log: "127.0.0.1:5555", "[::1]:5555", "pid 17 uid 1000", "gone". Writes at most `size`
 * bytes, NUL included, to `ret_text`. */
void http_exchange_peer(const struct http_exchange *exchange, char *ret_text, size_t size);

#endif
