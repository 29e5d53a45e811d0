/* A small server that speaks the protocol of Redis as its test wants, stepped by the test: everything happens in one thread. */
#ifndef OUTRIDER_TEST_FAKE_REDIS_H
#define OUTRIDER_TEST_FAKE_REDIS_H

#include "outrider/base/buf.h"
#include "outrider/codec/redis/redis_reply.h"

#include <stdbool.h>
#include <stdint.h>

enum { FAKE_CONNECTIONS = 16 };

struct fake_connection {
    int fd; /* -1: none */
    struct redis_decoder *decoder;
    struct buf out;
    bool close_after; /* when `out` is sent */
};

struct fake_redis;

/* Answers `request`, an array of strings, by appending to `connection->out`. */
typedef void fake_answer_fn(struct fake_redis *fake, struct fake_connection *connection,
                            const struct redis_reply *request);

struct fake_redis {
    int fd;
    uint16_t port;
    fake_answer_fn *answer;
    const char *greeting; /* sent unasked to each connection, which is closed then; NULL: none */
    size_t write_at_once; /* bytes of each step; 0: all */
    struct fake_connection connections[FAKE_CONNECTIONS];
    size_t accepted, requests;
    struct buf seen; /* the requests but HELLO, a line each */
};

/* Listens on 127.0.0.1. Port 0: a free one. */
void fake_redis_init(struct fake_redis *fake, fake_answer_fn *answer);
void fake_redis_step(struct fake_redis *fake);

/* Closes the connections and goes on listening. */
void fake_redis_drop(struct fake_redis *fake);
void fake_redis_fini(struct fake_redis *fake);

/* The first argument of a request is `word`, whatever its case. */
bool fake_is(const struct redis_reply *request, const char *word);

/* Answers HELLO as a server of `mode` ("standalone", "sentinel", "cluster") with `role`. */
void fake_hello(struct fake_connection *connection, const char *mode, const char *role);

#endif
