/* Server-Sent Events from bytes, as a browser reads them (WHATWG HTML, "Interpreting an event stream"). */
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

/* {.max = N} reads a stream from its beginning; N bounds what is kept of an event that has not ended. */
struct sse_reader {
    size_t max;
    struct buf input; /* from `at` on not yet read */
    size_t at;
    struct buf name, data;
    struct buf id, last_id; /* as read; as of the last whole event: what Last-Event-ID goes on from */
    bool begun, after_cr, told;
};

/* Takes the next bytes of the stream, cut anywhere. */
void sse_reader_feed(struct sse_reader *reader, struct str bytes);

/* The next whole event. Returns 1 with `ret_message`; 0 when more bytes are needed; -1 when an event is
 * larger than `max`, and so from then on. Total on any input. */
int sse_reader_next(struct sse_reader *reader, struct sse_message *ret_message) MUST_CHECK;

/* To read another stream from its beginning that goes on where this one broke off: all is forgotten but
 * last_id. */
void sse_reader_begin_anew(struct sse_reader *reader);

/* Accepts {0}. */
void sse_reader_fini(struct sse_reader *reader);

#endif
