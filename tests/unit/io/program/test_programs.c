#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/program/program_starter.h"
#include "outrider/io/program/programs.h"
#include "support/temp_dir.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct loop *loop;
static struct programs *programs;
static struct temp_dir dir;
static pid_t starter;
static int gone;

static int allow(const struct program_request *request, struct error *err, void *user)
{
    (void)user;
    return strcmp(request->words[0], "/bin/forbidden") == 0
               ? error_set(err, ERROR_NOT_FOUND, "not of the file")
               : 0;
}

static void on_gone(void *user)
{
    (void)user;
    gone++;
}

static int setup(void **state)
{
    (void)state;
    struct error err;
    loop = loop_new(&err);
    int left_open = dup(STDERR_FILENO);
    int fd = program_starter_fork(allow, NULL, 0, &err, &starter);
    if (loop == NULL || fd < 0) {
        return -1;
    }
    close(left_open);
    gone = 0;
    programs = programs_new(loop, fd, on_gone, NULL);
    return temp_dir_init(&dir);
}

/* The starter ends with its socket, whatever runs. */
static int teardown(void **state)
{
    (void)state;
    int status;
    programs_free(programs);
    loop_free(loop);
    return waitpid(starter, &status, 0) == starter ? temp_dir_fini(&dir) : -1;
}

struct outcome {
    int calls;
    enum program_end end;
    int code;
    size_t size;
    char output[1024]; /* the beginning */
};

static void done(const struct program_result *result, void *user)
{
    struct outcome *outcome = user;
    outcome->calls++;
    outcome->end = result->end;
    outcome->code = result->code;
    outcome->size = result->output.size;
    snprintf(outcome->output, sizeof(outcome->output), "%.*s", STR_ARG(result->output));
    assert_true(result->duration_us >= 0);
}

static struct program_job *begin(const char *script, int64_t timeout_ms, struct outcome *outcome)
{
    *outcome = (struct outcome){0};
    struct program_request request = {.timeout_ms = timeout_ms,
                                      .user = "",
                                      .words = {"/bin/sh", "-c", script},
                                      .word_count = 3,
                                      .variables = {"OUTRIDER_EVENT=drain", "OUTRIDER_DEADLINE_SECONDS=42"},
                                      .variable_count = 2};
    return programs_run(programs, &request, done, outcome);
}

static void wait_for(const struct outcome *outcome)
{
    assert_int_equal(outcome->calls, 0); /* never from within */
    while (outcome->calls == 0) {
        loop_turn_once(loop, true);
    }
    assert_int_equal(outcome->calls, 1);
}

static struct outcome run(const char *script, int64_t timeout_ms)
{
    struct outcome outcome;
    begin(script, timeout_ms, &outcome);
    wait_for(&outcome);
    return outcome;
}

enum { LONG_MS = 60000 };

static void status_output_and_signal_are_told(void **state)
{
    (void)state;
    struct outcome outcome = run("echo hello; echo there >&2", LONG_MS);
    assert_int_equal(outcome.end, PROGRAM_EXITED);
    assert_int_equal(outcome.code, 0);
    assert_string_equal(outcome.output, "hello\nthere\n");
    outcome = run("exit 7", LONG_MS);
    assert_int_equal(outcome.end, PROGRAM_EXITED);
    assert_int_equal(outcome.code, 7);
    outcome = run("kill -KILL $$", LONG_MS);
    assert_int_equal(outcome.end, PROGRAM_KILLED);
    assert_int_equal(outcome.code, SIGKILL);
}

static void the_environment_is_clean_and_seconds_are_replaced(void **state)
{
    (void)state;
    struct outcome outcome = run("env | cut -d= -f1 | grep -v '^_$' | sort | tr '\\n' ' '; pwd; cat; "
                                 "echo in ${OUTRIDER_DEADLINE_SECONDS} s, $OUTRIDER_EVENT",
                                 LONG_MS);
    assert_string_equal(outcome.output,
                        "HOME LOGNAME OUTRIDER_DEADLINE_SECONDS OUTRIDER_EVENT PATH PWD USER /\n"
                        "in 42 s, drain\n");
    /* Without a shell. */
    struct program_request request = {.timeout_ms = LONG_MS,
                                      .user = "",
                                      .words = {"/bin/echo",
                                                "a ${OUTRIDER_DEADLINE_SECONDS}/${OUTRIDER_DEADLINE_SECONDS}",
                                                "${OUTRIDER_EVENT}"},
                                      .word_count = 3,
                                      .variables = {"OUTRIDER_DEADLINE_SECONDS=7"},
                                      .variable_count = 1};
    outcome = (struct outcome){0};
    programs_run(programs, &request, done, &outcome);
    wait_for(&outcome);
    assert_string_equal(outcome.output, "a 7/7 ${OUTRIDER_EVENT}\n");
}

