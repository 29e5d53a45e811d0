#include "outrider/base/queue.h"

#include "outrider/base/brief.h"
#include "outrider/base/mem.h"

#include <stdlib.h>

/* One allocation for each text: few effects carry text, and AddressSanitizer finds a use after free of a single allocation. */
struct queue_chunk {
    struct queue_chunk *next;
    char data[];
};

void queue_init(struct queue *queue, size_t item_size)
{
    *queue = (struct queue){.item_size = item_size};
}

static void drop_chunks(struct queue *queue)
{
    while (queue->chunks != NULL) {
        struct queue_chunk *next = queue->chunks->next;
        free(queue->chunks);
        queue->chunks = next;
    }
}

void queue_fini(struct queue *queue)
{
    if (queue != NULL) {
        drop_chunks(queue);
        free(queue->items);
        *queue = (struct queue){.item_size = queue->item_size};
    }
}

void *queue_push(struct queue *queue)
{
    queue->items = mem_grow(queue->items, queue->end, &queue->capacity, queue->item_size);
    char *item = queue->items + queue->end++ * queue->item_size;
    memset(item, 0, queue->item_size);
    return item;
}

bool queue_take(struct queue *queue, void *ret_item)
{
    if (queue->first == queue->end) {
        queue->first = queue->end = 0;
        drop_chunks(queue);
        return false;
    }
    memcpy(ret_item, queue->items + queue->first++ * queue->item_size, queue->item_size);
    if (queue->first == queue->end) {
        queue->first = queue->end = 0;
    }
    return true;
}

struct str queue_copy(struct queue *queue, struct str text)
{
    struct queue_chunk *chunk = mem_resize(NULL, sizeof(*chunk) + text.size + 1, 1);
    chunk->next = queue->chunks;
    queue->chunks = chunk;
    if (text.size > 0) {
        memcpy(chunk->data, text.data, text.size);
    }
    chunk->data[text.size] = '\0';
    return (struct str){chunk->data, text.size};
}

struct str queue_vformat(struct queue *queue, size_t size, const char *format, va_list args)
{
    char text[QUEUE_FORMAT_MAX];
    brief_vformat(text, size < sizeof(text) ? size : sizeof(text), format, args);
    return queue_copy(queue, str_of(text));
}
