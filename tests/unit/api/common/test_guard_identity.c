#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/api/common/guard.h"
#include "outrider/api/common/reply.h"
#include "outrider/api/common/request.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/os/file.h"
#include "support/temp_dir.h"
#include "unit/api/small_agent.h"

#include <stdio.h>
#include <string.h>

/* Asks, and returns whom the guard found. */
static struct access_identity found_at(struct small_agent *agent, struct api_request request,
                                       enum access_role takes, int status)
{
    const struct api_policy policy = {
        .address = agent->config.http.listen[0], .check_host = !request.is_unix, .need_token = true};
    struct api_call call = {.context = &agent->context, .request = request};
    struct api_reply reply = {0};
    call.request.policy = &policy;
    assert_int_equal(api_guard(&call, takes, API_CHECK_HOST, &reply), status == 0);
    assert_int_equal(reply.status, status);
    if (status == 403) {
        assert_non_null(strstr(buf_text(&reply.body), "\"code\":\"role\""));
        assert_non_null(strstr(buf_text(&reply.body), "takes the role admin; "));
    }
    api_reply_fini(&reply);
    return call.request.who;
}

static void expect_who(struct access_identity who, const char *name, enum access_role role,
                       enum access_proof proof)
{
    assert_string_equal(who.name, name);
    assert_int_equal(who.role, role);
    assert_int_equal(who.proof, proof);
}

static void a_request_has_a_name_and_a_role(void **state)
{
    struct small_agent *agent = *state;
    struct temp_dir dir;
    struct error err;
    struct api_request request = {.host = STR("127.0.0.1:7117"), .who.from = "127.0.0.1:5555"};
    expect_who(found_at(agent, request, ACCESS_OPERATOR, 0), "anonymous", ACCESS_OPERATOR, ACCESS_UNPROVED);
    struct api_request local = request;
    local.is_unix = true;
    snprintf(local.who.from, sizeof(local.who.from), "pid 17 uid 1000");
    expect_who(found_at(agent, local, ACCESS_OPERATOR, 0), "uid 1000", ACCESS_OPERATOR, ACCESS_SOCKET);
    found_at(agent, request, ACCESS_ADMIN, 403);
    assert_int_equal(temp_dir_init(&dir), 0);
    agent->config.http.token_file = mem_strdup(temp_path(&dir, "token"));
    assert_int_equal(file_replace(dir.path, "token", STR("s3cret\n"), 0600, true, &err), 0);
    expect_who(found_at(agent, request, ACCESS_VIEWER, 0), "", ACCESS_VIEWER, ACCESS_UNPROVED);
    found_at(agent, request, ACCESS_SERVICE, 401);
    found_at(agent, local, ACCESS_SERVICE, 401);
    expect_who(found_at(agent, local, ACCESS_VIEWER, 0), "uid 1000", ACCESS_VIEWER, ACCESS_SOCKET);
    request.authorization = STR("Bearer s3cret");
    expect_who(found_at(agent, request, ACCESS_SERVICE, 0), "token", ACCESS_OPERATOR, ACCESS_TOKEN);
    found_at(agent, request, ACCESS_ADMIN, 403);
    agent->config.http.read = CONFIG_READ_LOGIN;
    expect_who(found_at(agent, request, ACCESS_VIEWER, 0), "token", ACCESS_OPERATOR, ACCESS_TOKEN);
    expect_who(found_at(agent, request, ACCESS_NONE, 0), "", ACCESS_NONE, ACCESS_UNPROVED);
    assert_int_equal(temp_dir_fini(&dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_AGENT(a_request_has_a_name_and_a_role),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
