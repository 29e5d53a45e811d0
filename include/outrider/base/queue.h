/* A first-in first-out queue of fixed-size items with an arena for what they point to. The machines of
 * agent/core append their effects here, and the caller of a step takes them in order. The arena is emptied with the queue. */
#ifndef OUTRIDER_BASE_QUEUE_H
#define OUTRIDER_BASE_QUEUE_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct queue_chunk;

struct queue {
    size_t item_size;
    char *items;
    size_t first, end, capacity; /* in items; first..end-1 are waiting */
    struct queue_chunk *chunks;
};

/* Prepares an empty queue of items of `item_size` bytes. */
void queue_init(struct queue *queue, size_t item_size);

/* Frees the items, waiting ones included, and the arena; accepts a zeroed queue and NULL. */
void queue_fini(struct queue *queue);

/* Appends a zeroed item and returns it, borrowed until the next call on this queue. */
void *queue_push(struct queue *queue);

/* Copies the oldest item to `ret_item` and removes it. What it points to in the arena stays valid until
 * queue_take finds the queue empty. Returns false when nothing waits. */
bool queue_take(struct queue *queue, void *ret_item);

/* A NUL-terminated copy of `text` in the arena. */
struct str queue_copy(struct queue *queue, struct str text);

enum { QUEUE_FORMAT_MAX = 600 };

/* The same of a formatted text, cut as brief_vformat() does to less than `size` (at most QUEUE_FORMAT_MAX) bytes. */
struct str queue_vformat(struct queue *queue, size_t size, const char *format, va_list args);

#endif
