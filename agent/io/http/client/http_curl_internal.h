/* What the client on the loop and the blocking fetch share of libcurl. */
#ifndef OUTRIDER_IO_HTTP_CLIENT_HTTP_CURL_INTERNAL_H
#define OUTRIDER_IO_HTTP_CLIENT_HTTP_CURL_INTERNAL_H

#include "outrider/base/attr.h"
#include "outrider/io/http/client/http_client.h"

#include <curl/curl.h>

struct buf;
struct error;

/* Initialises libcurl, with an allocator that wipes what is freed; counted, so that each success needs one
 * curl_global_cleanup(). Returns 0 or -1. */
int http_curl_init(struct error *err) MUST_CHECK;

/* A new easy handle with the options that never change: no signals, no proxy, no redirects, http and https
 * only, HTTP/2 by ALPN only, keep-alive probes. `error_text` (CURL_ERROR_SIZE bytes) is borrowed by the
 * handle. Never NULL: out of memory aborts. */
CURL *http_curl_new(char *error_text);

/* The list `headers` for CURLOPT_HTTPHEADER, "Expect:" first (docs/design/etcd-gateway.md, "Request bodies").
 * The caller frees it with curl_slist_free_all. */
struct curl_slist *http_curl_headers(const char *const *headers);

/* Whether `list`, made by http_curl_headers, is what it would make of `headers`. */
bool http_curl_same_headers(const struct curl_slist *list, const char *const *headers);

/* Our word for how a transfer ended. `too_large`: our own write callback stopped it. */
enum http_transport http_curl_transport(CURL *easy, CURLcode code, bool too_large);

/* Whether a byte of the request was handed to the connection. */
bool http_curl_sent(CURL *easy);

/* What libcurl itself says about it; `error_text` may be empty. */
const char *http_curl_words(CURLcode code, const char *error_text);

/* Appends the URL without its password, and ": ". */
void http_curl_describe_url(struct buf *text, const char *url);

/* Appends to `text` what a person should read: the URL without its password, and why. `error_text` is
 * libcurl's own words. */
void http_curl_describe(struct buf *text, const char *url, enum http_transport transport, CURLcode code,
                        const char *error_text);

#endif