/* Nor one of the agent's that is not closed by exec. */
static void there_is_no_file_but_the_standard_ones(void **state)
{
    (void)state;
    struct outcome outcome = run("ls /proc/self/fd; readlink /proc/self/fd/0", LONG_MS);
    assert_string_equal(outcome.output, "0\n1\n2\n3\n/dev/null\n"); /* 3 is that of ls */
}

static void what_is_refused_is_not_started(void **state)
{
    (void)state;
    static const struct {
        struct program_request request;
        const char *why;
    } rows[] = {
        {{.words = {"/bin/forbidden"}, .user = ""}, "not of the file"},
        {{.words = {"/no/such/program"}, .user = ""},
         "cannot run /no/such/program: No such file or directory"},
        {{.words = {"/bin/true"}, .user = "no-such-user"}, "there is no user no-such-user on this machine"},
        {{.words = {"/bin/true"}, .user = "daemon"}, "cannot become user daemon: Operation not permitted"},
        {{.words = {"/bin/true"}, .user = "", .variables = {"LD_PRELOAD=/x.so"}, .variable_count = 1},
         "a variable is not of Outrider"},
        {{.words = {"/bin/true"},
          .user = "",
          .variables = {"OUTRIDER_DEADLINE_SECONDS=1 -x"},
          .variable_count = 1},
         "the seconds are no number"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct program_request request = rows[i].request;
        struct outcome outcome = {0};
        request.timeout_ms = LONG_MS;
        request.word_count = 1;
        programs_run(programs, &request, done, &outcome);
        wait_for(&outcome);
        assert_int_equal(outcome.end, PROGRAM_NOT_STARTED);
        assert_memory_equal(outcome.output, rows[i].why, strlen(rows[i].why));
    }
    assert_int_equal(run("exit 0", LONG_MS).end, PROGRAM_EXITED);
}

/* Whether the process that wrote its number to `name` runs. */
static bool runs(const char *name)
{
    char text[32] = "";
    FILE *file = fopen(temp_path(&dir, name), "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    fclose(file);
    pid_t pid = (pid_t)strtol(text, NULL, 10);
    assert_true(pid > 1);
    char path[64], line[256] = "";
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    file = fopen(path, "r");
    if (file == NULL) {
        return false;
    }
    char *got = fgets(line, sizeof(line), file);
    fclose(file);
    return got != NULL && strstr(line, ") Z ") == NULL;
}

/* A process that was killed goes when the kernel comes to it. */
static void assert_ends(const char *name)
{
    while (runs(name)) {
        usleep(1000);
    }
}

static void one_that_ignores_term_and_never_ends_is_killed_with_its_children(void **state)
{
    (void)state;
    char script[256];
    snprintf(script, sizeof(script),
             "trap '' TERM INT; sleep 1000 & echo $! >%s; echo begun; wait; sleep 1000",
             temp_path(&dir, "child"));
    struct outcome outcome = run(script, 300);
    assert_int_equal(outcome.end, PROGRAM_TIMED_OUT);
    assert_string_equal(outcome.output, "begun\n");
    assert_ends("child");
}

static void what_it_leaves_behind_keeps_nothing_waiting_and_is_killed(void **state)
{
    (void)state;
    char script[256];
    snprintf(script, sizeof(script), "sleep 1000 & echo $! >%s; echo done", temp_path(&dir, "child"));
    struct outcome outcome = run(script, LONG_MS);
    assert_int_equal(outcome.end, PROGRAM_EXITED);
    assert_int_equal(outcome.code, 0);
    assert_string_equal(outcome.output, "done\n");
    assert_ends("child");
}

static void output_without_end_is_cut(void **state)
{
    (void)state;
    struct outcome outcome = run("yes | head -c 5000000; exit 3", LONG_MS);
    assert_int_equal(outcome.end, PROGRAM_EXITED);
    assert_int_equal(outcome.code, 3);
    assert_int_equal(outcome.size, PROGRAM_OUTPUT_MAX);
    outcome = run("exec yes", 300);
    assert_int_equal(outcome.end, PROGRAM_TIMED_OUT);
    assert_int_equal(outcome.size, PROGRAM_OUTPUT_MAX);
}

static void one_that_closes_its_output_goes_on(void **state)
{
    (void)state;
    struct outcome outcome = run("echo first; exec >&- 2>&-; sleep 0.1; exit 5", LONG_MS);
    assert_int_equal(outcome.end, PROGRAM_EXITED);
    assert_int_equal(outcome.code, 5);
    assert_string_equal(outcome.output, "first\n");
}

static void a_cancelled_one_is_killed_and_says_nothing(void **state)
{
    (void)state;
    char script[256];
    struct outcome outcome, other;
    snprintf(script, sizeof(script), "echo $$ >%s.new; mv %s.new %s; sleep 1000", temp_path(&dir, "self"),
             temp_path(&dir, "self"), temp_path(&dir, "self"));
    struct program_job *job = begin(script, LONG_MS, &outcome);
    while (access(temp_path(&dir, "self"), F_OK) < 0) {
        usleep(1000);
    }
    program_cancel(job);
    assert_ends("self");
    begin("exit 0", LONG_MS, &other); /* its result comes behind */
    wait_for(&other);
    assert_int_equal(outcome.calls, 0);
    program_cancel(NULL);
}

static void many_run_at_once_and_one_more_than_fits_is_refused(void **state)
{
    (void)state;
    static struct outcome outcomes[PROGRAM_RUNS_MAX + 1];
    size_t exited = 0, refused = 0;
    for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
        begin("sleep 1; echo hello", LONG_MS, &outcomes[i]);
        loop_turn_once(loop, false);
    }
    for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
        while (outcomes[i].calls == 0) {
            loop_turn_once(loop, true);
        }
        exited += outcomes[i].end == PROGRAM_EXITED && strcmp(outcomes[i].output, "hello\n") == 0;
        refused += outcomes[i].end == PROGRAM_NOT_STARTED;
    }
    assert_true(exited >= PROGRAM_RUNS_MAX / 2); /* of a slow machine some come after others have ended */
    assert_int_equal(exited + refused, COUNT_OF(outcomes));
}

