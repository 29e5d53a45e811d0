/* The programs that run, in the process that starts them. Nothing here waits. */
#ifndef OUTRIDER_IO_PROGRAM_PROGRAM_RUN_INTERNAL_H
#define OUTRIDER_IO_PROGRAM_PROGRAM_RUN_INTERNAL_H

#include "outrider/base/attr.h"
#include "outrider/io/program/program_message.h"

#include <stddef.h>
#include <stdint.h>

struct error;
struct pollfd;
struct program_run;

typedef void program_told_fn(const struct program_result *result, void *user);

struct program_runs {
    program_told_fn *tell; /* every program that began, once; borrowed for the call */
    void *user;
    struct program_run *first;
    size_t count;
    char *rest; /* where output goes that is not kept */
};

void program_runs_init(struct program_runs *runs, program_told_fn *tell, void *user);

/* Returns 0; or -1 with why it was not started, and nothing is told. */
int program_runs_start(struct program_runs *runs, const struct program_request *request,
                       struct error *err) MUST_CHECK;

/* Kills it; it is told as killed. No effect when there is none with this id. */
void program_runs_cancel(struct program_runs *runs, uint64_t id);

/* Fills one poll for each output that is open, at most PROGRAM_RUNS_MAX, and returns how many; reads what they have. */
size_t program_runs_polls(const struct program_runs *runs, struct pollfd *ret_polls);
void program_runs_read(struct program_runs *runs, const struct pollfd *polls, size_t count);

/* When (mono ms) the next one has used up its time; kills those that have. */
int64_t program_runs_due(const struct program_runs *runs);
void program_runs_tick(struct program_runs *runs, int64_t now_mono);

/* A child has ended: tells of all that have. */
void program_runs_reap(struct program_runs *runs);

void program_runs_kill_all(struct program_runs *runs);

#endif
