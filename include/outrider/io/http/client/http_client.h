/* HTTP requests from the event loop: several in flight, on kept connections, through libcurl.
 *
 * - HTTP/1.1, one call at a time on a connection. HTTP/2 would share no connection here, and over it libcurl reads frames that
 *   carry nothing for as long as the server sends them, in one call that never returns to the loop: where it is needed, the client
 *   needs http_client_relay.
 * - No redirects, and no proxy whatever the environment says. User and password in a URL are neither sent nor
 *   printed.
 * - At most 4 idle connections are kept (http_client_keep), and none that four times as many calls did not need. A connection on which a call
 *   failed, timed out or was cancelled is closed; where nothing was answered on a kept one, the other idle ones
 *   to that address are closed as well. An idle client has no timer and causes no wake-up.
 * - A request is sent again, on a new connection, where a kept connection turns out to be closed before the
 *   first header of an answer. Requests must therefore be idempotent; `sent` stays true then, whatever becomes
 *   of the second attempt.
 * - A name is resolved when a new connection needs it, by io/net/resolver.
 * - An answer has at most 16 kB of headers.
 */
#ifndef OUTRIDER_IO_HTTP_CLIENT_HTTP_CLIENT_H
#define OUTRIDER_IO_HTTP_CLIENT_HTTP_CLIENT_H

#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct http_client;
struct http_request_handle;
struct loop;
struct resolver;

enum http_transport {
    HTTP_TRANSPORT_OK,          /* an answer was read to its end, whatever its status */
    HTTP_TRANSPORT_REFUSED,     /* nothing listens there */
    HTTP_TRANSPORT_UNREACHABLE, /* no route, or the network says the host is down */
    HTTP_TRANSPORT_TIMEOUT,     /* not connected or not answered within the time allowed */
    HTTP_TRANSPORT_RESOLVE,     /* the name has no address */
    HTTP_TRANSPORT_RESET,       /* the connection ended before the answer did */
    HTTP_TRANSPORT_TLS,         /* no secure connection: certificate, protocol, key */
    HTTP_TRANSPORT_TOO_LARGE,   /* the answer is larger than max_response */
    HTTP_TRANSPORT_OTHER        /* malformed URL, request header or answer */
};

/* TLS for https://. The files are read at each handshake. NULL: the system's trust store, no client certificate,
 * the host name of the URL. */
struct http_tls {
    const char *ca_file, *cert_file, *key_file;
    const char *server_name; /* requested and verified instead of the URL's host */
    bool trusts_all;         /* whatever certificate the server shows is accepted */
};

enum http_method { HTTP_POST, HTTP_GET, HTTP_HEAD, HTTP_PUT };

struct http_call {
    enum http_method method;
    const char *url;
    const char *const *headers; /* "Name: value" each, NULL at the end; NULL: none */
    struct str body;            /* of a POST or a PUT; always sent with a Content-Length */
    int64_t timeout_ms;         /* for the whole call; 0: none */
    int64_t connect_timeout_ms; /* for name, TCP and TLS together; 0: 300 s */
    size_t max_response;        /* bytes of body accepted */
    bool cut;   /* what exceeds max_response is left unread, and the answer counts as complete */
    bool head;  /* the head of the answer is kept for http_result.head; always so with http2 */
    bool fresh; /* on a new connection, whatever is kept */
    bool http2; /* over http:// without asking first, over https:// where the server has it */
    const struct http_tls *tls; /* copied; NULL: that of the client */
    bool
        secret; /* headers and body are wiped from every copy in memory when the call ends; costs a connection
                    of its own */
};

/* Everything in it is borrowed until the callback returns. */
struct http_result {
    enum http_transport transport;
    const char *text;   /* for the log: URL and reason ("" when transport is OK); never NULL */
    const char *reason; /* the part of it after the URL */
    bool sent;          /* a byte of the request may have reached the server: the outcome of a failed write
                                is unknown then, and certainly "not done" otherwise */
    bool kept;          /* the connection was a kept one */
    int status;         /* HTTP status; 0 when no answer began */
    struct str content_type; /* as received; empty when absent */
    bool http2;              /* the version of the answer */
    struct str head,
        trailers; /* of a call with `head`: the lines of the final head, without its first; and of the trailers */
    struct str body;    /* NUL-terminated beyond its end; what had arrived when the transport failed */
    int64_t elapsed_us; /* from the start of the call */
};

/* Called exactly once per call that is not cancelled, from the loop, never from within http_client_send. It
 * may start and cancel other calls; it must not free the client. */
typedef void http_result_fn(const struct http_result *result, void *user);

/* A client on `loop` that resolves names by `resolver` (both borrowed until http_client_free). `tls` is copied;
 * NULL: nothing of it is set. The caller owns the client. Never NULL. Does no I/O. */
struct http_client *http_client_new(struct loop *loop, struct resolver *resolver, const struct http_tls *tls);

/* For a client of many servers: as many connections are kept, and of each URL what a request is made of. Before the
 * first call. */
void http_client_keep(struct http_client *client, size_t count);

/* For calls with http2, before the first call: what a server sends reaches libcurl through a relay that stops after 128 KiB for
 * one answer, and connects as other probes do. */
void http_client_relay(struct http_client *client);

/* Whether this libcurl has HTTP/2. */
bool http_client_has_http2(void);

/* Cancels every call (no callback runs), closes the connections and frees the client. Accepts NULL. Not to be
 * called from a callback of this client. */
void http_client_free(struct http_client *client);

/* Starts a request. Everything `call` points to, the body included, is copied. Never fails at once: a malformed
 * URL or header is reported through `fn`, too. The handle is borrowed: it is valid until `fn` is entered or the
 * call is cancelled. */
struct http_request_handle *http_client_send(struct http_client *client, const struct http_call *call,
                                             http_result_fn *fn, void *user);

/* Ends the call without a callback. The request may have been carried out. Accepts NULL. */
void http_request_cancel(struct http_request_handle *call);

#endif
