#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/api/small_agent.h"

#include <stdio.h>

static const char *text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static void a_drain_sets_the_hold_and_replies_with_it(void **state)
{
    struct small_agent *agent = *state;
    small_agent_start(agent);
    struct api_reply reply = small_agent_post(
        agent, "/api/agent/drain", "{\"reason\":\"patch\",\"deadline\":\"10m\",\"expires\":\"2h\"}");
    assert_int_equal(reply.status, 200);
    assert_int_equal(agent->drains, 1);
    assert_string_equal(agent->reason, "patch");
    assert_string_equal(agent->by, "API, 127.0.0.1");
    assert_int_equal(agent->deadline_ms, 600000);
    assert_int_equal(agent->expires_ms, 7200000);
    json_t *root = small_agent_json(&reply);
    const json_t *hold = json_object_get(root, "hold");
    assert_string_equal(text(root, "status"), "initializing");
    assert_string_equal(text(hold, "kind"), "ops");
    assert_string_equal(text(hold, "by"), "API, 127.0.0.1");
    assert_string_equal(text(hold, "since"), "1970-01-01T00:16:40.000Z");
    assert_string_equal(text(hold, "deadline"), "1970-01-01T00:26:40.000Z");
    assert_int_equal(json_integer_value(json_object_get(hold, "deadlineInMs")), 600000);
    assert_int_equal(json_integer_value(json_object_get(hold, "expiresInMs")), 7200000);
    json_decref(root);
}

static void absent_members_have_defaults(void **state)
{
    struct small_agent *agent = *state;
    static const char *const bodies[] = {"{}", "", " \r\n", "\xef\xbb\xbf{}", "\xef\xbb\xbf"};
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct api_reply reply = small_agent_post(agent, "/api/agent/drain", bodies[i]);
        assert_int_equal(reply.status, 200);
        assert_string_equal(agent->reason, "");
        assert_int_equal(agent->deadline_ms, 1800000);
        assert_int_equal(agent->expires_ms, 0);
        json_t *root = small_agent_json(&reply);
        assert_true(json_is_null(json_object_get(json_object_get(root, "hold"), "expires")));
        json_decref(root);
    }
    assert_int_equal(agent->drains, 5);
}

