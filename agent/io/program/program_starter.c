#include "outrider/io/program/program_starter.h"

#include "program_run_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/os/clock.h"
#include "outrider/os/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

enum { SOCKET = 3, FDS_MAX_WITHOUT_CLOSE_RANGE = 65536 };

/* A result that the agent does not read yet. */
struct waiting {
    struct waiting *next;
    struct buf bytes;
};

struct starter {
    program_allow_fn *allow;
    void *user;
    int children; /* a signalfd */
    struct program_runs runs;
    struct waiting *first, **last;
    char *bytes; /* PROGRAM_REQUEST_MAX, of one request */
};

/* ---- results ---- */

static void send_waiting(struct starter *starter)
{
    while (starter->first != NULL) {
        struct waiting *next = starter->first->next;
        const struct buf *bytes = &starter->first->bytes;
        if (send(SOCKET, bytes->data, bytes->size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
            (errno == EAGAIN || errno == EINTR || errno == ENOBUFS)) {
            return;
        }
        buf_fini(&starter->first->bytes);
        free(starter->first);
        starter->first = next;
    }
    starter->last = &starter->first;
}

static void tell(const struct program_result *result, void *user)
{
    struct starter *starter = user;
    struct waiting *waiting = mem_zalloc(sizeof(*waiting));
    program_result_encode(result, &waiting->bytes);
    *starter->last = waiting;
    starter->last = &waiting->next;
    send_waiting(starter);
}

/* ---- requests ---- */

static bool are_ours(const struct program_request *request)
{
    bool ours = true;
    for (size_t i = 0; i < request->variable_count; i++) {
        ours = ours && strncmp(request->variables[i], "OUTRIDER_", 9) == 0;
    }
    return ours;
}

static void run(struct starter *starter, const struct program_request *request)
{
    struct error err;
    int failed = are_ours(request) ? starter->allow(request, &err, starter->user)
                                   : error_set(&err, ERROR_INVALID, "a variable is not of Outrider");
    if (failed < 0 || program_runs_start(&starter->runs, request, &err) < 0) {
        tell(&(struct program_result){.id = request->id,
                                      .end = PROGRAM_NOT_STARTED,
                                      .output = str_of(err.text)},
             starter);
    }
}

/* Returns false when the agent has ended. */
static bool take_requests(struct starter *starter)
{
    ssize_t got;
    while ((got = recv(SOCKET, starter->bytes, PROGRAM_REQUEST_MAX, MSG_DONTWAIT)) > 0) {
        struct program_request request;
        if (program_request_decode((struct str){starter->bytes, (size_t)got}, &request) < 0) {
            continue; /* the agent waits for no answer to what it has not sent */
        }
        if (request.op == PROGRAM_CANCEL) {
            program_runs_cancel(&starter->runs, request.id);
        } else {
            run(starter, &request);
        }
    }
    return got < 0 && (errno == EAGAIN || errno == EINTR);
}

/* ---- the loop ---- */

static _Noreturn void serve(struct starter *starter)
{
    struct pollfd polls[2 + PROGRAM_RUNS_MAX];
    for (;;) {
        short write_too = starter->first == NULL ? 0 : POLLOUT;
        polls[0] = (struct pollfd){.fd = SOCKET, .events = (short)(POLLIN | write_too)};
        polls[1] = (struct pollfd){.fd = starter->children, .events = POLLIN};
        size_t count = program_runs_polls(&starter->runs, polls + 2);
        int64_t left = program_runs_due(&starter->runs) - clock_mono_ms();
        int wait = left < 0 ? 0 : left > INT32_MAX ? -1 : (int)left + 1;
        if (poll(polls, 2 + count, wait) < 0 && errno != EINTR) {
            break;
        }
        send_waiting(starter);
        program_runs_read(&starter->runs, polls + 2, count);
        if (polls[1].revents != 0) {
            struct signalfd_siginfo info;
            while (read(starter->children, &info, sizeof(info)) > 0) {
            }
            program_runs_reap(&starter->runs);
        }
        program_runs_tick(&starter->runs, clock_mono_ms());
        if (polls[0].revents != 0 && !take_requests(starter)) {
            break;
        }
    }
    program_runs_kill_all(&starter->runs);
    _exit(0);
}

static void close_from(int first)
{
    if (syscall(SYS_close_range, (unsigned)first, ~0U, 0) < 0) {
        for (int fd = first; fd < FDS_MAX_WITHOUT_CLOSE_RANGE; fd++) {
            close(fd);
        }
    }
}

/* The standard files, the socket and nothing else. */
static void keep_files(int socket)
{
    if (socket != SOCKET) {
        dup2(socket, SOCKET);
    }
    (void)fcntl(SOCKET, F_SETFD, FD_CLOEXEC);
    close_from(SOCKET + 1);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; null >= 0 && fd < SOCKET; fd++) {
        dup2(null, fd);
    }
    close(null);
}

/* What stops the agent (a service manager, a terminal) must not stop it: it ends with the agent. Programs begin with every signal at
 * its default. */
static int prepare_signals(void)
{
    sigset_t all, child;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    for (int signo = 1; signo < NSIG; signo++) {
        signal(signo, SIG_DFL);
    }
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    return signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
}

static _Noreturn void begin(int socket, program_allow_fn *allow, void *user, uint64_t keep)
{
    struct error err;
    struct starter starter = {.allow = allow, .user = user};
    starter.last = &starter.first;
    (void)setsid();
    (void)prctl(PR_SET_NAME, "outrider-start", 0, 0, 0);
    keep_files(socket);
    starter.children = prepare_signals();
    starter.bytes = mem_zalloc(PROGRAM_REQUEST_MAX);
    if (starter.children < 0 || privileges_drop(keep, &err) < 0) {
        _exit(1);
    }
    program_runs_init(&starter.runs, tell, &starter);
    serve(&starter);
}

int program_starter_fork(program_allow_fn *allow, void *user, uint64_t keep, struct error *err,
                         pid_t *ret_pid)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
        return error_errno(err, errno, "cannot make a socketpair");
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        begin(ends[1], allow, user, keep);
    }
    if (pid < 0) {
        error_errno(err, errno, "cannot fork the process that starts programs");
        close(ends[0]);
        close(ends[1]);
        return -1;
    }
    close(ends[1]);
    *ret_pid = pid;
    return ends[0];
}
