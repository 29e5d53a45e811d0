/* TLS on an easy handle, and what a person should read when it fails. */
#ifndef OUTRIDER_IO_HTTP_CLIENT_HTTP_TLS_INTERNAL_H
#define OUTRIDER_IO_HTTP_CLIENT_HTTP_TLS_INTERNAL_H

#include "outrider/io/http/client/http_client.h"

#include <curl/curl.h>
#include <stdbool.h>

struct buf;

/* Sets what `tls` (borrowed by the handle as long as it lives) asks for: TLS 1.2 or later, the peer verified,
 * its host against the subjectAltName of its certificate, every file read again at each handshake. */
void http_tls_apply(CURL *easy, const struct http_tls *tls);

/* Sets the URL without user and password. It names `tls->server_name` instead of its host when there is one,
 * while the connection goes to its host: SNI, verification and the Host header are the name's. The list is to be freed by the
 * caller when the handle has another URL; NULL: none was needed. */
struct curl_slist *http_tls_set_url(CURL *easy, const struct http_tls *tls, const char *url);

/* How a transfer failed at TLS. */
struct http_tls_failure {
    const struct http_tls *tls;
    CURL *easy;
    CURLcode code;
    const char *words; /* libcurl's own */
};

/* Whether the server ended the connection because of our certificate, or because there was none. It says so
 * only after our handshake is done, when libcurl calls it a connection lost. `ret_certain` is false where
 * nothing was said and the circumstances only look like it: the request may then have been carried out. */
bool http_tls_is_refused(const struct http_tls_failure *failure, bool *ret_certain);

/* Appends what is wrong and what to do about it. */
void http_tls_describe(struct buf *text, const struct http_tls_failure *failure);

#endif
