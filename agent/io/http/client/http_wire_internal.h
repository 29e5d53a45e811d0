/* One TCP connection to an HTTP server, from its making to its end: what the calls and the streams of
 * http_plain stand on. Knows bytes only. */
#ifndef OUTRIDER_IO_HTTP_CLIENT_HTTP_WIRE_INTERNAL_H
#define OUTRIDER_IO_HTTP_CLIENT_HTTP_WIRE_INTERNAL_H

#include "outrider/base/str.h"
#include "outrider/io/http/client/http_client.h"

#include <event2/event_struct.h>
#include <sys/types.h>

struct connect_attempt;
struct http_url;
struct loop;
struct resolver;

/* All called from the loop, none from within a function of the wire. Each may close the wire. */
struct http_wire_handler {
    void (*connected)(void *user);
    void (*failed)(enum http_transport transport, const char *why, void *user); /* no connection came about */
    void (*readable)(void *user); /* bytes, or the end: http_wire_receive tells */
};

struct http_wire {
    struct loop *loop;
    const struct http_wire_handler *handler;
    void *user;
    struct connect_attempt *attempt;
    int fd;
    struct event reading, writing;
    struct str unsent; /* what the kernel did not take yet, borrowed */
    bool sent;         /* whether it took a byte since the last http_wire_send began */
};

/* Starts to connect to the host of `url` (borrowed for the call), its name resolved anew. `handler` and
 * `user` are borrowed until http_wire_close. */
void http_wire_open(struct http_wire *wire, struct loop *loop, struct resolver *resolver,
                    const struct http_url *url, int64_t timeout_ms, const struct http_wire_handler *handler,
                    void *user);

/* Closes what there is; no callback follows. A closed wire may be closed again. */
void http_wire_close(struct http_wire *wire);

/* Sends `bytes` (borrowed until all is sent or the wire is closed), as much as the kernel takes at once, the
 * rest when there is room. A connection that is broken is found out by reading: the answer may have come
 * before the end. */
void http_wire_send(struct http_wire *wire, struct str bytes);

/* recv(): bytes, 0 at the end, or -1 with errno. */
ssize_t http_wire_receive(struct http_wire *wire, char *data, size_t size);

#endif
