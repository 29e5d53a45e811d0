/* The process that starts programs for the agent (io/program/programs.h). It is forked before the agent gives up its rights and enters
 * its sandbox, which it could not leave for a program: so the agent keeps a filter without exec, and its loop never forks. It is a
 * process of its own, has no file of the agent but their socketpair, and starts nothing but what `allow` finds in the
 * configuration: who takes over the agent can start those programs, and no others.
 *
 * Each program leads a process group, which is killed when its time is over, when it is cancelled, when the program has ended (what it
 * left behind), and when the agent ends. */
#ifndef OUTRIDER_IO_PROGRAM_PROGRAM_STARTER_H
#define OUTRIDER_IO_PROGRAM_PROGRAM_STARTER_H

#include "outrider/base/attr.h"
#include "outrider/io/program/program_message.h"

#include <stdint.h>
#include <sys/types.h>

struct error;

enum { PROGRAM_RUNS_MAX = 128 }; /* at a time */

/* In words of a request this is replaced by the value of that variable, if the request has it. */
#define PROGRAM_REPLACED "${OUTRIDER_DEADLINE_SECONDS}"

/* Whether a request is for a program of the configuration: called in the starter, and may read files. Returns 0, or -1 with why
 * not. */
typedef int program_allow_fn(const struct program_request *request, struct error *err, void *user);

/* Forks the starter, which keeps the capabilities `keep` (os/privileges.h) and no others. `user` is used in the starter. Returns the
 * agent's end of the socketpair, which the caller owns: closing it ends the starter and all programs; or -1 with ERROR_SYSTEM. */
int program_starter_fork(program_allow_fn *allow, void *user, uint64_t keep, struct error *err,
                         pid_t *ret_pid) MUST_CHECK;

#endif
