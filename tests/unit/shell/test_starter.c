#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/core/config/config.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/program/programs.h"
#include "outrider/shell/config_file.h"
#include "outrider/shell/starter.h"
#include "support/temp_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static struct temp_dir dir;
static struct loop *loop;
static struct programs *programs;
static struct config *config;
static pid_t starter;

static void write_config(const char *probe)
{
    FILE *file = fopen(temp_path(&dir, "outrider.yaml"), "w");
    assert_non_null(file);
    fprintf(file, "server: {type: world, id: w1, ports: [8001]}\nprobes:\n  - {name: own, %s}\n", probe);
    assert_int_equal(fclose(file), 0);
}

static struct config *read_config(void)
{
    struct buf problems = {0};
    struct config *read = config_file_read(temp_path(&dir, "outrider.yaml"), &problems);
    assert_string_equal(buf_text(&problems), "");
    buf_fini(&problems);
    return read;
}

static void on_gone(void *user)
{
    (void)user;
}

static int setup(void **state)
{
    static char path[4096];
    (void)state;
    struct error err;
    if (temp_dir_init(&dir) < 0) {
        return -1;
    }
    write_config("type: exec, command: [/bin/echo, one]");
    snprintf(path, sizeof(path), "%s", temp_path(&dir, "outrider.yaml"));
    config = read_config();
    loop = loop_new(&err);
    int fd = starter_fork(path, config, &err, &starter);
    programs = programs_new(loop, fd, on_gone, NULL);
    return fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    programs_free(programs);
    loop_free(loop);
    config_fini(config);
    free(config);
    return waitpid(starter, NULL, 0) == starter ? temp_dir_fini(&dir) : -1;
}

struct outcome {
    int calls;
    enum program_end end;
    char output[512];
};

static void done(const struct program_result *result, void *user)
{
    struct outcome *outcome = user;
    outcome->calls++;
    outcome->end = result->end;
    snprintf(outcome->output, sizeof(outcome->output), "%.*s", STR_ARG(result->output));
}

static struct outcome run(const char *word, const char *more, const char *user)
{
    struct outcome outcome = {0};
    struct program_request request = {.timeout_ms = 60000,
                                      .user = user,
                                      .words = {"/bin/echo", word, more},
                                      .word_count = more == NULL ? 2 : 3};
    programs_run(programs, &request, done, &outcome);
    while (outcome.calls == 0) {
        loop_turn_once(loop, true);
    }
    return outcome;
}

static void what_the_file_has_runs_and_nothing_else(void **state)
{
    (void)state;
    struct outcome outcome = run("one", NULL, "");
    assert_int_equal(outcome.end, PROGRAM_EXITED);
    assert_string_equal(outcome.output, "one\n");
    static const char *const others[][3] = {
        {"two", NULL, ""}, {"one", "more", ""}, {"one", NULL, "root"}, {"", NULL, ""}};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        outcome = run(others[i][0], others[i][1], others[i][2]);
        assert_int_equal(outcome.end, PROGRAM_NOT_STARTED);
        assert_non_null(strstr(outcome.output, "/bin/echo is not a program of "));
    }
}

static void a_new_file_is_read_when_it_is_asked_for(void **state)
{
    (void)state;
    write_config("type: exec, command: [/bin/echo, two]");
    assert_string_equal(run("one", NULL, "").output, "one\n"); /* the agent still has the old one */
    assert_string_equal(run("two", NULL, "").output, "two\n");
    assert_int_equal(run("one", NULL, "").end, PROGRAM_NOT_STARTED);
    write_config("type: exec, command: [echo]");
    assert_int_equal(run("three", NULL, "").end, PROGRAM_NOT_STARTED); /* a bad file changes nothing */
    assert_string_equal(run("two", NULL, "").output, "two\n");
}

static void a_tcp_probe_is_no_program(void **state)
{
    (void)state;
    assert_true(starter_is_needed(config));
    write_config("type: tcp, port: 8001");
    struct config *other = read_config();
    assert_false(starter_is_needed(other));
    config_fini(other);
    free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_the_file_has_runs_and_nothing_else, setup, teardown),
        cmocka_unit_test_setup_teardown(a_new_file_is_read_when_it_is_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(a_tcp_probe_is_no_program, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
