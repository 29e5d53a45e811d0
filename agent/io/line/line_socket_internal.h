/* One peer of a line socket: what line_socket.c (the listener) and line_peer.c (the connection) share. */
#ifndef OUTRIDER_IO_LINE_LINE_SOCKET_INTERNAL_H
#define OUTRIDER_IO_LINE_LINE_SOCKET_INTERNAL_H

#include "outrider/base/buf.h"
#include "outrider/io/line/line_socket.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/unix_bind.h"

#include <event2/event_struct.h>

/* Bytes per read. */
enum { LINE_READ_SIZE = 8192 };

struct line_socket {
    struct loop *loop;
    struct unix_bound bound;
    struct event event;
    struct timer *pause; /* made when accept first runs out of descriptors */
    char *scratch; /* LINE_READ_SIZE bytes to read to: on the stack the compiler would clear them each time */
    struct line_socket_handlers handlers;
    void *user;
    size_t max_line, max_peers;
    struct line_peer *first, *last, *dying;
    size_t count;
    uint64_t clock; /* counts activity: who was silent longest needs no real clock */
    struct line_socket_stats stats;
};

struct line_peer {
    struct line_socket *socket;
    struct line_peer *next, *previous;
    int fd;
    struct event reading, writing;
    struct deferred end; /* queued: the peer may be over */
    struct buf in;       /* the beginning of a line */
    struct buf out;      /* waits to be sent */
    struct buf event;    /* the newest state event, sent when `out` is empty */
    uint64_t active;
    void *data;
    bool held;
    bool ended;   /* reads no more: closing, end of stream, or overlong */
    bool at_eof;  /* the peer closed its sending side */
    bool closing; /* takes no more output */
    bool mute;    /* the peer does not read any more: output is thrown away */
    bool corked;  /* lines are being handled: output is sent together afterwards */
};

/* Starts serving the accepted descriptor, which is taken over. */
void line_peer_start(struct line_socket *socket, int fd);

/* Closes at once, without sending what waits; on_close follows at the end of the turn. */
void line_peer_drop(struct line_peer *peer);

/* Closes and frees without a callback. */
void line_peer_free(struct line_peer *peer);

#endif
