/* How many effects wait, for tests that count them. */
#ifndef OUTRIDER_TESTS_QUEUE_SIZE_H
#define OUTRIDER_TESTS_QUEUE_SIZE_H

#include "outrider/base/queue.h"

static inline size_t queue_size(const struct queue *queue)
{
    return queue->end - queue->first;
}

#endif
