#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/os/file.h"
#include "support/temp_dir.h"
#include "unit/api/small_agent.h"

#include <stdio.h>

static json_t *document(struct small_agent *agent)
{
    struct api_request request = {.method = STR("GET"), .path = STR("/api/agent"), .is_unix = true};
    struct api_reply reply = small_agent_ask(agent, &request);
    assert_int_equal(reply.status, 200);
    return small_agent_json(&reply);
}

static const char *text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static json_int_t number(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static void a_ready_server_has_every_member(void **state)
{
    struct small_agent *agent = *state;
    small_agent_start(agent);
    small_agent_say(agent, "ready players=12/64 label.map=harbor # 12/64 on \"harbor\"");
    small_agent_try(agent, PROBE_PASSED);
    small_agent_try(agent, PROBE_PASSED);
    json_t *root = document(agent);
    assert_string_equal(text(root, "status"), "ready");
    assert_string_equal(text(root, "cause"), "");
    assert_string_equal(text(root, "type"), "world");
    assert_string_equal(text(root, "id"), "01TEST");
    assert_string_equal(text(root, "host"), "10.0.0.5");
    const json_t *choice = json_object_get(root, "hostChoice"),
                 *rejected = json_object_get(choice, "rejected");
    assert_string_equal(text(choice, "from"), "interface");
    assert_string_equal(text(choice, "interface"), "eth0");
    assert_int_equal(json_array_size(rejected), 1);
    assert_string_equal(text(json_array_get(rejected, 0), "address"), "169.254.7.9");
    assert_string_equal(text(json_array_get(rejected, 0), "interface"), "eth0");
    assert_string_equal(text(json_array_get(rejected, 0), "why"), "link-local");
    assert_string_equal(text(root, "now"), "1970-01-01T00:16:42.000Z");
    const json_t *life = json_object_get(root, "life");
    assert_string_equal(text(life, "state"), "alive");
    assert_string_equal(text(life, "reported"), "ready");
    assert_string_equal(text(life, "text"), "12/64 on \"harbor\"");
    assert_int_equal(number(life, "number"), 1);
    assert_int_equal(number(life, "players"), 12);
    assert_int_equal(number(life, "capacity"), 64);
    assert_true(json_is_null(json_object_get(life, "mainpid")));
    assert_int_equal(json_integer_value(json_array_get(json_object_get(life, "ports"), 0)), 8001);
    const json_t *probe = json_array_get(json_object_get(root, "probes"), 0);
    assert_string_equal(text(probe, "name"), "game");
    assert_string_equal(text(probe, "target"), "localhost:8001");
    assert_string_equal(text(probe, "verdict"), "passing");
    assert_int_equal(number(probe, "passesNeeded"), 0);
    assert_float_equal(json_real_value(json_object_get(probe, "lastDurationMs")), 0.184, 0.0001);
    const json_t *record = json_object_get(root, "record");
    assert_string_equal(text(record, "id"), "01TEST");
    assert_string_equal(text(json_object_get(record, "labels"), "map"), "harbor");
    assert_true(json_is_null(json_object_get(root, "withheld")));
    assert_string_equal(text(root, "shutdown"), "running");
    assert_string_equal(text(root, "version"), "1.2.3");
    assert_int_equal(number(root, "uptimeMs"), 2000);
    const json_t *last = json_array_get(json_object_get(root, "transitions"), 0);
    assert_string_equal(text(last, "from"), "initializing");
    assert_string_equal(text(last, "to"), "ready");
    json_decref(root);
}

static void facts_say_where_they_are_from(void **state)
{
    struct small_agent *agent = *state;
    static const struct {
        const char *name, *value, *source;
    } wanted[] = {{"players", "0", "probe game"},
                  {"capacity", "64", "server"},
                  {"map", "\"harbor\"", "probe game"},
                  {"version", "\"1.0\"", "configuration"}};
    const struct probe_facts facts = {
        .has_players = true, .has_capacity = true, .capacity = 99, .map = STR("harbor")};
    agent->config.server.version = mem_strdup("1.0");
    small_agent_start(agent);
    small_agent_say(agent, "ready capacity=64");
    small_agent_try(agent, PROBE_PASSED);
    small_agent_try(agent, PROBE_PASSED);
    small_agent_step(agent, (struct server_event){.type = SERVER_ON_LEARNED, .facts = &facts});
    json_t *root = document(agent);
    const json_t *array = json_object_get(root, "facts");
    assert_int_equal(json_array_size(array), COUNT_OF(wanted));
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        const json_t *fact = json_array_get(array, i);
        char *value = json_dumps(json_object_get(fact, "value"), JSON_ENCODE_ANY);
        assert_string_equal(text(fact, "name"), wanted[i].name);
        assert_string_equal(text(fact, "source"), wanted[i].source);
        assert_string_equal(value, wanted[i].value);
        free(value);
    }
    assert_int_equal(number(json_object_get(root, "life"), "players"), 0);
    json_decref(root);
}

