#include "name_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "outrider/io/loop/loop.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER = 12, TYPE_A = 1, TYPE_AAAA = 28, MESSAGE_MAX = 4096, TC = 2 };

struct message {
    uint8_t bytes[MESSAGE_MAX];
    size_t size;
};

static void put(struct message *message, const void *bytes, size_t size)
{
    assert_true(message->size + size <= MESSAGE_MAX);
    memcpy(message->bytes + message->size, bytes, size);
    message->size += size;
}

/* Where the question ends; the name of the first one goes to `server`, with dots. */
static size_t read_question(struct name_server *server, const uint8_t *query, size_t size, unsigned *ret_type)
{
    size_t at = HEADER, used = 0;
    char name[sizeof(server->first_name)] = "";
    while (at < size && query[at] != 0) {
        used += (size_t)snprintf(name + used, sizeof(name) - used, "%s%.*s", used == 0 ? "" : ".", query[at],
                                 (const char *)query + at + 1);
        at += query[at] + 1u;
    }
    assert_true(at + 5 <= size);
    if (server->asked++ == 0) {
        memcpy(server->first_name, name, sizeof(name));
    }
    *ret_type = (unsigned)query[at + 1] << 8 | query[at + 2];
    return at + 5;
}

static void put_addresses(const struct name_server *server, unsigned type, struct message *reply)
{
    unsigned count = type == TYPE_A ? server->v4s : server->v6s;
    for (unsigned i = 1; i <= count; i++) {
        uint8_t size = type == TYPE_A ? 4 : 16;
        uint8_t record[] = {0xc0, HEADER, 0, (uint8_t)type, 0, 1, 0, 0, 0, 5, 0, size};
        uint8_t v4[4] = {127, 0, 0, (uint8_t)(server->number - 1 + i)};
        uint8_t v6[16] = {0xfd, [13] = (uint8_t)server->number, [15] = (uint8_t)i};
        put(reply, record, sizeof(record));
        put(reply, type == TYPE_A ? v4 : v6, size);
    }
    reply->bytes[7] = (uint8_t)count;
}

/* Returns false where the mode sends nothing. */
static bool make_reply(struct name_server *server, const uint8_t *query, size_t size, bool udp,
                       struct message *reply)
{
    static const uint8_t rcodes[] = {
        [NAME_SERVER_REFUSES] = 5, [NAME_SERVER_FAILS] = 2, [NAME_SERVER_NO_SUCH_NAME] = 3};
    unsigned type;
    size_t end = read_question(server, query, size, &type);
    *reply = (struct message){0};
    put(reply, query, end);
    reply->bytes[2] = 0x81;
    reply->bytes[3] = 0x80;
    memset(reply->bytes + 6, 0, 6);
    switch (server->mode) {
    case NAME_SERVER_SILENT: return false;
    case NAME_SERVER_REFUSES:
    case NAME_SERVER_FAILS:
    case NAME_SERVER_NO_SUCH_NAME: reply->bytes[3] |= rcodes[server->mode]; return true;
    case NAME_SERVER_NO_ADDRESS: return true;
    case NAME_SERVER_SWALLOWS_AAAA:
        if (type == TYPE_AAAA) {
            return false;
        }
        break;
    case NAME_SERVER_SWALLOWS_A:
        if (type == TYPE_A) {
            return false;
        }
        break;
    case NAME_SERVER_GARBAGE:
        reply->bytes[7] = 3;
        put(reply, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 13);
        return true;
    case NAME_SERVER_WRONG_ID: reply->bytes[0] ^= 0x55; break;
    case NAME_SERVER_WRONG_NAME: reply->bytes[HEADER + 1] = 'x'; break;
    case NAME_SERVER_TRUNCATES:
        if (udp) {
            reply->bytes[2] |= TC;
            return true;
        }
        break;
    case NAME_SERVER_CUT:
    case NAME_SERVER_ANSWERS: break;
    }
    put_addresses(server, type, reply);
    reply->size -= server->mode == NAME_SERVER_CUT && reply->bytes[7] > 0 ? 2 : 0;
    return true;
}

