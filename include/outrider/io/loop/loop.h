/* The event loop: one thread on epoll. A loop without ready sockets and timers sleeps without wake-ups. */
#ifndef OUTRIDER_IO_LOOP_LOOP_H
#define OUTRIDER_IO_LOOP_LOOP_H

#include "outrider/base/attr.h"

#include <stdbool.h>
#include <stdint.h>

struct error;
struct event_base;
struct loop;

/* A call at the end of the current turn, embedded in the object that it concerns. Set `fn` and `user`; the
 * other members belong to the loop and start as zero. Must not be freed while it is queued: deferred_cancel. */
struct deferred {
    void (*fn)(void *user);
    void *user;
    struct deferred *next, *previous; /* NULL when not queued */
};

/* A new loop, owned by the caller. NULL with `err` set when the kernel gives no epoll descriptor. */
struct loop *loop_new(struct error *err) MUST_CHECK;

/* Frees the loop; everything on it must have been freed before. Deferred calls are dropped. Accepts NULL. */
void loop_free(struct loop *loop);

/* Runs turns until loop_stop; returns at once when loop_stop was called before. */
void loop_run(struct loop *loop);

/* Makes loop_run return at the end of the turn. */
void loop_stop(struct loop *loop);

/* One turn, for tests: runs the callbacks that are ready, then the deferred calls. With `wait` it sleeps
 * until a callback is ready, unless a call is deferred already. */
void loop_turn_once(struct loop *loop, bool wait);

/* Queues `deferred` to run once after the callbacks of this turn, in the order of queueing, never from
 * within another callback. A call deferred by a deferred call runs in the same turn, after the others, up to
 * a number of rounds after which the sockets are polled first. No effect when it is queued already. */
void loop_defer(struct loop *loop, struct deferred *deferred);

/* Removes it from the queue. No effect when it is not queued. */
void deferred_cancel(struct deferred *deferred);

/* The largest delay of a timer since the last call, in us; 0 when no timer ran. A late loop is reported, as
 * its delay would otherwise look like one of the probed server. */
int64_t loop_take_lag_us(struct loop *loop);

/* For the other folders of io: libevent's base, borrowed for the life of the loop. */
struct event_base *loop_base(struct loop *loop);

/* For timer.c: a timer ran `late_us` after it was due. */
void loop_note_lag(struct loop *loop, int64_t late_us);

#endif
