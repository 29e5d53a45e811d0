/* A small server for tests: it counts connections and handles each request as `act` says. The test steps it, so
 * that everything happens in one thread and in a known order. */
#ifndef OUTRIDER_TEST_RAW_SERVER_H
#define OUTRIDER_TEST_RAW_SERVER_H

#include "outrider/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum raw_act {
    RAW_ANSWER,       /* send `answer` and keep the connection */
    RAW_ANSWER_CLOSE, /* send `answer`, then FIN */
    RAW_ANSWER_RESET, /* send `answer`, then RST */
    RAW_SILENT,       /* read and send nothing */
};

struct raw_connection {
    int fd;
    struct buf in;
};

struct raw_server {
    int fd;
    uint16_t port;
    enum raw_act act;
    const char *answer;
    size_t accepted, requests, closed_by_peer;
    struct buf last_request;
    struct raw_connection connections[32];
    size_t count;
};

/* Listens on 127.0.0.1, a free port. */
void raw_server_init(struct raw_server *server);

/* Accepts, reads and acts, without blocking. */
void raw_server_step(struct raw_server *server);

/* Closes the connections and keeps listening. */
void raw_server_drop(struct raw_server *server);

/* Closes everything. */
void raw_server_fini(struct raw_server *server);

/* "http://127.0.0.1:PORT/path", valid until the next call. */
const char *raw_server_url(const struct raw_server *server);

#endif
