#include "outrider/io/program/programs.h"

#include "outrider/base/buf.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/loop/timer.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* How long after its timeout the end of a program is waited for, ms; results that are read in one turn. */
enum { PATIENCE_MS = 2000, RESULTS_A_TURN = 16 };

struct program_job {
    struct program_job *next;
    struct programs *programs;
    uint64_t id;
    program_fn *fn;
    void *user;
    struct timer *timer;
    struct deferred failed;
    const char *why; /* of `failed` */
};

struct programs {
    struct loop *loop;
    struct event event;
    int fd; /* -1: the starter has ended */
    programs_gone_fn *gone;
    void *user;
    uint64_t last_id;
    struct program_job *jobs;
};

static void unlink_job(struct program_job *job)
{
    struct program_job **at = &job->programs->jobs;
    while (*at != job) {
        at = &(*at)->next;
    }
    *at = job->next;
}

static void free_job(struct program_job *job)
{
    unlink_job(job);
    timer_free(job->timer);
    deferred_cancel(&job->failed);
    free(job);
}

/* The job is gone before its callback, which may start another. */
static void end_job(struct program_job *job, const struct program_result *result)
{
    program_fn *fn = job->fn;
    void *user = job->user;
    free_job(job);
    fn(result, user);
}

static void fail_job(struct program_job *job, const char *why)
{
    end_job(job, &(struct program_result){.id = job->id, .end = PROGRAM_NOT_STARTED, .output = str_of(why)});
}

static void on_failed(void *user)
{
    struct program_job *job = user;
    fail_job(job, job->why);
}

static bool send_message(const struct programs *programs, const struct program_request *request)
{
    struct buf bytes = {0};
    program_request_encode(request, &bytes);
    ssize_t sent = send(programs->fd, bytes.data, bytes.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    buf_fini(&bytes);
    return sent >= 0;
}

static void tell_cancel(const struct program_job *job)
{
    if (job->programs->fd >= 0) {
        (void)send_message(job->programs, &(struct program_request){.op = PROGRAM_CANCEL, .id = job->id});
    }
}

static void on_patience_over(void *user)
{
    struct program_job *job = user;
    tell_cancel(job);
    fail_job(job, "it did not end, though it was killed");
}

/* ---- the starter ---- */

static const char gone_text[] =
    "no program can be started: the process that does it has ended; restart the agent";

static void on_gone(struct programs *programs)
{
    event_del(&programs->event);
    close(programs->fd);
    programs->fd = -1;
    for (struct program_job *job = programs->jobs; job != NULL; job = job->next) {
        job->why = gone_text;
        loop_defer(programs->loop, &job->failed);
    }
    programs->gone(programs->user);
}

static void on_result(struct programs *programs, struct str bytes)
{
    struct program_result result;
    if (program_result_decode(bytes, &result) < 0) {
        return;
    }
    struct program_job *job = programs->jobs;
    while (job != NULL && job->id != result.id) {
        job = job->next;
    }
    if (job != NULL) { /* else it was cancelled */
        end_job(job, &result);
    }
}

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    struct programs *programs = user;
    /* Allocated while something comes: untouched pages cost nothing. */
    char *bytes = mem_resize(NULL, PROGRAM_RESULT_MAX, 1);
    for (int i = 0; i < RESULTS_A_TURN; i++) {
        ssize_t got = recv(fd, bytes, PROGRAM_RESULT_MAX, MSG_DONTWAIT);
        if (got > 0) {
            on_result(programs, (struct str){bytes, (size_t)got});
        } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            on_gone(programs);
            break;
        } else {
            break;
        }
    }
    free(bytes);
}

struct programs *programs_new(struct loop *loop, int fd, programs_gone_fn *gone, void *user)
{
    struct programs *programs = mem_zalloc(sizeof(*programs));
    programs->loop = loop;
    programs->fd = fd;
    programs->gone = gone;
    programs->user = user;
    event_assign(&programs->event, loop_base(loop), fd, EV_READ | EV_PERSIST, on_readable, programs);
    event_add(&programs->event, NULL);
    return programs;
}

void programs_free(struct programs *programs)
{
    if (programs != NULL) {
        while (programs->jobs != NULL) {
            free_job(programs->jobs);
        }
        if (programs->fd >= 0) {
            event_del(&programs->event);
            close(programs->fd);
        }
        free(programs);
    }
}

/* ---- jobs ---- */

struct program_job *programs_run(struct programs *programs, const struct program_request *request,
                                 program_fn *fn, void *user)
{
    struct program_job *job = mem_zalloc(sizeof(*job));
    struct program_request message = *request;
    message.op = PROGRAM_RUN;
    message.id = ++programs->last_id;
    *job = (struct program_job){.next = programs->jobs,
                                .programs = programs,
                                .id = message.id,
                                .fn = fn,
                                .user = user,
                                .failed = {.fn = on_failed, .user = job}};
    job->timer = timer_new(programs->loop, on_patience_over, job);
    programs->jobs = job;
    if (programs->fd < 0 || !send_message(programs, &message)) {
        job->why = programs->fd < 0 ? gone_text : "no program can be started now, too many wait to be";
        loop_defer(programs->loop, &job->failed);
    } else {
        timer_arm_ms(job->timer, request->timeout_ms + PATIENCE_MS);
    }
    return job;
}

void program_cancel(struct program_job *job)
{
    if (job != NULL) {
        tell_cancel(job);
        free_job(job);
    }
}
