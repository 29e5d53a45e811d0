#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/base/error.h"
#include "outrider/os/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int start(const char *const *words, struct error *err, pid_t *ret_pid)
{
    return child_start((char *const *)(uintptr_t)words, err, ret_pid);
}

/* Waits without reaping it. */
static void wait_for(pid_t pid)
{
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static void test_statuses(void **state)
{
    (void)state;
    static const char *const commands[][4] = {
        {"true"}, {"sh", "-c", "exit 7"}, {"sh", "-c", "kill -9 $$"}, {"sh", "-c", "kill -TERM $$"}};
    static const int statuses[] = {0, 7, CHILD_SIGNAL + SIGKILL, CHILD_SIGNAL + SIGTERM};
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        struct error err;
        pid_t pid;
        int status;
        assert_int_equal(start(commands[i], &err, &pid), 0);
        wait_for(pid);
        assert_true(child_ended(pid, &status));
        assert_int_equal(status, statuses[i]);
        assert_false(child_ended(pid, &status));
    }
}

static void test_not_run(void **state)
{
    (void)state;
    static const char *const commands[][2] = {{"/nowhere/at-all"}, {"no-such-command-anywhere"}, {""}, {"/"}};
    static const enum error_code codes[] = {ERROR_NOT_FOUND, ERROR_NOT_FOUND, ERROR_NOT_FOUND, ERROR_SYSTEM};
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        struct error err;
        pid_t pid = -7;
        assert_int_equal(start(commands[i], &err, &pid), -1);
        assert_int_equal(err.code, codes[i]);
        assert_int_equal(pid, -7);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie is left */
        assert_int_equal(errno, ECHILD);
    }
}

/* What this process blocks or ignores is not the command's. */
static void test_signals(void **state)
{
    (void)state;
    static const char *const term[] = {"sh", "-c", "kill -TERM $$; exit 7", NULL};
    static const char *const pipe_signal[] = {"sh", "-c", "kill -PIPE $$; exit 7", NULL};
    sigset_t block, before;
    struct error err;
    pid_t pid;
    int status;
    sigemptyset(&block);
    sigaddset(&block, SIGTERM);
    sigprocmask(SIG_BLOCK, &block, &before);
    assert_int_equal(start(term, &err, &pid), 0);
    wait_for(pid);
    assert_true(child_ended(pid, &status));
    assert_int_equal(status, CHILD_SIGNAL + SIGTERM);
    sigprocmask(SIG_SETMASK, &before, NULL);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(start(pipe_signal, &err, &pid), 0);
    wait_for(pid);
    assert_true(child_ended(pid, &status));
    assert_int_equal(status, CHILD_SIGNAL + SIGPIPE);
    signal(SIGPIPE, SIG_DFL);
}

/* As a program may leave it to those that it starts: the kernel would keep no status, and tell of no end. */
static void test_ignored_ends(void **state)
{
    (void)state;
    static const char *const words[] = {"sh", "-c", "exit 7", NULL};
    struct error err;
    pid_t pid;
    int status;
    signal(SIGCHLD, SIG_IGN);
    assert_int_equal(start(words, &err, &pid), 0);
    wait_for(pid);
    assert_true(child_ended(pid, &status));
    assert_int_equal(status, 7);
}

/* However this process ends, the command ends, and writes no more. */
static void test_dies_with_its_parent(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t middle = fork();
    if (middle == 0) {
        const char *const command[] = {"sh", "-c", "while kill -0 $PPID 2>/dev/null; do :; done; echo late",
                                       NULL};
        struct error err;
        pid_t pid;
        (void)dup2(ends[1], STDOUT_FILENO);
        _exit(start(command, &err, &pid) < 0 ? 1 : (kill(getpid(), SIGKILL), 2));
    }
    close(ends[1]);
    int status;
    assert_int_equal(waitpid(middle, &status, 0), middle);
    assert_true(WIFSIGNALED(status));
    char late;
    assert_int_equal(read(ends[0], &late, 1), 0);
    close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_statuses), cmocka_unit_test(test_not_run),
                                       cmocka_unit_test(test_signals), cmocka_unit_test(test_ignored_ends),
                                       cmocka_unit_test(test_dies_with_its_parent)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
