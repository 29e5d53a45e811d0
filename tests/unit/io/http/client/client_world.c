#include "client_world.h"

#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/resolver.h"

#include <stdlib.h>
#include <sys/socket.h>

static void copy(char *to, size_t room, struct str from)
{
    size_t size = from.size < room - 1 ? from.size : room - 1;
    if (size > 0) {
        memcpy(to, from.data, size);
    }
    to[size] = '\0';
}

void note(const struct http_result *result, void *user)
{
    struct outcome *outcome = user;
    outcome->calls++;
    outcome->result = *result;
    copy(outcome->text, sizeof(outcome->text), str_of(result->text));
    copy(outcome->body, sizeof(outcome->body), result->body);
    copy(outcome->content_type, sizeof(outcome->content_type), result->content_type);
}

int client_world_set_up(void **state)
{
    struct client_world *world = calloc(1, sizeof(*world));
    struct error err;
    world->loop = loop_new(&err);
    assert_non_null(world->loop);
    world->resolver = resolver_new(world->loop, NULL);
    world->client = http_client_new(world->loop, world->resolver, NULL);
    raw_server_init(&world->server);
    *state = world;
    return 0;
}

int client_world_tear_down(void **state)
{
    struct client_world *world = *state;
    http_client_free(world->client);
    resolver_free(world->resolver);
    loop_free(world->loop);
    raw_server_fini(&world->server);
    free(world);
    return 0;
}

struct http_call call_to(struct client_world *world)
{
    static const char *const headers[] = {"Content-Type: application/json", "X-One: 1", NULL};
    return (struct http_call){
        .url = raw_server_url(&world->server),
        .headers = headers,
        .body = STR("{\"a\":1}"),
        .timeout_ms = 60000,
        .connect_timeout_ms = 60000,
        .max_response = 200,
    };
}

struct http_request_handle *post(struct client_world *world, const struct http_call *call)
{
    world->outcome = (struct outcome){0};
    struct http_request_handle *handle = http_client_send(world->client, call, note, &world->outcome);
    assert_int_equal(world->outcome.calls, 0);
    return handle;
}

void step(struct client_world *world)
{
    raw_server_step(&world->server);
    loop_turn_once(world->loop, false);
}

void settle(struct client_world *world)
{
    while (world->outcome.calls == 0) {
        step(world);
    }
    assert_int_equal(world->outcome.calls, 1);
}

void request(struct client_world *world)
{
    struct http_call call = call_to(world);
    post(world, &call);
    settle(world);
}

void server_sends_on(struct client_world *world, size_t connection, const char *bytes, size_t size)
{
    assert_true(connection < world->server.count);
    int fd = world->server.connections[connection].fd;
    assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
    step(world);
}

void server_sends(struct client_world *world, const char *bytes, size_t size)
{
    server_sends_on(world, world->server.count - 1, bytes, size);
}