static void what_was_refused_is_shown(void **state)
{
    struct small_agent *agent = *state;
    small_agent_start(agent);
    json_t *root = document(agent);
    const json_t *refused = json_object_get(root, "refused");
    assert_int_equal(number(refused, "lines"), 0);
    assert_true(json_is_null(json_object_get(refused, "last")));
    assert_true(json_is_null(json_object_get(refused, "lastAt")));
    json_decref(root);
    agent->counters.lines_bad = 2;
    agent->counters.datagrams_bad = 1;
    snprintf(agent->counters.refusal, sizeof(agent->counters.refusal), "ERR key player");
    agent->counters.refusal_wall = 1001000;
    root = document(agent);
    refused = json_object_get(root, "refused");
    assert_int_equal(number(refused, "lines"), 2);
    assert_int_equal(number(refused, "datagrams"), 1);
    assert_string_equal(text(refused, "last"), "ERR key player");
    assert_string_equal(text(refused, "lastAt"), "1970-01-01T00:16:41.000Z");
    json_decref(root);
}

static void a_registry_that_answers_has_no_error(void **state)
{
    struct small_agent *agent = *state;
    small_agent_start(agent);
    json_t *root = document(agent);
    const json_t *registry = json_object_get(root, "registry"), *lease = json_object_get(root, "lease");
    assert_true(json_is_true(json_object_get(registry, "inSync")));
    assert_int_equal(number(registry, "revision"), 812);
    assert_int_equal(number(registry, "registrations"), 1);
    assert_string_equal(text(registry, "endpoint"), "http://127.0.0.1:2379");
    assert_string_equal(text(registry, "clusterId"), "abc");
    const json_t *first = json_array_get(json_object_get(registry, "endpoints"), 0);
    assert_string_equal(text(first, "url"), "http://127.0.0.1:2379");
    assert_true(json_is_true(json_object_get(first, "inUse")));
    assert_true(json_is_null(json_object_get(first, "lastError")));
    assert_true(json_is_null(json_object_get(first, "failedAt")));
    const json_t *second = json_array_get(json_object_get(registry, "endpoints"), 1);
    assert_true(json_is_false(json_object_get(second, "inUse")));
    assert_string_equal(text(second, "lastError"), "connection refused");
    assert_string_equal(text(second, "failedAt"), "1970-01-01T00:16:41.000Z");
    assert_true(json_is_null(json_object_get(registry, "lastError")));
    assert_true(json_is_null(json_object_get(registry, "lastErrorSince")));
    assert_true(json_is_null(json_object_get(registry, "conflict")));
    assert_string_equal(text(lease, "state"), "held");
    assert_int_equal(number(lease, "ttlMs"), 10000);
    assert_true(number(lease, "leftMs") > 9000 && number(lease, "leftMs") <= 10000);
    assert_true(strspn(text(lease, "id"), "0123456789abcdef") == strlen(text(lease, "id")));
    const json_t *control = json_object_get(root, "control");
    assert_string_equal(text(control, "key"), "/outrider/services/control/world/01TEST");
    assert_true(json_is_false(json_object_get(control, "known")));
    assert_true(json_is_null(json_object_get(control, "pendingSince")));
    assert_true(json_is_null(json_object_get(control, "unreadable")));
    json_decref(root);
}

