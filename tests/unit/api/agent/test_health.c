#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/api/small_agent.h"

static int status_of(struct small_agent *agent, const char *path)
{
    struct api_reply reply = small_agent_get(agent, path, "");
    buf_fini(&reply.body);
    return reply.status;
}

static void the_agent_is_alive_during_a_registry_outage(void **state)
{
    struct small_agent *agent = *state;
    agent->registry_outage = true;
    small_agent_start(agent);
    assert_int_equal(status_of(agent, "/healthz"), 200);
    struct api_reply reply = small_agent_get(agent, "/health", "");
    assert_string_equal(buf_text(&reply.body), "{\"status\":\"ok\"}");
    buf_fini(&reply.body);
}

static void not_ready_before_the_first_publishing(void **state)
{
    struct small_agent *agent = *state;
    small_agent_refused(small_agent_get(agent, "/readyz", ""), 503, "not_published");
    agent->registry_outage = true;
    small_agent_start(agent);
    struct api_reply reply = small_agent_get(agent, "/readyz", "");
    assert_non_null(strstr(buf_text(&reply.body), "connection refused"));
    small_agent_refused(reply, 503, "not_published");
}

static void not_ready_without_an_address_and_says_so(void **state)
{
    struct small_agent *agent = *state;
    small_agent_step(agent, (struct server_event){.type = SERVER_ON_FRESH});
    small_agent_step(agent, (struct server_event){.type = SERVER_ON_HOST, .reason = "no default route"});
    struct api_reply reply = small_agent_get(agent, "/readyz", "");
    assert_non_null(strstr(buf_text(&reply.body), "no default route"));
    small_agent_refused(reply, 503, "not_published");
}

static void ready_once_published_also_in_a_later_registry_outage(void **state)
{
    struct small_agent *agent = *state;
    small_agent_start(agent);
    assert_int_equal(status_of(agent, "/readyz"), 200);
    agent->registry_outage = true;
    small_agent_say(agent, "error");
    assert_int_equal(status_of(agent, "/readyz"), 200);
}

static void not_ready_while_another_holds_the_key(void **state)
{
    struct small_agent *agent = *state;
    small_agent_start(agent);
    assert_int_equal(status_of(agent, "/readyz"), 200);
    agent->conflict = "{\"id\":\"01TEST\",\"type\":\"world\",\"host\":\"10.6.6.6\",\"status\":\"ready\"}";
    small_agent_say(agent, "error");
    struct api_reply reply = small_agent_get(agent, "/readyz", "");
    assert_non_null(
        strstr(buf_text(&reply.body), "key held by another agent at 10.6.6.6 (lease ends in 8.2 s)"));
    small_agent_refused(reply, 503, "not_published");
    assert_int_equal(status_of(agent, "/healthz"), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_AGENT(the_agent_is_alive_during_a_registry_outage),
        WITH_AGENT(not_ready_before_the_first_publishing),
        WITH_AGENT(not_ready_without_an_address_and_says_so),
        WITH_AGENT(ready_once_published_also_in_a_later_registry_outage),
        WITH_AGENT(not_ready_while_another_holds_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
