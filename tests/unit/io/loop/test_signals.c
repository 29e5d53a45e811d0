#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/loop/loop_watch.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static struct loop *loop;
static struct error err;
static int seen[65], order[16], total;

static int setup(void **state)
{
    (void)state;
    total = 0;
    for (size_t i = 0; i < COUNT_OF(seen); i++) {
        seen[i] = 0;
    }
    loop_watch_block_signals();
    loop = loop_new(&err);
    return loop == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

static void on_signal(int signo, void *user)
{
    (void)user;
    order[total++ % (int)COUNT_OF(order)] = signo;
    seen[signo]++;
}

static void every_handled_signal_is_delivered(void **state)
{
    (void)state;
    static const int handled[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGCHLD};
    /* pending before it could be delivered */
    kill(getpid(), SIGTERM);
    struct loop_watch *signals = loop_watch_signals(loop, on_signal, NULL, &err);
    assert_non_null(signals);
    for (size_t i = 0; i < COUNT_OF(handled); i++) {
        kill(getpid(), handled[i]);
    }
    while (total < (int)COUNT_OF(handled)) {
        loop_turn_once(loop, true);
    }
    loop_turn_once(loop, false);
    for (size_t i = 0; i < COUNT_OF(handled); i++) {
        assert_int_equal(seen[handled[i]], 1);
    }
    kill(getpid(), SIGUSR1);
    loop_turn_once(loop, true);
    assert_int_equal(seen[SIGUSR1], 2);
    loop_watch_free(signals);
    loop_watch_free(NULL);
}

/* The kernel does not keep the order of different signals, so the order of delivery must not depend on it. */
static void of_a_pair_usr1_is_delivered_last(void **state)
{
    (void)state;
    static const int sent[][4] = {{SIGUSR2, SIGUSR1, SIGTERM, SIGHUP}, {SIGTERM, SIGUSR1, SIGHUP, SIGUSR2}};
    static const int want[] = {SIGHUP, SIGUSR2, SIGUSR1, SIGTERM};
    struct loop_watch *signals = loop_watch_signals(loop, on_signal, NULL, &err);
    assert_non_null(signals);
    for (size_t i = 0; i < COUNT_OF(sent); i++) {
        total = 0;
        for (size_t j = 0; j < COUNT_OF(sent[i]); j++) {
            kill(getpid(), sent[i][j]);
        }
        while (total < (int)COUNT_OF(want)) {
            loop_turn_once(loop, true);
        }
        assert_memory_equal(order, want, sizeof(want));
    }
    loop_watch_free(signals);
}

static void a_broken_pipe_does_not_kill(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1);
    close(ends[1]);
}

static void signals_stay_blocked_after_free(void **state)
{
    (void)state;
    struct loop_watch *signals = loop_watch_signals(loop, on_signal, NULL, &err);
    loop_watch_free(signals);
    kill(getpid(), SIGUSR2);
    loop_turn_once(loop, false);
    assert_int_equal(total, 0);
    signals = loop_watch_signals(loop, on_signal, NULL, &err);
    loop_turn_once(loop, true);
    assert_int_equal(seen[SIGUSR2], 1);
    loop_watch_free(signals);
}

static void on_exit_of(void *user)
{
    (*(int *)user)++;
}

static void pidfd_reports_an_exit_once(void **state)
{
    (void)state;
    int hold[2], exits = 0;
    assert_int_equal(pipe(hold), 0);
    pid_t child = fork();
    if (child == 0) {
        char byte;
        close(hold[1]);
        _exit(read(hold[0], &byte, 1) != 0);
    }
    close(hold[0]);
    struct loop_watch *watch = loop_watch_process(loop, child, on_exit_of, &exits, &err);
    assert_non_null(watch);
    loop_turn_once(loop, false);
    assert_int_equal(exits, 0);
    close(hold[1]);
    while (exits == 0) {
        loop_turn_once(loop, true);
    }
    loop_turn_once(loop, false);
    assert_int_equal(exits, 1);
    waitpid(child, NULL, 0);
    loop_watch_free(watch);
    loop_watch_free(NULL);
    assert_null(loop_watch_process(loop, child, on_exit_of, &exits, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_null(loop_watch_process(loop, -1, on_exit_of, &exits, &err));
}

static struct loop_watch *own;

static void free_own(void *user)
{
    (void)user;
    loop_watch_free(own);
    own = NULL;
}

static void pidfd_watch_may_free_itself(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    own = loop_watch_process(loop, child, free_own, NULL, &err);
    assert_non_null(own);
    while (own != NULL) {
        loop_turn_once(loop, true);
    }
    waitpid(child, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_handled_signal_is_delivered, setup, teardown),
        cmocka_unit_test_setup_teardown(of_a_pair_usr1_is_delivered_last, setup, teardown),
        cmocka_unit_test_setup_teardown(a_broken_pipe_does_not_kill, setup, teardown),
        cmocka_unit_test_setup_teardown(signals_stay_blocked_after_free, setup, teardown),
        cmocka_unit_test_setup_teardown(pidfd_reports_an_exit_once, setup, teardown),
        cmocka_unit_test_setup_teardown(pidfd_watch_may_free_itself, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
