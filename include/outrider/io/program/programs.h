/* Programs that run beside the loop, by the process that starts them (io/program/program_starter.h). Starting one, ending one and
 * whatever it writes costs the loop one message each way. */
#ifndef OUTRIDER_IO_PROGRAM_PROGRAMS_H
#define OUTRIDER_IO_PROGRAM_PROGRAMS_H

#include "outrider/io/program/program_message.h"

struct loop;
struct program_job;
struct programs;

/* The starter has ended, which it does not by itself: nothing can be started any more. Called from the loop, once. */
typedef void programs_gone_fn(void *user);

/* `fd`: of program_starter_fork(), owned from now on. `loop` is borrowed. Never NULL. */
struct programs *programs_new(struct loop *loop, int fd, programs_gone_fn *gone, void *user);

/* Ends the starter and with it all programs. Jobs that are left are not answered, and their handles no longer valid. Accepts NULL. */
void programs_free(struct programs *programs);

/* Called from the loop exactly once for each job that is not cancelled, within its timeout and two seconds, never from within
 * programs_run. `result` is borrowed for the call; the handle is no longer valid. */
typedef void program_fn(const struct program_result *result, void *user);

/* Runs a program: `request` (borrowed for the call) without `op` and `id`. The handle is borrowed: valid until `fn` is entered or
 * program_cancel. */
struct program_job *programs_run(struct programs *programs, const struct program_request *request,
                                 program_fn *fn, void *user);

/* Kills the program; no callback follows. Accepts NULL. */
void program_cancel(struct program_job *job);

#endif
