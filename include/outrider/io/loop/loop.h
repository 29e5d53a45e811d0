/* The event loop: one thread, epoll underneath. Everything in io hangs on it; nothing in it happens while
 * nothing happens: a loop without timers sleeps for ever. */
#ifndef OUTRIDER_IO_LOOP_LOOP_H
#define OUTRIDER_IO_LOOP_LOOP_H

#include "outrider/base/attr.h"

#include <stdbool.h>
#include <stdint.h>

struct error;
struct loop;

/* A call to be made at the end of this turn, embedded in whatever it is about. Set `fn` and `user`; the rest
 * is the loop's, zero at first. Never free it while it is queued: deferred_cancel. */
struct deferred {
    void (*fn)(void *user);
    void *user;
    struct deferred *next, *previous; /* NULL when not queued */
};

/* A loop; the caller owns it. NULL with `err` set when the kernel gives no epoll. */
struct loop *loop_new(struct error *err) MUST_CHECK;

/* Frees the loop; everything made on it must have been freed before. What is deferred is forgotten. Accepts
 * NULL. */
void loop_free(struct loop *loop);

/* Turns until loop_stop; returns at once when loop_stop was called before. */
void loop_run(struct loop *loop);

/* Makes loop_run return at the end of the turn. */
void loop_stop(struct loop *loop);

/* One turn, for tests: runs what is ready and then what was deferred. With `wait` it sleeps until something
 * is ready, unless something is deferred already. */
void loop_turn_once(struct loop *loop, bool wait);

/* Queues `deferred` to run once after the callbacks of this turn, in the order of queueing, never within
 * another callback. What is queued by a deferred call runs in the same turn, after the others; after some
 * rounds of that the loop looks at its sockets first. Queued already: nothing changes. */
void loop_defer(struct loop *loop, struct deferred *deferred);

/* Takes it out of the queue again; nothing happens when it is not queued. */
void deferred_cancel(struct deferred *deferred);

/* The longest that a timer of this loop was late since the last call, in us: 0 when none ran. A loop that is
 * late must say so, or it blames the servers it probes. */
int64_t loop_take_lag_us(struct loop *loop);

#endif
