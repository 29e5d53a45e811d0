#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "line_world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void on_line(struct line_peer *peer, struct str line, void *user)
{
    struct line_world *world = user;
    world->last = peer;
    buf_printf(&world->received, "[%.*s]", STR_ARG(line));
    if (str_eq(line, STR("quit"))) {
        line_peer_reply(peer, STR("BYE"));
        line_peer_close(peer);
        line_peer_reply(peer, STR("never sent"));
    } else if (str_eq(line, STR("hold"))) {
        peer->held = true;
        line_peer_reply(peer, STR("HELD"));
    } else if (str_eq(line, STR("keep"))) {
        peer->held = true;
        line_peer_keep(peer);
        line_peer_reply(peer, STR("KEPT"));
    } else if (str_eq(line, STR("process"))) {
        bool watched = line_peer_watch_process(peer, &world->err) == 0;
        line_peer_reply(peer, watched ? STR("WATCHED") : STR("NOT WATCHED"));
    } else if (str_eq(line, STR("big"))) {
        char big[1000];
        memset(big, 'b', sizeof(big));
        line_peer_reply(peer, (struct str){big, sizeof(big)});
    } else if (!str_eq(line, STR("silent"))) {
        struct buf reply = {0};
        buf_str(&reply, STR("OK "));
        buf_str(&reply, line);
        line_peer_reply(peer, buf_view(&reply));
        buf_fini(&reply);
    }
}

static void on_overlong(struct line_peer *peer, void *user)
{
    struct line_world *world = user;
    buf_str(&world->received, STR("!"));
    line_peer_reply(peer, STR("ERR too-long"));
}

static void on_close(struct line_peer *peer, void *user)
{
    struct line_world *world = user;
    buf_str(&world->received, STR("x"));
    /* allowed until on_close returns, without effect */
    line_peer_reply(peer, STR("never sent"));
    line_peer_close(peer);
    world->last = world->last == peer ? NULL : world->last;
}

static void on_exit_of_peer(struct line_peer *peer, void *user)
{
    struct line_world *world = user;
    (void)peer;
    buf_str(&world->received, STR("e"));
}

int line_world_setup(void **state)
{
    struct line_world *world = calloc(1, sizeof(*world));
    if (world == NULL || temp_dir_init(&world->dir) < 0) {
        return -1;
    }
    world->loop = loop_new(&world->err);
    world->options =
        (struct line_socket_options){.place = {.mode = 0660, .gid = (gid_t)-1, .inherited_fd = -1}};
    *state = world;
    return world->loop == NULL ? -1 : 0;
}

int line_world_teardown(void **state)
{
    struct line_world *world = *state;
    line_socket_free(world->socket);
    loop_free(world->loop);
    buf_fini(&world->received);
    int rc = temp_dir_fini(&world->dir);
    free(world);
    return rc;
}

bool line_world_open(struct line_world *world)
{
    static const struct line_socket_handlers handlers = {on_line, on_overlong, on_close, on_exit_of_peer};
    if (world->options.place.path == NULL) {
        world->options.place.path = temp_path(&world->dir, "sock");
    }
    world->socket = line_socket_new(world->loop, &world->options, &handlers, world, &world->err);
    world->options.place.path = NULL;
    return world->socket != NULL;
}

int line_world_connect(struct line_world *world)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, temp_path(&world->dir, "sock"));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

void line_world_send(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

void line_world_turn(struct line_world *world)
{
    for (int i = 0; i < 8; i++) {
        loop_turn_once(world->loop, false);
    }
}

void line_world_expect(struct line_world *world, const char *expected)
{
    line_world_turn(world);
    assert_string_equal(buf_text(&world->received), expected);
    buf_clear(&world->received);
}

void line_world_read(struct line_world *world, int fd, const char *expected)
{
    line_world_turn(world);
    char bytes[4096];
    struct buf got = {0};
    ssize_t size;
    while ((size = recv(fd, bytes, sizeof(bytes), 0)) > 0) {
        buf_add(&got, bytes, (size_t)size);
    }
    assert_true(size < 0 && errno == EAGAIN);
    assert_string_equal(buf_text(&got), expected);
    buf_fini(&got);
}

void line_world_eof(struct line_world *world, int fd)
{
    line_world_turn(world);
    char byte;
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
}

size_t line_world_peers(const struct line_world *world)
{
    size_t count = 0;
    for (const struct line_peer *peer = world->socket->first; peer != NULL; peer = peer->next) {
        count++;
    }
    return count;
}
