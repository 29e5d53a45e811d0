/* What calls and streams over libcurl have in common, and the client that they belong to.
 *
 *   socket or timer event -> libcurl -> ended, or bytes came -> queue of ready transfers -> deliver()
 *
 * Callbacks of users run only in deliver(), with no libcurl function on the stack, and so may start, cancel
 * and close what they like. */
#ifndef OUTRIDER_IO_HTTP_CLIENT_HTTP_TRANSFER_INTERNAL_H
#define OUTRIDER_IO_HTTP_CLIENT_HTTP_TRANSFER_INTERNAL_H

#include "http_multi_internal.h"
#include "outrider/base/buf.h"
#include "outrider/io/http/client/http_client.h"
#include "outrider/io/loop/loop.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

struct http_transfer;
struct slot;
struct stream;

struct http_secure {
    struct loop *loop;
    const struct http_tls *tls;
    struct http_multi multi;
    struct deferred late; /* delivers what was ready before anybody's loop turned */
    struct http_transfer *ready, **ready_end;
    bool delivering;
    struct slot *calls, *spare; /* http_secure.c's */
    size_t spare_count, in_flight;
    struct stream *streams; /* http_secure_stream.c's */
    size_t stream_count;
};

/* Embedded. Everything in it is owned by it. */
struct http_transfer {
    struct http_secure *client;
    CURL *easy;
    struct curl_slist *headers, *connect_to;
    char *url; /* as the caller wrote it */
    struct buf body;
    void (*deliver)(struct http_transfer *transfer); /* may free it */
    struct http_transfer *next_ready;
    bool is_ready; /* in the queue */
    bool is_running;
    bool ended; /* with `code` */
    bool too_large;
    bool secret;
    CURLcode code;
    char error_text[CURL_ERROR_SIZE];
};

/* Prepares a transfer with an easy handle of its own for POST requests. */
void http_transfer_init(struct http_transfer *transfer, struct http_secure *client,
                        void (*deliver)(struct http_transfer *transfer));

/* Ends it, as http_transfer_stop does, and frees what it has. */
void http_transfer_fini(struct http_transfer *transfer);

/* Makes the request from `call`, which is copied; `more` is a header of our own, or NULL. */
void http_transfer_fill(struct http_transfer *transfer, const struct http_call *call, const char *more);

/* Lets libcurl begin. Whatever comes of it is delivered from the loop, not from here. */
void http_transfer_start(struct http_transfer *transfer);

/* Ends it at once: nothing more is delivered, and its connection is not used again. */
void http_transfer_stop(struct http_transfer *transfer);

/* Ends it from our side, as if libcurl had ended it with `code` for the reason `words`; it is delivered. */
void http_transfer_abort(struct http_transfer *transfer, CURLcode code, const char *words);

/* Queues it for delivery. */
void http_transfer_ready(struct http_transfer *transfer);

/* What became of an ended transfer; the body is the caller's to add. `text` (empty before) holds the words
 * and must outlive the result. */
struct http_result http_transfer_result(const struct http_transfer *transfer, struct buf *text);

/* Wipes and forgets the request; a large buffer is given back. */
void http_transfer_clear(struct http_transfer *transfer);

/* Takes from libcurl what has ended, and delivers: what http_multi is to call when libcurl has worked.
 * `client` is the struct http_secure. */
void http_transfers_ran(void *client);

/* Delivers what is ready. */
void http_transfers_deliver(void *client);

/* Frees every stream of `client`, without callbacks. */
void http_secure_streams_free(struct http_secure *client);

#endif
