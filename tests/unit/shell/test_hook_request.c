#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/shell/hook_request.h"

#include <signal.h>
#include <string.h>

static char program[] = "/bin/say", argument[] = "${OUTRIDER_DEADLINE_SECONDS}", user[] = "game";
static const struct config_hook config = {
    .command = {program, argument}, .command_count = 2, .timeout_ms = 10000, .user = user};
static const uint16_t ports[] = {8001, 8002};
static const struct hook_about about = {
    .type = "world", .id = "w1", .host = "10.0.0.7", .ports = ports, .port_count = 2};
static const struct instant now = {.mono = 5000, .wall = 1000};

static void assert_has(const struct hook_request *request, const char *variable)
{
    bool found = false;
    for (size_t i = 0; i < request->program.variable_count; i++) {
        found = found || strcmp(request->program.variables[i], variable) == 0;
    }
    if (!found) {
        fail_msg("no %s", variable);
    }
}

static void a_drain(void **state)
{
    (void)state;
    struct hook_request request;
    struct hook_news news = {.event = CONFIG_HOOK_DRAIN,
                             .status = "draining",
                             .reason = "patch\n1.4\x1b",
                             .by = "me@gw",
                             .deadline_mono = 6001,
                             .deadline_wall = 61001,
                             .has_players = true};
    hook_request_init(&request, &config, &news, &about, &now);
    assert_string_equal(request.program.words[0], "/bin/say");
    assert_int_equal(request.program.word_count, 2);
    assert_int_equal(request.program.timeout_ms, 10000);
    assert_string_equal(request.program.user, "game");
    static const char *const wanted[] = {"OUTRIDER_EVENT=drain",
                                         "OUTRIDER_TYPE=world",
                                         "OUTRIDER_ID=w1",
                                         "OUTRIDER_HOST=10.0.0.7",
                                         "OUTRIDER_PORTS=8001,8002",
                                         "OUTRIDER_STATUS=draining",
                                         "OUTRIDER_REASON=patch 1.4 ",
                                         "OUTRIDER_BY=me@gw",
                                         "OUTRIDER_DEADLINE=1970-01-01T00:01:01.001Z",
                                         "OUTRIDER_DEADLINE_SECONDS=2",
                                         "OUTRIDER_PLAYERS=0"};
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        assert_has(&request, wanted[i]);
    }
    assert_int_equal(request.program.variable_count, sizeof(wanted) / sizeof(wanted[0]));
    hook_request_fini(&request);
    news.deadline_mono = 4000; /* it waited for too long */
    hook_request_init(&request, &config, &news, &about, &now);
    assert_has(&request, "OUTRIDER_DEADLINE_SECONDS=0");
    hook_request_fini(&request);
}

static void what_is_not_known_is_empty(void **state)
{
    (void)state;
    struct hook_request request;
    struct hook_news news = {.event = CONFIG_HOOK_LEADER_LOST,
                             .status = "",
                             .deadline_mono = NEVER_MS,
                             .scope = "arena",
                             .token = 4711};
    hook_request_init(&request, &config, &news,
                      &(struct hook_about){.type = "observer", .id = "o", .host = ""}, &now);
    assert_has(&request, "OUTRIDER_PORTS=");
    assert_has(&request, "OUTRIDER_PLAYERS=");
    assert_has(&request, "OUTRIDER_DEADLINE=");
    assert_has(&request, "OUTRIDER_DEADLINE_SECONDS=");
    assert_has(&request, "OUTRIDER_SCOPE=arena");
    assert_has(&request, "OUTRIDER_TOKEN=4711");
    assert_true(request.program.variable_count <= PROGRAM_VARIABLES_MAX);
    hook_request_fini(&request);
}

static void assert_described(struct program_result result, enum hook_result how, const char *text)
{
    struct buf out = {0};
    hook_describe_result(&result, &out);
    assert_int_equal(hook_result_of(&result), how);
    assert_string_equal(buf_text(&out), text);
    buf_fini(&out);
}

static void results(void **state)
{
    (void)state;
    assert_described((struct program_result){.output = STR("\n  said \nmore")}, HOOK_OK, "said");
    assert_described((struct program_result){.code = 3, .output = STR("no such host")}, HOOK_FAILED,
                     "exit status 3: no such host");
    assert_described((struct program_result){.end = PROGRAM_KILLED, .code = SIGSEGV}, HOOK_FAILED,
                     "ended by signal SEGV");
    assert_described((struct program_result){.end = PROGRAM_TIMED_OUT, .output = STR("\x1b[31m")},
                     HOOK_TIMED_OUT, "timed out: ?[31m");
    assert_described((struct program_result){.end = PROGRAM_NOT_STARTED, .output = STR("cannot run x")},
                     HOOK_NOT_STARTED, "cannot run x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_drain),
        cmocka_unit_test(what_is_not_known_is_empty),
        cmocka_unit_test(results),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
