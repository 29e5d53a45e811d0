/* The client, as its files see it:
 *
 *   http_client.c (calls), http_stream.c -> http_transfer.c (what both are made of) -> http_curl.c, http_host.c
 *   http_multi.c: libcurl's multi interface on the event loop; http_relay.c: what is between libcurl and a server of HTTP/2
 *
 *   socket or timer event -> libcurl -> ended, or bytes arrived -> queue of ready transfers -> deliver()
 *
 * Callbacks of users run only in deliver(), with no libcurl function on the stack, and so may start, cancel
 * and close calls and streams. */
#ifndef OUTRIDER_IO_HTTP_CLIENT_HTTP_CLIENT_INTERNAL_H
#define OUTRIDER_IO_HTTP_CLIENT_HTTP_CLIENT_INTERNAL_H

#include "http_curl_internal.h"
#include "http_host_internal.h"
#include "outrider/io/loop/loop.h"

struct event;
struct http_relay;
struct http_stream;
struct http_transfer;
struct watched;

/* What is kept for the next use is at most this large, in bytes. */
enum { HTTP_BUFFER_KEPT = 16384 };

/* Connections kept for calls unless told otherwise; those of streams are beside them. */
enum { HTTP_CONNECTIONS_KEPT = 4 };

struct http_client {
    struct loop *loop;
    struct resolver *resolver;
    struct http_tls_copy tls;
    size_t kept; /* idle connections for calls */
    bool is_relayed;
    struct http_relay *relays; /* http_relay.c */
    struct http_relay_door *door;
    bool by_url;                 /* calls that wait to be used again are kept for their URL */
    struct http_transfer *ready; /* to be delivered, in this order */
    struct deferred late;        /* delivers what became ready outside a run of libcurl */
    bool delivering;
    struct http_request_handle *calls, *spare; /* http_client.c */
    struct http_stream *streams;               /* http_stream.c */
    CURLM *multi;                              /* from here on http_multi.c */
    struct event *timer;
    struct watched *watched;
    uint64_t answered; /* calls that left an idle connection */
    bool adding;
};

/* ---- http_multi.c ---- */

void http_multi_init(struct http_client *client);

/* Closes every connection. The easy handles must have been removed before. */
void http_multi_fini(struct http_client *client);

/* Sets the options by which the connections of `easy` are known here; once for each handle. */
void http_multi_adopt(struct http_client *client, CURL *easy);

/* Adds `easy` and runs libcurl at once. A transfer that ends in this run has its message when the function
 * returns. After each other run http_transfers_ran is called. */
void http_multi_start(struct http_client *client, CURL *easy);

/* How the transfer of a handle ended. */
enum http_multi_end {
    HTTP_MULTI_ANSWERED, /* its connection is fit for the next one */
    HTTP_MULTI_FAILED,
    HTTP_MULTI_STOPPED /* before libcurl ended it */
};

/* Removes `easy`. Its connection is closed, unless the transfer was answered: that is counted, and the connections
 * that no call has needed for long are closed. */
void http_multi_remove(struct http_client *client, CURL *easy, enum http_multi_end end, bool is_tls);

/* The transfer that waits for something on this connection, NULL while there is none. */
struct http_transfer *http_multi_transfer_on(const struct http_client *client, int fd);

/* Closes the idle connections to the address that `easy` was connected to last. */
void http_multi_close_idle(struct http_client *client, CURL *easy);

/* ---- http_relay.c ---- */

/* A socket for libcurl, and the address that it is to connect to: between that and the host of the transfer is a relay. -1: there
 * is none. */
int http_relay_open(struct http_client *client, const struct http_transfer *transfer,
                    struct curl_sockaddr *ret_address);

/* To be called after http_multi_fini. */
void http_relay_fini(struct http_client *client);

/* libcurl has closed it. */
void http_relay_closed(struct http_client *client, int fd);

/* A transfer on it was answered: the server may send as much again. */
void http_relay_grant(struct http_client *client, int fd);

/* ---- http_transfer.c ---- */

/* Embedded. Owns everything in it. */
struct http_transfer {
    struct http_curl curl;
    struct http_client *client;
    struct http_host host;
    char *url;
    struct http_tls_copy tls;                        /* when it is not that of the client */
    struct buf body;                                 /* of the request */
    void (*deliver)(struct http_transfer *transfer); /* may free it */
    struct http_transfer *prev, *next;               /* in `ready` */
    int64_t started_us, ended_us;
    int64_t limit_ms; /* for the whole transfer; 0: none */
    size_t lookups;
    bool was_sent; /* before the last look-up */
    bool is_ready; /* in the queue */
    bool is_tls;
    bool is_fresh;
    bool was_http2;    /* the version libcurl was told last */
    bool only_kept;    /* libcurl gets no new connection */
    bool is_none_kept; /* and wanted one */
    enum http_method method;
    bool is_started; /* libcurl had it: what curl_easy_getinfo says is about this request */
    bool is_running;
    bool ended; /* with curl.code */
    bool secret;
};

/* Prepares a transfer with an easy handle of its own for requests with this TLS (copied); NULL: that of the client. */
void http_transfer_init(struct http_transfer *transfer, struct http_client *client,
                        const struct http_tls *tls, void (*deliver)(struct http_transfer *transfer));

/* Ends it, as http_transfer_stop does, and frees what it has. */
void http_transfer_fini(struct http_transfer *transfer);

/* Starts the request `call`, which is copied; `more` is one more header, or NULL. The transfer may take `limit_ms`;
 * 0: no limit. Whatever comes of it is delivered from the loop, not from here. */
void http_transfer_start(struct http_transfer *transfer, const struct http_call *call, const char *more,
                         int64_t limit_ms);

/* Ends it at once: nothing more is delivered, and its connection is closed. */
void http_transfer_stop(struct http_transfer *transfer);

/* Ends it as if libcurl had ended it with `code` for the reason `text` ("": the code's); it is delivered. */
void http_transfer_abort(struct http_transfer *transfer, CURLcode code, const char *text);

/* Queues it for delivery. */
void http_transfer_ready(struct http_transfer *transfer);

/* What became of an ended transfer; the body is the caller's to add. `text` (empty before) holds the reason
 * and must outlive the result. */
struct http_result http_transfer_result(const struct http_transfer *transfer, struct buf *text);

/* Empties the buffers and gives large ones back, so that the transfer may be kept for the next call. */
void http_transfer_clear(struct http_transfer *transfer);

/* Takes from libcurl what has ended, and delivers. */
void http_transfers_ran(struct http_client *client);

/* Delivers what is ready; `client` is the http_client. */
void http_transfers_deliver(void *client);

/* ---- http_stream.c ---- */

/* The number of streams, or of connections to be kept beside them, has changed. */
void http_streams_counted(struct http_client *client);

/* ---- http_client.c ---- */

struct http_request_handle {
    struct http_transfer transfer;           /* the first: deliver() gets it */
    struct http_request_handle *prev, *next; /* in `calls` or `spare` */
    http_result_fn *fn;
    void *user;
};

#endif
