/* The API behind its real server, over a unix socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/loop.h"
#include "small_agent.h"
#include "support/temp_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

struct world {
    struct temp_dir dir;
    struct small_agent agent;
    struct loop *loop;
    struct api *api;
};

static void listen_in(struct world *world)
{
    char where[256];
    snprintf(where, sizeof(where), "unix:%s", temp_path(&world->dir, "http.sock"));
    free(world->agent.config.http.listen);
    world->agent.config.http.listen = mem_strdup(where);
}

static int set_up(void **state)
{
    struct world *world = mem_zalloc(sizeof(*world));
    struct error err;
    assert_int_equal(temp_dir_init(&world->dir), 0);
    small_agent_init(&world->agent);
    listen_in(world);
    world->loop = loop_new(&err);
    assert_non_null(world->loop);
    world->api = api_new(world->loop, &world->agent.config, world->agent.context.ops, &world->agent, &err);
    if (world->api == NULL) {
        fail_msg("%s", err.text);
    }
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    api_free(world->api);
    loop_free(world->loop);
    small_agent_fini(&world->agent);
    assert_int_equal(temp_dir_fini(&world->dir), 0);
    free(world);
    return 0;
}

/* Sends `request`, which must say Connection: close, and turns the loop until the answer is whole. */
static void talk(struct world *world, const char *request, struct buf *answer)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", temp_path(&world->dir, "http.sock"));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)), 0);
    assert_int_equal(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
    for (;;) {
        char block[4096];
        ssize_t got = recv(fd, block, sizeof(block), MSG_DONTWAIT);
        if (got == 0) {
            break;
        }
        if (got > 0) {
            buf_add(answer, block, (size_t)got);
        } else {
            loop_turn_once(world->loop, true);
        }
    }
    close(fd);
}

static void requests_and_headers_reach_the_handlers(void **state)
{
    struct world *world = *state;
    struct buf answer = {0};
    talk(world, "GET /api/agent HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", &answer);
    assert_true(str_starts(buf_view(&answer), STR("HTTP/1.1 200 ")));
    assert_non_null(strstr(buf_text(&answer), "Cache-Control: no-store\r\n"));
    assert_non_null(strstr(buf_text(&answer), "\"id\":\"01TEST\""));
    buf_clear(&answer);
    talk(world,
         "POST /api/agent/drain HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
         "18\r\n"
         "Connection: close\r\n\r\n{\"reason\":\"patch\"}",
         &answer);
    assert_true(str_starts(buf_view(&answer), STR("HTTP/1.1 200 ")));
    assert_string_equal(world->agent.reason, "patch");
    char by[64];
    snprintf(by, sizeof(by), "api uid %u", getuid());
    assert_string_equal(world->agent.by, by);
    buf_clear(&answer);
    talk(world,
         "POST /api/agent/drain HTTP/1.1\r\nHost: x\r\nOrigin: http://evil\r\nContent-Type: "
         "application/json\r\n"
         "Content-Length: 0\r\nConnection: close\r\n\r\n",
         &answer);
    assert_true(str_starts(buf_view(&answer), STR("HTTP/1.1 403 ")));
    buf_clear(&answer);
    talk(world, "PUT /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
         &answer);
    assert_true(str_starts(buf_view(&answer), STR("HTTP/1.1 405 ")));
    assert_non_null(strstr(buf_text(&answer), "Allow: GET, HEAD\r\n"));
    buf_clear(&answer);
    talk(world, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", &answer);
    assert_non_null(strstr(buf_text(&answer), "outrider_http_requests_total 5\n"));
    buf_fini(&answer);
}

static void a_reload_changes_the_token_file(void **state)
{
    struct world *world = *state;
    struct buf answer = {0};
    struct config fresh = world->agent.config;
    char missing[] = "/nonexistent/token";
    fresh.http.token_file = missing;
    api_reload(world->api, &fresh);
    talk(world,
         "POST /api/agent/undrain HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
         "0\r\n"
         "Connection: close\r\n\r\n",
         &answer);
    assert_true(str_starts(buf_view(&answer), STR("HTTP/1.1 500 ")));
    api_reload(world->api, &world->agent.config);
    buf_fini(&answer);
}

static void what_cannot_be_had_is_named(void **state)
{
    struct world *world = *state;
    struct error err;
    struct config other = world->agent.config;
    assert_null(api_new(world->loop, &other, world->agent.context.ops, &world->agent, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_non_null(strstr(err.text, "http.listen"));
    assert_non_null(strstr(err.text, "http.sock"));
    char missing[] = "/nonexistent/token", nonsense[] = "here";
    other.http.token_file = missing;
    assert_null(api_new(world->loop, &other, world->agent.context.ops, &world->agent, &err));
    assert_non_null(strstr(err.text, missing));
    other.http.token_file = NULL;
    other.http.listen = nonsense;
    assert_null(api_new(world->loop, &other, world->agent.context.ops, &world->agent, &err));
    assert_int_equal(err.code, ERROR_INVALID);
    api_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(requests_and_headers_reach_the_handlers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reload_changes_the_token_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_had_is_named, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
