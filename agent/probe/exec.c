/* Runs a program: exit status 0 passes, and what it writes says more (codec/program/program_words.h). */
#include "connect_try_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/base/mem.h"
#include "outrider/codec/program/program_words.h"
#include "outrider/codec/text/printable.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/program/programs.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DETAIL_MAX = 200 };

struct exec_try {
    struct probe_try base;
    struct program_job *job; /* NULL: nothing can be started */
    struct deferred refused;
    int64_t timeout_ms;
};

static void describe(const char *host, const struct config_probe *probe, struct buf *out)
{
    (void)host;
    for (size_t i = 0; i < probe->command_count; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : " ", probe->command[i]);
    }
}

static void report(struct exec_try *attempt, const struct probe_result *result)
{
    probe_try_fn *fn = attempt->base.fn;
    void *user = attempt->base.user;
    free(attempt);
    fn(result, user);
}

static void on_refused(void *user)
{
    report(user, &(struct probe_result){.outcome = PROBE_FAILED,
                                        .detail = "no program can be started here: restart the agent"});
}

/* Says in `how` how it ended, for a person. */
static enum probe_outcome outcome_of(const struct program_result *result, int64_t timeout_ms,
                                     char how[static 64])
{
    char span[24];
    how[0] = '\0';
    switch (result->end) {
    case PROGRAM_EXITED:
        if (result->code == 0) {
            return PROBE_PASSED;
        }
        snprintf(how, 64, "exit status %d", result->code);
        break;
    case PROGRAM_KILLED: snprintf(how, 64, "ended by signal %s", sigabbrev_np(result->code)); break;
    case PROGRAM_TIMED_OUT:
        snprintf(how, 64, "timed out after %s", duration_format(timeout_ms, span));
        return PROBE_TIMED_OUT;
    case PROGRAM_NOT_STARTED: break;
    }
    return PROBE_FAILED;
}

static void on_end(const struct program_result *result, void *user)
{
    struct exec_try *attempt = user;
    struct probe_result found = {.duration_us = result->duration_us};
    char how[64];
    struct buf detail = {0};
    struct str line = result->output;
    found.outcome = outcome_of(result, attempt->timeout_ms, how);
    if (result->end != PROGRAM_NOT_STARTED) {
        line = program_words_read(result->output, &found.facts);
    }
    if (found.outcome != PROBE_PASSED) {
        found.facts = (struct probe_facts){0};
    }
    buf_str(&detail, str_of(how));
    buf_str(&detail, how[0] != '\0' && line.size > 0 ? STR(": ") : STR(""));
    printable_add(&detail, line, DETAIL_MAX, '?');
    found.detail = buf_text(&detail);
    report(attempt, &found);
    buf_fini(&detail);
}

static struct probe_try *start(const struct probe_context *context, const char *host,
                               const struct config_probe *probe, probe_try_fn *fn, void *user)
{
    (void)host;
    struct exec_try *attempt = mem_zalloc(sizeof(*attempt));
    attempt->base = (struct probe_try){.fn = fn, .user = user};
    attempt->timeout_ms = probe->timeout_ms;
    if (context->programs == NULL) {
        attempt->refused = (struct deferred){.fn = on_refused, .user = attempt};
        loop_defer(context->loop, &attempt->refused);
        return &attempt->base;
    }
    struct program_request request = {.timeout_ms = probe->timeout_ms,
                                      .user = probe->user == NULL ? "" : probe->user,
                                      .word_count = probe->command_count};
    for (size_t i = 0; i < probe->command_count; i++) {
        request.words[i] = probe->command[i];
    }
    attempt->job = programs_run(context->programs, &request, on_end, attempt);
    return &attempt->base;
}

static void cancel(struct probe_try *attempt)
{
    struct exec_try *exec = (struct exec_try *)attempt;
    if (exec != NULL) {
        program_cancel(exec->job);
        deferred_cancel(&exec->refused);
        free(exec);
    }
}

const struct probe_driver probe_exec = {
    .name = "exec", .describe = describe, .start = start, .cancel = cancel};