static void bad_bodies_are_400_and_change_nothing(void **state)
{
    struct small_agent *agent = *state;
    static const struct {
        const char *body, *names;
    } cases[] = {
        {"{", "line 1"},
        {"[]", "object"},
        {"\"drain\"", "line 1"},
        {"null", "line 1"},
        {"{\"reason\":\"a\",\"reason\":\"b\"}", "duplicate"},
        {"{\"reasn\":\"a\"}", "reasn"},
        {"{\"deadline\":\"30m\",\"force\":true}", "force"},
        {"{\"reason\":{\"reasn\":\"a\"}}", "reason: must be a string"},
        {"{\"reason\":1}", "reason"},
        {"{\"reason\":null}", "reason"},
        {"{\"reason\":\"a\\nb\"}", "control"},
        {"{\"reason\":\"a\\u007fb\"}", "control"},
        {"{\"reason\":\"a\\u0000b\"}", "line 1"},
        {"{\"reason\":\"\xff\"}", "line 1"},
        {"{\"deadline\":30}", "deadline"},
        {"{\"deadline\":\"30\"}", "deadline"},
        {"{\"deadline\":\"-30m\"}", "deadline"},
        {"{\"deadline\":\"\"}", "deadline"},
        {"{\"expires\":\"2 h\"}", "expires"},
        {"{\"expires\":\"999999h\"}", "expires"},
        {"{} x", "line 1"},
        {"{\"by\":1}", "by: must be a string"},
        {"{\"by\":\"a\\nb\"}", "by: control characters"},
        {"{\"by\":\"12345678901234567890123456789012345678901234567890123456789012345\"}",
         "by: longer than 64"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct api_reply reply = small_agent_post(agent, "/api/agent/drain", cases[i].body);
        if (strstr(buf_text(&reply.body), cases[i].names) == NULL) {
            fail_msg("%s: %s", cases[i].body, buf_text(&reply.body));
        }
        small_agent_refused(reply, 400, "bad_body");
    }
    assert_int_equal(agent->drains, 0);
}

/* No body has an object in it: where one is sent, nothing happens, and the reply names what is allowed. */
static void nested_members_are_400_everywhere(void **state)
{
    struct small_agent *agent = *state;
    static const struct {
        const char *path, *names;
    } cases[] = {
        {"/api/agent/drain", "unknown member `hold`: drain takes reason, by, deadline and expires"},
        {"/api/agent/undrain", "unknown member `hold`: undrain takes by"},
        {"/api/services/world/w1/drain",
         "unknown member `hold`: drain takes reason, by, deadline and expires"},
        {"/api/services/world/w1/undrain", "unknown member `hold`: undrain takes by"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct api_reply reply = small_agent_post(agent, cases[i].path, "{\"hold\":{\"reasn\":\"a\"}}");
        assert_non_null(strstr(buf_text(&reply.body), cases[i].names));
        small_agent_refused(reply, 400, "bad_body");
    }
    assert_int_equal(agent->drains + agent->undrains + agent->controls, 0);
}

static void a_reason_has_at_most_256_bytes(void **state)
{
    struct small_agent *agent = *state;
    char reason[258], body[300];
    memset(reason, 'x', sizeof(reason));
    reason[256] = '\0';
    snprintf(body, sizeof(body), "{\"reason\":\"%s\"}", reason);
    struct api_reply reply = small_agent_post(agent, "/api/agent/drain", body);
    assert_int_equal(reply.status, 200);
    assert_string_equal(agent->reason, reason);
    buf_fini(&reply.body);
    reason[256] = 'x';
    reason[257] = '\0';
    snprintf(body, sizeof(body), "{\"reason\":\"%s\"}", reason);
    small_agent_refused(small_agent_post(agent, "/api/agent/drain", body), 400, "bad_body");
}

static void deep_documents_are_refused_without_harm(void **state)
{
    struct small_agent *agent = *state;
    static char body[60001];
    memset(body, '[', sizeof(body) - 1);
    small_agent_refused(small_agent_post(agent, "/api/agent/drain", body), 400, "bad_body");
}

static void undrain_lifts_and_takes_nothing(void **state)
{
    struct small_agent *agent = *state;
    small_agent_refused(small_agent_post(agent, "/api/agent/undrain", "{\"reason\":\"x\"}"), 400, "bad_body");
    small_agent_refused(small_agent_post(agent, "/api/agent/undrain", "[]"), 400, "bad_body");
    assert_int_equal(agent->undrains, 0);
    struct api_reply reply = small_agent_post(agent, "/api/agent/drain", "{}");
    buf_fini(&reply.body);
    reply = small_agent_post(agent, "/api/agent/undrain", "");
    assert_int_equal(reply.status, 200);
    assert_int_equal(agent->undrains, 1);
    json_t *root = small_agent_json(&reply);
    assert_true(json_is_null(json_object_get(root, "hold")));
    assert_true(json_is_true(json_object_get(root, "lifted")));
    json_decref(root);
    reply = small_agent_post(agent, "/api/agent/undrain", "{}");
    assert_int_equal(reply.status, 200);
    root = small_agent_json(&reply);
    assert_true(json_is_false(json_object_get(root, "lifted")));
    json_decref(root);
}

static void the_operator_is_named_by_user_or_address(void **state)
{
    struct small_agent *agent = *state;
    static const struct {
        const char *peer;
        bool is_unix;
        const char *by;
    } cases[] = {
        {"127.0.0.1:5555", false, "API, 127.0.0.1"},
        {"[fd00::5]:5555", false, "API, [fd00::5]"},
        {"pid 17 uid 1000", true, "API, uid 1000"},
        {"gone", false, "API, gone"},
        {"gone", true, "API, gone"},
        {"", true, "API, "},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct api_request request = {.method = STR("POST"),
                                      .path = STR("/api/agent/drain"),
                                      .host = STR("localhost"),
                                      .content_type = STR("application/json"),
                                      .is_unix = cases[i].is_unix};
        snprintf(request.who.from, sizeof(request.who.from), "%s", cases[i].peer);
        struct api_reply reply = small_agent_ask(agent, &request);
        buf_fini(&reply.body);
        assert_string_equal(agent->by, cases[i].by);
    }
}

static void the_operator_may_name_itself(void **state)
{
    struct small_agent *agent = *state;
    struct api_reply reply = small_agent_post(agent, "/api/agent/drain", "{\"by\":\"alice@ops-1\"}");
    assert_non_null(strstr(buf_text(&reply.body), "\"by\":\"alice@ops-1\""));
    buf_fini(&reply.body);
    assert_string_equal(agent->by, "alice@ops-1");
    reply = small_agent_post(agent, "/api/agent/undrain", "{\"by\":\"bob@ops-2\"}");
    buf_fini(&reply.body);
    assert_string_equal(agent->by, "bob@ops-2");
    reply = small_agent_post(agent, "/api/agent/drain", "{\"by\":\"\"}");
    buf_fini(&reply.body);
    assert_string_equal(agent->by, "API, 127.0.0.1");
}

static void undrain_ends_flapping_and_lifts_no_hold(void **state)
{
    struct small_agent *agent = *state;
    agent->config.server.flapping.changes = 1;
    agent->config.server.flapping.within_ms = agent->config.server.flapping.hold_ms = 60000;
    small_agent_start(agent);
    small_agent_say(agent, "ready");
    small_agent_try(agent, PROBE_PASSED);
    small_agent_try(agent, PROBE_PASSED);
    small_agent_say(agent, "error");
    small_agent_say(agent, "ready");
    struct api_reply reply = small_agent_get(agent, "/api/agent", "");
    json_t *root = small_agent_json(&reply);
    const json_t *flapping = json_object_get(root, "flapping");
    assert_string_equal(text(root, "status"), "error");
    assert_string_equal(text(root, "cause"),
                        "flapping: 2 changes in 1 min 0 s, ready again after 1 min 0 s without a failure");
    assert_true(json_is_true(json_object_get(flapping, "on")));
    assert_int_equal(json_integer_value(json_object_get(flapping, "readyInMs")), 60000);
    assert_int_equal(json_integer_value(json_object_get(flapping, "limit")), 1);
    json_decref(root);
    reply = small_agent_get(agent, "/metrics", "");
    assert_non_null(strstr(buf_text(&reply.body), "\noutrider_flapping 1\n"));
    buf_fini(&reply.body);
    small_agent_refused(small_agent_post(agent, "/api/agent/undrain", "{\"flapping\":1}"), 400, "bad_body");
    small_agent_refused(small_agent_post(agent, "/api/agent/drain", "{\"flapping\":true}"), 400, "bad_body");
    assert_int_equal(agent->unflaps, 0);
    for (int i = 0; i < 2; i++) {
        reply = small_agent_post(agent, "/api/agent/undrain", "{\"flapping\":true,\"by\":\"alice\"}");
        root = small_agent_json(&reply);
        assert_string_equal(text(root, "status"), "ready");
        assert_true(json_is_true(json_object_get(root, "lifted")) == (i == 0));
        json_decref(root);
    }
    assert_int_equal(agent->undrains, 0);
    assert_string_equal(agent->by, "alice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_AGENT(a_drain_sets_the_hold_and_replies_with_it),
        WITH_AGENT(absent_members_have_defaults),
        WITH_AGENT(bad_bodies_are_400_and_change_nothing),
        WITH_AGENT(nested_members_are_400_everywhere),
        WITH_AGENT(a_reason_has_at_most_256_bytes),
        WITH_AGENT(deep_documents_are_refused_without_harm),
        WITH_AGENT(undrain_lifts_and_takes_nothing),
        WITH_AGENT(the_operator_is_named_by_user_or_address),
        WITH_AGENT(the_operator_may_name_itself),
        WITH_AGENT(undrain_ends_flapping_and_lifts_no_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
