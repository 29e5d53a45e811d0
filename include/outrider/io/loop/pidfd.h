/* Watching a process that is not our child, by pidfd_open(2). */
#ifndef OUTRIDER_IO_LOOP_PIDFD_H
#define OUTRIDER_IO_LOOP_PIDFD_H

#include "outrider/base/attr.h"

#include <sys/types.h>

struct error;
struct loop;
struct pidfd_watch;

/* Called from the loop once, when the process has ended. May free the watch. */
typedef void pidfd_fn(void *user);

/* Watches process `pid`. The caller owns the result; `loop` is borrowed until pidfd_watch_free. The pid may
 * have been reused since the caller learned it: compare process_start_time afterwards. NULL with
 * ERROR_NOT_FOUND (no such process in this PID namespace) or ERROR_SYSTEM (a kernel before 5.3, no
 * descriptors). */
struct pidfd_watch *pidfd_watch_new(struct loop *loop, pid_t pid, pidfd_fn *fn, void *user,
                                    struct error *err) MUST_CHECK;

/* Stops watching; no callback follows. Accepts NULL. */
void pidfd_watch_free(struct pidfd_watch *watch);

#endif
