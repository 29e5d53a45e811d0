#include "outrider/base/buf.h"

#include "outrider/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_fini(struct buf *buf)
{
    if (buf != NULL) {
        free(buf->data);
        *buf = (struct buf){0};
    }
}

void buf_clear(struct buf *buf)
{
    buf->size = 0;
    if (buf->data != NULL) {
        buf->data[0] = '\0';
    }
}

static void grow(struct buf *buf, size_t size)
{
    size_t need = size > SIZE_MAX - 1 - buf->size ? SIZE_MAX : buf->size + size + 1;
    size_t capacity = buf->capacity < 64 ? 64 : buf->capacity;
    while (capacity < need) {
        capacity = capacity > SIZE_MAX / 2 ? need : capacity * 2;
    }
    buf->data = mem_resize(buf->data, capacity, 1);
    buf->capacity = capacity;
}

/* Most often there is room: then nothing more is called. */
static inline void make_room(struct buf *buf, size_t size)
{
    if (size >= buf->capacity - buf->size) { /* a byte more, for the NUL */
        grow(buf, size);
    }
}

void buf_reserve(struct buf *buf, size_t size)
{
    make_room(buf, size);
}

char *buf_extend(struct buf *buf, size_t size)
{
    make_room(buf, size);
    char *start = buf->data + buf->size;
    buf->size += size;
    buf->data[buf->size] = '\0';
    return start;
}

static inline void add(struct buf *buf, const void *data, size_t size)
{
    make_room(buf, size);
    if (size > 0) {
        memcpy(buf->data + buf->size, data, size);
    }
    buf->size += size;
    buf->data[buf->size] = '\0';
}

void buf_add(struct buf *buf, const void *data, size_t size)
{
    add(buf, data, size);
}

void buf_str(struct buf *buf, struct str text)
{
    add(buf, text.data, text.size);
}

void buf_keep(struct buf *buf, struct str *const texts[], size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size += texts[i]->size;
    }
    buf_clear(buf);
    buf_reserve(buf, size); /* so that what is pointed at does not move */
    for (size_t i = 0; i < count; i++) {
        const char *copy = buf->data + buf->size;
        buf_str(buf, *texts[i]);
        texts[i]->data = copy;
    }
}

void buf_uint(struct buf *buf, uint64_t number)
{
    char digits[20];
    size_t first = sizeof(digits);
    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    buf_add(buf, digits + first, sizeof(digits) - first);
}

void buf_int(struct buf *buf, int64_t number)
{
    if (number < 0) {
        buf_add(buf, "-", 1);
    }
    buf_uint(buf, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

void buf_vprintf(struct buf *buf, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (size < 0) {
        return;
    }
    buf_reserve(buf, (size_t)size);
    vsnprintf(buf->data + buf->size, (size_t)size + 1, format, args);
    buf->size += (size_t)size;
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_vprintf(buf, format, args);
    va_end(args);
}

void buf_consume(struct buf *buf, size_t size)
{
    if (size >= buf->size) {
        buf_clear(buf);
        return;
    }
    memmove(buf->data, buf->data + size, buf->size - size + 1);
    buf->size -= size;
}

struct str buf_view(const struct buf *buf)
{
    return (struct str){buf->data, buf->size};
}

const char *buf_text(const struct buf *buf)
{
    return buf->data == NULL ? "" : buf->data;
}
