/* Signals as events of the loop, by signalfd(2): no handler interrupts other code. */
#ifndef OUTRIDER_IO_LOOP_SIGNALS_H
#define OUTRIDER_IO_LOOP_SIGNALS_H

#include "outrider/base/attr.h"

struct error;
struct loop;
struct signals;

/* Called from the loop once per pending signal; must not free the signals. The kernel merges equal signals
 * that are pending together: after SIGCHLD reap until no child is left. Different signals pending together
 * have lost their order: USR2 is delivered before USR1, so that USR1 wins. */
typedef void signals_fn(int signo, void *user);

/* Blocks HUP, INT, QUIT, TERM, USR1, USR2 and CHLD in the calling thread and those it starts, so that they
 * wait until they can be served, and ignores PIPE. To be the first thing main does (docs/design/protocol.md,
 * "Signals"). */
void signals_block(void);

/* Delivers the signals that signals_block blocked, including pending ones. The caller owns the result;
 * `loop` is borrowed until signals_free. NULL with `err` set when the kernel gives no descriptor. */
struct signals *signals_new(struct loop *loop, signals_fn *fn, void *user, struct error *err) MUST_CHECK;

/* Stops delivery; the signals stay blocked. Accepts NULL. */
void signals_free(struct signals *signals);

#endif
