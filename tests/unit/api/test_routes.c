#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "small_agent.h"

static struct api_reply ask(struct small_agent *agent, const char *method, const char *path)
{
    return small_agent_ask(agent, &(struct api_request){.method = str_of(method), .path = str_of(path)});
}

static void unknown_paths_are_404(void **state)
{
    struct small_agent *agent = *state;
    static const char *const paths[] = {"/api",
                                        "/api/agent/",
                                        "/API/agent",
                                        "/api/services/",
                                        "/api/services/world",
                                        "/api/services/world/",
                                        "/api/services//w1",
                                        "/api/services/world/w1/x",
                                        "/service-discovery",
                                        "/metricsx",
                                        "/index.html",
                                        "/server",
                                        "/server/",
                                        "/server/world/w1/",
                                        "/drains/",
                                        "/Drains",
                                        "/activity/x",
                                        "/audit/x",
                                        "/keys/x",
                                        "/assets",
                                        "/assets/",
                                        "//",
                                        "*",
                                        ""};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        small_agent_refused(ask(agent, "GET", paths[i]), 404, "not_found");
    }
}

/* A proxy in front judges the path as it is sent: what its rules do not match must lead nowhere else here. */
static void the_path_is_compared_as_it_was_sent(void **state)
{
    struct small_agent *agent = *state;
    static const struct {
        const char *method, *path;
        int status;
    } cases[] = {
        {"GET", "/api/agent", 200},
        {"GET", "/api%2Fagent", 404},
        {"GET", "/api%2fagent", 404},
        {"GET", "/api%252Fagent", 404},
        {"GET", "/%61pi/agent", 404},
        {"GET", "/api/agent%2F", 404},
        {"GET", "/api/agent%00", 404}, /* the server refuses it before */
        {"GET", "/api/agent%ff", 404},
        {"GET", "/api/agent%20", 404},
        {"GET", "/api\\agent", 404},
        {"GET", "/api%5Cagent", 404},
        {"GET", "//api/agent", 404},
        {"GET", "/api//agent", 404},
        {"GET", "/healthz%2F..%2Fapi/agent", 404},
        {"GET", "/./api/agent", 400},
        {"GET", "/api/./agent", 400},
        {"GET", "/api/agent/.", 400},
        {"GET", "/api/agent/..", 400},
        {"GET", "/healthz/../api/agent", 400},
        {"GET", "/healthz/%2e%2E/api/agent", 400},
        {"GET", "/healthz/.%2e/api/agent", 400},
        {"GET", "/api/services/%2e/x", 400},
        {"GET", "/api/services/world/..", 400},
        {"GET", "/service-discovery/services/%2e%2e/health", 400},
        {"GET", "/api/agent/...", 404},
        {"GET", "/api/services/world%2Fw1", 404},
        /* one name "w1/drain", so that no rule on /drain is passed */
        {"POST", "/api/services/world/w1%2Fdrain", 405},
        {"POST", "/api/agent%2Fdrain", 404},
        {"GET", "/api/services/%zz/w1", 400},
        {"GET", "/api/services/world/w%00", 400},
        {"GET", "/api/services/world/w%C3", 400},
        {"GET", "/api/services/w%C3/%A9", 400},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct api_request request = {.method = str_of(cases[i].method),
                                      .path = str_of(cases[i].path),
                                      .host = STR("localhost"),
                                      .content_type = STR("application/json")};
        struct api_reply reply = small_agent_ask(agent, &request);
        if (reply.status != cases[i].status) {
            fail_msg("%s %s: %d", cases[i].method, cases[i].path, reply.status);
        }
        api_reply_fini(&reply);
    }
    assert_int_equal(agent->drains, 0);
}

