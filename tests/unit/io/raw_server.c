#include "raw_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void must(bool ok, const char *what)
{
    if (!ok) {
        perror(what);
        abort();
    }
}

void raw_server_init(struct raw_server *server)
{
    *server = (struct raw_server){.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"};
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    must(server->fd >= 0, "socket");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    must(bind(server->fd, (struct sockaddr *)&address, size) == 0, "bind");
    must(listen(server->fd, 64) == 0, "listen");
    must(getsockname(server->fd, (struct sockaddr *)&address, &size) == 0, "getsockname");
    server->port = ntohs(address.sin_port);
}

static void connection_end(struct raw_server *server, size_t index)
{
    close(server->connections[index].fd);
    buf_fini(&server->connections[index].in);
    server->connections[index] = server->connections[--server->count];
}

/* Bytes of the first request in `in`, or 0 when it is not complete. */
static size_t request_size(const struct buf *in)
{
    const char *text = buf_text(in);
    const char *end = strstr(text, "\r\n\r\n");
    if (end == NULL) {
        return 0;
    }
    const char *length = strcasestr(text, "content-length:");
    size_t body = length != NULL && length < end ? strtoul(length + 15, NULL, 10) : 0;
    size_t size = (size_t)(end - text) + 4 + body;
    return in->size >= size ? size : 0;
}

/* Whether the connection is still there. */
static bool act(struct raw_server *server, size_t index)
{
    int fd = server->connections[index].fd;
    if (server->act == RAW_SILENT) {
        return true;
    }
    size_t size = strlen(server->answer);
    must(send(fd, server->answer, size, MSG_NOSIGNAL) == (ssize_t)size, "send");
    if (server->act == RAW_ANSWER) {
        return true;
    }
    if (server->act == RAW_ANSWER_RESET) {
        struct linger hard = {1, 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    }
    connection_end(server, index);
    return false;
}

/* Whether the connection is still there. */
static bool connection_step(struct raw_server *server, size_t index)
{
    struct raw_connection *connection = &server->connections[index];
    char data[4096];
    ssize_t got;
    while ((got = recv(connection->fd, data, sizeof(data), 0)) > 0) {
        buf_add(&connection->in, data, (size_t)got);
    }
    for (size_t size; (size = request_size(&connection->in)) > 0;) {
        server->requests++;
        buf_clear(&server->last_request);
        buf_add(&server->last_request, connection->in.data, size);
        buf_consume(&connection->in, size);
        if (!act(server, index)) {
            return false;
        }
    }
    if (got == 0) {
        server->closed_by_peer++;
        connection_end(server, index);
        return false;
    }
    return true;
}

void raw_server_step(struct raw_server *server)
{
    int fd;
    while ((fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        must(server->count < COUNT_OF(server->connections), "too many connections");
        server->connections[server->count++] = (struct raw_connection){.fd = fd};
        server->accepted++;
    }
    for (size_t i = 0; i < server->count;) {
        i += connection_step(server, i) ? 1 : 0;
    }
}

void raw_server_drop(struct raw_server *server)
{
    while (server->count > 0) {
        connection_end(server, 0);
    }
}

void raw_server_fini(struct raw_server *server)
{
    raw_server_drop(server);
    close(server->fd);
    buf_fini(&server->last_request);
}

const char *raw_server_url(const struct raw_server *server)
{
    static char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/path", server->port);
    return url;
}
