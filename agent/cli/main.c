/* Blocks the signals, then runs the command. */
#include "outrider/cli/common/cli.h"
#include "outrider/io/loop/loop_watch.h"
#include "outrider/os/environment.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
    bool blocked;
    sigset_t before;
} signals;

/* A signal that comes earlier ends the process. So this runs before the constructors of the libraries, which take half a
 * millisecond: only the dynamic loader itself comes first. main calls it for a C library without .preinit_array. */
static void block_signals(void)
{
    if (!signals.blocked) {
        sigprocmask(SIG_SETMASK, NULL, &signals.before);
        loop_watch_block_signals();
        signals.blocked = true;
    }
}

__attribute__((section(".preinit_array"), used)) static void (*const block_first)(void) = block_signals;

/* If the process starts with 0, 1 or 2 closed, a socket would get that number and receive the log. */
static void open_standard_files(void)
{
    int fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd < 2) {
        fd = dup(fd);
    }
    if (fd > 2) {
        close(fd);
    }
}

int main(int argc, char **argv)
{
    block_signals();
    open_standard_files();
    if (argc < 2 || strcmp(argv[1], "agent") != 0) {
        const char *names[ENVIRONMENT_REMOVED_MAX];
        (void)environment_clean(names); /* the agent does it itself, and logs it */
        /* The other commands serve no signals: Ctrl-C must end them. */
        sigprocmask(SIG_SETMASK, &signals.before, NULL);
    }
    size_t words = argc > 1 ? (size_t)argc - 1 : 0;
    int status = cli_run((struct cli_args){.words = argv + (argc > 0 ? 1 : 0), .count = words});
    /* A full disk or a closed pipe must not look like success. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == EX_DONE) {
        status = EX_FAILED;
    }
    return status;
}
