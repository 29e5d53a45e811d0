#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/mem.h"
#include "small_agent.h"

#include <stdlib.h>

static json_t *me(struct small_agent *agent)
{
    struct api_reply reply = small_agent_get(agent, "/api/me", "");
    assert_int_equal(reply.status, 200);
    return small_agent_json(&reply);
}

static void what_the_fleet_is_called(void **state)
{
    struct small_agent *agent = *state;
    json_t *root = me(agent), *ui = json_object_get(root, "ui");
    assert_string_equal(json_string_value(json_object_get(ui, "name")), "");
    assert_true(json_is_null(json_object_get(ui, "colour")));
    json_decref(root);
    agent->config.ui.name = mem_strdup("LIVE \"KR\" 한국");
    agent->config.ui.colour = mem_strdup("red");
    root = me(agent);
    ui = json_object_get(root, "ui");
    assert_string_equal(json_string_value(json_object_get(ui, "name")), "LIVE \"KR\" 한국");
    assert_string_equal(json_string_value(json_object_get(ui, "colour")), "red");
    json_decref(root);
}

/* A stranger sees the mark of the fleet, for the sign-in, and nothing of what is behind. */
static void what_there_is_to_see_needs_a_reader(void **state)
{
    struct small_agent *agent = *state;
    agent->config.http.keys = CONFIG_KEYS_OWN;
    json_t *root = me(agent), *environment = json_object_get(root, "environment");
    assert_string_equal(json_string_value(json_object_get(environment, "prefix")), "/services");
    assert_string_equal(json_string_value(json_object_get(environment, "keys")), "own");
    static const char *const absent[] = {"audit", "history", "sessions", "drains"};
    for (size_t i = 0; i < COUNT_OF(absent); i++) {
        assert_true(json_is_false(json_object_get(environment, absent[i])));
    }
    json_decref(root);
    agent->config.http.access_file = mem_strdup("/nonexistent/access");
    root = me(agent);
    assert_true(json_is_null(json_object_get(root, "environment")));
    assert_true(json_is_null(json_object_get(root, "role")));
    assert_true(json_is_object(json_object_get(root, "ui")));
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_AGENT(what_the_fleet_is_called),
        WITH_AGENT(what_there_is_to_see_needs_a_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
