#include "outrider/os/program.h"

#include "outrider/base/error.h"
#include "outrider/base/str.h"
#include "outrider/os/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_NOT_STARTED = 127 };

/* What failed between the fork and the exec. */
enum step { STEP_USER, STEP_DIRECTORY, STEP_FILES, STEP_PARENT, STEP_EXEC };

struct failure {
    enum step step;
    int number;
};

/* ---- the user ---- */

static const struct passwd *find_entry(const char *name)
{
    uint64_t number;
    if (name == NULL) {
        return getpwuid(geteuid());
    }
    const struct passwd *entry = getpwnam(name);
    if (entry == NULL && str_to_u64(str_of(name), UINT32_MAX - 1, &number) == 0) {
        entry = getpwuid((uid_t)number);
    }
    return entry;
}

int program_user_find(const char *name, struct error *err, struct program_user *ret_user)
{
    struct program_user user = {.group_count = PROGRAM_GROUPS_MAX};
    const struct passwd *entry = find_entry(name);
    if (entry == NULL && name != NULL) {
        return error_set(err, ERROR_NOT_FOUND, "there is no user %s on this machine", name);
    }
    if (entry == NULL) { /* of a container without such an entry */
        *ret_user = (struct program_user){.uid = geteuid(), .gid = getegid(), .home = "/"};
        snprintf(ret_user->name, sizeof(ret_user->name), "%u", (unsigned)geteuid());
        return 0;
    }
    user.uid = entry->pw_uid;
    user.gid = entry->pw_gid;
    snprintf(user.name, sizeof(user.name), "%s", entry->pw_name);
    snprintf(user.home, sizeof(user.home), "%s", entry->pw_dir);
    if (getgrouplist(user.name, user.gid, user.groups, &user.group_count) < 0) {
        return error_set(err, ERROR_LIMIT, "user %s is in more than %d groups", user.name,
                         PROGRAM_GROUPS_MAX);
    }
    *ret_user = user;
    return 0;
}

/* ---- in the child: it shares the memory of its parent, which waits, so nothing here may change it or take a lock. Calls by number
 * where the C library would tell other threads. ---- */

static bool become(const struct program_user *user)
{
    if (geteuid() == user->uid && getuid() == user->uid && getegid() == user->gid) {
        return true;
    }
    return syscall(SYS_setgroups, (size_t)user->group_count, user->groups) == 0 &&
           syscall(SYS_setresgid, user->gid, user->gid, user->gid) == 0 &&
           syscall(SYS_setresuid, user->uid, user->uid, user->uid) == 0;
}

static bool connect_files(int output)
{
    return output < 0 || (dup2(output, STDOUT_FILENO) >= 0 && dup2(output, STDERR_FILENO) >= 0);
}

static _Noreturn void fail(int report, enum step step)
{
    struct failure failure = {.step = step, .number = errno};
    ssize_t written = write(report, &failure, sizeof(failure));
    _exit(written < 0 ? EXIT_NOT_STARTED - 1 : EXIT_NOT_STARTED);
}

static void unblock_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void run(const struct program *program, pid_t parent, int report)
{
    if (program->group) {
        (void)setpgid(0, 0);
    }
    if (program->user != NULL && (!become(program->user) || privileges_give_up_all() < 0)) {
        fail(report, STEP_USER);
    }
    if (program->directory != NULL && chdir(program->directory) < 0) {
        fail(report, STEP_DIRECTORY);
    }
    if (!connect_files(program->output)) {
        fail(report, STEP_FILES);
    }
    /* Behind the change of the user, which takes it back. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() != parent) {
        fail(report, STEP_PARENT); /* it ended before it could say so */
    }
    unblock_signals();
    if (program->search) {
        execvp(program->words[0], program->words);
    } else {
        execve(program->words[0], program->words, program->environment);
    }
    fail(report, STEP_EXEC);
}

/* ---- in the parent ---- */

static int exec_failed(const struct program *program, int number, struct error *err)
{
    const char *word = program->words[0];
    enum error_code code = number == ENOENT || number == ENOTDIR ? ERROR_NOT_FOUND : ERROR_SYSTEM;
    const char *why = strerror(number);
    if (!program->search && number == ENOENT && access(word, F_OK) == 0) {
        why = "the interpreter that it names does not exist";
    } else if (!program->search && number == EACCES) {
        why = "it is not executable for this user";
    } else if (number == ENOEXEC) {
        why = "it is no program, a script begins with #!";
    }
    return error_set(err, code, "cannot run %s: %s", word, why);
}

static int start_failed(const struct program *program, const struct failure *failure, struct error *err)
{
    switch (failure->step) {
    case STEP_USER:
        return error_set(err, ERROR_SYSTEM,
                         "cannot become user %s: %s; that needs root, or CAP_SETUID, CAP_SETGID and CAP_KILL",
                         program->user->name, strerror(failure->number));
    case STEP_DIRECTORY:
        return error_errno(err, failure->number, "cannot change to the directory %s", program->directory);
    case STEP_FILES:
        return error_errno(err, failure->number, "cannot connect the output of %s", program->words[0]);
    case STEP_PARENT:
        return error_set(err, ERROR_SYSTEM, "cannot run %s: its parent has ended", program->words[0]);
    case STEP_EXEC: break;
    }
    return exec_failed(program, failure->number, err);
}

/* Of its own, so that what the child does on this stack is below what the parent still needs. */
static __attribute__((noinline)) pid_t start(const struct program *program, int report)
{
    pid_t parent = getpid();
    pid_t pid = vfork();
    if (pid == 0) {
        run(program, parent, report);
    }
    return pid;
}

int program_start(const struct program *program, struct error *err, pid_t *ret_pid)
{
    struct failure failure = {.step = STEP_EXEC};
    int ends[2];
    sigset_t all, before;
    /* Where it is ignored, which some programs leave to what they start, the end of a child is told to no process. */
    signal(SIGCHLD, SIG_DFL);
    if (pipe2(ends, O_CLOEXEC) < 0) {
        return error_errno(err, errno, "cannot run %s", program->words[0]);
    }
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before); /* no handler of this process runs in the child */
    pid_t pid = start(program, ends[1]);
    int number = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    /* Nothing comes when the program has begun: that closes the pipe. */
    ssize_t got = 0;
    while (pid > 0 && (got = read(ends[0], &failure, sizeof(failure))) < 0 && errno == EINTR) {
    }
    close(ends[0]);
    if (pid < 0) {
        return error_errno(err, number, "cannot run %s", program->words[0]);
    }
    if (got > 0) {
        (void)waitpid(pid, NULL, 0);
        return start_failed(program, &failure, err);
    }
    *ret_pid = pid;
    return 0;
}
