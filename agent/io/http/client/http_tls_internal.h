/* TLS on an easy handle, and the text for its failures. */
#ifndef OUTRIDER_IO_HTTP_CLIENT_HTTP_TLS_INTERNAL_H
#define OUTRIDER_IO_HTTP_CLIENT_HTTP_TLS_INTERNAL_H

#include "outrider/io/http/client/http_client.h"

#include <curl/curl.h>
#include <stdbool.h>

struct buf;

/* Sets the options for `tls` (borrowed by the handle as long as it lives): TLS 1.2 or later, the peer verified,
 * its host against the subjectAltName of its certificate, every file read again at each handshake. */
void http_tls_apply(CURL *easy, const struct http_tls *tls);

/* How a transfer failed at TLS. */
struct http_tls_failure {
    const struct http_tls *tls;
    CURL *easy;
    CURLcode code;
    const char *reason; /* http_curl_reason */
};

/* Whether the server closed the connection because it refuses our certificate, or misses one. With TLS 1.3 it
 * says so only after our handshake is done, and libcurl reports a lost connection. `ret_certain` is false where
 * the server sent no alert and the circumstances only look like it: the request may then have been carried
 * out. */
bool http_tls_is_refused(const struct http_tls_failure *failure, bool *ret_certain);

/* Appends what is wrong and what to do about it. */
void http_tls_describe(struct buf *text, const struct http_tls_failure *failure);

#endif
