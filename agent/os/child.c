#include "outrider/os/child.h"

#include "outrider/os/program.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

int child_start(char *const *words, struct error *err, pid_t *ret_pid)
{
    return program_start(&(struct program){.words = words, .output = -1, .search = true}, err, ret_pid);
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
