/* HTTP requests from the loop: many at a time, on connections that are kept open. http:// is spoken by
 * ourselves (http_plain: the path of every heartbeat and write where there is no TLS), https:// by libcurl
 * (http_secure), which is initialised by the first https:// request and not before.
 *
 * - HTTP/1.1 on http://, HTTP/2 where TLS negotiates it (etcd's gateway speaks h2 only there:
 * docs/design/etcd-gateway.md, "HTTP/2"); there, too, one call at a time on a connection. http and https
 * only, no redirects, and no proxy whatever the environment says: an agent's registry is where its
 * configuration says.
 * - A connection on which a call failed or timed out is never used again, nor, on http://, is any other idle
 * one of a server that answered nothing on a kept one. At most 4 idle ones are kept, and none that 16 calls
 * had no use for. An idle client has no timer and causes no wake-up.
 * - A request is sent a second time, on a new connection, when a kept connection turns out to be closed
 *   before the first byte of an answer. Requests must therefore be idempotent; a resend leaves `sent` true
 *   whatever happens to it.
 * - User and password in a URL are neither sent nor printed. */
#ifndef OUTRIDER_IO_HTTP_CLIENT_HTTP_CLIENT_H
#define OUTRIDER_IO_HTTP_CLIENT_HTTP_CLIENT_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct http_client;
struct http_request_handle;
struct loop;

/* code, short text */
#define HTTP_TRANSPORTS(X)                                                                                   \
    X(HTTP_TRANSPORT_OK, "ok")                   /* an answer was read to its end, whatever its status */    \
    X(HTTP_TRANSPORT_REFUSED, "refused")         /* nobody listens there */                                  \
    X(HTTP_TRANSPORT_UNREACHABLE, "unreachable") /* no route, or the network says the host is down */        \
    X(HTTP_TRANSPORT_TIMEOUT, "timeout")         /* not connected or not answered within the time allowed */ \
    X(HTTP_TRANSPORT_RESOLVE, "resolve")         /* the name has no address */                               \
    X(HTTP_TRANSPORT_RESET, "reset")             /* the connection ended before the answer did */            \
    X(HTTP_TRANSPORT_TLS, "tls")                 /* no secure connection: certificate, protocol, key */      \
    X(HTTP_TRANSPORT_TOO_LARGE, "too_large")     /* the answer is larger than max_response */                \
    X(HTTP_TRANSPORT_OTHER, "other")             /* malformed URL or answer */

enum http_transport {
#define X(code, text) code,
    HTTP_TRANSPORTS(X)
#undef X
};

/* How https:// is to be spoken. Files are read anew at each handshake; NULL: the system's trust store, no
 * certificate of our own, the host name of the URL. */
struct http_tls {
    const char *ca_file, *cert_file, *key_file;
    const char *server_name; /* asked for and verified instead of the URL's host */
};

struct http_call {
    const char *url;
    const char *const
        *headers;       /* "Name: value" each, NULL at the end; NULL: none. Equal lists in a row are kept */
    struct str body;    /* always sent with a Content-Length */
    int64_t timeout_ms; /* for the whole call; 0: none */
    int64_t connect_timeout_ms; /* for name, TCP and TLS together; 0: 300 s */
    size_t max_response;        /* bytes of body accepted */
    bool secret;                /* headers and body are wiped from every copy of ours when the call ends */
};

/* Everything in it is borrowed until the callback returns. */
struct http_result {
    enum http_transport transport;
    const char *text;        /* for a person: what happened, on what ("" when transport is OK); never NULL */
    bool sent;               /* whether a byte of the request may have reached the server: the outcome of a
                                failed write is unknown then, and known to be "not done" otherwise */
    int status;              /* HTTP status; 0 when no answer began */
    struct str content_type; /* as received; empty when absent */
    struct str body;         /* NUL-terminated beyond its end; what had arrived when the transport failed */
    int64_t elapsed_us;      /* from the start of the call */
};

/* Called exactly once per call that is not cancelled, from the loop, never from within http_client_post. It
 * may start and cancel other calls; it must not free the client. */
typedef void http_result_fn(const struct http_result *result, void *user);

/* The short text of a transport result, fit for a metric's label; never NULL. */
const char *http_transport_name(enum http_transport transport);

/* A client on `loop` (borrowed until http_client_free). `tls` is copied; NULL: nothing of it is set. The
 * caller owns it. Never NULL. Does no I/O, and does not touch libcurl. */
struct http_client *http_client_new(struct loop *loop, const struct http_tls *tls);

/* Cancels every call (no callback runs), closes the connections and frees the client. Accepts NULL. Not to be
 * called from a callback of this client. */
void http_client_free(struct http_client *client);

/* Starts a POST. Everything `call` points to, the body included, is copied. Never fails at once: a malformed
 * URL is reported through `fn`, too. The handle is borrowed: it is valid until `fn` is entered or the call is
 * cancelled. */
struct http_request_handle *http_client_post(struct http_client *client, const struct http_call *call,
                                             http_result_fn *fn, void *user);

/* Ends the call without a callback. The request may have been carried out. Accepts NULL. */
void http_request_cancel(struct http_request_handle *request);

/* Calls started and not yet ended, for metrics and tests. */
size_t http_client_in_flight(const struct http_client *client);

#endif
