/* Notifies when the wall clock is set or the machine resumes from sleep. The monotonic clock stands still
 * during sleep, so without this timers would fire late by the time slept. Costs one descriptor and no
 * periodic wake-up. */
#ifndef OUTRIDER_IO_LOOP_CLOCK_WATCH_H
#define OUTRIDER_IO_LOOP_CLOCK_WATCH_H

#include "outrider/base/attr.h"

struct clock_watch;
struct error;
struct loop;

/* Called from the loop after such an event; several events may be reported as one. Must not free the watch. */
typedef void clock_watch_fn(void *user);

/* Watches with a timerfd on the wall clock that is cancelled when that clock is set, which the kernel also
 * does at resume (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET). The caller owns the result; `loop` is
 * borrowed until clock_watch_free. NULL with ERROR_SYSTEM where there is no descriptor left or the kernel
 * lacks such timers. */
struct clock_watch *clock_watch_new(struct loop *loop, clock_watch_fn *fn, void *user,
                                    struct error *err) MUST_CHECK;

/* Stops watching; no callback follows. Accepts NULL. */
void clock_watch_free(struct clock_watch *watch);

#endif
