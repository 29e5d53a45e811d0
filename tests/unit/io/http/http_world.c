#include "http_world.h"

#include "outrider/base/blob.h"
#include "outrider/base/error.h"
#include "outrider/io/http/http_parse.h"
#include "outrider/io/loop/loop.h"
#include "support/listening_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void handler(struct http_exchange *exchange, const struct http_request *request, void *user)
{
    struct world *world = user;
    static const char *const extra[] = {"X-Extra: yes", "X-Split: a\r\nX-Evil: b", NULL};
    struct str agent = STR("none");
    struct http_response response = {.status = 200, .content_type = STR("text/plain"), .body = STR("hello")};
    world->handled++;
    world->policy = request->policy;
    http_head_find(request->head, STR("user-agent"), &agent);
    snprintf(world->seen, sizeof(world->seen), "%.*s %.*s ?%.*s @%.*s %.*s [%.*s]%s",
             STR_ARG(request->method), STR_ARG(request->path), STR_ARG(request->query),
             STR_ARG(request->host), STR_ARG(agent), STR_ARG(request->body), request->is_unix ? " unix" : "");
    for (size_t i = 0; request->names != NULL && request->names[i] != NULL; i++) {
        size_t used = strlen(world->seen);
        snprintf(world->seen + used, sizeof(world->seen) - used, " %s", request->names[i]);
    }
    if (str_eq(request->path, STR("/later"))) {
        world->kept = exchange;
        return;
    }
    if (str_eq(request->path, STR("/big"))) {
        response.blob = world->big;
    } else if (str_eq(request->path, STR("/copied"))) {
        response.body = blob_view(world->big);
    } else if (str_eq(request->path, STR("/static"))) {
        response.body = blob_view(world->big);
        response.is_static = true;
    } else if (str_eq(request->path, STR("/echo"))) {
        response.body = request->body;
    } else if (str_eq(request->path, STR("/extra"))) {
        response.headers = extra;
    } else if (str_eq(request->path, STR("/close"))) {
        response.close = true;
        http_respond(exchange, &response);
        assert_true(str_eq(request->path, STR("/close"))); /* still borrowed */
        assert_true(request->body.size == 0 || request->body.data[0] == 'b');
        return;
    } else if (str_eq(request->path, STR("/none"))) {
        response = (struct http_response){.status = 204};
    }
    http_respond(exchange, &response);
}

static void on_gone(struct http_exchange *exchange, void *user)
{
    struct world *world = user;
    char peer[64];
    http_exchange_peer(exchange, peer, sizeof(peer));
    assert_string_equal(peer, "gone");
    assert_ptr_equal(exchange, world->kept);
    world->kept = NULL;
    world->gone++;
}

void world_start(struct world *world, struct http_listener_options options)
{
    struct error err = {0};
    world->server = http_server_new(world->loop, handler, on_gone, world);
    world->listener = http_server_listen(world->server, &options, &err);
    assert_string_equal(err.text, "");
    assert_non_null(world->listener);
}

int world_set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    struct error err;
    char *zeros = calloc(1, BIG);
    memset(zeros, 'z', BIG);
    world->big = blob_new((struct str){zeros, BIG});
    free(zeros);
    world->loop = loop_new(&err);
    strcpy(world->folder, "/tmp/outrider-http-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    snprintf(world->path, sizeof(world->path), "%s/http.sock", world->folder);
    *state = world;
    return 0;
}

int world_tear_down(void **state)
{
    struct world *world = *state;
    http_server_free(world->server);
    loop_free(world->loop);
    blob_unref(world->big);
    unlink(world->path);
    rmdir(world->folder);
    free(world);
    return 0;
}

struct client client_dial(struct world *world)
{
    return client_dial_from(world, "127.0.0.1");
}

struct client client_dial_path(struct world *world)
{
    struct client client = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, world->path);
    assert_int_equal(connect(client.fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return client;
}

struct client client_dial_from(struct world *world, const char *source)
{
    struct client client = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(source)};
    assert_int_equal(bind(client.fd, (struct sockaddr *)&from, sizeof(from)), 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons(listening_port(world->listener)),
    };
    assert_int_equal(connect(client.fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return client;
}

void client_hang_up(struct client *client)
{
    close(client->fd);
    buf_fini(&client->in);
}

void client_say(struct client *client, const char *text)
{
    assert_int_equal(send(client->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

void world_turn(struct world *world)
{
    loop_turn_once(world->loop, false);
}

void client_read(struct client *client)
{
    char data[65536];
    ssize_t got;
    while ((got = recv(client->fd, data, sizeof(data), MSG_DONTWAIT)) > 0) {
        buf_add(&client->in, data, (size_t)got);
    }
    client->ended = client->ended || got == 0;
}

void client_hear(struct world *world, struct client *client, const char *mark, size_t count)
{
    for (;;) {
        size_t found = 0;
        client_read(client);
        for (const char *at = buf_text(&client->in); (at = strstr(at, mark)) != NULL; at++) {
            found++;
        }
        if (found >= count) {
            return;
        }
        assert_false(client->ended);
        world_turn(world);
    }
}

void client_hear_end(struct world *world, struct client *client)
{
    while (!client->ended) {
        world_turn(world);
        client_read(client);
    }
}

bool client_heard(const struct client *client, const char *text)
{
    return strstr(buf_text(&client->in), text) != NULL;
}

void world_answer(struct world *world, const char *text)
{
    struct http_exchange *exchange = world->kept;
    world->kept = NULL;
    http_respond(exchange, &(struct http_response){.status = 202, .body = str_of(text)});
}
