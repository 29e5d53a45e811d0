/* A child process that enters the sandbox and tries something there. */
#ifndef OUTRIDER_TESTS_UNIT_OS_SANDBOX_CHILDREN_H
#define OUTRIDER_TESTS_UNIT_OS_SANDBOX_CHILDREN_H

#include <stdbool.h>

/* How a try ended, as one number: 0, or the errno of a call that failed. */
enum {
    CHILD_KILLED = 1000,     /* by SIGSYS */
    CHILD_OTHER_SIGNAL,      /* by another one */
    CHILD_NOT_ENTERED = 200, /* the sandbox could not be entered */
    CHILD_EXEC_FAILED = 201
};

/* Forks, enters the sandbox with `more`, runs `act` and tells how that ended: what it returned, at most 255. */
int child_try(unsigned more, int (*act)(void *), void *user);

/* Puts a filter of its own around this process, as a container may: seccomp(2) is refused, and with `all` prctl(2) to that end, too. */
bool child_refuse_filters(bool all);

#endif
