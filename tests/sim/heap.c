#include "heap.h"

#include "outrider/base/mem.h"

static bool sooner(const struct event *a, const struct event *b)
{
    return a->at < b->at || (a->at == b->at && a->order < b->order);
}

void heap_push(struct heap *heap, struct event event)
{
    if (heap->count == heap->capacity) {
        heap->capacity = heap->capacity == 0 ? 256 : heap->capacity * 2;
        heap->events = mem_resize(heap->events, heap->capacity, sizeof(heap->events[0]));
    }
    event.order = heap->order++;
    size_t at = heap->count++;
    while (at > 0 && sooner(&event, &heap->events[(at - 1) / 2])) {
        heap->events[at] = heap->events[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap->events[at] = event;
}

bool heap_pop(struct heap *heap, struct event *ret_event)
{
    if (heap->count == 0) {
        return false;
    }
    *ret_event = heap->events[0];
    struct event last = heap->events[--heap->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= heap->count) {
            break;
        }
        if (child + 1 < heap->count && sooner(&heap->events[child + 1], &heap->events[child])) {
            child++;
        }
        if (!sooner(&heap->events[child], &last)) {
            break;
        }
        heap->events[at] = heap->events[child];
        at = child;
    }
    heap->events[at] = last;
    return true;
}
