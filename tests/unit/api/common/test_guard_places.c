/* What Host and Origin are judged by: the listener of the request, and http.public_url. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/api/common/guard.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/mem.h"
#include "unit/api/small_agent.h"

#include <stdlib.h>

/* The status of a change with this Host and Origin; 0: it may pass. */
static int judged(struct small_agent *agent, const char *host, const char *origin, bool is_tls)
{
    char address[] = "127.0.0.1:7117";
    const struct api_policy policy = {.address = address, .check_host = true, .is_tls = is_tls};
    struct api_call call = {.context = &agent->context,
                            .request = {.method = STR("POST"),
                                        .path = STR("/api/agent/undrain"),
                                        .host = str_of(host),
                                        .content_type = STR("application/json"),
                                        .origin = origin == NULL ? (struct str){NULL, 0} : str_of(origin),
                                        .policy = &policy}};
    struct api_reply reply = {0};
    bool may = api_guard(&call, ACCESS_OPERATOR, API_CHECK_HOST | API_CHECK_ORIGIN | API_CHECK_TYPE, &reply);
    int status = may ? 0 : reply.status;
    api_reply_fini(&reply);
    return status;
}

static void over_tls_a_page_is_of_https(void **state)
{
    struct small_agent *agent = *state;
    assert_int_equal(judged(agent, "127.0.0.1:7117", "https://127.0.0.1:7117", true), 0);
    assert_int_equal(judged(agent, "127.0.0.1:7117", "http://127.0.0.1:7117", true), 403);
    assert_int_equal(judged(agent, "127.0.0.1:7117", "http://127.0.0.1:7117", false), 0);
    assert_int_equal(judged(agent, "127.0.0.1:7117", "https://127.0.0.1:7117", false), 0); /* a proxy's TLS */
    assert_int_equal(judged(agent, "127.0.0.1:7117", NULL, true), 0);
}

static void the_public_url_names_host_and_origin(void **state)
{
    static const struct {
        const char *url, *host, *origin;
        int status;
    } cases[] = {
        {NULL, "fleet.example", NULL, 403},
        {"https://fleet.example", "fleet.example", NULL, 0},
        {"https://fleet.example", "FLEET.example:443", NULL, 0},
        {"https://fleet.example", "xfleet.example", NULL, 403},
        {"https://fleet.example", "127.0.0.1:7117", NULL, 0},
        {"https://fleet.example", "fleet.example", "https://fleet.example", 0},
        {"https://fleet.example", "fleet.example", "https://Fleet.example:443", 0},
        {"https://fleet.example:443", "fleet.example", "https://fleet.example", 0},
        {"https://fleet.example:8443", "fleet.example:8443", "https://fleet.example:8443", 0},
        {"https://fleet.example:8443", "fleet.example:8443", "https://fleet.example", 403},
        {"https://fleet.example", "fleet.example", "http://fleet.example", 403},
        {"https://fleet.example", "fleet.example", "https://fleet.example.evil", 403},
        {"https://fleet.example", "fleet.example", "null", 403},
        {"https://fleet.example", "127.0.0.1:7117", "http://127.0.0.1:7117", 403}, /* not the public one */
    };
    struct small_agent *agent = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        free(agent->config.http.public_url);
        agent->config.http.public_url = mem_strdup(cases[i].url);
        int status = judged(agent, cases[i].host, cases[i].origin, false);
        if (status != cases[i].status) {
            fail_msg("case %zu: Host %s: %d", i, cases[i].host, status);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_AGENT(over_tls_a_page_is_of_https),
        WITH_AGENT(the_public_url_names_host_and_origin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
