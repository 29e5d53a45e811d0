/* outrider hooks test: runs the hooks of a file by hand. */
#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/cli/common/cli.h"
#include "outrider/core/config/config.h"
#include "outrider/core/hook/hook.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/program/programs.h"
#include "outrider/os/clock.h"
#include "outrider/os/user.h"
#include "outrider/shell/config_file.h"
#include "outrider/shell/hook_request.h"
#include "outrider/shell/starter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLAYERS = 12, TOKEN = 1 };

struct test {
    const struct config *config;
    struct loop *loop;
    struct programs *programs;
    struct hook_news news;
    bool over;
    enum hook_result result;
    struct buf detail;
    int64_t took_us;
};

static bool find_event(const char *word, enum config_hook_event *ret_event)
{
    for (enum config_hook_event event = 0; event < CONFIG_HOOK_EVENT_COUNT; event++) {
        if (strcmp(word, config_hook_event_name(event)) == 0) {
            *ret_event = event;
            return true;
        }
    }
    return false;
}

static struct instant now(void)
{
    return (struct instant){.mono = clock_mono_ms(), .boot = clock_boot_ms(), .wall = clock_wall_ms()};
}

/* An example. */
static void make_news(struct hook_news *news, const struct config *config, enum config_hook_event event)
{
    static const char *const statuses[CONFIG_HOOK_EVENT_COUNT] = {[CONFIG_HOOK_DRAIN] = "draining",
                                                                  [CONFIG_HOOK_UNDRAIN] = "ready",
                                                                  [CONFIG_HOOK_READY] = "ready",
                                                                  [CONFIG_HOOK_ERROR] = "error",
                                                                  [CONFIG_HOOK_SHUTTING_DOWN] =
                                                                      "shutting_down",
                                                                  [CONFIG_HOOK_LEADER_GAINED] = "ready",
                                                                  [CONFIG_HOOK_LEADER_LOST] = "ready"};
    struct instant at = now();
    struct buf by = {0};
    bool leads = event >= CONFIG_HOOK_LEADER_GAINED;
    *news = (struct hook_news){.event = event,
                               .status = statuses[event],
                               .reason = "outrider hooks test",
                               .deadline_mono = NEVER_MS,
                               .has_players = config->server.present,
                               .players = config->server.present ? PLAYERS : 0};
    if (event == CONFIG_HOOK_DRAIN) {
        user_at_host(NULL, &by);
        snprintf(news->by, sizeof(news->by), "%s", buf_text(&by));
        if (config->drain.deadline_ms > 0) {
            news->deadline_mono = at.mono + config->drain.deadline_ms;
            news->deadline_wall = at.wall + config->drain.deadline_ms;
        }
    }
    if (leads) {
        snprintf(news->scope, sizeof(news->scope), "%s",
                 config->candidacy_count > 0 ? config_scope(config, &config->candidacies[0]) : "test");
        news->token = TOKEN;
    }
    buf_fini(&by);
}

static void on_end(const struct program_result *result, void *user)
{
    struct test *test = user;
    test->over = true;
    test->result = hook_result_of(result);
    test->took_us = result->duration_us;
    hook_describe_result(result, &test->detail);
}

/* Prints one line: "hooks[0]: ok in 12 ms: said". Returns whether it was good. */
static bool run(struct test *test, size_t index)
{
    const struct config *config = test->config;
    struct hook_about about = {.type = "observer", .id = "test", .host = "localhost"};
    struct instant at = now();
    struct hook_request request;
    if (config->server.present) {
        about = (struct hook_about){.type = config->server.type,
                                    .id = strcmp(config->server.id, "auto") == 0 ? "test" : config->server.id,
                                    .host = strcmp(config->server.host, "auto") == 0 ? "localhost"
                                                                                     : config->server.host,
                                    .ports = config->server.ports,
                                    .port_count = config->server.port_count};
    }
    test->over = false;
    buf_clear(&test->detail);
    hook_request_init(&request, &config->hooks[index], &test->news, &about, &at);
    programs_run(test->programs, &request.program, on_end, test);
    hook_request_fini(&request);
    while (!test->over) {
        loop_turn_once(test->loop, true);
    }
    cli_print(stdout, "hooks[%zu] %s: %s in %lld ms%s%s\n", index, config->hooks[index].command[0],
              test->result == HOOK_OK ? "ok" : "FAILED", (long long)(test->took_us / 1000),
              test->detail.size > 0 ? ": " : "", buf_text(&test->detail));
    return test->result == HOOK_OK;
}

static void on_gone(void *user)
{
    (void)user;
}

static int run_all(struct test *test)
{
    size_t count = 0;
    int status = EX_DONE;
    for (size_t i = 0; i < test->config->hook_count; i++) {
        if (hook_wants(&test->config->hooks[i], test->news.event)) {
            status = run(test, i) ? status : EX_FAILED;
            count++;
        }
    }
    return count > 0 ? status
                     : cli_fail(EX_FAILED, "no hook is for %s", config_hook_event_name(test->news.event));
}

static int test_event(const char *path, const struct config *config, enum config_hook_event event)
{
    struct error err;
    struct test test = {.config = config};
    pid_t pid;
    int fd = starter_fork(path, config, &err, &pid); /* before anything is open */
    if (fd < 0) {
        return cli_fail(EX_FAILED, "%s", err.text);
    }
    test.loop = loop_new(&err);
    if (test.loop == NULL) {
        return cli_fail(EX_FAILED, "%s", err.text);
    }
    test.programs = programs_new(test.loop, fd, on_gone, NULL);
    make_news(&test.news, config, event);
    int status = run_all(&test);
    programs_free(test.programs);
    loop_free(test.loop);
    buf_fini(&test.detail);
    return status;
}

int cmd_hooks(const struct cli_line *line)
{
    const char *path = config_file_path(line->given.config);
    enum config_hook_event event;
    if (!find_event(line->words.words[0], &event)) {
        return cli_usage(
            line->command,
            "`%s` is no event: drain, undrain, ready, error, shutting_down, leader_gained or leader_lost",
            line->words.words[0]);
    }
    struct config *config = config_file_load(path, NULL);
    if (config == NULL) {
        return EX_CONFIG;
    }
    int status = test_event(path, config, event);
    config_fini(config);
    free(config);
    return status;
}
