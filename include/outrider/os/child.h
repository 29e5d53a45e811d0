/* A command that runs as the only child of this process, on its terminal and with its standard files. */
#ifndef OUTRIDER_OS_CHILD_H
#define OUTRIDER_OS_CHILD_H

#include "outrider/base/attr.h"

#include <stdbool.h>
#include <sys/types.h>

struct error;

/* Exit statuses of a command that was not run, as shells have them; one that a signal ended has CHILD_SIGNAL and its number. */
enum { CHILD_NOT_RUN = 126, CHILD_NOT_FOUND = 127, CHILD_SIGNAL = 128 };

/* Runs `words` (ended by NULL; the first is looked up in $PATH) with the environment of this process and no signal blocked. Ignored
 * are those that were when this process was started (nohup), but SIGPIPE and SIGCHLD. The command is killed when this process ends,
 * however it does. Returns 0; or -1 with ERROR_NOT_FOUND (no such command) or ERROR_SYSTEM. */
int child_start(char *const *words, struct error *err, pid_t *ret_pid) MUST_CHECK;

/* Whether it has ended: then its exit status as a shell has it. Does not wait. At most once true. */
bool child_ended(pid_t pid, int *ret_status);

/* Whether this process, and with it the child, is in the foreground of a terminal: then Ctrl-C reaches both. */
bool child_shares_terminal(void);

#endif
