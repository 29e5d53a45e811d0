/* Makes the bytes of a peer safe for one line of text: replies, events, logs, terminals. */
#ifndef OUTRIDER_CODEC_TEXT_PRINTABLE_H
#define OUTRIDER_CODEC_TEXT_PRINTABLE_H

#include "outrider/base/str.h"

#include <stdbool.h>

struct buf;

/* Appends `text` to `out`, at most `max` bytes of it and never a part of a character. Control characters (C0,
 * DEL and C1, which terminals interpret, line separators and bidirectional controls) and bytes that are not UTF-8 become `instead`. */
void printable_add(struct buf *out, struct str text, size_t max, char instead);

/* The same into an array of `size` bytes (at least 1), NUL-terminated. */
void printable_copy(char *out, size_t size, struct str text, char instead);

/* Appends all of `text` with escapes for the same: \n, \r, \t, \u001b for other control characters, \xff for a byte that is
 * not UTF-8. A backslash stands for itself, so that JSON stays as it is. `lines`: LF and TAB stay. */
void printable_escape(struct buf *out, struct str text, bool lines);

#endif
