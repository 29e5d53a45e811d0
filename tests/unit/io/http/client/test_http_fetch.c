/* The blocking fetch, in a child process, against the agent's HTTP server. */
#include "outrider/base/error.h"
#include "outrider/io/http/client/http_fetch.h"
#include "support/listening_port.h"
#include "unit/io/http/http_world.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int fetch_all(const char *url, const char *path, uint16_t port)
{
    struct error err = {0};
    struct buf body = {0};
    int status = 0;
    char refused[64];
    struct http_fetch_request request = {.method = "POST",
                                         .url = url,
                                         .unix_path = path,
                                         .body = STR("ping"),
                                         .max_response = 4,
                                         .timeout_ms = 60000};
    int wrong = 0;
    wrong += http_fetch(&request, &err, &status, &body) == 0 && status == 200 &&
                     strcmp(buf_text(&body), "ping") == 0
                 ? 0
                 : 1;
    request.max_response = 3;
    wrong +=
        http_fetch(&request, &err, &status, &body) < 0 && err.code == ERROR_LIMIT && body.size == 4 ? 0 : 2;
    request.method = "GET";
    request.body = (struct str){NULL, 0};
    wrong += http_fetch(&request, &err, &status, &body) == 0 && status == 200 && body.size == 4 ? 0 : 4;
    request.unix_path = path == NULL ? NULL : "/nonexistent/socket";
    snprintf(refused, sizeof(refused), "http://127.0.0.1:%u/", port);
    request.url = refused;
    wrong += http_fetch(&request, &err, &status, &body) < 0 && err.code == ERROR_UNREACHABLE ? 0 : 8;
    request.unix_path = NULL;
    request.url = "gopher://x/";
    wrong += http_fetch(&request, &err, &status, &body) < 0 && err.code == ERROR_INVALID ? 0 : 16;
    buf_fini(&body);
    return wrong;
}

static void fetch_in_child(struct world *world, const char *url, const char *path)
{
    int closed = socket(AF_INET, SOCK_STREAM, 0); /* a port that is bound and does not listen refuses */
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    assert_int_equal(bind(closed, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(closed, (struct sockaddr *)&address, &size), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(fetch_all(url, path, ntohs(address.sin_port)));
    }
    int status = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
        world_turn(world);
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close(closed);
}

static void test_fetch(void **state)
{
    struct world *world = *state;
    char url[64];
    world_start(world, (struct http_listener_options){0});
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/echo", listening_port(world->listener));
    fetch_in_child(world, url, NULL);
    http_server_free(world->server);
    world_start(world, (struct http_listener_options){.unix_path = world->path, .gid = (gid_t)-1});
    fetch_in_child(world, "http://localhost/echo", world->path);
    assert_non_null(strstr(world->seen, "GET /echo ? @localhost"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        T(test_fetch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
