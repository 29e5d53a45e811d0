/* What the kernel reports through a descriptor: signals, the end of a process, a wall clock that is set,
 * addresses that change. */
#ifndef OUTRIDER_IO_LOOP_LOOP_WATCH_H
#define OUTRIDER_IO_LOOP_LOOP_WATCH_H

#include "outrider/base/attr.h"

#include <sys/types.h>

struct error;
struct loop;
struct loop_watch;

/* Both are called from the loop. */
typedef void loop_watch_fn(void *user);
typedef void loop_watch_signal_fn(int signo, void *user);

/* Of those below the caller owns the result; `loop` is borrowed until loop_watch_free. NULL with ERROR_SYSTEM where
 * the kernel gives no such descriptor. */

/* Delivers the signals that loop_watch_block_signals blocked, including pending ones, each by one call of `fn`, which
 * must not free the watch. No handler interrupts other code. The kernel merges equal signals that are pending
 * together: after SIGCHLD reap until no child is left. Different signals pending together have lost their order:
 * USR2 is delivered before USR1, so that USR1 wins. */
struct loop_watch *loop_watch_signals(struct loop *loop, loop_watch_signal_fn *fn, void *user,
                                      struct error *err) MUST_CHECK;

/* Calls `fn`, which may free the watch, once, when process `pid` has ended, which need not be our child. The pid may
 * have been reused since the caller learned it: compare process_start_time afterwards. Also NULL with
 * ERROR_NOT_FOUND: no such process in this PID namespace. */
struct loop_watch *loop_watch_process(struct loop *loop, pid_t pid, loop_watch_fn *fn, void *user,
                                      struct error *err) MUST_CHECK;

/* The same for the process of the pidfd `fd`, which the watch owns from now on. Never NULL. */
struct loop_watch *loop_watch_pidfd(struct loop *loop, int fd, loop_watch_fn *fn, void *user);

/* Calls `fn`, which must not free the watch, when the wall clock is set or the machine resumes from sleep; several
 * such events may be reported as one. The monotonic clock stands still during sleep, so without this timers would
 * fire late by the time slept. Costs no periodic wake-up. */
struct loop_watch *loop_watch_clock(struct loop *loop, loop_watch_fn *fn, void *user,
                                    struct error *err) MUST_CHECK;

/* Calls `fn`, which must not free the watch, after an address, an interface or a route of this machine has changed:
 * once the changes pause for LOOP_WATCH_PAUSE_MS, or have lasted for four times that, so that a network that is set up
 * again is seen as it ends. */
struct loop_watch *loop_watch_network(struct loop *loop, loop_watch_fn *fn, void *user,
                                      struct error *err) MUST_CHECK;
enum { LOOP_WATCH_PAUSE_MS = 500 };

/* Stops watching; no callback follows, and signals stay blocked. Accepts NULL. */
void loop_watch_free(struct loop_watch *watch);

/* Blocks HUP, INT, QUIT, TERM, USR1, USR2 and CHLD in the calling thread and those it starts, so that they
 * wait until they can be served, and ignores PIPE. To be the first thing main does (docs/design/protocol.md,
 * "Signals"). */
void loop_watch_block_signals(void);

#endif