static void wrong_methods_are_405_and_name_the_right_one(void **state)
{
    struct small_agent *agent = *state;
    static const struct {
        const char *method, *path, *allow;
    } cases[] = {
        {"POST", "/api/agent", "GET, HEAD"},
        {"DELETE", "/metrics", "GET, HEAD"},
        {"GET", "/api/agent/drain", "POST"},
        {"HEAD", "/api/agent/undrain", "POST"},
        {"OPTIONS", "/healthz", "GET, HEAD"},
        {"get", "/readyz", "GET, HEAD"},
        {"PUT", "/health", "GET, HEAD"},
        {"PUT", "/api/reservations/world/w1/p-7", "GET, HEAD, DELETE"},
        {"POST", "/api/reservations/world/w1/p-7", "GET, HEAD, DELETE"},
        {"GET", "/api/reservations/world/w1/p-7/extend", "POST"},
        {"DELETE", "/api/allocate/world", "POST"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct api_reply reply = ask(agent, cases[i].method, cases[i].path);
        assert_string_equal(reply.allow, cases[i].allow);
        small_agent_refused(reply, 405, "method_not_allowed");
    }
}

static void parameters_are_400_everywhere(void **state)
{
    struct small_agent *agent = *state;
    static const char *const paths[] = {"/api/agent", "/healthz", "/health", "/readyz", "/metrics"};
    small_agent_refused(small_agent_get(agent, "/service-discovery/events", "type=a"), 400,
                        "unknown_parameter");
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        small_agent_refused(small_agent_get(agent, paths[i], "verbose=1"), 400, "unknown_parameter");
        small_agent_refused(small_agent_get(agent, paths[i], "a%zz=1"), 400, "bad_query");
        small_agent_refused(small_agent_get(agent, paths[i], "lastEventId=1-a"), 400, "unknown_parameter");
        struct api_reply reply = small_agent_get(agent, paths[i], "&&");
        assert_int_not_equal(reply.status, 400);
        buf_fini(&reply.body);
    }
}

/* jQuery and others add `_=TIME`, and some only `_`. */
static void a_parameter_against_caches_is_ignored_by_every_get(void **state)
{
    struct small_agent *agent = *state;
    static const char *const paths[] = {"/api/agent",
                                        "/api/services",
                                        "/api/services/world/w1",
                                        "/api/subscribe",
                                        "/service-discovery/status",
                                        "/service-discovery/services",
                                        "/service-discovery/services/w1/health",
                                        "/service-discovery/topology",
                                        "/service-discovery/events",
                                        "/healthz",
                                        "/health",
                                        "/readyz",
                                        "/metrics"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct api_reply plain = small_agent_get(agent, paths[i], "");
        struct api_reply reply = small_agent_get(agent, paths[i], "_=1795252693759&_");
        assert_int_not_equal(reply.status, 400);
        assert_int_equal(reply.status, plain.status);
        api_reply_fini(&plain);
        api_reply_fini(&reply);
        small_agent_refused(small_agent_get(agent, paths[i], "_=%zz"), 400, "bad_query");
    }
    struct api_request post = {.method = STR("POST"),
                               .path = STR("/api/agent/drain"),
                               .query = STR("_=1"),
                               .host = STR("localhost"),
                               .content_type = STR("application/json")};
    small_agent_refused(small_agent_ask(agent, &post), 400, "unknown_parameter");
}

static void parameters_are_refused_before_anything_is_done(void **state)
{
    struct small_agent *agent = *state;
    struct api_request request = {.method = STR("POST"),
                                  .path = STR("/api/agent/drain"),
                                  .query = STR("deadline=5m"),
                                  .host = STR("localhost"),
                                  .content_type = STR("application/json")};
    small_agent_refused(small_agent_ask(agent, &request), 400, "unknown_parameter");
    assert_int_equal(agent->drains, 0);
}

static void head_is_answered_like_get(void **state)
{
    struct small_agent *agent = *state;
    struct api_reply reply = ask(agent, "HEAD", "/healthz");
    assert_int_equal(reply.status, 200);
    buf_fini(&reply.body);
}

static void hostile_paths_are_quoted_in_valid_json(void **state)
{
    struct small_agent *agent = *state;
    char path[4096];
    memset(path, '"', sizeof(path));
    struct api_request request = {.method = STR("GET"), .path = {path, sizeof(path)}};
    small_agent_refused(small_agent_ask(agent, &request), 404, "not_found");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_AGENT(unknown_paths_are_404),
        WITH_AGENT(the_path_is_compared_as_it_was_sent),
        WITH_AGENT(wrong_methods_are_405_and_name_the_right_one),
        WITH_AGENT(parameters_are_400_everywhere),
        WITH_AGENT(parameters_are_refused_before_anything_is_done),
        WITH_AGENT(head_is_answered_like_get),
        WITH_AGENT(hostile_paths_are_quoted_in_valid_json),
        WITH_AGENT(a_parameter_against_caches_is_ignored_by_every_get),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
