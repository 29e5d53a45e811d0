#include "outrider/os/child.h"

#include "outrider/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child; reports what failed as the number of the error. */
static _Noreturn void run(char *const *words, pid_t parent, int report)
{
    sigset_t none;
    sigemptyset(&none);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() != parent) {
        _exit(CHILD_NOT_RUN); /* it ended before it could say so */
    }
    execvp(words[0], words);
    int number = errno;
    ssize_t written = write(report, &number, sizeof(number));
    _exit(written < 0 ? CHILD_NOT_RUN : CHILD_NOT_FOUND);
}

static int start_failed(const char *word, int number, struct error *err)
{
    enum error_code code = number == ENOENT || number == ENOTDIR ? ERROR_NOT_FOUND : ERROR_SYSTEM;
    return error_set(err, code, "cannot run %s: %s", word, strerror(number));
}

int child_start(char *const *words, struct error *err, pid_t *ret_pid)
{
    int ends[2], number = 0;
    pid_t parent = getpid();
    /* Where it is ignored, which some programs leave to what they start, the end of a child is told to no process. */
    signal(SIGCHLD, SIG_DFL);
    if (pipe2(ends, O_CLOEXEC) < 0) {
        return start_failed(words[0], errno, err);
    }
    pid_t pid = fork();
    if (pid == 0) {
        run(words, parent, ends[1]);
    }
    number = pid < 0 ? errno : 0;
    close(ends[1]);
    /* Nothing comes when the command has begun: that closes the pipe. */
    while (pid > 0 && read(ends[0], &number, sizeof(number)) < 0 && errno == EINTR) {
    }
    close(ends[0]);
    if (number != 0) {
        if (pid > 0) {
            (void)waitpid(pid, NULL, 0);
        }
        return start_failed(words[0], number, err);
    }
    *ret_pid = pid;
    return 0;
}

bool child_ended(pid_t pid, int *ret_status)
{
    int status;
    if (waitpid(pid, &status, WNOHANG) != pid) {
        return false;
    }
    *ret_status = WIFSIGNALED(status) ? CHILD_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
    return true;
}

bool child_shares_terminal(void)
{
    int fd = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);
    bool shares = fd >= 0 && tcgetpgrp(fd) == getpgrp();
    if (fd >= 0) {
        close(fd);
    }
    return shares;
}
