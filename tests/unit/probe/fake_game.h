/* A game server on the loop of the test, over UDP or TCP, that does with each request what the test says. */
#ifndef OUTRIDER_TESTS_FAKE_GAME_H
#define OUTRIDER_TESTS_FAKE_GAME_H

#include "outrider/base/str.h"

#include <event2/event_struct.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct fake_game;
struct loop;

/* Called with each datagram, or with the bytes of a connection so far. */
typedef void fake_game_fn(struct fake_game *game, struct str request);

struct fake_game {
    struct loop *loop;
    fake_game_fn *fn;
    int fd; /* -1: closed */
    uint16_t port;
    struct event event;
    int requests;
    struct sockaddr_storage client; /* of the last datagram */
    socklen_t client_size;

    int connection; /* TCP; -1: none */
    struct event connection_event, step_event;
    char received[1024];
    size_t received_size;
    struct str slow; /* what is left to send, a piece every few ms */
    bool endless;    /* begins again at its end */
    struct str whole;
};

/* On a free port of 127.0.0.1, or of ::1. */
void fake_game_udp(struct fake_game *game, struct loop *loop, fake_game_fn *fn, int family);
void fake_game_tcp(struct fake_game *game, struct loop *loop, fake_game_fn *fn);

/* Sends to the client of the last request. */
void fake_game_say(struct fake_game *game, struct str bytes);

/* TCP: sends one byte every `pause_ms`, or all at once and again and again. */
void fake_game_say_slowly(struct fake_game *game, struct str bytes, int pause_ms);
void fake_game_say_forever(struct fake_game *game, struct str bytes);

/* TCP: ends the connection, by a reset where `reset`. */
void fake_game_hang_up(struct fake_game *game, bool reset);

/* Closes everything. */
void fake_game_close(struct fake_game *game);

#endif
