/* The bodies and paths of reservations: what is asked of the registry and what comes back is the subject of e2e.allocate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/api/common/reply.h"
#include "outrider/core/fleet/view.h"
#include "support/kept_view.h"
#include "unit/api/small_agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int set_up(void **state)
{
    struct small_agent *agent = calloc(1, sizeof(*agent));
    struct view_kept kept = {.revision = 812, .true_wall = 1};
    small_agent_init(agent);
    agent->fleet =
        kept_view(&(struct view_settings){.prefix = "/s", .mode = VIEW_ALWAYS}, &kept, &agent->now);
    agent->reservations = (struct mirror_facts){.known = true, .last_error = ""};
    *state = agent;
    return 0;
}

static int tear_down(void **state)
{
    struct small_agent *agent = *state;
    view_free((struct view *)(uintptr_t)agent->fleet);
    small_agent_fini(agent);
    free(agent);
    return 0;
}

static void test_bodies_that_are_taken(void **state)
{
    static const char *const bodies[] = {
        "",
        "{}",
        "{\"seats\":4,\"ttl\":\"30s\",\"strategy\":\"packed\",\"near\":\"kr-a\",\"labels\":{\"map\":"
        "\"harbor\"},\"id\":\"p-7\"}",
        "{\"key\":\"party\",\"exclude\":[\"w1\",\"w2\"],\"tag\":[\"pvp\",\"eu\"]}",
        "{\"tag\":\"pvp\",\"exclude\":\"w1\",\"region\":\"kr\",\"zone\":\"kr-a\",\"group\":\"g\"}",
        "{\"seats\":1000000,\"ttl\":\"1h\"}",
        "{\"ttl\":\"1s\"}",
    };
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct api_reply reply = small_agent_post(*state, "/api/allocate/world", bodies[i]);
        assert_int_equal(reply.turn, API_DEFERRED);
        assert_non_null(reply.deferral.begin);
        api_reply_fini(&reply);
    }
}

static void test_bodies_that_are_refused(void **state)
{
    static const char *const bodies[] = {
        "[]",
        "{",
        "{\"seats\":0}",
        "{\"seats\":-1}",
        "{\"seats\":1000001}",
        "{\"seats\":99999999999999999999}",
        "{\"seats\":1.5}",
        "{\"seats\":\"1\"}",
        "{\"seats\":1,\"seats\":1}",
        "{\"ttl\":\"999ms\"}",
        "{\"ttl\":\"61m\"}",
        "{\"ttl\":\"87600h\"}",
        "{\"ttl\":30}",
        "{\"id\":\"\"}",
        "{\"id\":\"a/b\"}",
        "{\"id\":\"a\\u0000b\"}",
        "{\"id\":7}",
        "{\"key\":\"\"}",
        "{\"strategy\":\"best\"}",
        "{\"strategy\":\"consistent_hash\"}",
        "{\"near\":\"region:\"}",
        "{\"labels\":[]}",
        "{\"labels\":{\"a\":1}}",
        "{\"exclude\":[1]}",
        "{\"type\":\"world\"}",
        "{\"limit\":\"1\"}",
        "{\"player\":\"p1\"}",
        "{\"more\":true}",
    };
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct api_reply reply = small_agent_post(*state, "/api/allocate/world", bodies[i]);
        if (reply.status != 400) {
            fail_msg("%s: %d", bodies[i], reply.status);
        }
        small_agent_refused(reply, 400, "bad_body");
    }
}

static void test_a_body_of_many_values(void **state)
{
    struct buf body = {0};
    buf_printf(&body, "{\"exclude\":[\"w\"");
    for (int i = 0; i < 10000; i++) {
        buf_printf(&body, ",\"w\"");
    }
    buf_printf(&body, "]}");
    small_agent_refused(small_agent_post(*state, "/api/allocate/world", buf_text(&body)), 400, "bad_body");
    buf_clear(&body);
    for (int i = 0; i < 60000; i++) {
        buf_printf(&body, "[");
    }
    small_agent_refused(small_agent_post(*state, "/api/allocate/world", buf_text(&body)), 400, "bad_body");
    buf_fini(&body);
}

static void test_paths_of_no_reservation(void **state)
{
    struct small_agent *agent = *state;
    static const char *const paths[] = {
        "a%2Fb/w1/x", "world/w%2F1/x", "world/w1/%C3%A9", "world/w1/_x", "world/w1/a%20b",
    };
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        char path[128];
        snprintf(path, sizeof(path), "/api/reservations/%s", paths[i]);
        small_agent_refused(small_agent_get(agent, path, ""), 400, "bad_parameter");
    }
    struct api_reply reply = small_agent_get(agent, "/api/reservations/world/w%201/p-7", "");
    assert_int_equal(reply.turn, API_DEFERRED);
    api_reply_fini(&reply);
    small_agent_refused(small_agent_post(agent, "/api/reservations/world/w1/p-7/extend", "{\"seats\":2}"),
                        400, "bad_body");
    small_agent_refused(small_agent_post(agent, "/api/reservations/world/w1/p-7/extend", "{\"ttl\":\"1d\"}"),
                        400, "bad_body");
}

/* What the registry has is not known yet: it is waited for, but not for ever. */
static void test_before_the_reservations_are_known(void **state)
{
    struct small_agent *agent = *state;
    agent->reservations.known = false;
    struct api_reply reply = small_agent_post(agent, "/api/allocate/world", "{}");
    assert_int_equal(reply.turn, API_DEFERRED);
    assert_null(reply.deferral.begin);
    api_reply_fini(&reply);
    agent->reservations.last_error = "permission denied";
    reply = small_agent_post(agent, "/api/allocate/world", "{}");
    assert_string_equal(reply.header, API_RETRY_SOON);
    small_agent_refused(reply, 503, "not_known");
}

#define WITH_FLEET(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FLEET(test_bodies_that_are_taken),
        WITH_FLEET(test_bodies_that_are_refused),
        WITH_FLEET(test_a_body_of_many_values),
        WITH_FLEET(test_paths_of_no_reservation),
        WITH_FLEET(test_before_the_reservations_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
