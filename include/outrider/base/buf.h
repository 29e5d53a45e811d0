/* A growing byte buffer, always NUL-terminated beyond its end so that it can be read as text. */
#ifndef OUTRIDER_BASE_BUF_H
#define OUTRIDER_BASE_BUF_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* {0} is an empty buffer. `data` is NULL until the first byte is added. */
struct buf {
    char *data;
    size_t size;
    size_t capacity;
};

/* Frees the bytes and empties the buffer; accepts NULL. */
void buf_fini(struct buf *buf);

/* Empties the buffer and keeps its memory. */
void buf_clear(struct buf *buf);

/* Makes room for `size` more bytes at once, where about so many are going to be added. */
void buf_reserve(struct buf *buf, size_t size);

/* Appends bytes. `data` must not point into `buf`. */
void buf_add(struct buf *buf, const void *data, size_t size);

/* Appends `size` bytes for the caller to write, all of them; returns the first, borrowed until the buffer
 * changes. For encoders that know their size. */
char *buf_extend(struct buf *buf, size_t size);

/* Appends a view. */
void buf_str(struct buf *buf, struct str text);

/* Appends a number in decimal, faster than printf's %d. */
void buf_int(struct buf *buf, int64_t number);

/* The same for an unsigned number. */
void buf_uint(struct buf *buf, uint64_t number);

/* Replaces the content by that of the `count` texts, one after the other, and lets each text point at its copy, borrowed until the
 * buffer changes. None of them may point into `buf`. */
void buf_keep(struct buf *buf, struct str *const texts[], size_t count);

/* Appends formatted text. */
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *buf, const char *format, va_list args) PRINTF_LIKE(2, 0);

/* Drops the first `size` bytes (all when there are fewer). */
void buf_consume(struct buf *buf, size_t size);

/* The content as a view, borrowed until the buffer changes. */
struct str buf_view(const struct buf *buf);

/* The content as NUL-terminated text, "" when empty; borrowed until the buffer changes. */
const char *buf_text(const struct buf *buf);

#endif