static void the_end_of_the_starter_is_told(void **state)
{
    (void)state;
    struct outcome running, after;
    begin("sleep 1000", LONG_MS, &running);
    kill(starter, SIGKILL);
    wait_for(&running);
    assert_int_equal(running.end, PROGRAM_NOT_STARTED);
    assert_non_null(strstr(running.output, "the process that does it has ended; restart the agent"));
    assert_int_equal(gone, 1);
    begin("exit 0", LONG_MS, &after);
    wait_for(&after);
    assert_int_equal(after.end, PROGRAM_NOT_STARTED);
    assert_int_equal(gone, 1);
}

static void programs_end_with_the_agent(void **state)
{
    (void)state;
    char script[256];
    struct outcome outcome;
    snprintf(script, sizeof(script),
             "trap '' TERM; sleep 1000 & echo $! >%s.new; mv %s.new %s; wait; sleep 1000",
             temp_path(&dir, "child"), temp_path(&dir, "child"), temp_path(&dir, "child"));
    begin(script, LONG_MS, &outcome);
    while (access(temp_path(&dir, "child"), F_OK) < 0) {
        usleep(1000);
    }
    (void)kill(starter, SIGTERM); /* of a service manager, and blocked */
    programs_free(programs);      /* as the kernel does for an agent that is killed */
    programs = NULL;
    assert_ends("child");
    assert_int_equal(outcome.calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(status_output_and_signal_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(the_environment_is_clean_and_seconds_are_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(there_is_no_file_but_the_standard_ones, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_refused_is_not_started, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_ignores_term_and_never_ends_is_killed_with_its_children,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_it_leaves_behind_keeps_nothing_waiting_and_is_killed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(output_without_end_is_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_closes_its_output_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cancelled_one_is_killed_and_says_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(many_run_at_once_and_one_more_than_fits_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(the_end_of_the_starter_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(programs_end_with_the_agent, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
