/* A filter of system calls (seccomp(2)) for a process that has what it needs to start.
 *
 * A call that is on no list fails with ENOSYS, as on a kernel that does not have it: libraries go another way, and the
 * kernel logs it (audit, type 1326). A call that no code of this process makes by itself (exec, ptrace, mount, a change of
 * users) ends the process with SIGSYS. agent/os/sandbox/calls.c has the lists. */
#ifndef OUTRIDER_OS_SANDBOX_SANDBOX_H
#define OUTRIDER_OS_SANDBOX_SANDBOX_H

#include "outrider/base/attr.h"

struct error;

/* What a configuration may need beyond the usual calls; a set of bits. */
enum sandbox_more {
    SANDBOX_EXEC = 1 /* child processes that execute programs, which have the same filter */
};

/* Loads the filter, for good and for every thread, and gives up new privileges by exec (PR_SET_NO_NEW_PRIVS). `more` is a set of
 * enum sandbox_more. Returns 0; or -1 with ERROR_NOT_FOUND (this build has no filter) or ERROR_SYSTEM (the kernel, or
 * a filter around the process, does not let it), and nothing has changed but that privilege. */
int sandbox_enter(unsigned more, struct error *err) MUST_CHECK;

/* Whether sandbox_enter would succeed, as far as can be told without it. Errors likewise. */
int sandbox_check(struct error *err) MUST_CHECK;

/* Why this process should do without: what checks it from inside (a sanitizer, valgrind) makes calls of its own. NULL: no
 * reason. Static text. */
const char *sandbox_hindrance(void);

#endif