static void on_datagram(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    uint8_t query[600];
    struct message reply;
    struct sockaddr_in from;
    socklen_t from_size = sizeof(from);
    ssize_t size = recvfrom(fd, query, sizeof(query), 0, (struct sockaddr *)&from, &from_size);
    if (size > HEADER && make_reply(user, query, (size_t)size, true, &reply)) {
        (void)!sendto(fd, reply.bytes, reply.size, 0, (struct sockaddr *)&from, from_size);
    }
}

static void close_connection(struct name_server_connection *connection)
{
    if (connection->server != NULL) {
        event_del(&connection->event);
        close(connection->fd);
        connection->server = NULL;
    }
}

/* Every message comes whole: a question is smaller than a segment. */
static void on_stream(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    struct name_server_connection *connection = user;
    uint8_t query[600], length[2];
    struct message reply;
    if (recv(fd, length, sizeof(length), MSG_DONTWAIT) != sizeof(length)) {
        close_connection(connection);
        return;
    }
    size_t size = (size_t)length[0] << 8 | length[1];
    assert_true(size <= sizeof(query) && recv(fd, query, size, MSG_DONTWAIT) == (ssize_t)size);
    if (make_reply(connection->server, query, size, false, &reply)) {
        length[0] = (uint8_t)(reply.size >> 8);
        length[1] = (uint8_t)reply.size;
        assert_int_equal(send(fd, length, sizeof(length), MSG_NOSIGNAL), sizeof(length));
        assert_int_equal(send(fd, reply.bytes, reply.size, MSG_NOSIGNAL), reply.size);
    }
}

static void on_connection(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    struct name_server *server = user;
    struct name_server_connection *connection = server->connections;
    while (connection->server != NULL) {
        connection++;
        assert_true(connection < server->connections + NAME_SERVER_CONNECTIONS);
    }
    connection->fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    assert_true(connection->fd >= 0);
    connection->server = server;
    event_assign(&connection->event, event_get_base(&server->tcp_event), connection->fd, EV_READ | EV_PERSIST,
                 on_stream, connection);
    event_add(&connection->event, NULL);
}

static int open_socket(unsigned number, int type, uint16_t port)
{
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_port = htons(port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + number)};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0 || (type == SOCK_STREAM && listen(fd, 8) < 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

static uint16_t port_of(const struct name_server *server)
{
    struct sockaddr_in name;
    socklen_t size = sizeof(name);
    assert_int_equal(getsockname(server->udp, (struct sockaddr *)&name, &size), 0);
    return ntohs(name.sin_port);
}

static bool open_server(struct name_server *server, struct loop *loop, unsigned number, uint16_t port)
{
    *server = (struct name_server){.number = number, .v4s = 1};
    server->udp = open_socket(number, SOCK_DGRAM, port);
    server->tcp = server->udp < 0 ? -1 : open_socket(number, SOCK_STREAM, port_of(server));
    if (server->tcp < 0) {
        close(server->udp);
        server->udp = -1;
        return false;
    }
    struct event_base *base = loop_base(loop);
    event_assign(&server->udp_event, base, server->udp, EV_READ | EV_PERSIST, on_datagram, server);
    event_assign(&server->tcp_event, base, server->tcp, EV_READ | EV_PERSIST, on_connection, server);
    event_add(&server->udp_event, NULL);
    event_add(&server->tcp_event, NULL);
    return true;
}

uint16_t name_servers_open(struct name_server *servers, unsigned count, struct loop *loop)
{
    unsigned open = 0;
    for (unsigned attempt = 0; open < count && attempt < 100 * count; attempt++) {
        if (open_server(&servers[open], loop, open + 1, open == 0 ? 0 : port_of(&servers[0]))) {
            open++;
            continue;
        }
        while (open > 0) { /* another program has the port: from the beginning */
            name_server_close(&servers[--open]);
        }
    }
    assert_int_equal(open, count);
    return port_of(&servers[0]);
}

void name_server_close(struct name_server *server)
{
    for (size_t i = 0; i < NAME_SERVER_CONNECTIONS; i++) {
        close_connection(&server->connections[i]);
    }
    if (server->udp >= 0) {
        event_del(&server->udp_event);
        event_del(&server->tcp_event);
        close(server->udp);
        close(server->tcp);
        server->udp = server->tcp = -1;
    }
}
