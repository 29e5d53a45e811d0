/* Bytes of a peer made fit for one line that a person reads: replies, events, logs. */
#ifndef OUTRIDER_CODEC_TEXT_PRINTABLE_H
#define OUTRIDER_CODEC_TEXT_PRINTABLE_H

#include "outrider/base/str.h"

struct buf;

/* Appends `text` to `out`, at most `max` bytes of it and never a part of a character. Control characters (C0,
 * DEL and C1, which terminals obey, and those that turn the direction of a text around them) and bytes that
 * are not UTF-8 become `instead`. */
void printable_add(struct buf *out, struct str text, size_t max, char instead);

/* The same into an array of `size` bytes (at least 1), NUL-terminated. */
void printable_copy(char *out, size_t size, struct str text, char instead);

#endif
