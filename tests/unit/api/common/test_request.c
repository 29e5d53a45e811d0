#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/api/common/request.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/os/file.h"
#include "support/temp_dir.h"
#include "unit/api/small_agent.h"

#include <stdlib.h>

/* A request that passes; each test breaks one thing. */
static struct api_request good(void)
{
    return (struct api_request){.method = STR("POST"),
                                .path = STR("/api/agent/undrain"),
                                .host = STR("127.0.0.1:7117"),
                                .content_type = STR("application/json"),
                                .peer = STR("127.0.0.1:5555")};
}

static int status_of(struct small_agent *agent, const struct api_request *request)
{
    struct api_reply reply = small_agent_ask(agent, request);
    buf_fini(&reply.body);
    return reply.status;
}

static void listen_at(struct small_agent *agent, const char *where)
{
    free(agent->config.http.listen);
    agent->config.http.listen = mem_strdup(where);
}

static void the_host_must_be_the_agents(void **state)
{
    struct small_agent *agent = *state;
    static const struct {
        const char *listen, *host;
        int status;
    } cases[] = {
        {"127.0.0.1:7117", "127.0.0.1:7117", 200},
        {"127.0.0.1:7117", "127.0.0.1", 200},
        {"127.0.0.1:7117", "localhost:7117", 200},
        {"127.0.0.1:7117", "LocalHost:9", 200}, /* a mapped port */
        {"127.0.0.1:7117", "[::1]:7117", 200},
        {"127.0.0.1:7117", "10.0.0.5:7117", 403},
        {"127.0.0.1:7117", "evil.example:7117", 403},
        {"127.0.0.1:7117", "127.0.0.1.evil.example", 403},
        {"127.0.0.1:7117", "localhost.evil.example", 403},
        {"127.0.0.1:7117", "", 403},
        {"127.0.0.1:7117", "[", 403},
        {"127.0.0.1:7117", ":7117", 403},
        {"10.0.0.5:7117", "10.0.0.5:7117", 200},
        {"10.0.0.5:7117", "10.0.0.6:7117", 403},
        {"[fd00::5]:7117", "[fd00::5]:7117", 200},
        {"[fd00::5]:7117", "[FD00::5]", 200},
        {"[fd00::5]:7117", "fd00", 403},
        {"0.0.0.0:7117", "10.0.0.5:7117", 200}, /* rebinding needs a name */
        {"0.0.0.0:7117", "[fd00::5]:7117", 200},
        {"[::]:7117", "10.0.0.5:7117", 200},
        {"0.0.0.0:7117", "evil.example", 403},
        {"0.0.0.0:7117", "", 403},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        listen_at(agent, cases[i].listen);
        struct api_request request = good();
        request.host = str_of(cases[i].host);
        if (status_of(agent, &request) != cases[i].status) {
            fail_msg("Host %s at %s", cases[i].host, cases[i].listen);
        }
    }
}

static void over_unix_any_host_will_do(void **state)
{
    struct small_agent *agent = *state;
    listen_at(agent, "unix:/run/outrider/http.sock");
    struct api_request request = good();
    request.is_unix = true;
    request.host = STR("anything");
    assert_int_equal(status_of(agent, &request), 200);
}

static void pages_of_other_origins_are_refused(void **state)
{
    struct small_agent *agent = *state;
    static const struct {
        const char *origin;
        int status;
    } cases[] = {
        {"http://127.0.0.1:7117", 200},
        {"HTTP://127.0.0.1:7117", 200},
        {"http://127.0.0.1", 403},
        {"http://127.0.0.1:71170", 403},
        {"http://evil.example", 403},
        {"null", 403},
        {"", 403},
        {"file://127.0.0.1:7117", 403},
        {"http:127.0.0.1:7117", 403},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct api_request request = good();
        request.origin = str_of(cases[i].origin);
        if (status_of(agent, &request) != cases[i].status) {
            fail_msg("Origin %s", cases[i].origin);
        }
    }
    struct api_request request = good();
    request.origin = STR("http://evil.example");
    small_agent_refused(small_agent_ask(agent, &request), 403, "foreign_origin");
    request.host = STR("evil.example");
    small_agent_refused(small_agent_ask(agent, &request), 403, "foreign_host");
}

static void forms_are_refused_by_their_type(void **state)
{
    struct small_agent *agent = *state;
    static const struct {
        const char *type;
        int status;
    } cases[] = {
        {"application/json", 200},    {"Application/JSON; charset=utf-8", 200},
        {"application/json ;x", 200}, {"", 415},
        {"text/plain", 415},          {"application/x-www-form-urlencoded", 415},
        {"application/jsonx", 415},   {"text/plain; application/json", 415},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct api_request request = good();
        request.content_type = str_of(cases[i].type);
        if (status_of(agent, &request) != cases[i].status) {
            fail_msg("Content-Type %s", cases[i].type);
        }
    }
}

