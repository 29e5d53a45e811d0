#include "program_run_internal.h"

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/io/program/program_starter.h"
#include "outrider/os/clock.h"
#include "outrider/os/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define VARIABLE_REPLACED "OUTRIDER_DEADLINE_SECONDS="

/* How long a user is as it was looked up. */
enum { USER_KEPT_MS = 30000, USERS_KEPT = 8 };

struct program_run {
    struct program_run *next;
    uint64_t id;
    pid_t pid;  /* and the number of its process group */
    int output; /* -1: closed by all that had it */
    struct buf kept;
    int64_t started_us, due_ms;
    bool timed_out;
};

static struct {
    char name[64]; /* as asked for */
    struct program_user user;
    int64_t since_ms;
} users[USERS_KEPT];

void program_runs_init(struct program_runs *runs, program_told_fn *tell, void *user)
{
    *runs = (struct program_runs){.tell = tell, .user = user, .rest = mem_zalloc(PROGRAM_OUTPUT_MAX)};
}

/* ---- what a program is started with ---- */

static int look_up(const char *name, struct error *err, const struct program_user **ret_user)
{
    static unsigned next;
    int64_t now = clock_mono_ms();
    for (size_t i = 0; i < USERS_KEPT; i++) {
        if (users[i].since_ms > 0 && now - users[i].since_ms < USER_KEPT_MS &&
            strcmp(users[i].name, name) == 0) {
            *ret_user = &users[i].user;
            return 0;
        }
    }
    struct program_user found;
    if (program_user_find(name[0] == '\0' ? NULL : name, err, &found) < 0) {
        return -1;
    }
    unsigned at = next++ % USERS_KEPT;
    users[at].user = found;
    users[at].since_ms = now;
    snprintf(users[at].name, sizeof(users[at].name), "%s", name);
    *ret_user = &users[at].user;
    return 0;
}

static int find_number(const struct program_request *request, struct error *err, const char **ret_number)
{
    *ret_number = NULL;
    for (size_t i = 0; i < request->variable_count; i++) {
        if (strncmp(request->variables[i], VARIABLE_REPLACED, strlen(VARIABLE_REPLACED)) == 0) {
            *ret_number = request->variables[i] + strlen(VARIABLE_REPLACED);
        }
    }
    if (*ret_number != NULL && (*ret_number)[strspn(*ret_number, "0123456789")] != '\0') {
        return error_set(err, ERROR_INVALID, "the seconds are no number");
    }
    return 0;
}

/* The texts of a program, one after the other in `bytes`. */
struct texts {
    struct buf bytes;
    size_t begins[PROGRAM_WORDS_MAX + PROGRAM_VARIABLES_MAX + 8];
    size_t count;
};

static void begin_text(struct texts *texts)
{
    texts->begins[texts->count++] = texts->bytes.size;
}

static void add_text(struct texts *texts, const char *name, const char *value)
{
    begin_text(texts);
    buf_printf(&texts->bytes, "%s%s", name, value);
    buf_add(&texts->bytes, "", 1);
}

static void add_word(struct texts *texts, const char *word, const char *number)
{
    const char *found;
    begin_text(texts);
    while (number != NULL && (found = strstr(word, PROGRAM_REPLACED)) != NULL) {
        buf_add(&texts->bytes, word, (size_t)(found - word));
        buf_str(&texts->bytes, str_of(number));
        word = found + strlen(PROGRAM_REPLACED);
    }
    buf_add(&texts->bytes, word, strlen(word) + 1);
}

static void point(const struct texts *texts, char **ret_list)
{
    for (size_t i = 0; i < texts->count; i++) {
        ret_list[i] = texts->bytes.data + texts->begins[i];
    }
    ret_list[texts->count] = NULL;
}

