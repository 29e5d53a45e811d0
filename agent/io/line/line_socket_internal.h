/* What line_socket.c (the listener) and line_peer.c (one connection) share. */
#ifndef OUTRIDER_IO_LINE_LINE_SOCKET_INTERNAL_H
#define OUTRIDER_IO_LINE_LINE_SOCKET_INTERNAL_H

#include "line_places_internal.h"
#include "outrider/base/buf.h"
#include "outrider/io/line/line_socket.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/loop/loop_watch.h"

#include <event2/event_struct.h>

/* Read buffer in bytes, and the limit of one read. */
enum { LINE_READ_SIZE = 8192 };

struct listener {
    struct line_socket view; /* the first: the owner has its address */
    struct loop *loop;
    struct unix_bound bound;
    struct event event;
    struct timer *pause; /* after accept(2) ran out of descriptors */
    char *scratch; /* LINE_READ_SIZE bytes; on the stack -ftrivial-auto-var-init would clear them for each
                    * read */
    struct line_socket_handlers handlers;
    void *user;
    size_t max_line, max_files;
    struct places places;
    struct line_peer *dying; /* disconnected, with on_close still to be called */
    size_t count, watched;   /* peers; of their processes, each of which takes a file more */
    uint64_t clock; /* counts reads, so that the least recently active peer is known without a clock */
};

/* A state event that waits. */
struct line_event {
    char *kind, *text;
};

struct peer {
    struct line_peer view; /* the first: handlers have its address */
    struct listener *listener;
    int fd; /* -1: disconnected */
    struct credentials from;
    struct place place;
    struct event reading, writing;
    struct deferred end;       /* queued when the connection may have ended */
    struct buf in;             /* an incomplete line */
    struct buf out;            /* bytes to send */
    struct line_event *events; /* the newest of each kind, sent once `out` is empty; the oldest first */
    size_t event_count, event_capacity;
    struct loop_watch *process; /* NULL: not watched */
    struct deferred exit;       /* queued when the process has ended */
    size_t unread;              /* bytes that were sent before it ended */
    bool exited;
    bool begun;      /* a line has come */
    bool ended;      /* no further input: closing, end of stream, or an overlong line */
    bool at_eof;     /* the peer closed its sending side */
    bool closing;    /* accepts no further output */
    bool awaits;     /* replies are still to come */
    bool discarding; /* the peer has stopped reading: output is discarded */
    bool corked;     /* lines are being handled: the replies are sent together afterwards */
};

/* Serves the accepted connection `fd`, which the peer owns from now on. */
void line_peer_start(struct listener *listener, int fd);

/* Closes one at once, without sending what waits, so that its place is free; on_close follows at the end of the turn. Not
 * `spared`, which may be NULL. Returns whether there was one. */
bool line_peer_make_room(struct listener *listener, const struct peer *spared);

/* Closes and frees without a callback. */
void line_peer_free(struct peer *peer);

#endif
