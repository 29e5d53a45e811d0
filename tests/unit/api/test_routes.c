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
    (void)state;
    static const char *const paths[] = {"/",
                                        "/api",
                                        "/api/agent/",
                                        "/API/agent",
                                        "/api/services/",
                                        "/api/services/world",
                                        "/api/services/world/",
                                        "/api/services//w1",
                                        "/api/services/world/w1/x",
                                        "/service-discovery",
                                        "/metricsx",
                                        "*",
                                        ""};
    struct small_agent agent;
    small_agent_init(&agent);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        small_agent_refused(ask(&agent, "GET", paths[i]), 404, "not_found");
    }
    small_agent_fini(&agent);
}

static void wrong_methods_are_405_and_name_the_right_one(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *allow;
    } cases[] = {
        {"POST", "/api/agent", "Allow: GET, HEAD"},  {"DELETE", "/metrics", "Allow: GET, HEAD"},
        {"GET", "/api/agent/drain", "Allow: POST"},  {"HEAD", "/api/agent/undrain", "Allow: POST"},
        {"OPTIONS", "/healthz", "Allow: GET, HEAD"}, {"get", "/readyz", "Allow: GET, HEAD"},
        {"PUT", "/health", "Allow: GET, HEAD"},
    };
    struct small_agent agent;
    small_agent_init(&agent);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct api_reply reply = ask(&agent, cases[i].method, cases[i].path);
        assert_string_equal(reply.header, cases[i].allow);
        small_agent_refused(reply, 405, "method_not_allowed");
    }
    small_agent_fini(&agent);
}

static void parameters_are_400_everywhere(void **state)
{
    (void)state;
    static const char *const paths[] = {"/api/agent", "/healthz", "/health", "/readyz", "/metrics"};
    struct small_agent agent;
    small_agent_init(&agent);
    small_agent_refused(small_agent_get(&agent, "/service-discovery/events", "type=a"), 400,
                        "unknown_parameter");
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        small_agent_refused(small_agent_get(&agent, paths[i], "verbose=1"), 400, "unknown_parameter");
        small_agent_refused(small_agent_get(&agent, paths[i], "a%zz=1"), 400, "bad_query");
        struct api_reply reply = small_agent_get(&agent, paths[i], "&&");
        assert_int_not_equal(reply.status, 400);
        buf_fini(&reply.body);
    }
    small_agent_fini(&agent);
}

static void parameters_are_refused_before_anything_is_done(void **state)
{
    (void)state;
    struct small_agent agent;
    small_agent_init(&agent);
    struct api_request request = {.method = STR("POST"),
                                  .path = STR("/api/agent/drain"),
                                  .query = STR("deadline=5m"),
                                  .host = STR("localhost"),
                                  .content_type = STR("application/json")};
    small_agent_refused(small_agent_ask(&agent, &request), 400, "unknown_parameter");
    assert_int_equal(agent.drains, 0);
    small_agent_fini(&agent);
}

static void head_is_answered_like_get(void **state)
{
    (void)state;
    struct small_agent agent;
    small_agent_init(&agent);
    struct api_reply reply = ask(&agent, "HEAD", "/healthz");
    assert_int_equal(reply.status, 200);
    buf_fini(&reply.body);
    small_agent_fini(&agent);
}

static void hostile_paths_are_quoted_in_valid_json(void **state)
{
    (void)state;
    struct small_agent agent;
    small_agent_init(&agent);
    char path[4096];
    memset(path, '"', sizeof(path));
    struct api_request request = {.method = STR("GET"), .path = {path, sizeof(path)}};
    small_agent_refused(small_agent_ask(&agent, &request), 404, "not_found");
    small_agent_fini(&agent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_paths_are_404),
        cmocka_unit_test(wrong_methods_are_405_and_name_the_right_one),
        cmocka_unit_test(parameters_are_400_everywhere),
        cmocka_unit_test(parameters_are_refused_before_anything_is_done),
        cmocka_unit_test(head_is_answered_like_get),
        cmocka_unit_test(hostile_paths_are_quoted_in_valid_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
