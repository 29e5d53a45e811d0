/* The program: signals first, then the command. */
#include "cli.h"
#include "outrider/io/signals.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    sigset_t before;
    sigprocmask(SIG_SETMASK, NULL, &before);
    signals_block();
    if (argc < 2 || strcmp(argv[1], "agent") != 0) {
        /* The other commands serve no signals: Ctrl-C must end them. */
        sigprocmask(SIG_SETMASK, &before, NULL);
    }
    size_t words = argc > 1 ? (size_t)argc - 1 : 0;
    int status = cli_run((struct cli_args){.words = argv + (argc > 0 ? 1 : 0), .count = words});
    /* A full disk or a closed pipe must not look like success. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == EX_DONE) {
        status = EX_FAILED;
    }
    return status;
}
