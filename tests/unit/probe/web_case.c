#include "web_case.h"

#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/resolver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PREFACE_SIZE = 24, FRAME_HEAD = 9 };

struct web_server web_server;
struct probe_context web_context;
static struct probe_clients clients;

static void server_open(struct web_server *server)
{
    *server = (struct web_server){.reply = web_reply_text,
                                  .text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"};
    for (size_t i = 0; i < COUNT_OF(server->connections); i++) {
        server->connections[i] = (struct web_connection){.server = server, .fd = -1};
    }
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    assert_int_equal(bind(server->fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(server->fd, 16), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &size), 0);
    server->port = ntohs(address.sin_port);
}

void web_close(struct web_connection *connection)
{
    if (connection->fd >= 0) {
        close(connection->fd);
        buf_fini(&connection->in);
        *connection = (struct web_connection){.server = connection->server, .fd = -1};
    }
}

void web_send(struct web_connection *connection, struct str bytes)
{
    ssize_t sent = send(connection->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
    assert_int_equal(sent, bytes.size);
}

void web_reply_text(struct web_connection *connection, uint32_t stream)
{
    (void)stream;
    web_send(connection, str_of(connection->server->text));
}

void web_reply_close(struct web_connection *connection, uint32_t stream)
{
    web_reply_text(connection, stream);
    web_close(connection);
}

void web_reply_reset(struct web_connection *connection, uint32_t stream)
{
    struct linger hard = {1, 0};
    web_reply_text(connection, stream);
    setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    web_close(connection);
}

/* ---- requests ---- */

static bool take_http1(struct web_connection *connection, uint32_t *ret_stream)
{
    const char *end = strstr(buf_text(&connection->in), "\r\n\r\n");
    *ret_stream = 0;
    if (end != NULL) {
        size_t size = (size_t)(end - connection->in.data) + 4;
        buf_clear(&web_server.last);
        buf_add(&web_server.last, connection->in.data, size);
        buf_consume(&connection->in, size);
    }
    return end != NULL;
}

/* A request of HTTP/2 ends with a frame of DATA that has END_STREAM. */
static bool take_http2(struct web_connection *connection, uint32_t *ret_stream)
{
    struct buf *in = &connection->in;
    if (!connection->has_preface && in->size >= PREFACE_SIZE) {
        buf_consume(in, PREFACE_SIZE);
        connection->has_preface = true;
    }
    while (connection->has_preface && in->size >= FRAME_HEAD) {
        const uint8_t *head = (const uint8_t *)in->data;
        size_t size = FRAME_HEAD + ((size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2]);
        bool ends = head[3] == 0 && (head[4] & 1) != 0;
        if (in->size < size) {
            return false;
        }
        *ret_stream = (uint32_t)head[7] << 8 | head[8];
        if (ends) {
            buf_clear(&web_server.last);
            buf_add(&web_server.last, in->data + FRAME_HEAD, size - FRAME_HEAD);
        }
        buf_consume(in, size);
        if (ends) {
            return true;
        }
    }
    return false;
}

static void connection_step(struct web_connection *connection)
{
    char data[4096];
    ssize_t got;
    uint32_t stream;
    while ((got = recv(connection->fd, data, sizeof(data), 0)) > 0) {
        buf_add(&connection->in, data, (size_t)got);
    }
    while (connection->fd >= 0 &&
           (web_server.is_http2 ? take_http2(connection, &stream) : take_http1(connection, &stream))) {
        connection->requests++;
        web_server.requests++;
        web_server.reply(connection, stream);
    }
    if (connection->fd >= 0 && connection->drip.size > 0) {
        send(connection->fd, connection->drip.data, 1, MSG_NOSIGNAL);
        connection->drip.data++;
        connection->drip.size--;
    }
    for (ssize_t sent = 1; connection->fd >= 0 && connection->endless.size > 0 && sent > 0;) {
        sent = send(connection->fd, connection->endless.data, connection->endless.size, MSG_NOSIGNAL);
        connection->sent += sent > 0 ? (uint64_t)sent : 0;
    }
    if (got == 0) {
        web_close(connection);
    }
}

static void accept_one(int fd)
{
    for (size_t i = 0; i < COUNT_OF(web_server.connections); i++) {
        struct web_connection *connection = &web_server.connections[i];
        if (connection->fd < 0) {
            connection->fd = fd;
            web_server.accepted++;
            if (web_server.greet != NULL) {
                web_server.greet(connection, 0);
            }
            return;
        }
    }
    fail_msg("too many connections");
}

void web_step(void)
{
    int fd;
    while ((fd = accept4(web_server.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        accept_one(fd);
    }
    for (size_t i = 0; i < COUNT_OF(web_server.connections); i++) {
        if (web_server.connections[i].fd >= 0) {
            connection_step(&web_server.connections[i]);
        }
    }
    loop_turn_once(web_context.loop, false);
    usleep(100);
}

/* ---- attempts ---- */

int web_setup(void **state)
{
    (void)state;
    struct error err;
    struct loop *loop = loop_new(&err);
    if (loop == NULL) {
        return -1;
    }
    web_context =
        (struct probe_context){.loop = loop, .resolver = resolver_new(loop, NULL), .clients = &clients};
    server_open(&web_server);
    return 0;
}

int web_teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(web_server.connections); i++) {
        web_close(&web_server.connections[i]);
    }
    close(web_server.fd);
    buf_fini(&web_server.last);
    probe_clients_fini(&clients);
    resolver_free(web_context.resolver);
    loop_free(web_context.loop);
    return 0;
}

struct try_result web_try_host(const struct config_probe *probe, const char *host)
{
    struct try_result result = {0};
    assert_non_null(probe_driver_for(probe->type)->start(&web_context, host, probe, try_done, &result));
    assert_int_equal(result.calls, 0);
    while (result.calls == 0) {
        web_step();
    }
    loop_turn_once(web_context.loop, false);
    assert_int_equal(result.calls, 1);
    assert_true(result.duration_us >= 0);
    return result;
}

static void ignore_result(const struct probe_result *result, void *user)
{
    (void)result;
    (void)user;
    fail_msg("called");
}

void web_reply_nothing(struct web_connection *connection, uint32_t stream)
{
    (void)connection;
    (void)stream;
}

void web_assert_cancels(struct config_probe *probe)
{
    const struct probe_driver *driver = probe_driver_for(probe->type);
    probe->port = web_server.port;
    driver->cancel(driver->start(&web_context, "127.0.0.1", probe, ignore_result, NULL));
    struct probe_try *running = driver->start(&web_context, "127.0.0.1", probe, ignore_result, NULL);
    web_server.reply = web_reply_nothing;
    while (web_server.requests == 0) {
        web_step();
    }
    driver->cancel(running);
    driver->cancel(NULL);
    for (int i = 0; i < 10; i++) {
        web_step();
    }
}

struct try_result web_try(struct config_probe *probe)
{
    probe->port = web_server.port;
    return web_try_host(probe, "127.0.0.1");
}

void web_assert(const struct try_result *result, enum probe_outcome outcome, const char *detail)
{
    assert_string_equal(result->detail, detail);
    assert_int_equal(result->outcome, outcome);
}
