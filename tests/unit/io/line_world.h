/* A line socket in a temporary directory, with handlers that record what they receive and reply to a few words: "quit"
 * closes, "hold" holds, "keep" does and keeps places for the process, "process" watches the process of the peer, "big" gets
 * 1000 bytes, "silent" nothing, every other line "OK line". */
#ifndef OUTRIDER_TEST_LINE_WORLD_H
#define OUTRIDER_TEST_LINE_WORLD_H

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/io/line/line_socket.h"
#include "outrider/io/loop/loop.h"
#include "support/temp_dir.h"

#include <stdbool.h>
#include <stddef.h>

struct line_world {
    struct temp_dir dir;
    struct loop *loop;
    struct line_socket *socket;
    struct line_socket_options options; /* of the next line_world_open; the path is "sock" in the directory */
    struct error err;
    struct buf received;    /* "[line]" for each, "!" for an overlong one, "x" for a close,
                             * "e" for the end of a process */
    struct line_peer *last; /* of the last line */
};

/* cmocka set-up: a world as *state, nothing open yet. */
int line_world_setup(void **state);

/* cmocka tear-down. */
int line_world_teardown(void **state);

/* Opens the socket with world->options; false with world->err set. */
bool line_world_open(struct line_world *world);

/* A client's descriptor, connected; non-blocking. */
int line_world_connect(struct line_world *world);

/* Sends text as one write. */
void line_world_send(int fd, const char *text);

/* Turns the loop without waiting, often enough for what was sent to be handled and answered. */
void line_world_turn(struct line_world *world);

/* Turns, and asserts exactly these calls of handlers since the last call. */
void line_world_expect(struct line_world *world, const char *expected);

/* Turns, and asserts that exactly this can be read now and that the connection is still open. */
void line_world_read(struct line_world *world, int fd, const char *expected);

/* Turns, and asserts that only the end of the stream can be read. */
void line_world_eof(struct line_world *world, int fd);

/* The connected peers. */
size_t line_world_peers(const struct line_world *world);

#endif
