/* The API at several places at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/api/api.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/loop.h"
#include "small_agent.h"
#include "support/temp_dir.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct world {
    struct temp_dir dir;
    struct small_agent agent;
    struct loop *loop;
    struct api *api;
    uint16_t port;
};

static int set_up(void **state)
{
    struct world *world = mem_zalloc(sizeof(*world));
    struct error err;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    assert_int_equal(temp_dir_init(&world->dir), 0);
    small_agent_init(&world->agent);
    free(world->agent.config.http.listen[0]);
    world->agent.config.http.listen_count = 0;
    world->agent.config.http.max_connections = 1000;
    world->agent.config.http.idle_timeout_ms = 20;
    world->loop = loop_new(&err);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* a port that is free */
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    world->port = ntohs(address.sin_port);
    close(fd);
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

static void add(struct world *world, const char *text)
{
    struct config *config = &world->agent.config;
    config->http.listen[config->http.listen_count++] = mem_strdup(text);
}

static void add_unix(struct world *world, const char *name)
{
    char text[256];
    snprintf(text, sizeof(text), "unix:%s", temp_path(&world->dir, name));
    add(world, text);
}

static void add_port(struct world *world, const char *before)
{
    char text[64];
    snprintf(text, sizeof(text), "%s127.0.0.1:%u", before, world->port);
    add(world, text);
}

static struct api *begin(struct world *world, struct error *err)
{
    *err = (struct error){0};
    world->api = api_new(world->loop, &world->agent.config, 0, world->agent.context.ops, &world->agent, err);
    return world->api;
}

/* What a request with this Host gets, as far as the status. */
static void answer(struct world *world, int fd, const char *host, char ret_text[static 16])
{
    char request[128];
    size_t size = 0;
    snprintf(request, sizeof(request), "GET /api/agent HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
             host);
    assert_int_equal(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
    while (size < 12) {
        ssize_t got = recv(fd, ret_text + size, 12 - size, MSG_DONTWAIT);
        size += got > 0 ? (size_t)got : 0;
        if (got <= 0) {
            loop_turn_once(world->loop, true);
        }
    }
    ret_text[12] = '\0';
    close(fd);
}

static int dial_unix(struct world *world, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", temp_path(&world->dir, name));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)), 0);
    return fd;
}

static int dial(const struct world *world)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(world->port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)), 0);
    return fd;
}

static void each_place_has_its_policy(void **state)
{
    struct world *world = *state;
    struct error err;
    char text[16];
    add_unix(world, "a.sock");
    add_port(world, "");
    add_unix(world, "b.sock");
    assert_non_null(begin(world, &err));
    answer(world, dial_unix(world, "a.sock"), "any.example", text);
    assert_string_equal(text, "HTTP/1.1 200");
    answer(world, dial_unix(world, "b.sock"), "any.example", text);
    assert_string_equal(text, "HTTP/1.1 200");
    answer(world, dial(world), "any.example", text);
    assert_string_equal(text, "HTTP/1.1 403");
    answer(world, dial(world), "127.0.0.1", text);
    assert_string_equal(text, "HTTP/1.1 200");
}

/* Each has a file of its own, and that of the second is seen to be gone. */
static void each_socket_is_looked_at(void **state)
{
    struct world *world = *state;
    struct error err;
    char text[16];
    add_unix(world, "a.sock");
    add_unix(world, "b.sock");
    assert_non_null(begin(world, &err));
    assert_int_equal(api_check_socket(world->api, 0, &err), 0);
    unlink(temp_path(&world->dir, "b.sock"));
    assert_int_equal(api_check_socket(world->api, 0, &err), 0);
    assert_int_equal(api_check_socket(world->api, 1, &err), 1);
    assert_int_equal(api_check_socket(world->api, 1, &err), 0);
    assert_int_equal(api_check_socket(world->api, 2, &err), 0);
    answer(world, dial_unix(world, "b.sock"), "x", text);
    assert_string_equal(text, "HTTP/1.1 200");
}

static void what_cannot_be_opened_is_named(void **state)
{
    struct world *world = *state;
    struct error err;
    char missing[] = "/nonexistent/http.crt";
    add_unix(world, "a.sock");
    add(world, "203.0.113.5:7117");
    assert_null(begin(world, &err));
    assert_non_null(strstr(err.text, "http.listen: cannot listen on 203.0.113.5 port 7117"));
    assert_int_equal(access(temp_path(&world->dir, "a.sock"), F_OK), -1); /* the first is closed again */
    free(world->agent.config.http.listen[--world->agent.config.http.listen_count]);
    add_port(world, "tls://");
    world->agent.config.http.tls.cert_file = world->agent.config.http.tls.key_file = missing;
    assert_null(begin(world, &err));
    assert_non_null(strstr(err.text, "http.tls: cert_file: /nonexistent/http.crt"));
    world->agent.config.http.tls.cert_file = world->agent.config.http.tls.key_file = NULL;
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(each_place_has_its_policy),
        WITH_WORLD(each_socket_is_looked_at),
        WITH_WORLD(what_cannot_be_opened_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
