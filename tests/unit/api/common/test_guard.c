#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/api/common/credentials.h"
#include "outrider/api/common/guard.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/os/file.h"
#include "outrider/os/log.h"
#include "support/temp_dir.h"
#include "unit/api/small_agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A request that passes; each test breaks one thing. */
static struct api_request good(void)
{
    return (struct api_request){.method = STR("POST"),
                                .path = STR("/api/agent/undrain"),
                                .host = STR("127.0.0.1:7117"),
                                .content_type = STR("application/json"),
                                .who.from = "127.0.0.1:5555"};
}

static struct api_request reading(const char *path)
{
    return (struct api_request){.method = STR("GET"), .path = str_of(path), .host = STR("127.0.0.1:7117")};
}

static int status_of(struct small_agent *agent, const struct api_request *request)
{
    struct api_reply reply = small_agent_ask(agent, request);
    int status = reply.status;
    api_reply_fini(&reply);
    return status;
}

static void listen_at(struct small_agent *agent, const char *where)
{
    free(agent->config.http.listen[0]);
    agent->config.http.listen[0] = mem_strdup(where);
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
        {"127.0.0.1:7117", "10.0.0.5:7117", 200}, /* rebinding needs a name */
        {"127.0.0.1:7117", "[fd00::5]:7117", 200},
        {"127.0.0.1:7117", "localhost.", 403},
        {"127.0.0.1:7117", "2130706433", 403},
        {"127.0.0.1:7117", "127.1", 403},
        {"127.0.0.1:7117", "0x7f.0.0.1", 403},
        {"127.0.0.1:7117", "[::1].evil.example", 403},
        {"127.0.0.1:7117", "[evil.example]", 403},
        {"127.0.0.1:7117", "evil.example:7117", 403},
        {"127.0.0.1:7117", "127.0.0.1.evil.example", 403},
        {"127.0.0.1:7117", "localhost.evil.example", 403},
        {"127.0.0.1:7117", "", 403},
        {"127.0.0.1:7117", "[", 403},
        {"127.0.0.1:7117", ":7117", 403},
        {"10.0.0.5:7117", "10.0.0.5:7117", 200},
        {"10.0.0.5:7117", "10.0.0.6:7117", 200},
        {"10.0.0.5:7117", "evil.example", 403},
        {"[fd00::5]:7117", "[fd00::5]:7117", 200},
        {"[fd00::5]:7117", "[FD00::5]", 200},
        {"[fd00::5]:7117", "fd00", 403},
        {"0.0.0.0:7117", "10.0.0.5:7117", 200},
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
        request = reading("/api/agent");
        request.host = str_of(cases[i].host);
        if (status_of(agent, &request) != cases[i].status) {
            fail_msg("GET with Host %s at %s", cases[i].host, cases[i].listen);
        }
    }
}

static void the_names_of_this_agent_are_its_hosts(void **state)
{
    struct small_agent *agent = *state;
    char machine[] = "Ops-1";
    struct api_policy policy = {
        .address = agent->config.http.listen[0], .machine = machine, .check_host = true};
    static const struct {
        const char *host;
        int status;
    } cases[] = {
        {"ops-1:7117", 200},
        {"OPS-1", 200},
        {"observer.example:443", 200},
        {"Observer.Example", 200},
        {"observer.example.", 200},
        {"observer.example.:443", 200},
        {"observer.example..", 403},
        {"observer.example.evil.example.", 403},
        {".", 403},
        {"outrider", 200},
        {"game.example", 200},
        {"eth0", 403},
        {"ops-1.evil.example", 403},
        {"evil.example", 403},
        {"xobserver.example", 403},
        {"auto", 403},
    };
    agent->config.http.hosts[0] = mem_strdup("observer.example");
    agent->config.http.hosts[1] = mem_strdup("outrider");
    agent->config.http.host_count = 2;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        free(agent->config.server.host);
        agent->config.server.host = mem_strdup(strcmp(cases[i].host, "game.example") == 0 ? "game.example"
                                               : strcmp(cases[i].host, "eth0") == 0       ? "eth0"
                                                                                          : "auto");
        struct api_request request = reading("/api/agent");
        request.policy = &policy;
        request.host = str_of(cases[i].host);
        if (status_of(agent, &request) != cases[i].status) {
            fail_msg("GET with Host %s", cases[i].host);
        }
    }
}

