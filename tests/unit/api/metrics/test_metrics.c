#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/history/history.h"
#include "outrider/io/http/server/http_server.h"
#include "unit/api/small_agent.h"

#include <stdio.h>
#include <string.h>

static void page(struct small_agent *agent, struct buf *ret_text)
{
    struct api_reply reply = small_agent_get(agent, "/metrics", "");
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.content_type, "version=0.0.4"));
    *ret_text = reply.body;
}

static void has_line(const struct buf *text, const char *line)
{
    char whole[256];
    snprintf(whole, sizeof(whole), "\n%s\n", line);
    if (strstr(buf_text(text), whole) == NULL) {
        fail_msg("no line: %s\n%s", line, buf_text(text));
    }
}

static void values_are_where_they_belong(void **state)
{
    struct small_agent *agent = *state;
    struct buf text;
    small_agent_start(agent);
    small_agent_try(agent, PROBE_PASSED);
    small_agent_try(agent, PROBE_PASSED);
    agent->counters.transitions[STATUS_INITIALIZING][STATUS_READY] = 3;
    agent->counters.registry[REGISTRY_PUT][REGISTRY_RETRY] = 7;
    api_histogram_count(&agent->counters.registry_duration[REGISTRY_PUT], 2000);
    agent->counters.lines_ok = 41;
    agent->counters.lines_bad = 2;
    agent->counters.lines_overlong = 1;
    agent->counters.line_peers = 5;
    agent->counters.line_peers_refused = 6;
    agent->counters.line_peers_evicted = 8;
    agent->counters.line_accept_failures = 9;
    page(agent, &text);
    has_line(&text, "outrider_build_info{version=\"1.2.3\"} 1");
    has_line(&text, "outrider_status{status=\"ready\"} 1");
    has_line(&text, "outrider_status{status=\"error\"} 0");
    has_line(&text, "outrider_status_transitions_total{from=\"initializing\",to=\"ready\"} 3");
    has_line(&text, "outrider_probe_success{probe=\"game\"} 1");
    has_line(&text, "outrider_probe_duration_seconds_bucket{probe=\"game\",le=\"0.0001\"} 0");
    has_line(&text, "outrider_probe_duration_seconds_bucket{probe=\"game\",le=\"0.00025\"} 2");
    has_line(&text, "outrider_probe_duration_seconds_bucket{probe=\"game\",le=\"+Inf\"} 2");
    has_line(&text, "outrider_probe_duration_seconds_count{probe=\"game\"} 2");
    has_line(&text, "outrider_registry_requests_total{op=\"put\",outcome=\"retry\"} 7");
    has_line(&text, "outrider_registry_request_duration_seconds_sum{op=\"put\"} 0.002");
    has_line(&text, "outrider_registrations_total 1");
    has_line(&text, "outrider_registry_in_sync 1");
    has_line(&text, "outrider_lease_remaining_seconds 8");
    has_line(&text, "outrider_status_lines_total{outcome=\"ok\"} 41");
    has_line(&text, "outrider_status_lines_overlong_total 1");
    has_line(&text, "outrider_status_peers_total 5");
    has_line(&text, "outrider_status_peers_refused_total 6");
    has_line(&text, "outrider_status_peers_evicted_total 8");
    has_line(&text, "outrider_status_accept_failures_total 9");
    has_line(&text, "outrider_status_lines_total{outcome=\"error\"} 2");
    assert_null(strstr(buf_text(&text), "outrider_http_"));
    buf_fini(&text);
}

static void expect_sync(struct small_agent *agent, const char *line)
{
    struct buf text;
    page(agent, &text);
    has_line(&text, line);
    buf_fini(&text);
}

static void in_sync_is_what_is_offered_and_there(void **state)
{
    struct small_agent *agent = *state;
    expect_sync(agent, "outrider_registry_in_sync 0");
    expect_sync(agent, "outrider_published 0");
    small_agent_start(agent);
    expect_sync(agent, "outrider_registry_in_sync 1");
    expect_sync(agent, "outrider_published 1");
    agent->registry_outage = true;
    small_agent_say(agent, "players=1");
    expect_sync(agent, "outrider_registry_in_sync 0");
    expect_sync(agent, "outrider_published 1");
    small_agent_say(agent, "error");
    expect_sync(agent, "outrider_registry_in_sync 0");
}

static void commands_that_are_sent_are_counted(void **state)
{
    struct small_agent *agent = *state;
    struct buf text;
    page(agent, &text); /* a sidecar that calls nothing */
    assert_null(strstr(buf_text(&text), "outrider_commands_sent_total"));
    buf_fini(&text);
    agent->config.status.call_count = 1;
    agent->counters.commands.sent[API_COMMAND_SENT] = 3;
    agent->counters.commands.sent[API_COMMAND_UNKNOWN] = 2;
    agent->counters.commands.answers[COMMAND_EXPIRED] = 1;
    page(agent, &text);
    agent->config.status.call_count = 0;
    has_line(&text, "outrider_commands_sent_total{outcome=\"sent\"} 3");
    has_line(&text, "outrider_commands_sent_total{outcome=\"unknown\"} 2");
    has_line(&text, "outrider_commands_sent_total{outcome=\"failed\"} 0");
    has_line(&text, "outrider_command_answers_total{state=\"expired\"} 1");
    has_line(&text, "outrider_command_answers_total{state=\"ok\"} 0");
    buf_fini(&text);
}