static void expect_published(struct small_agent *agent, const char *not_published)
{
    json_t *root = document(agent);
    const json_t *registry = json_object_get(root, "registry");
    assert_int_equal(json_is_true(json_object_get(registry, "published")), not_published == NULL);
    if (not_published == NULL) {
        assert_true(json_is_null(json_object_get(registry, "notPublished")));
    } else {
        assert_string_equal(text(registry, "notPublished"), not_published);
    }
    json_decref(root);
}

static void a_record_is_published_while_its_lease_lasts(void **state)
{
    struct small_agent *agent = *state;
    small_agent_start(agent);
    expect_published(agent, NULL);
    agent->registry_outage = true;
    small_agent_say(agent, "players=2");
    agent->now.boot += 9999;
    expect_published(agent, NULL);
    agent->now.boot += 1;
    expect_published(agent, "the lease has run out: grant on http://127.0.0.1:2379: connection refused");
}

static void a_record_that_never_was_written_is_not_published(void **state)
{
    struct small_agent *agent = *state;
    agent->registry_outage = true;
    small_agent_start(agent);
    expect_published(agent, "grant on http://127.0.0.1:2379: connection refused");
}

static void a_registry_outage_has_its_error(void **state)
{
    struct small_agent *agent = *state;
    agent->registry_outage = true;
    agent->state_last_error = "/var/lib/outrider: no space left";
    small_agent_start(agent);
    json_t *root = document(agent);
    const json_t *registry = json_object_get(root, "registry");
    assert_true(json_is_false(json_object_get(registry, "inSync")));
    assert_true(json_is_false(json_object_get(registry, "settled")));
    assert_non_null(strstr(text(registry, "lastError"), "connection refused"));
    assert_string_equal(text(registry, "lastErrorSince"), "1970-01-01T00:16:40.000Z");
    assert_true(json_is_null(json_object_get(registry, "endpoint")));
    assert_string_equal(text(root, "stateLastError"), "/var/lib/outrider: no space left");
    json_decref(root);
}

static void a_sandbox_that_is_off_has_its_cause(void **state)
{
    struct small_agent *agent = *state;
    const struct api_sandbox off = {.cause = "cannot filter system calls: Operation not permitted"};
    const struct api_sandbox on = {.on = true};
    agent->sandbox = &off;
    small_agent_start(agent);
    json_t *root = document(agent);
    const json_t *sandbox = json_object_get(root, "sandbox");
    assert_true(json_is_false(json_object_get(sandbox, "on")));
    assert_string_equal(text(sandbox, "cause"), off.cause);
    json_decref(root);
    agent->sandbox = &on;
    root = document(agent);
    sandbox = json_object_get(root, "sandbox");
    assert_true(json_is_true(json_object_get(sandbox, "on")));
    assert_true(json_is_null(json_object_get(sandbox, "cause")));
    json_decref(root);
}

static void expect_conflict(const char *value, const char *host)
{
    struct small_agent agent;
    small_agent_init(&agent);
    agent.conflict = value;
    small_agent_start(&agent);
    json_t *root = document(&agent);
    const json_t *registry = json_object_get(root, "registry");
    const json_t *conflict = json_object_get(registry, "conflict");
    assert_true(json_is_false(json_object_get(registry, "inSync")));
    assert_true(json_is_false(json_object_get(registry, "published")));
    assert_string_equal(text(registry, "notPublished"),
                        host == NULL ? "key held by another agent (lease ends in 8.2 s)"
                                     : "key held by another agent at 10.0.0.7 (lease ends in 8.2 s)");
    assert_string_equal(text(conflict, "lease"), "feed");
    assert_int_equal(number(conflict, "leftMs"), 8200);
    if (host == NULL) {
        assert_true(json_is_null(json_object_get(conflict, "host")));
    } else {
        assert_string_equal(text(conflict, "host"), host);
    }
    json_decref(root);
    small_agent_fini(&agent);
}

