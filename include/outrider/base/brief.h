/* Text for people where space is limited: what does not fit is cut after a word, and "..." stands for it. */
#ifndef OUTRIDER_BASE_BRIEF_H
#define OUTRIDER_BASE_BRIEF_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdarg.h>

/* The bytes of `text` that are shown where it may have `max`: all of it; or the words that leave room for "...", which
 * the caller appends. Where there is none, or the last one is so long that it would leave half the space empty, it is
 * cut after a character. */
size_t brief_size(struct str text, size_t max);

/* Copies `text` to `out`, an array of `size` bytes (at least 1), NUL-terminated. */
void brief_copy(char *out, size_t size, struct str text);

/* The same of a formatted text; of one longer than 2 kB, its beginning. `out` may be among what is formatted. */
void brief_format(char *out, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);
void brief_vformat(char *out, size_t size, const char *format, va_list args);

#endif
