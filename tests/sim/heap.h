/* Planned events, soonest first; at the same moment in the order of planning. */
#ifndef OUTRIDER_TESTS_SIM_HEAP_H
#define OUTRIDER_TESTS_SIM_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct packet;

struct event {
    int64_t at;
    uint64_t order;
    uint64_t id;
    int64_t arg;
    union {
        struct packet *packet;
        char *text; /* owned */
    };
    unsigned node;
    uint32_t life; /* of the agent process it is for */
    int type;
};

struct heap {
    struct event *events;
    size_t count, capacity;
    uint64_t order;
};

/* Adds a copy of `event` and sets its order. */
void heap_push(struct heap *heap, struct event event);

/* Takes the soonest event; false when there is none. */
bool heap_pop(struct heap *heap, struct event *ret_event);

#endif