static void add_environment(struct texts *texts, const struct program_request *request,
                            const struct program_user *user)
{
    add_text(texts, "PATH=", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    add_text(texts, "HOME=", user->home);
    add_text(texts, "USER=", user->name);
    add_text(texts, "LOGNAME=", user->name);
    for (size_t i = 0; i < request->variable_count; i++) {
        add_text(texts, "", request->variables[i]);
    }
}

/* ---- start ---- */

static int start_program(const struct program_request *request, int output, struct error *err, pid_t *ret_pid)
{
    const struct program_user *user;
    const char *number;
    struct texts words = {0}, environment = {0};
    char *word_list[COUNT_OF(words.begins) + 1], *environment_list[COUNT_OF(words.begins) + 1];
    if (look_up(request->user, err, &user) < 0 || find_number(request, err, &number) < 0) {
        return -1;
    }
    for (size_t i = 0; i < request->word_count; i++) {
        add_word(&words, request->words[i], number);
    }
    add_environment(&environment, request, user);
    point(&words, word_list);
    point(&environment, environment_list);
    int rc = program_start(&(struct program){.words = word_list,
                                             .environment = environment_list,
                                             .directory = "/",
                                             .user = user,
                                             .output = output,
                                             .group = true},
                           err, ret_pid);
    buf_fini(&words.bytes);
    buf_fini(&environment.bytes);
    return rc;
}

int program_runs_start(struct program_runs *runs, const struct program_request *request, struct error *err)
{
    int ends[2];
    pid_t pid;
    int64_t started_us = clock_mono_us();
    if (runs->count >= PROGRAM_RUNS_MAX) {
        return error_set(err, ERROR_LIMIT, "%d programs run already", PROGRAM_RUNS_MAX);
    }
    if (pipe2(ends, O_CLOEXEC) < 0) {
        return error_errno(err, errno, "cannot make a pipe");
    }
    int rc = start_program(request, ends[1], err, &pid);
    close(ends[1]);
    if (rc < 0) {
        close(ends[0]);
        return -1;
    }
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    struct program_run *run = mem_zalloc(sizeof(*run));
    *run = (struct program_run){.next = runs->first,
                                .id = request->id,
                                .pid = pid,
                                .output = ends[0],
                                .started_us = started_us,
                                .due_ms = started_us / 1000 + request->timeout_ms};
    runs->first = run;
    runs->count++;
    return 0;
}

/* ---- output ---- */

static void close_output(struct program_run *run)
{
    if (run->output >= 0) {
        close(run->output);
        run->output = -1;
    }
}

/* Reads once. Returns whether there may be more. */
static bool read_some(struct program_runs *runs, struct program_run *run)
{
    ssize_t got = run->output < 0 ? 0 : read(run->output, runs->rest, PROGRAM_OUTPUT_MAX);
    if (got > 0) {
        size_t room = PROGRAM_OUTPUT_MAX - run->kept.size;
        buf_add(&run->kept, runs->rest, (size_t)got < room ? (size_t)got : room);
        return true;
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        close_output(run);
    }
    return false;
}

size_t program_runs_polls(const struct program_runs *runs, struct pollfd *ret_polls)
{
    size_t count = 0;
    for (const struct program_run *run = runs->first; run != NULL; run = run->next) {
        if (run->output >= 0) {
            ret_polls[count++] = (struct pollfd){.fd = run->output, .events = POLLIN};
        }
    }
    return count;
}

void program_runs_read(struct program_runs *runs, const struct pollfd *polls, size_t count)
{
    size_t i = 0;
    for (struct program_run *run = runs->first; run != NULL && i < count; run = run->next) {
        if (run->output == polls[i].fd && polls[i++].revents != 0) {
            (void)read_some(runs, run);
        }
    }
}

/* ---- the end ---- */

static void kill_group(const struct program_run *run)
{
    (void)kill(-run->pid, SIGKILL);
}

void program_runs_cancel(struct program_runs *runs, uint64_t id)
{
    for (struct program_run *run = runs->first; run != NULL; run = run->next) {
        if (run->id == id) {
            kill_group(run);
        }
    }
}

int64_t program_runs_due(const struct program_runs *runs)
{
    int64_t soonest = INT64_MAX;
    for (const struct program_run *run = runs->first; run != NULL; run = run->next) {
        soonest = !run->timed_out && run->due_ms < soonest ? run->due_ms : soonest;
    }
    return soonest;
}

void program_runs_tick(struct program_runs *runs, int64_t now_mono)
{
    for (struct program_run *run = runs->first; run != NULL; run = run->next) {
        if (!run->timed_out && now_mono >= run->due_ms) {
            run->timed_out = true;
            kill_group(run);
        }
    }
}

static void tell_end(struct program_runs *runs, struct program_run *run, const siginfo_t *info)
{
    /* What the pipe still has, and no more: what the program left behind may write without end. */
    for (int more = 0; more < 2 && read_some(runs, run); more++) {
    }
    close_output(run);
    runs->tell(&(struct program_result){.id = run->id,
                                        .end = run->timed_out                ? PROGRAM_TIMED_OUT
                                               : info->si_code == CLD_EXITED ? PROGRAM_EXITED
                                                                             : PROGRAM_KILLED,
                                        .code = info->si_status,
                                        .duration_us = clock_mono_us() - run->started_us,
                                        .output = buf_view(&run->kept)},
               runs->user);
}

static struct program_run *take(struct program_runs *runs, pid_t pid)
{
    struct program_run **at = &runs->first;
    while (*at != NULL && (*at)->pid != pid) {
        at = &(*at)->next;
    }
    struct program_run *run = *at;
    if (run != NULL) {
        *at = run->next;
        runs->count--;
    }
    return run;
}

void program_runs_reap(struct program_runs *runs)
{
    siginfo_t info = {0};
    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) {
        struct program_run *run = take(runs, info.si_pid);
        if (run != NULL) {
            kill_group(run); /* before its number is free for another */
            tell_end(runs, run, &info);
            buf_fini(&run->kept);
            free(run);
        }
        (void)waitpid(info.si_pid, NULL, 0);
        info.si_pid = 0;
    }
}

void program_runs_kill_all(struct program_runs *runs)
{
    for (struct program_run *run = runs->first; run != NULL; run = run->next) {
        kill_group(run);
    }
}
