/* Parses the head of an HTTP/1.1 request (RFC 9112) from bytes that arrive in pieces. Pure, total on any input,
 * and strict where leniency allows request smuggling: lines end with CRLF, no folded headers, one Content-Length
 * of digits, no Transfer-Encoding, no control bytes. */
#ifndef OUTRIDER_IO_HTTP_HTTP_PARSE_H
#define OUTRIDER_IO_HTTP_HTTP_PARSE_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

enum { HTTP_HEAD_MAX = 8192, HTTP_TARGET_MAX = 4096, HTTP_METHOD_MAX = 32, HTTP_HEADERS_MAX = 64 };

struct http_header {
    struct str name, value; /* the value without blanks at its ends */
};

/* Everything is borrowed from the bytes that were parsed. */
struct http_head {
    struct str method;
    struct str path;  /* undecoded, as sent; begins with '/', or is "*" */
    struct str query; /* undecoded, what follows '?'; empty without one */
    struct str host;  /* of the absolute target, else of Host; empty when a 1.0 request names none */
    int minor;        /* HTTP/1.minor */
    struct http_header headers[HTTP_HEADERS_MAX];
    size_t header_count;
    size_t content_length;
    bool keep_alive;       /* the connection may serve another request after this one */
    bool expects_continue; /* waits for "100 Continue" before it sends its body */
    size_t size;           /* bytes of the head, the empty line included: the body follows */
};

/* What is wrong, as the reply has to say it. The texts are static. */
struct http_fault {
    int status;
    const char *code, *message;
};

enum http_parse_result {
    HTTP_PARSE_MORE,  /* the head is not complete, and valid so far */
    HTTP_PARSE_DONE,  /* the head is in `ret_head` */
    HTTP_PARSE_FAULT, /* this cannot become a request; the fault is in `ret_fault` */
};

/* Parses the head at the beginning of `bytes`, of which it looks at the first HTTP_HEAD_MAX. `scanned` is 0 before
 * the first byte of a request and then the parser's: no byte is scanned twice, however slow the peer. `max_body`
 * is the largest Content-Length accepted. Empty lines before the request line are skipped (RFC 9112, 2.2).
 * Faults: 400, 411 and 501 (Transfer-Encoding), 413, 414, 431, 505. */
enum http_parse_result http_parse_head(struct str bytes, size_t *scanned, size_t max_body,
                                       struct http_head *ret_head, struct http_fault *ret_fault) MUST_CHECK;

/* The value of the first header called `name`, in any case; false when there is none. */
bool http_head_find(const struct http_head *head, struct str name, struct str *ret_value);

/* The same of a header that is there once: false, too, where it is there more often. */
bool http_head_find_one(const struct http_head *head, struct str name, struct str *ret_value);

/* Appends `text` with %XX decoded to `out`; with `plus`, '+' becomes a space. Returns 0, or -1 with `out` unchanged
 * when an escape is malformed or the result is not UTF-8 or has a NUL. */
int http_percent_decode(struct str text, bool plus, struct buf *out) MUST_CHECK;

/* Takes the next name=value of the query `rest`, which it advances also over a malformed pair, decoded into
 * `scratch` (cleared first). Returns 1 with both, borrowed until `scratch` changes; 0 at the end; -1 when the pair
 * is malformed. A name without '=' has an empty value; empty pairs ("a&&b") are skipped. */
int http_query_next(struct str *rest, struct buf *scratch, struct str *ret_name,
                    struct str *ret_value) MUST_CHECK;

#endif
