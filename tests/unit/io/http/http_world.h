/* An HTTP server on a loop, what its handler saw, and clients with plain sockets. */
#ifndef OUTRIDER_TEST_HTTP_WORLD_H
#define OUTRIDER_TEST_HTTP_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/io/http/server/http_server.h"

#include <stdbool.h>

enum { BIG = 8 << 20 };

struct world {
    struct loop *loop;
    struct http_server *server;
    struct http_listener *listener;
    char folder[32], path[64];
    struct blob *big;
    struct http_exchange *kept; /* of /later */
    const void *policy;         /* of the last request's listener */
    size_t handled;
    size_t gone;    /* exchanges that were kept */
    char seen[512]; /* the last request */
};

struct client {
    int fd;
    struct buf in;
    bool ended;
};

/* For cmocka: a world without a server in *state. */
int world_set_up(void **state);
int world_tear_down(void **state);

/* Starts the server; its handler replies at once, but keeps the exchange of /later. */
void world_start(struct world *world, struct http_listener_options options);

/* Replies to the kept exchange. */
void world_answer(struct world *world, const char *text);

/* Turns the loop once, without waiting. */
void world_turn(struct world *world);

/* A blocking connection to the server's port, ended with client_hang_up. */
struct client client_dial(struct world *world);
struct client client_dial_from(struct world *world, const char *source); /* "127.0.0.2" */
struct client client_dial_path(struct world *world);                     /* the unix socket at world->path */
void client_hang_up(struct client *client);

/* Sends all of `text`. */
void client_say(struct client *client, const char *text);

/* Reads what has arrived. */
void client_read(struct client *client);

/* Turns the loop until `mark` has arrived `count` times, or until the server ends the connection. */
void client_hear(struct world *world, struct client *client, const char *mark, size_t count);
void client_hear_end(struct world *world, struct client *client);

/* Whether `text` is in what has arrived. */
bool client_heard(const struct client *client, const char *text);

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

#endif
