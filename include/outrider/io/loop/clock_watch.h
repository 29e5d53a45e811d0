/* Being woken when the wall clock is set or the machine wakes from sleep: timers by the monotonic clock, which
 * stands still meanwhile, would only come when what was left of them has passed. Costs one descriptor, and no
 * wake-up until then. */
#ifndef OUTRIDER_IO_LOOP_CLOCK_WATCH_H
#define OUTRIDER_IO_LOOP_CLOCK_WATCH_H

#include "outrider/base/attr.h"

struct clock_watch;
struct error;
struct loop;

/* Called from the loop after each such moment; several of them may be told as one. Must not free the watch. */
typedef void clock_watch_fn(void *user);

/* Watches the clocks by a timerfd of the wall clock that is cancelled when that is set, as the kernel does at
 * resume, too (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET). The caller owns the result; `loop` is borrowed until
 * clock_watch_free. NULL with ERROR_SYSTEM where there are no descriptors left or the kernel has no such timers. */
struct clock_watch *clock_watch_new(struct loop *loop, clock_watch_fn *fn, void *user,
                                    struct error *err) MUST_CHECK;

/* Stops watching; no callback follows. Accepts NULL. */
void clock_watch_free(struct clock_watch *watch);

#endif
