#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_redis.h"

#include "outrider/base/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_MAX = 1 << 20 };

void fake_redis_init(struct fake_redis *fake, fake_answer_fn *answer)
{
    *fake = (struct fake_redis){.answer = answer};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    fake->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(fake->fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fake->fd, FAKE_CONNECTIONS), 0);
    assert_int_equal(getsockname(fake->fd, (struct sockaddr *)&address, &size), 0);
    fake->port = ntohs(address.sin_port);
    for (size_t i = 0; i < FAKE_CONNECTIONS; i++) {
        fake->connections[i].fd = -1;
    }
}

static void drop(struct fake_connection *connection)
{
    if (connection->fd >= 0) {
        close(connection->fd);
        redis_decoder_free(connection->decoder);
        buf_fini(&connection->out);
        *connection = (struct fake_connection){.fd = -1};
    }
}

static void accept_all(struct fake_redis *fake)
{
    for (int fd; (fd = accept4(fake->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0;) {
        size_t i = 0;
        while (i < FAKE_CONNECTIONS && fake->connections[i].fd >= 0) {
            i++;
        }
        assert_true(i < FAKE_CONNECTIONS);
        struct fake_connection *connection = &fake->connections[i];
        connection->fd = fd;
        connection->decoder = redis_decoder_new(REQUEST_MAX);
        fake->accepted++;
        if (fake->greeting != NULL) {
            buf_str(&connection->out, str_of(fake->greeting));
            connection->close_after = true;
        }
    }
}

static void take(struct fake_redis *fake, struct fake_connection *connection)
{
    const struct redis_reply *request = NULL;
    struct error err;
    while (redis_decoder_next(connection->decoder, &err, &request) > 0) {
        if (!fake_is(request, "HELLO")) {
            fake->requests++;
            for (size_t i = 0; i < request->count; i++) {
                buf_printf(&fake->seen, i == 0 ? "%.*s" : " %.*s", STR_ARG(redis_text(&request->items[i])));
            }
            buf_printf(&fake->seen, "\n");
        }
        fake->answer(fake, connection, request);
    }
}

static void step_connection(struct fake_redis *fake, struct fake_connection *connection)
{
    char bytes[65536];
    ssize_t size = recv(connection->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (size == 0 || (size < 0 && errno != EAGAIN)) {
        drop(connection);
        return;
    }
    if (size > 0) {
        redis_decoder_feed(connection->decoder, (struct str){bytes, (size_t)size});
        take(fake, connection);
    }
    size_t most = fake->write_at_once == 0 ? connection->out.size : fake->write_at_once;
    most = most < connection->out.size ? most : connection->out.size;
    ssize_t sent =
        most == 0 ? 0 : send(connection->fd, connection->out.data, most, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
        buf_consume(&connection->out, (size_t)sent);
    }
    if (connection->close_after && connection->out.size == 0) {
        drop(connection);
    }
}

void fake_redis_step(struct fake_redis *fake)
{
    accept_all(fake);
    for (size_t i = 0; i < FAKE_CONNECTIONS; i++) {
        if (fake->connections[i].fd >= 0) {
            step_connection(fake, &fake->connections[i]);
        }
    }
}

void fake_redis_drop(struct fake_redis *fake)
{
    for (size_t i = 0; i < FAKE_CONNECTIONS; i++) {
        drop(&fake->connections[i]);
    }
}

void fake_redis_fini(struct fake_redis *fake)
{
    fake_redis_drop(fake);
    buf_fini(&fake->seen);
    close(fake->fd);
}

bool fake_is(const struct redis_reply *request, const char *word)
{
    return str_eq_nocase(redis_text(redis_item(request, 0)), str_of(word));
}

void fake_hello(struct fake_connection *connection, const char *mode, const char *role)
{
    buf_printf(
        &connection->out,
        "*6\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$4\r\nmode\r\n$%zu\r\n%s\r\n$4\r\nrole\r\n$%zu\r\n%s\r\n",
        strlen(mode), mode, strlen(role), role);
}