/* Over TCP, with `authorization`. */
static void expect_lease_ids(struct small_agent *agent, const char *authorization, bool shown)
{
    struct api_request request = {.method = STR("GET"),
                                  .path = STR("/api/agent"),
                                  .host = STR("localhost"),
                                  .authorization = str_of(authorization)};
    struct api_reply reply = small_agent_ask(agent, &request);
    assert_int_equal(reply.status, 200);
    json_t *root = small_agent_json(&reply);
    const json_t *lease = json_object_get(root, "lease");
    assert_string_equal(text(lease, "state"), "held");
    assert_int_equal(text(lease, "id") != NULL, shown);
    const json_t *conflict = json_object_get(json_object_get(root, "registry"), "conflict");
    assert_true(json_is_object(conflict));
    assert_int_equal(text(conflict, "lease") != NULL, shown);
    json_decref(root);
}

/* The id of a lease is enough to keep it alive, where the registry does not ask for a user. */
static void lease_ids_are_for_those_who_may_act(void **state)
{
    struct small_agent *agent = *state;
    struct temp_dir dir;
    struct error err;
    assert_int_equal(temp_dir_init(&dir), 0);
    assert_int_equal(file_replace(dir.path, "token", STR("0123456789abcdef\n"), 0600, false, &err), 0);
    agent->conflict = "{}";
    small_agent_start(agent);
    expect_lease_ids(agent, "", false);
    expect_lease_ids(agent, "Bearer 0123456789abcdef", false);
    agent->config.http.token_file = mem_strdup(temp_path(&dir, "token"));
    expect_lease_ids(agent, "", false);
    expect_lease_ids(agent, "Bearer 0123456789abcdeX", false);
    expect_lease_ids(agent, "Bearer 0123456789abcdef", true);
    assert_int_equal(temp_dir_fini(&dir), 0);
    expect_lease_ids(agent, "Bearer 0123456789abcdef", false);
}

static void a_conflict_names_the_other_host(void **state)
{
    (void)state;
    expect_conflict("{\"id\":\"01TEST\",\"type\":\"world\",\"host\":\"10.0.0.7\",\"ports\":[8001],"
                    "\"status\":\"ready\",\"updatedAt\":\"2026-11-21T02:14:00.123Z\"}",
                    "10.0.0.7");
    expect_conflict("{\"id\":\"01TEST\",\"type\":\"world\",\"status\":\"ready\"}", NULL);
    expect_conflict("not JSON", NULL);
}

static void a_failing_probe_has_its_evidence(void **state)
{
    struct small_agent *agent = *state;
    small_agent_start(agent);
    small_agent_try(agent, PROBE_PASSED);
    small_agent_try(agent, PROBE_PASSED);
    for (int i = 0; i < 3; i++) {
        small_agent_try(agent, PROBE_REFUSED);
    }
    json_t *root = document(agent);
    const json_t *probe = json_array_get(json_object_get(root, "probes"), 0);
    assert_string_equal(text(root, "status"), "error");
    assert_string_equal(text(root, "cause"), "probe game: connection refused (3 of 3)");
    assert_string_equal(text(probe, "evidence"), "connection refused (3 of 3)");
    assert_string_equal(text(probe, "lastOutcome"), "connection refused");
    assert_int_equal(number(probe, "failures"), 3);
    assert_int_equal(number(probe, "passesNeeded"), 2);
    assert_int_equal(number(probe, "lastPassedAgoMs"), 3000);
    assert_int_equal(number(root, "withdrawnInMs"), 600000);
    assert_true(json_is_false(json_object_get(root, "inGrace")));
    small_agent_try(agent, PROBE_PASSED);
    json_decref(root);
    root = document(agent);
    assert_int_equal(number(json_array_get(json_object_get(root, "probes"), 0), "passesNeeded"), 1);
    json_decref(root);
}

