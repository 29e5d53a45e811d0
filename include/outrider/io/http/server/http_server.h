/* A small HTTP/1.1 server on the loop.
 *
 * libevent's evhttp is not used: it has no bound on connections, cannot tell when a connection that never sent
 * a request has closed, gives no control over what is written when, and cannot share one message among
 * thousands of subscribers.
 *
 * A connection serves one request at a time, pipelined requests in their order. Everything a peer can make
 * grow is bounded: connections, head and body (http_parse.h, max_body), and the time to send a request, to stay
 * idle and to read a reply. What is written and not yet read by the peer is one reply; its blob is referenced, not
 * copied. A connection without a request has no buffers. What waits for all peers together, here and in the kernel,
 * has a limit (http_server_limit_waiting). A peer that has gone without a word is noticed within a minute or so.
 *
 * Connections and pushes have a number of places. A peer (an IPv4 address, an IPv6 network of 64 bits, or a user
 * over a unix socket) has at most its share of them. Where places are short, an unfinished request or an idle
 * connection is closed: of the peer itself if it has its share, else of the peer with the most. Who finds no place
 * is refused with 503 (all are taken) or 429 (its share is), but for the kept paths, which are answered.
 *
 * The server itself refuses what is not HTTP, with {"error":{"code":"...","message":"..."}}: 400, 408, 411,
 * 413, 414, 429, 431, 501, 503, 505. Unknown paths, methods and tokens are the handler's. */
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
struct http_listener;
struct http_server;
struct loop;
struct tls_server;
struct transport;

/* What was short. Numbers are those of `refused` below. */
enum http_shortage {
    HTTP_SHORT_CONNECTIONS, /* all are taken */
    HTTP_SHORT_SHARE,       /* the peer has its share of them */
    HTTP_SHORT_PUSHES,      /* likewise */
    HTTP_SHORT_PUSH_SHARE,
    HTTP_SHORTAGES,
};

/* Which connections were closed by the server to have places. */
enum http_eviction {
    HTTP_EVICTED_UNFINISHED, /* its request had not arrived in full */
    HTTP_EVICTED_IDLE,
    HTTP_EVICTED_PUSH, /* of the peer with the most, for one that had fewer */
    HTTP_EVICTED_SHUT, /* a push whose peer took nothing for a minute; places need not be short */
    HTTP_EVICTIONS,
};

/* Called where a place is refused or another connection is closed for it, at once and then at most every minute: `peer` wanted
 * it ("127.0.0.1", "2001:db8:0:1::/64", "uid 1000"; borrowed). `user` is that of http_server_new. */
typedef void http_short_fn(enum http_shortage what, const char *peer, void *user);

/* A listener and its policy. A member that is 0 or NULL means the default in parentheses. */
struct http_listener_options {
    const char *unix_path;  /* listen on this socket file; NULL: on host and port */
    mode_t mode;            /* of the socket file (0660) */
    gid_t gid;              /* of the socket file; (gid_t)-1: as created */
    const char *host;       /* numeric address, IPv6 without brackets ("localhost") */
    uint16_t port;          /* 0: a free one */
    int inherited_fd;       /* a listening stream socket to use instead of all above; taken over */
    size_t max_connections; /* (1024); all listeners together get at most a quarter of the files for peers */
    size_t max_pushes;      /* beside them, see http_push.h (5000); together at most half of those files */
    size_t listeners;       /* that are to share those files, this one included (1) */
    size_t max_body;        /* bytes (65536) */
    int64_t request_timeout_ms; /* to send a head, and again to send its body (10000) */
    int64_t idle_timeout_ms;    /* between requests on a kept connection (75000: proxies keep theirs 60 s) */
    int64_t write_timeout_ms;   /* without the peer reading a byte of its reply (10000) */
    unsigned peer_share; /* of one peer, in percent of max_connections and of max_pushes (25); at least 16 */
    const char *const *kept_paths; /* answered without a place, NULL at the end, borrowed (none) */
    http_short_fn *on_short;       /* (none) */
    const void *policy;            /* the owner's, borrowed: what requests from this listener may do */
    struct tls_server
        *tls; /* TCP: each connection begins with a handshake, which request_timeout_ms includes and which
                               counts as an unfinished request; borrowed. NULL: plain */
};

/* Borrowed until the handler returns. */
struct http_request {
    struct str method;
    /* Undecoded, as a proxy in front has seen it; begins with '/' or is "*". Its escapes are well-formed, and what they
     * stand for is UTF-8 without NUL. */
    struct str path;
    struct str query; /* undecoded: http_query_next */
    struct str host;  /* as the peer wrote it; empty when it named none (HTTP/1.0) */
    struct str body;
    bool is_unix; /* over a unix socket */
    bool is_tls;
    const char *const
        *names; /* of the peer's certificate, as tls_server_names(); borrowed as long as the exchange */
    const void *policy;           /* of the listener */
    const struct http_head *head; /* for http_head_find */
};

/* Everything is borrowed until http_respond returns. */
struct http_response {
    int status;
    struct str content_type;    /* empty: no Content-Type header */
    struct blob *blob;          /* the body; a reference is taken. NULL: `body` */
    struct str body;            /* copied when it cannot be sent at once, unless `is_static` */
    bool is_static;             /* the bytes of `body` outlive the server and never change */
    const char *const *headers; /* more headers, "Name: value", NULL at the end; NULL: none. A text with CR or
                                   LF is left out */
    struct str
        content_policy; /* static, of Content-Security-Policy; empty: a browser may load nothing and frame it nowhere */
    bool close; /* end the connection after this reply */
};