static size_t logged;
static char last_line[1024];

static void count_line(enum log_level level, struct str line, void *user)
{
    (void)level;
    (void)user;
    logged++;
    snprintf(last_line, sizeof(last_line), "%.*s", STR_ARG(line));
}

/* Every read is judged but those of health; what a page can cause is one line a minute. */
static void a_page_of_another_name_reads_nothing(void **state)
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
                                        "/metrics"};
    static const char *const health[] = {"/healthz", "/health", "/readyz"};
    struct api_request before = reading(paths[0]);
    before.host = STR("before.example");
    small_agent_refused(small_agent_ask(agent, &before), 403, "foreign_host");
    log_release(INT64_MAX); /* the line of this minute is written, by this test or by one before it */
    logged = 0;
    log_set_sink(count_line, NULL);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct api_request request = reading(paths[i]);
        request.host = STR("evil.example:7117");
        small_agent_refused(small_agent_ask(agent, &request), 403, "foreign_host");
        request.query = STR("x=1"); /* not even what it takes */
        small_agent_refused(small_agent_ask(agent, &request), 403, "foreign_host");
        request.method = STR("HEAD");
        small_agent_refused(small_agent_ask(agent, &request), 403, "foreign_host");
    }
    assert_int_equal(logged, 0);
    log_release(INT64_MAX); /* as if the minute were over */
    log_set_sink(NULL, NULL);
    assert_int_equal(logged, 1);
    assert_non_null(strstr(last_line, "add it to http.hosts\" host=evil.example:7117"));
    assert_non_null(strstr(last_line, "suppressed=29"));
    for (size_t i = 0; i < COUNT_OF(health); i++) {
        struct api_request request = reading(health[i]);
        request.host = STR("evil.example:7117");
        assert_int_not_equal(status_of(agent, &request), 403);
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

/* A form cannot send PUT and DELETE, so that only a body needs a type; Origin, Host and token are judged all the same. */
static void put_and_delete_need_a_type_for_their_body(void **state)
{
    struct small_agent *agent = *state;
    static const struct {
        const char *method, *body, *type, *origin;
        int status;
    } cases[] = {
        {"DELETE", "", "", NULL, 0},
        {"PUT", "", "text/plain", NULL, 0},
        {"DELETE", "{}", "", NULL, 415},
        {"PUT", "{}", "text/plain", NULL, 415},
        {"PUT", "{}", "application/json", NULL, 0},
        {"POST", "", "", NULL, 415},
        {"DELETE", "", "", "http://evil.example", 403},
        {"PUT", "{}", "application/json", "http://evil.example", 403},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct api_policy policy = {.address = agent->config.http.listen[0], .check_host = true};
        struct api_call call = {.context = &agent->context, .request = good()};
        struct api_reply reply = {0};
        call.request.policy = &policy;
        call.request.method = str_of(cases[i].method);
        call.request.body = str_of(cases[i].body);
        call.request.content_type = str_of(cases[i].type);
        call.request.origin = cases[i].origin == NULL ? (struct str){NULL, 0} : str_of(cases[i].origin);
        bool may =
            api_guard(&call, ACCESS_OPERATOR, API_CHECK_HOST | API_CHECK_ORIGIN | API_CHECK_TYPE, &reply);
        if (may != (cases[i].status == 0) || reply.status != cases[i].status) {
            fail_msg("%s %s: %d", cases[i].method, cases[i].body, reply.status);
        }
        api_reply_fini(&reply);
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

static void reading_can_require_the_token(void **state)
{
    struct small_agent *agent = *state;
    struct temp_dir dir;
    assert_int_equal(temp_dir_init(&dir), 0);
    agent->config.http.token_file = mem_strdup(temp_path(&dir, "token"));
    write_token(&dir, "s3cret");
    static const enum config_http_read open[] = {CONFIG_READ_AUTO, CONFIG_READ_OPEN};
    for (size_t i = 0; i < COUNT_OF(open); i++) {
        agent->config.http.read = open[i];
        struct api_request request = reading("/metrics");
        assert_int_equal(status_of(agent, &request), 200);
    }
    agent->config.http.read = CONFIG_READ_LOGIN;
    static const char *const paths[] = {"/api/agent", "/api/services", "/api/subscribe",
                                        "/service-discovery/events", "/metrics"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct api_request request = reading(paths[i]);
        small_agent_refused(small_agent_ask(agent, &request), 401, "unauthorized");
        request.authorization = STR("Bearer wrong");
        small_agent_refused(small_agent_ask(agent, &request), 401, "unauthorized");
        request.method = STR("HEAD");
        small_agent_refused(small_agent_ask(agent, &request), 401, "unauthorized");
        request.authorization = STR("Bearer s3cret");
        assert_int_not_equal(status_of(agent, &request), 401);
        request.authorization = STR("");
        request.method = STR("GET");
        request.is_unix = true; /* its mode says who may */
        assert_int_not_equal(status_of(agent, &request), 401);
    }
    static const char *const health[] = {"/healthz", "/health", "/readyz"};
    for (size_t i = 0; i < COUNT_OF(health); i++) {
        struct api_request request = reading(health[i]);
        assert_int_not_equal(status_of(agent, &request), 401);
    }
    /* A page has no token: on a wildcard address the name says nothing more. */
    listen_at(agent, "0.0.0.0:7117");
    struct api_request request = reading("/api/agent");
    request.host = STR("game-1:7117");
    small_agent_refused(small_agent_ask(agent, &request), 401, "unauthorized");
    request.authorization = STR("Bearer s3cret");
    assert_int_equal(status_of(agent, &request), 200);
    agent->config.http.read = CONFIG_READ_OPEN;
    small_agent_refused(small_agent_ask(agent, &request), 403, "foreign_host");
    /* A reload may ask for a token before the restart that names its file. */
    agent->config.http.read = CONFIG_READ_LOGIN;
    free(agent->config.http.token_file);
    agent->config.http.token_file = NULL;
    small_agent_refused(small_agent_ask(agent, &request), 500, "token_file");
    assert_int_equal(temp_dir_fini(&dir), 0);
}

static void without_a_readable_token_file_no_token_fits(void **state)
{
    struct small_agent *agent = *state;
    struct temp_dir dir;
    struct error err;
    assert_int_equal(temp_dir_init(&dir), 0);
    assert_int_equal(api_credentials_check(agent->context.credentials, &agent->config, &err), 0);
    agent->config.http.token_file = mem_strdup(temp_path(&dir, "token"));
    struct api_request request = good();
    request.authorization = STR("Bearer ");
    small_agent_refused(small_agent_ask(agent, &request), 500, "token_file");
    assert_int_equal(api_credentials_check(agent->context.credentials, &agent->config, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, agent->config.http.token_file));
    write_token(&dir, " \n");
    small_agent_refused(small_agent_ask(agent, &request), 500, "token_file");
    assert_int_equal(api_credentials_check(agent->context.credentials, &agent->config, &err), -1);
    write_token(&dir, "x"); /* anybody guesses it */
    request.authorization = STR("Bearer x");
    small_agent_refused(small_agent_ask(agent, &request), 500, "token_file");
    assert_int_equal(api_credentials_check(agent->context.credentials, &agent->config, &err), -1);
    write_token(&dir, "xy");
    assert_int_equal(api_credentials_check(agent->context.credentials, &agent->config, &err), 0);
    assert_int_equal(agent->undrains, 0);
    assert_int_equal(temp_dir_fini(&dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_AGENT(the_host_must_be_the_agents),
        WITH_AGENT(the_names_of_this_agent_are_its_hosts),
        WITH_AGENT(a_page_of_another_name_reads_nothing),
        WITH_AGENT(over_unix_any_host_will_do),
        WITH_AGENT(pages_of_other_origins_are_refused),
        WITH_AGENT(forms_are_refused_by_their_type),
        WITH_AGENT(put_and_delete_need_a_type_for_their_body),
        WITH_AGENT(the_token_is_required_and_can_be_rotated),
        WITH_AGENT(names_may_reach_a_wildcard_that_asks_for_a_token),
        WITH_AGENT(reading_can_require_the_token),
        WITH_AGENT(without_a_readable_token_file_no_token_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
