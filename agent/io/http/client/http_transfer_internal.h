/* What calls and streams have in common: a request through an easy handle, and its end.
 *
 *   socket or timer event -> libcurl -> ended, or bytes arrived -> queue of ready transfers -> deliver()
 *
 * Callbacks of users run only in deliver(), with no libcurl function on the stack, and so may start, cancel
 * and close calls and streams. */
#ifndef OUTRIDER_IO_HTTP_CLIENT_HTTP_TRANSFER_INTERNAL_H
#define OUTRIDER_IO_HTTP_CLIENT_HTTP_TRANSFER_INTERNAL_H

#include "http_curl_internal.h"
#include "http_host_internal.h"
#include "outrider/base/buf.h"
#include "outrider/io/http/client/http_client.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

/* Embedded. Owns everything in it. */
struct http_transfer {
    struct http_client *client;
    CURL *easy;
    struct http_host host;
    struct curl_slist *headers;
    char *url; /* as the caller wrote it */
    struct buf body;
    void (*deliver)(struct http_transfer *transfer); /* may free it */
    struct http_transfer *next_ready;
    struct http_curl_head head;
    int64_t started_us, ended_us;
    int64_t timeout_ms, connect_timeout_ms; /* 0: none */
    int64_t text_timeout_ms;                /* for http_curl_describe */
    size_t lookups;
    bool was_sent; /* before the last look-up */
    bool is_ready; /* in the queue */
    bool is_tls;
    bool is_started; /* libcurl had it: what curl_easy_getinfo says is about this request */
    bool is_running;
    bool ended; /* with `code` */
    bool too_large;
    bool has_bad_header;
    bool secret;
    CURLcode code;
    char error_text[CURL_ERROR_SIZE];
};

/* Prepares a transfer with an easy handle of its own for POST requests. The caller sets CURLOPT_WRITEFUNCTION
 * and CURLOPT_HEADERFUNCTION. */
void http_transfer_init(struct http_transfer *transfer, struct http_client *client,
                        void (*deliver)(struct http_transfer *transfer));

/* Ends it, as http_transfer_stop does, and frees what it has. */
void http_transfer_fini(struct http_transfer *transfer);

/* Makes the request from `call`, which is copied; `more` is one more header, or NULL. The transfer may take
 * `timeout_ms`; 0: no limit. */
void http_transfer_fill(struct http_transfer *transfer, const struct http_call *call, const char *more,
                        int64_t timeout_ms);

/* Lets libcurl begin. Whatever comes of it is delivered from the loop, not from here. */
void http_transfer_start(struct http_transfer *transfer);

/* Ends it at once: nothing more is delivered, and its connection is closed. */
void http_transfer_stop(struct http_transfer *transfer);

/* Ends it as if libcurl had ended it with `code` for the reason `text` ("": the code's); it is delivered. */
void http_transfer_abort(struct http_transfer *transfer, CURLcode code, const char *text);

/* Queues it for delivery. */
void http_transfer_ready(struct http_transfer *transfer);

/* What became of an ended transfer; the body is the caller's to add. `text` (empty before) holds the reason
 * and must outlive the result. */
struct http_result http_transfer_result(const struct http_transfer *transfer, struct buf *text);

/* Wipes a secret request and gives a large buffer back, so that the transfer may be kept for the next call. */
void http_transfer_clear(struct http_transfer *transfer);

/* Takes from libcurl what has ended, and delivers: the `ran` of http_multi. `client` is the http_client. */
void http_transfers_ran(void *client);

/* Delivers what is ready. */
void http_transfers_deliver(void *client);

#endif
