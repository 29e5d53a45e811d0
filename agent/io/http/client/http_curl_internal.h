/* What the client on the loop and the blocking fetch share of libcurl: its options, and how a transfer ended. */
#ifndef OUTRIDER_IO_HTTP_CLIENT_HTTP_CURL_INTERNAL_H
#define OUTRIDER_IO_HTTP_CLIENT_HTTP_CURL_INTERNAL_H

#include "outrider/io/http/client/http_client.h"

#include <curl/curl.h>
#include <stdbool.h>

struct buf;

/* Bytes of headers accepted in an answer: those of interim answers and trailers count as well. */
enum { HTTP_CURL_HEAD_MAX = 16384 };

/* Initialises libcurl with an allocator that wipes what is freed. Counted: each call needs one
 * curl_global_cleanup(). Aborts where libcurl fails, which it does for lack of memory only. */
void http_curl_init(void);

/* A new easy handle with the options that never change: no signals, no proxy, no redirects, http and https
 * only, HTTP/2 by ALPN only, TCP keepalive probes. `error_text` (CURL_ERROR_SIZE bytes) is borrowed by the
 * handle. Never NULL: out of memory aborts. */
CURL *http_curl_new(char *error_text);

/* The list `headers` for CURLOPT_HTTPHEADER, after one that keeps libcurl from adding "Expect: 100-continue", which
 * would delay a large request by a round trip (docs/design/etcd-gateway.md, "Request bodies"). The caller frees it
 * with curl_slist_free_all. */
struct curl_slist *http_curl_headers(const char *const *headers);

/* Whether `list`, made by http_curl_headers, is what it would make of `headers`. */
bool http_curl_same_headers(const struct curl_slist *list, const char *const *headers);

/* The head of an answer, zeroed before each request. */
struct http_curl_head {
    size_t size; /* bytes of headers so far */
    int status;  /* 0 until the head of the final answer is complete */
    bool too_large;
};

/* For the header callback, which gets one line at a time, the empty one last. Interim answers have heads of their
 * own; trailers come here as well. The callback must fail where this returns false: more headers than accepted. */
bool http_curl_head_line(struct http_curl_head *head, CURL *easy, const char *line, size_t size);

/* The code of a transfer that ended with `code`: to libcurl a head that is cut short is an answer without a body.
 * `error_text` is what http_curl_new has. */
CURLcode http_curl_check_head(const struct http_curl_head *head, CURLcode code, char *error_text);

/* How a transfer ended, for http_curl_transport and http_curl_describe. */
struct http_curl_end {
    CURL *easy;
    const char *url;
    CURLcode code;
    const char *error_text; /* libcurl's own; may be empty */
    bool too_large;         /* our write callback stopped it: the body exceeds max_response */
    bool head_too_large;    /* our header callback stopped it: the headers exceed HTTP_CURL_HEAD_MAX */
    int64_t timeout_ms, connect_timeout_ms, silence_ms; /* the limits it had; 0: none */
};

enum http_transport http_curl_transport(const struct http_curl_end *end);

/* Whether a byte of the request was handed to the connection, or to an earlier one where it was sent again. */
bool http_curl_sent(CURL *easy);

/* The reason in libcurl's words. */
const char *http_curl_reason(const struct http_curl_end *end);

/* Appends the URL without user and password, and ": ". */
void http_curl_describe_url(struct buf *text, const char *url);

/* Appends the text for http_result: URL and reason. */
void http_curl_describe(struct buf *text, const struct http_curl_end *end, enum http_transport transport);

#endif