static void the_history_is_counted(void **state)
{
    struct small_agent *agent = *state;
    struct buf text;
    static const struct history_settings settings;
    struct queue effects;
    struct history *history = history_new(&settings);
    page(agent, &text);
    assert_null(strstr(buf_text(&text), "outrider_history_"));
    buf_fini(&text);
    queue_init(&effects, sizeof(struct history_effect));
    struct instant now = {.mono = 1000, .boot = 1000, .wall = 1000000};
    history_step(history, &(struct history_event){.type = HISTORY_ON_SYNCED, .now = now}, &effects);
    now.wall += 60000;
    now.mono += 60000;
    history_step(history, &(struct history_event){.type = HISTORY_ON_TICK, .now = now}, &effects);
    queue_fini(&effects);
    agent->history = history;
    agent->history_saves = (struct api_saves){.writes = 9, .failures = 2, .bytes = 1234, .last_error = ""};
    page(agent, &text);
    agent->history = NULL;
    has_line(&text, "outrider_history_samples_total 1");
    has_line(&text, "outrider_history_servers 0");
    has_line(&text, "outrider_history_file_bytes 1234");
    has_line(&text, "outrider_history_saves_total{outcome=\"ok\"} 7");
    has_line(&text, "outrider_history_saves_total{outcome=\"error\"} 2");
    buf_fini(&text);
    history_free(history);
}

static void a_sandbox_that_is_off_shows(void **state)
{
    struct small_agent *agent = *state;
    agent->sandbox = &(const struct api_sandbox){.on = true};
    expect_sync(agent, "outrider_sandbox 1");
    agent->sandbox = &(const struct api_sandbox){.cause = "off in the configuration"};
    expect_sync(agent, "outrider_sandbox 0");
}

/* Each sample follows the HELP and TYPE of its family, and no family occurs twice. */
static void every_family_has_help_and_type_once(void **state)
{
    struct small_agent *agent = *state;
    struct buf text;
    struct http_server_counters http = {.open = 1};
    agent->context.http = &http;
    page(agent, &text);
    char family[128] = "", seen[8192] = "";
    size_t samples = 0;
    for (struct str rest = buf_view(&text); rest.size > 0;) {
        struct str line = str_split(rest, '\n', &rest);
        if (str_starts(line, STR("# HELP "))) {
            snprintf(family, sizeof(family), "%.*s", (int)strcspn(line.data + 7, " "), line.data + 7);
            char key[140];
            snprintf(key, sizeof(key), " %s ", family);
            assert_null(strstr(seen, key));
            strncat(seen, key, sizeof(seen) - strlen(seen) - 1);
            struct str type = str_split(rest, '\n', &rest);
            assert_true(str_starts(type, STR("# TYPE ")));
            assert_memory_equal(type.data + 7, family, strlen(family));
        } else {
            assert_true(str_starts(line, str_of(family)));
            assert_true(str_starts(line, STR("outrider_")));
            samples++;
        }
    }
    assert_true(samples > 100);
    has_line(&text, "outrider_http_connections 1");
    has_line(&text, "outrider_http_timeouts_total{kind=\"idle\"} 0");
    buf_fini(&text);
}

static void the_largest_lag_is_kept_until_scraped(void **state)
{
    struct small_agent *agent = *state;
    struct buf text;
    agent->counters.loop_lag_us = 250000;
    struct api_reply reply = small_agent_get(agent, "/readyz", "");
    buf_fini(&reply.body);
    agent->counters.loop_lag_us = 0;
    page(agent, &text);
    has_line(&text, "outrider_loop_lag_seconds 0.25");
    buf_fini(&text);
    page(agent, &text);
    has_line(&text, "outrider_loop_lag_seconds 0");
    buf_fini(&text);
}

static void durations_fall_into_their_bucket(void **state)
{
    (void)state;
    struct api_histogram histogram = {0};
    for (size_t i = 0; i < API_BUCKETS - 1; i++) {
        if (i > 0) {
            assert_true(api_bucket_bounds_us[i] > api_bucket_bounds_us[i - 1]);
        }
        api_histogram_count(&histogram, api_bucket_bounds_us[i]);
    }
    api_histogram_count(&histogram, INT64_MAX / 4);
    for (size_t i = 0; i < API_BUCKETS; i++) {
        assert_int_equal(histogram.buckets[i], 1);
    }
    assert_int_equal(histogram.count, API_BUCKETS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_AGENT(values_are_where_they_belong),          WITH_AGENT(in_sync_is_what_is_offered_and_there),
        WITH_AGENT(commands_that_are_sent_are_counted),    WITH_AGENT(the_history_is_counted),
        WITH_AGENT(a_sandbox_that_is_off_shows),           WITH_AGENT(every_family_has_help_and_type_once),
        WITH_AGENT(the_largest_lag_is_kept_until_scraped), cmocka_unit_test(durations_fall_into_their_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