static void write_token(struct temp_dir *dir, const char *text)
{
    struct error err;
    assert_int_equal(file_replace(dir->path, "token", str_of(text), 0600, true, &err), 0);
}

static void the_token_is_required_and_can_be_rotated(void **state)
{
    struct small_agent *agent = *state;
    static const struct {
        const char *authorization;
        int status;
    } cases[] = {
        {"Bearer s3cret", 200},
        {"bearer  s3cret ", 200},
        {"", 401},
        {"Bearer", 401},
        {"Bearer ", 401},
        {"Bearer s3cre", 401},
        {"Bearer s3crets", 401},
        {"Bearer S3CRET", 401},
        {"s3cret", 401},
        {"Basic s3cret", 401},
        {"Bearer s3crets3cret", 401},
    };
    struct temp_dir dir;
    assert_int_equal(temp_dir_init(&dir), 0);
    agent->config.http.token_file = mem_strdup(temp_path(&dir, "token"));
    write_token(&dir, "s3cret\n");
    struct api_request request = good();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        request.authorization = str_of(cases[i].authorization);
        struct api_reply reply = small_agent_ask(agent, &request);
        if (reply.status != cases[i].status) {
            fail_msg("Authorization: %s", cases[i].authorization);
        }
        if (reply.status == 401) {
            assert_string_equal(reply.header, "WWW-Authenticate: Bearer");
            assert_null(strstr(buf_text(&reply.body), "s3cret"));
        }
        buf_fini(&reply.body);
    }
    write_token(&dir, "\xef\xbb\xbfother\r\n");
    request.authorization = STR("Bearer s3cret");
    small_agent_refused(small_agent_ask(agent, &request), 401, "unauthorized");
    request.authorization = STR("Bearer other");
    assert_int_equal(status_of(agent, &request), 200);
    request.host = STR("evil.example");
    small_agent_refused(small_agent_ask(agent, &request), 403, "foreign_host");
    /* Reading needs no token. */
    struct api_reply reply = small_agent_get(agent, "/api/agent", "");
    assert_int_equal(reply.status, 200);
    assert_null(strstr(buf_text(&reply.body), "token"));
    buf_fini(&reply.body);
    assert_int_equal(temp_dir_fini(&dir), 0);
}

static void names_may_reach_a_wildcard_that_asks_for_a_token(void **state)
{
    struct small_agent *agent = *state;
    struct temp_dir dir;
    assert_int_equal(temp_dir_init(&dir), 0);
    listen_at(agent, "0.0.0.0:7117");
    agent->config.http.token_file = mem_strdup(temp_path(&dir, "token"));
    write_token(&dir, "s3cret");
    struct api_request request = good();
    request.host = STR("game-1:7117");
    small_agent_refused(small_agent_ask(agent, &request), 401, "unauthorized");
    request.authorization = STR("Bearer s3cret");
    assert_int_equal(status_of(agent, &request), 200);
    assert_int_equal(temp_dir_fini(&dir), 0);
}

static void without_a_readable_token_file_no_token_fits(void **state)
{
    struct small_agent *agent = *state;
    struct temp_dir dir;
    struct error err;
    assert_int_equal(temp_dir_init(&dir), 0);
    assert_int_equal(api_check_token_file(&agent->config, &err), 0);
    agent->config.http.token_file = mem_strdup(temp_path(&dir, "token"));
    struct api_request request = good();
    request.authorization = STR("Bearer ");
    small_agent_refused(small_agent_ask(agent, &request), 500, "token_file");
    assert_int_equal(api_check_token_file(&agent->config, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, agent->config.http.token_file));
    write_token(&dir, " \n");
    small_agent_refused(small_agent_ask(agent, &request), 500, "token_file");
    assert_int_equal(api_check_token_file(&agent->config, &err), -1);
    write_token(&dir, "x");
    assert_int_equal(api_check_token_file(&agent->config, &err), 0);
    assert_int_equal(agent->undrains, 0);
    assert_int_equal(temp_dir_fini(&dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_AGENT(the_host_must_be_the_agents),
        WITH_AGENT(over_unix_any_host_will_do),
        WITH_AGENT(pages_of_other_origins_are_refused),
        WITH_AGENT(forms_are_refused_by_their_type),
        WITH_AGENT(the_token_is_required_and_can_be_rotated),
        WITH_AGENT(names_may_reach_a_wildcard_that_asks_for_a_token),
        WITH_AGENT(without_a_readable_token_file_no_token_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
