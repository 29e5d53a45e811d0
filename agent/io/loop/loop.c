#include "outrider/io/loop/loop.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"

#include <event2/event.h>
#include <stdlib.h>

/* Rounds of deferred calls before the sockets are polled again. One round is usual: an attempt that ends
 * within its start call, and its consequences, need no extra epoll_wait(2). */
enum { DEFERRED_ROUNDS = 8 };

struct loop {
    struct event_base *base;
    struct deferred queue; /* ring: next is the first, previous the last */
    bool stopping;
    int64_t lag_us;
};

/* - PRECISE_TIMER: without it libevent reads CLOCK_MONOTONIC_COARSE, which lags by up to 4 ms at 250 Hz,
 *   wakes too early and sleeps again: measured were 3.3 wake-ups per timer and 6 ms of delay. With it a
 *   timer costs one wake-up and one timerfd_settime(2), and is at most 1 ms late.
 * - NO_CACHE_TIME: a timer armed in a callback must count from now, not from the start of the turn, or it
 *   fires early.
 * - Not EPOLL_USE_CHANGELIST: it saves an epoll_ctl(2) only where a registration changes twice in a turn,
 *   which does not happen here, and it is unsafe with duplicated descriptors. */
static struct event_base *base_new(void)
{
    struct event_config *config = event_config_new();
    if (config == NULL) {
        return NULL;
    }
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV |
                                      EVENT_BASE_FLAG_PRECISE_TIMER | EVENT_BASE_FLAG_NO_CACHE_TIME);
    event_config_avoid_method(config, "select");
    event_config_avoid_method(config, "poll");
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

struct loop *loop_new(struct error *err)
{
    struct event_base *base = base_new();
    if (base == NULL) {
        error_set(err, ERROR_SYSTEM, "cannot make an event loop: the kernel gives no epoll descriptor");
        return NULL;
    }
    struct loop *loop = mem_zalloc(sizeof(*loop));
    loop->base = base;
    loop->queue.next = loop->queue.previous = &loop->queue;
    return loop;
}

void loop_free(struct loop *loop)
{
    if (loop == NULL) {
        return;
    }
    while (loop->queue.next != &loop->queue) {
        deferred_cancel(loop->queue.next);
    }
    event_base_free(loop->base);
    free(loop);
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

void loop_note_lag(struct loop *loop, int64_t late_us)
{
    loop->lag_us = late_us > loop->lag_us ? late_us : loop->lag_us;
}

int64_t loop_take_lag_us(struct loop *loop)
{
    int64_t lag = loop->lag_us;
    loop->lag_us = 0;
    return lag;
}

static void append(struct loop *loop, struct deferred *deferred)
{
    deferred->previous = loop->queue.previous;
    deferred->next = &loop->queue;
    deferred->previous->next = deferred;
    loop->queue.previous = deferred;
}

void loop_defer(struct loop *loop, struct deferred *deferred)
{
    if (deferred->next == NULL) {
        append(loop, deferred);
    }
}

void deferred_cancel(struct deferred *deferred)
{
    if (deferred->next != NULL) {
        deferred->previous->next = deferred->next;
        deferred->next->previous = deferred->previous;
        deferred->next = deferred->previous = NULL;
    }
}

static bool has_deferred(const struct loop *loop)
{
    return loop->queue.next != &loop->queue;
}

/* Runs what is queued now. A mark in the ring separates it from what is queued meanwhile, whatever is
 * cancelled. */
static void run_round(struct loop *loop)
{
    struct deferred mark = {0};
    append(loop, &mark);
    while (loop->queue.next != &mark) {
        struct deferred *deferred = loop->queue.next;
        deferred_cancel(deferred);
        deferred->fn(deferred->user);
    }
    deferred_cancel(&mark);
}

void loop_turn_once(struct loop *loop, bool wait)
{
    int flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY;
    if (!wait || has_deferred(loop)) {
        flags |= EVLOOP_NONBLOCK;
    }
    event_base_loop(loop->base, flags);
    for (int round = 0; round < DEFERRED_ROUNDS && has_deferred(loop); round++) {
        run_round(loop);
    }
}

void loop_run(struct loop *loop)
{
    while (!loop->stopping) {
        loop_turn_once(loop, true);
    }
    loop->stopping = false;
}

void loop_stop(struct loop *loop)
{
    loop->stopping = true;
}
