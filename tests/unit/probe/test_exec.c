#include "try_case.h"

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/io/program/program_starter.h"
#include "outrider/io/program/programs.h"

#include <string.h>
#include <sys/wait.h>

enum { LONG_MS = 60000 };

static pid_t starter;

static int allow(const struct program_request *request, struct error *err, void *user)
{
    (void)request;
    (void)err;
    (void)user;
    return 0;
}

static void on_gone(void *user)
{
    (void)user;
}

static int setup(void **state)
{
    struct error err;
    int fd = program_starter_fork(allow, NULL, 0, &err, &starter);
    if (fd < 0 || try_setup(state) < 0) {
        return -1;
    }
    try_context.programs = programs_new(try_context.loop, fd, on_gone, NULL);
    return 0;
}

static int teardown(void **state)
{
    programs_free(try_context.programs);
    try_context.programs = NULL;
    return waitpid(starter, NULL, 0) == starter ? try_teardown(state) : -1;
}

static struct config_probe of(const char *script)
{
    static char shell[] = "/bin/sh", option[] = "-c";
    return (struct config_probe){.type = CONFIG_PROBE_EXEC,
                                 .command = {shell, option, (char *)(uintptr_t)script},
                                 .command_count = 3,
                                 .timeout_ms = LONG_MS};
}

static struct try_result try_script(const char *script)
{
    struct config_probe probe = of(script);
    return try_host(&probe, "localhost");
}

static void status_0_passes_and_words_are_facts(void **state)
{
    (void)state;
    struct try_result result =
        try_script("echo '  12 of 64 seats '; echo 'outrider: players=12/64 label.map=harbor "
                   "version=1.4 name=\"The Harbor\"'");
    assert_int_equal(result.outcome, PROBE_PASSED);
    assert_string_equal(result.detail, "12 of 64 seats");
    assert_int_equal(result.players, 12);
    assert_int_equal(result.capacity, 64);
    assert_string_equal(result.map, "harbor");
    assert_string_equal(result.version, "1.4");
    assert_string_equal(result.name, "The Harbor");
    result = try_script("exit 0");
    assert_passed(&result, -1, -1);
}

static void other_ends_fail_and_say_nothing_of_the_server(void **state)
{
    (void)state;
    struct try_result result = try_script("echo 'outrider: players=3 name=x'; echo disk full; exit 2");
    assert_failed(&result, PROBE_FAILED, "exit status 2: disk full");
    result = try_script("exit 2");
    assert_failed(&result, PROBE_FAILED, "exit status 2");
    result = try_script("kill -SEGV $$");
    assert_failed(&result, PROBE_FAILED, "ended by signal SEGV");
    result = try_script("printf 'a\\033[31mb\\377\\n'; exit 1");
    assert_failed(&result, PROBE_FAILED, "exit status 1: a?[31mb?");
    struct config_probe probe = of("echo waiting for the disk; sleep 1000");
    probe.timeout_ms = 100;
    result = try_host(&probe, "localhost");
    assert_failed(&result, PROBE_TIMED_OUT, "timed out after 100ms: waiting for the disk");
    assert_true(result.duration_us >= 100000);
}

static void what_is_no_program_says_so(void **state)
{
    (void)state;
    struct config_probe probe = of("");
    static char nowhere[] = "/no/such/check", folder[] = "/etc", text[] = "/etc/passwd",
                user[] = "no-such-user";
    probe.command[0] = nowhere;
    struct try_result result = try_host(&probe, "localhost");
    assert_failed(&result, PROBE_FAILED, "cannot run /no/such/check: No such file or directory");
    probe.command[0] = folder;
    result = try_host(&probe, "localhost");
    assert_failed(&result, PROBE_FAILED, "cannot run /etc: it is not executable for this user");
    probe.command[0] = text;
    result = try_host(&probe, "localhost");
    assert_failed(&result, PROBE_FAILED, "cannot run /etc/passwd: it is not executable for this user");
    probe = of("exit 0");
    probe.user = user;
    result = try_host(&probe, "localhost");
    assert_failed(&result, PROBE_FAILED, "there is no user no-such-user on this machine");
}

static void where_none_can_be_started_a_try_fails(void **state)
{
    (void)state;
    struct programs *programs = try_context.programs;
    try_context.programs = NULL;
    struct try_result result = try_script("exit 0");
    assert_failed(&result, PROBE_FAILED, "no program can be started here: restart the agent");
    struct config_probe probe = of("exit 0");
    struct probe_try *attempt =
        probe_driver_for(CONFIG_PROBE_EXEC)->start(&try_context, "localhost", &probe, try_done, &result);
    probe_driver_for(CONFIG_PROBE_EXEC)->cancel(attempt);
    loop_turn_once(try_context.loop, false);
    assert_int_equal(result.calls, 1);
    try_context.programs = programs;
}

static void a_cancelled_try_is_silent(void **state)
{
    (void)state;
    struct try_result result = {0}, other;
    struct config_probe probe = of("sleep 1000");
    struct probe_try *attempt =
        probe_driver_for(CONFIG_PROBE_EXEC)->start(&try_context, "localhost", &probe, try_done, &result);
    probe_driver_for(CONFIG_PROBE_EXEC)->cancel(attempt);
    probe_driver_for(CONFIG_PROBE_EXEC)->cancel(NULL);
    other = try_script("exit 0");
    assert_passed(&other, -1, -1);
    assert_int_equal(result.calls, 0);
}

static void it_is_described_by_its_command(void **state)
{
    (void)state;
    struct buf text = {0};
    struct config_probe probe = of("exit 0");
    probe_driver_for(CONFIG_PROBE_EXEC)->describe("localhost", &probe, &text);
    assert_string_equal(buf_text(&text), "/bin/sh -c exit 0");
    assert_string_equal(probe_driver_for(CONFIG_PROBE_EXEC)->name, "exec");
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(status_0_passes_and_words_are_facts, setup, teardown),
        cmocka_unit_test_setup_teardown(other_ends_fail_and_say_nothing_of_the_server, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_program_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(where_none_can_be_started_a_try_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cancelled_try_is_silent, setup, teardown),
        cmocka_unit_test_setup_teardown(it_is_described_by_its_command, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
