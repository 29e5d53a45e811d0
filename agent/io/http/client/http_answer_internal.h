/* An HTTP/1.x answer, from bytes that arrive in pieces. Pure, total on any input, bounded: a head of at most
 * HTTP_ANSWER_HEAD_MAX bytes (interim answers and trailers have the same room each), a body of at most what
 * the caller accepts. Strict where leniency lets two readers disagree on where an answer ends (RFC 9112):
 * lines end with CRLF, no folded headers, lengths that differ or stand beside a coding are refused. */
#ifndef OUTRIDER_IO_HTTP_CLIENT_HTTP_ANSWER_INTERNAL_H
#define OUTRIDER_IO_HTTP_CLIENT_HTTP_ANSWER_INTERNAL_H

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_ANSWER_HEAD_MAX = 16384, HTTP_ANSWER_LINE_MAX = 4096 };

enum http_answer_result {
    HTTP_ANSWER_MORE,
    HTTP_ANSWER_DONE,
    HTTP_ANSWER_MALFORMED,
    HTTP_ANSWER_TOO_LARGE, /* the body is, or says it will be, larger than `max_body` */
    HTTP_ANSWER_CUT        /* the connection ended before the answer did */
};

struct http_answer {
    int status;              /* 0 until the head of the final answer is read */
    struct str content_type; /* borrowed from `head` */
    bool keep_alive;         /* the connection may carry another request once this is DONE */
    struct buf body;         /* what has arrived of it */

    int state; /* from here on the parser's own */
    struct buf head;
    size_t max_body, line;
    uint64_t left; /* of the body or of the chunk */
    enum http_answer_result verdict;
};

/* Prepares for an answer whose body has at most `max_body` bytes; memory of an earlier one is kept. The first
 * time `answer` is zeroed. */
void http_answer_begin(struct http_answer *answer, size_t max_body);

/* Frees the buffers. */
void http_answer_fini(struct http_answer *answer);

/* Takes `size` bytes, or as many as belong to this answer: `ret_used` says how many. The verdict stands once
 * it is not MORE: what is fed after that is not used. */
enum http_answer_result http_answer_feed(struct http_answer *answer, const char *data, size_t size,
                                         size_t *ret_used) MUST_CHECK;

/* The connection has ended: DONE where that is how the body ends, CUT where it is not. */
enum http_answer_result http_answer_end(struct http_answer *answer) MUST_CHECK;

#endif
