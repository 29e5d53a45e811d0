/* Decodes Server-Sent Events as a browser does (WHATWG HTML, "Interpreting an event stream"). */
#ifndef OUTRIDER_CODEC_TEXT_SSE_READ_H
#define OUTRIDER_CODEC_TEXT_SSE_READ_H

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>

/* One event, borrowed until the reader is called again. */
struct sse_message {
    struct str name; /* empty: none was given */
    struct str data; /* its lines, with LF between them */
};

/* {.max = N} starts at the beginning of a stream; N limits the size of one event. */
struct sse_reader {
    size_t max;
    struct buf input; /* unread from `at` on */
    size_t at;
    struct buf name, data;
    struct buf id, last_id; /* as read; as of the last whole event, for Last-Event-ID */
    bool begun, after_cr, told;
};

/* Adds the next bytes of the stream, split anywhere. */
void sse_reader_feed(struct sse_reader *reader, struct str bytes);

/* The next whole event. Returns 1 with `ret_message`; 0 when more bytes are needed; -1 when an event is
 * larger than `max`, and for every call after that. Total on any input. */
int sse_reader_next(struct sse_reader *reader, struct sse_message *ret_message) MUST_CHECK;

/* Prepares for a new connection that resumes the stream: everything except last_id is discarded. */
void sse_reader_begin_anew(struct sse_reader *reader);

/* Accepts {0}. */
void sse_reader_fini(struct sse_reader *reader);

#endif
