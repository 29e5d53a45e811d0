/* Attempts of the drivers that speak HTTP, and a server on plain sockets that does with each request what the test says. Both are
 * stepped in one thread. */
#ifndef OUTRIDER_TESTS_WEB_CASE_H
#define OUTRIDER_TESTS_WEB_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "try_case.h"

#include "outrider/base/buf.h"
#include "outrider/probe/driver.h"

#include <stdbool.h>

struct web_server;

struct web_connection {
    struct web_server *server;
    int fd; /* -1: closed */
    struct buf in;
    struct str drip;    /* sent a byte at a time */
    struct str endless; /* sent again and again */
    uint64_t sent;      /* bytes of `endless` */
    unsigned requests;  /* so far */
    bool has_preface;   /* of HTTP/2 */
};

/* Answers a request; `stream` is that of HTTP/2, 0 otherwise. */
typedef void web_reply_fn(struct web_connection *connection, uint32_t stream);

struct web_server {
    int fd;
    uint16_t port;
    bool is_http2;
    web_reply_fn *reply;
    web_reply_fn *greet; /* a new connection; NULL: nothing is sent before a request */
    const char *text;    /* for web_reply_text */
    struct web_connection connections[16];
    size_t accepted, requests;
    struct buf last; /* the last request */
};

extern struct web_server web_server;
extern struct probe_context web_context;

/* setup and teardown of a test: a loop, no clients yet, a server. */
int web_setup(void **state);
int web_teardown(void **state);

/* One attempt, until it has ended. `probe` is sent to the server of the test. */
struct try_result web_try(struct config_probe *probe);
struct try_result web_try_host(const struct config_probe *probe, const char *host);

/* An attempt that is cancelled before its request, one that is cancelled after it, and none: no callback is made. */
void web_assert_cancels(struct config_probe *probe);

/* One step of the server and a turn of the loop. */
void web_step(void);

void web_assert(const struct try_result *result, enum probe_outcome outcome, const char *detail);

/* Replies with web_server.text, and keeps the connection, closes it or resets it; or not at all. */
void web_reply_text(struct web_connection *connection, uint32_t stream);
void web_reply_close(struct web_connection *connection, uint32_t stream);
void web_reply_reset(struct web_connection *connection, uint32_t stream);
void web_reply_nothing(struct web_connection *connection, uint32_t stream);

void web_send(struct web_connection *connection, struct str bytes);
void web_close(struct web_connection *connection);

#endif
