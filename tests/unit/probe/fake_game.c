#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_game.h"

#include "outrider/io/loop/loop.h"
#include "outrider/io/net/address.h"

#include <event2/event.h>
#include <sys/socket.h>
#include <unistd.h>

static void listen_on(struct fake_game *game, struct loop *loop, fake_game_fn *fn, int family, int type)
{
    *game = (struct fake_game){.loop = loop, .fn = fn, .connection = -1};
    struct sockaddr_storage address = {.ss_family = (sa_family_t)family};
    if (family == AF_INET) {
        ((struct sockaddr_in *)&address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else {
        ((struct sockaddr_in6 *)&address)->sin6_addr = in6addr_loopback;
    }
    socklen_t size = address_size(&address);
    game->fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(game->fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(game->fd, (struct sockaddr *)&address, &size), 0);
    game->port = address_port(&address);
}

static void on_datagram(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    struct fake_game *game = user;
    char bytes[2048];
    game->client_size = sizeof(game->client);
    ssize_t got = recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&game->client, &game->client_size);
    assert_true(got >= 0);
    game->requests++;
    game->fn(game, (struct str){bytes, (size_t)got});
}

void fake_game_udp(struct fake_game *game, struct loop *loop, fake_game_fn *fn, int family)
{
    listen_on(game, loop, fn, family, SOCK_DGRAM);
    event_assign(&game->event, loop_base(loop), game->fd, EV_READ | EV_PERSIST, on_datagram, game);
    event_add(&game->event, NULL);
}

static void on_bytes(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    struct fake_game *game = user;
    ssize_t got =
        recv(fd, game->received + game->received_size, sizeof(game->received) - game->received_size, 0);
    if (got <= 0) {
        fake_game_hang_up(game, false);
        return;
    }
    game->requests++;
    game->received_size += (size_t)got;
    game->fn(game, (struct str){game->received, game->received_size});
}

static void on_connection(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    struct fake_game *game = user;
    fake_game_hang_up(game, false);
    game->connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_true(game->connection >= 0);
    game->received_size = 0;
    event_assign(&game->connection_event, loop_base(game->loop), game->connection, EV_READ | EV_PERSIST,
                 on_bytes, game);
    event_add(&game->connection_event, NULL);
}

void fake_game_tcp(struct fake_game *game, struct loop *loop, fake_game_fn *fn)
{
    listen_on(game, loop, fn, AF_INET, SOCK_STREAM);
    assert_int_equal(listen(game->fd, 4), 0);
    event_assign(&game->event, loop_base(loop), game->fd, EV_READ | EV_PERSIST, on_connection, game);
    event_add(&game->event, NULL);
}

void fake_game_say(struct fake_game *game, struct str bytes)
{
    ssize_t sent = game->connection >= 0 ? send(game->connection, bytes.data, bytes.size, MSG_NOSIGNAL)
                                         : sendto(game->fd, bytes.data, bytes.size, 0,
                                                  (struct sockaddr *)&game->client, game->client_size);
    assert_int_equal(sent, bytes.size);
}

static void on_step(evutil_socket_t fd, short what, void *user)
{
    (void)fd, (void)what;
    struct fake_game *game = user;
    size_t size = game->endless ? game->slow.size : 1;
    ssize_t sent = game->slow.size == 0 || game->connection < 0
                       ? 0
                       : send(game->connection, game->slow.data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
        game->slow.data += sent;
        game->slow.size -= (size_t)sent;
    }
    if (game->endless && game->slow.size == 0) {
        game->slow = game->whole;
    }
}

static void step_every(struct fake_game *game, struct str bytes, int pause_ms)
{
    struct timeval pause = {.tv_usec = 1000 * pause_ms};
    game->whole = game->slow = bytes;
    event_assign(&game->step_event, loop_base(game->loop), -1, EV_PERSIST, on_step, game);
    event_add(&game->step_event, &pause);
}

void fake_game_say_slowly(struct fake_game *game, struct str bytes, int pause_ms)
{
    step_every(game, bytes, pause_ms);
}

void fake_game_say_forever(struct fake_game *game, struct str bytes)
{
    game->endless = true;
    step_every(game, bytes, 1);
}

void fake_game_hang_up(struct fake_game *game, bool reset)
{
    if (game->connection < 0) {
        return;
    }
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    if (reset) {
        setsockopt(game->connection, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    }
    event_del(&game->connection_event);
    if (game->whole.size > 0) {
        event_del(&game->step_event);
        game->whole = game->slow = (struct str){NULL, 0};
    }
    close(game->connection);
    game->connection = -1;
}

void fake_game_close(struct fake_game *game)
{
    fake_game_hang_up(game, false);
    if (game->fd >= 0) {
        event_del(&game->event);
        close(game->fd);
        game->fd = -1;
    }
}