static void a_loading_server_has_its_grace_period(void **state)
{
    struct small_agent *agent = *state;
    agent->config.server.initializing_max_ms = 900000;
    small_agent_start(agent);
    json_t *root = document(agent);
    const json_t *probe = json_array_get(json_object_get(root, "probes"), 0);
    assert_int_equal(number(root, "graceLeftMs"), 60000); /* grace_period */
    assert_true(json_is_null(json_object_get(probe, "lastOutcome")));
    assert_true(json_is_null(json_object_get(probe, "lastDurationMs")));
    assert_true(json_is_null(json_object_get(probe, "lastPassedAgoMs")));
    assert_int_equal(number(probe, "passesNeeded"), 2);
    json_decref(root);
    small_agent_say(agent, "initializing");
    small_agent_try(agent, PROBE_REFUSED);
    root = document(agent);
    assert_int_equal(number(root, "graceLeftMs"), 899000);
    json_decref(root);
    agent->config.server.initializing_max_ms = 0;
    root = document(agent);
    assert_true(json_is_true(json_object_get(root, "inGrace")));
    assert_true(json_is_null(json_object_get(root, "graceLeftMs")));
    json_decref(root);
}

static void holds_have_the_time_left(void **state)
{
    struct small_agent *agent = *state;
    small_agent_start(agent);
    small_agent_say(agent, "ready drain=10m");
    struct api_reply reply = small_agent_post(agent, "/api/agent/drain", "{\"deadline\":\"5m\"}");
    buf_fini(&reply.body);
    agent->now.mono += 60000;
    json_t *root = document(agent);
    const json_t *holds = json_object_get(root, "holds"), *drain = json_object_get(root, "drain");
    assert_int_equal(json_array_size(holds), 2);
    assert_string_equal(text(json_array_get(holds, 0), "kind"), "ops");
    assert_string_equal(text(json_array_get(holds, 1), "kind"), "self");
    assert_string_equal(text(json_array_get(holds, 1), "outcome"), "waiting");
    assert_true(json_is_true(json_object_get(drain, "draining")));
    assert_int_equal(number(drain, "deadlineInMs"), 240000);
    assert_string_equal(text(drain, "outcome"), "waiting");
    json_decref(root);
}

static void without_an_address_nothing_is_published(void **state)
{
    struct small_agent *agent = *state;
    small_agent_step(agent, (struct server_event){.type = SERVER_ON_FRESH});
    small_agent_step(
        agent, (struct server_event){.type = SERVER_ON_HOST, .reason = "the default route is loopback"});
    json_t *root = document(agent);
    assert_true(json_is_null(json_object_get(root, "host")));
    assert_true(json_is_null(json_object_get(root, "record")));
    assert_non_null(strstr(text(root, "withheld"), "the default route is loopback"));
    assert_string_equal(text(json_object_get(root, "registry"), "notPublished"), text(root, "withheld"));
    assert_string_equal(text(json_object_get(root, "lease"), "state"), "none");
    assert_true(json_is_null(json_object_get(json_object_get(root, "lease"), "id")));
    json_decref(root);
}

static void no_more_than_the_last_hundred_transitions_are_kept(void **state)
{
    struct small_agent *agent = *state;
    small_agent_start(agent);
    small_agent_try(agent, PROBE_PASSED);
    small_agent_try(agent, PROBE_PASSED);
    for (int i = 0; i < 120; i++) {
        small_agent_say(agent, i % 2 == 0 ? "error # \t\"\\" : "ready");
    }
    json_t *root = document(agent);
    assert_int_equal(json_array_size(json_object_get(root, "transitions")), 100);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_AGENT(a_ready_server_has_every_member),
        WITH_AGENT(facts_say_where_they_are_from),
        WITH_AGENT(what_was_refused_is_shown),
        WITH_AGENT(a_registry_that_answers_has_no_error),
        WITH_AGENT(a_record_is_published_while_its_lease_lasts),
        WITH_AGENT(a_record_that_never_was_written_is_not_published),
        WITH_AGENT(a_registry_outage_has_its_error),
        WITH_AGENT(a_sandbox_that_is_off_has_its_cause),
        cmocka_unit_test(a_conflict_names_the_other_host),
        WITH_AGENT(lease_ids_are_for_those_who_may_act),
        WITH_AGENT(a_failing_probe_has_its_evidence),
        WITH_AGENT(a_loading_server_has_its_grace_period),
        WITH_AGENT(holds_have_the_time_left),
        WITH_AGENT(without_an_address_nothing_is_published),
        WITH_AGENT(no_more_than_the_last_hundred_transitions_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
