/* The WebSockets of GET /api/ws (docs/http-api.md, "GET /api/ws").
 *
 *     upgrade ──> OPEN ──close of either side, silence, idle, or the end of its stream──> over
 *
 * A message is a request of HTTP in another form: it is served as one, so that guard, role and audit are those of its route, with what the
 * upgrade was asked with. A connection has a place, a share, a backlog and a name as an event stream has them. */
#ifndef OUTRIDER_API_WEBSOCKET_SOCKETS_H
#define OUTRIDER_API_WEBSOCKET_SOCKETS_H

#include <stddef.h>
#include <stdint.h>

struct api_sockets;
struct loop;

enum {
    SOCKETS_ACTIONS_MAX = 8,   /* messages of one connection that wait for their result */
    SOCKETS_PING_MS = 15000,   /* how often each is pinged, and looked at */
    SOCKETS_SILENT_MS = 90000, /* without a byte, not even a pong: closed */
    SOCKETS_IDLE_MS = 60000    /* without a stream and a message: closed */
};

/* Since the start; `open` is now. */
struct api_sockets_counters {
    size_t open;
    uint64_t begun, messages;
    uint64_t refused; /* of the messages, by 400 or more */
    uint64_t faults;  /* closed because the peer broke the protocol or a limit of it */
};

/* None is open. `loop` is borrowed. The caller owns the result. Never NULL. */
struct api_sockets *api_sockets_new(struct loop *loop);

/* Closes each as one that goes away. Accepts NULL. */
void api_sockets_free(struct api_sockets *sockets);

/* Pings those that are open, and closes those that are silent or idle, as the timer does; `now_ms` by clock_mono_ms(). */
void api_sockets_look(struct api_sockets *sockets, int64_t now_ms);

/* The counters, borrowed. */
const struct api_sockets_counters *api_sockets_counters(const struct api_sockets *sockets);

#endif
