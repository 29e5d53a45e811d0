/* A request through libcurl, as the client on the loop and the blocking fetch make it: its options, the answer, and
 * how it ended. */
#ifndef OUTRIDER_IO_HTTP_CLIENT_HTTP_CURL_INTERNAL_H
#define OUTRIDER_IO_HTTP_CLIENT_HTTP_CURL_INTERNAL_H

#include "outrider/base/buf.h"
#include "outrider/io/http/client/http_client.h"

#include <curl/curl.h>
#include <stdbool.h>

/* Embedded. Zero before http_curl_init. */
struct http_curl {
    CURL *easy;
    const char *url;                                    /* as the caller wrote it */
    struct curl_slist *headers;                         /* of the request */
    const struct http_tls *tls;                         /* borrowed; NULL: libcurl's defaults */
    int64_t timeout_ms, connect_timeout_ms, silence_ms; /* its limits, for http_curl_describe; 0: none */
    size_t max_body;                                    /* bytes accepted */
    bool cut;                                           /* what exceeds it is no error */
    bool keep_head;
    /* May be NULL: the head is complete, or bytes were added to `body`; false ends it as too large. */
    bool (*arrived)(struct http_curl *curl);

    /* The answer. */
    int status;          /* 0 until the head of the final answer is complete */
    size_t head_size;    /* bytes of headers so far: those of interim answers and trailers count as well */
    bool head_too_large; /* and stopped for that */
    bool too_large;      /* the body, and stopped for that */
    bool is_cut;         /* likewise, and the answer counts as complete */
    bool is_silent;      /* and stopped for that */
    struct buf body, head, trailers;
    enum http_transport failed_as;    /* of a failed connection, in place of what libcurl says; OK: nothing */
    CURLcode code;                    /* how it ended */
    char error_text[CURL_ERROR_SIZE]; /* libcurl's own; may be empty */
};

/* Aborts where an option cannot be set, which fails for lack of memory only (base/mem.h). */
void http_curl_must(CURLcode code);

/* `list` with `text` at its end; NULL: a new one. Never NULL. */
struct curl_slist *http_curl_append(struct curl_slist *list, const char *text);

/* Initialises libcurl with an allocator that wipes what is freed. Counted: each call needs one
 * curl_global_cleanup(). Aborts where libcurl fails, which it does for lack of memory only. */
void http_curl_global_init(void);

/* Makes the easy handle, with the callbacks and the options that never change: no signals, no proxy, no redirects,
 * http and https only, HTTP/1.1, TCP keepalive probes. http_curl_fini frees it, headers and body. */
void http_curl_init(struct http_curl *curl);
void http_curl_fini(struct http_curl *curl);

/* Whether one of the headers (NULL at the end; NULL: none) has a line break: libcurl sends them as they are, so that a token with
 * one would add headers of its author's choosing. */
bool http_curl_has_line_break(const char *const *headers);

/* Sets the headers of the request, and one that keeps libcurl from adding "Expect: 100-continue", which would delay a
 * large request by a round trip (docs/design/etcd-gateway.md, "Request bodies"). `more` is one more, or NULL. */
void http_curl_set_headers(struct http_curl *curl, const char *const *headers, const char *more);

/* Before each request: forgets the answer to the one before. */
void http_curl_begin(struct http_curl *curl);

/* The transfer has ended with `code`: to libcurl a head that is cut short is an answer without a body. */
void http_curl_end(struct http_curl *curl, CURLcode code);

enum http_transport http_curl_transport(const struct http_curl *curl);

/* Whether a byte of the request was handed to the connection, or to an earlier one where it was sent again. */
bool http_curl_sent(const struct http_curl *curl);

/* The reason in libcurl's words. */
const char *http_curl_reason(const struct http_curl *curl);

/* Appends the text for http_result, where `transport` is not OK: URL and reason. Returns where the reason begins. */
size_t http_curl_describe(struct buf *text, const struct http_curl *curl, enum http_transport transport);

/* Embedded: TLS settings with their texts. */
struct http_tls_copy {
    struct http_tls view;
    char *texts[4];
};

/* http_tls.c: fills `copy` (zeroed); NULL: nothing is set. Frees its texts. */
void http_tls_copy(struct http_tls_copy *copy, const struct http_tls *tls);
void http_tls_copy_fini(struct http_tls_copy *copy);

/* http_tls.c: whether they are the same settings. */
bool http_tls_equal(const struct http_tls *a, const struct http_tls *b);

/* http_tls.c: sets the options for curl->tls: TLS 1.2 or later, the peer verified, its host against the
 * subjectAltName of its certificate, every file read again at each handshake. */
void http_tls_apply(struct http_curl *curl);

/* http_tls.c: refuses a certificate whose only name is its CommonName, on every connection of `easy`, also without
 * http_tls_apply. Nothing of a request is sent to its server. */
void http_tls_require_names(CURL *easy);

/* http_tls.c: whether the server closed the connection because it refuses our certificate, or misses one. With TLS
 * 1.3 it says so only after our handshake is done, and libcurl reports a lost connection. `ret_certain` is false
 * where the server sent no alert and the circumstances only look like it: the request may then have been carried
 * out. */
bool http_tls_is_refused(const struct http_curl *curl, bool *ret_certain);

/* http_tls.c: appends what is wrong and what to do about it. */
void http_tls_describe(struct buf *text, const struct http_curl *curl);

#endif
