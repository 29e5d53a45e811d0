/* Signals as events of the loop, through signalfd(2): none is ever delivered in the midst of something. */
#ifndef OUTRIDER_IO_LOOP_SIGNALS_H
#define OUTRIDER_IO_LOOP_SIGNALS_H

#include "outrider/base/attr.h"

struct error;
struct loop;
struct signals;

/* Called from the loop once per pending signal; must not free the signals. Equal signals that arrive before
 * they are read are one, as the kernel has it; after SIGCHLD reap until nothing is left. Different ones that
 * wait together have lost their order: USR2 is told before USR1, so that of a pair of opposites USR1 wins. */
typedef void signals_fn(int signo, void *user);

/* Blocks HUP, INT, QUIT, TERM, USR1, USR2 and CHLD in the calling thread and those it starts, so that they
 * wait until they can be served, and ignores PIPE. To be the first thing main does (docs/design/protocol.md,
 * "Signals"). */
void signals_block(void);

/* Serves what signals_block blocked, also what came before. The caller owns the result; `loop` is borrowed
 * until signals_free. NULL with `err` set when the kernel gives no descriptor. */
struct signals *signals_new(struct loop *loop, signals_fn *fn, void *user, struct error *err) MUST_CHECK;

/* Stops serving; the signals stay blocked. Accepts NULL. */
void signals_free(struct signals *signals);

#endif