/* Since the start; `open`, `pushing` and `waiting` are now. */
struct http_server_counters {
    uint64_t accepted;
    uint64_t rejected; /* found no place */
    uint64_t evicted;  /* unfinished or idle, closed to make room */
    uint64_t refused[HTTP_SHORTAGES], closed[HTTP_EVICTIONS];
    uint64_t requests;     /* given to the handler */
    uint64_t faults;       /* refused here with 4xx or 5xx, rejected ones excluded */
    uint64_t tls_on_plain; /* of them, a hello of TLS where the listener is plain */
    uint64_t request_timeouts, idle_timeouts, write_timeouts;
    uint64_t bytes_sent;
    uint64_t pushes, pushes_behind; /* begun; closed because the peer was too far behind (http_push.h) */
    uint64_t upgraded;              /* connections handed over */
    size_t open, pushing;           /* pushing: of the open ones */
    uint64_t waiting_resets;        /* connections reset because too much waited in all */
    size_t waiting;                 /* bytes that count for that, see http_server_limit_waiting */
};

/* Called from the loop for each request. The handler owns the exchange and ends it exactly once, now or later:
 * with http_respond, http_exchange_upgrade or http_push_begin, unless its peer is gone before. */
typedef void http_handler_fn(struct http_exchange *exchange, const struct http_request *request, void *user);

/* Called from the loop, or from http_server_free, when the connection of an exchange has ended: the exchange ends
 * here, and is no longer valid when the call returns. A peer that only sends no more is not gone. */
typedef void http_gone_fn(struct http_exchange *exchange, void *user);

/* A server without listeners. `loop` and `user` are borrowed until http_server_free. `gone` may be NULL where the
 * handler ends every exchange at once. The caller owns the server. Never NULL. */
struct http_server *http_server_new(struct loop *loop, http_handler_fn *handler, http_gone_fn *gone,
                                    void *user);

/* Adds a listener; the options are copied. NULL with `err` set: ERROR_BUSY when the address or path is in use
 * (the text names it), ERROR_INVALID, ERROR_DENIED, ERROR_NOT_FOUND, ERROR_SYSTEM. The server owns the
 * listener. */
struct http_listener *http_server_listen(struct http_server *server,
                                         const struct http_listener_options *options,
                                         struct error *err) MUST_CHECK;

/* Compares the socket file of the listener with what is at its path, and listens there again where it is gone; connections
 * stay. Returns 0 when it was there, or there is none; 1 when it was made again; or -1 with `err` when it cannot be, because
 * of what has taken its place or for another reason of http_server_listen. */
int http_listener_check(struct http_listener *listener, struct error *err) MUST_CHECK;

/* How many bytes may wait for all peers together (0: 64 MB): in this process, where a blob counts once for however many
 * it waits, and what the kernel still has after a second. Beyond that the connection with most of them is reset, where
 * those of a peer that reads nothing count more; but never the only one. */
void http_server_limit_waiting(struct http_server *server, size_t bytes);

/* Closes every listener and connection, without callbacks (but see http_gone_fn and http_upgraded_fn), and removes
 * the socket files. Accepts NULL. Not to be called from the handler. */
void http_server_free(struct http_server *server);

/* The options in force, borrowed: defaults filled in, limits lowered to what the limit of open files leaves, texts
 * NULL. */
const struct http_listener_options *http_listener_options(const struct http_listener *listener);

/* The counters of all listeners together, borrowed. */
const struct http_server_counters *http_server_counters(const struct http_server *server);

/* Sends the reply and ends the exchange. To HEAD, 204 and 304 no
 * body is sent. May be called from the handler or from anywhere in the loop. */
void http_respond(struct http_exchange *exchange, const struct http_response *response);

/* Takes a connection over. `transport` is moved to the callee, which copies it and owns it from then on;
 * `ahead` are bytes the server has read behind the request, borrowed for the call; the transport may have more
 * (transport_ahead()). `transport` is NULL when
 * the connection ended before the 101 was sent, or the server was freed. Called exactly once, at the end of a
 * turn of the loop or from http_server_free, never from http_exchange_upgrade. */
typedef void http_upgraded_fn(struct transport *transport, struct str ahead, void *user);

/* Replies 101 with `headers` (as in http_response; `Upgrade: PROTOCOL` is the caller's, `Connection: Upgrade`
 * is added) and hands the connection over once that is sent; ends the exchange. The connection then counts
 * towards no limit of the server. Returns false, with the exchange still the caller's, when there is no
 * connection to hand over: the peer speaks HTTP/1.0, or asked with HEAD. */
bool http_exchange_upgrade(struct http_exchange *exchange, const char *const *headers, http_upgraded_fn *fn,
                           void *user) MUST_CHECK;

enum { HTTP_SHARE_TEXT = 64 };

/* The peer as http_listener_options.peer_share counts it: "127.0.0.1", "2001:db8::/64", "uid 1000"; "unknown". */
void http_exchange_share(const struct http_exchange *exchange, char ret_text[static HTTP_SHARE_TEXT]);

/* The peer, for a log: "127.0.0.1:5555", "[::1]:5555", "pid 17 uid 1000", "gone". Writes at most `size`
 * bytes, NUL included, to `ret_text`. */
void http_exchange_peer(const struct http_exchange *exchange, char *ret_text, size_t size);

#endif
