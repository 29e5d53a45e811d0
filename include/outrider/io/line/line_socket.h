/* A unix stream socket that takes lines from many peers and answers each.
 *
 * - One read of at most 8 KiB a turn and peer: a peer that floods does not starve the others.
 * - LF ends a line, a CR before it is dropped, and so does the end of the stream. After the peer has closed
 * its sending side, answers still go out before we close.
 * - What a peer does not read waits, up to 4 KiB beside what the kernel holds; further replies are dropped
 * and counted. Of the state events that find output waiting only the newest is kept.
 * - At max_peers the peer that has been silent longest makes room, unless it is held; when all are held the
 * new one is closed at once. */
#ifndef OUTRIDER_IO_LINE_LINE_SOCKET_H
#define OUTRIDER_IO_LINE_LINE_SOCKET_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"
#include "outrider/io/net/credentials.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct line_peer;
struct line_socket;
struct loop;

struct line_socket_options {
    const char *path; /* copied; not used with an inherited descriptor */
    mode_t mode;      /* permission bits of the file */
    gid_t gid;        /* (gid_t)-1: leave */
    int inherited_fd; /* a listening socket to use instead, taken over on success; -1: none */
    size_t max_line;  /* bytes without line end; 0: 16384 */
    size_t max_peers; /* 0: 256; never more than a quarter of the files for peers */
};

/* Called from the loop, one at a time. None may free the line socket; all may call any line_peer_ function on
 * any peer. A peer is valid until its on_close returns. */
struct line_socket_handlers {
    /* One line without its end, borrowed; may hold any byte but LF. */
    void (*on_line)(struct line_peer *peer, struct str line, void *user);
    /* A line grew beyond max_line. The peer is closed afterwards, once what is replied here is sent. */
    void (*on_overlong)(struct line_peer *peer, void *user);
    /* The connection has ended, from whichever side; the last call for this peer, and there is always one,
     * except from line_socket_free. May be NULL. */
    void (*on_close)(struct line_peer *peer, void *user);
};

/* Counted since the start. */
struct line_socket_stats {
    uint64_t accepted, refused,
        evicted;              /* peers: served; closed at once as all were held; closed to make room */
    uint64_t accept_failures; /* no descriptor or memory left for a new peer */
    uint64_t replies_dropped, overlong;
};

/* Binds, listens and serves. `handlers` are copied. The caller owns the result; `loop` is borrowed until
 * line_socket_free. NULL with `err` naming the path: ERROR_BUSY when somebody answers on it, ERROR_INVALID
 * when the path is too long or something that is no socket is there, ERROR_DENIED, ERROR_NOT_FOUND or
 * ERROR_SYSTEM. A socket file on which nobody answers is replaced. */
struct line_socket *line_socket_new(struct loop *loop, const struct line_socket_options *options,
                                    const struct line_socket_handlers *handlers, void *user,
                                    struct error *err) MUST_CHECK;

/* Closes every peer (no on_close), removes the socket file if it is still ours and was not inherited, frees.
 * Accepts NULL. */
void line_socket_free(struct line_socket *socket);

/* The counters, borrowed. */
const struct line_socket_stats *line_socket_stats(const struct line_socket *socket);

/* Number of connected peers. */
size_t line_socket_peers(const struct line_socket *socket);

/* The first peer, in order of arrival, or NULL; with line_peer_next for broadcasting. Replying and closing do
 * not change the list while a handler runs. */
struct line_peer *line_socket_first(const struct line_socket *socket);

/* The next peer, or NULL. */
struct line_peer *line_peer_next(const struct line_peer *peer);

/* Sends `text` and a LF; `text` holds no LF. Copied. Dropped when more than 4 KiB wait already, or when the
 * peer is closing. */
void line_peer_reply(struct line_peer *peer, struct str text);

/* Sends a state event likewise, but when output waits it takes the place of the event that waits, and goes
 * out as soon as the rest is gone: a slow reader misses steps, never the state. */
void line_peer_event(struct line_peer *peer, struct str text);

/* Closes the peer once what waits is sent. No more lines come from it; on_close follows, never from within
 * this. */
void line_peer_close(struct line_peer *peer);

/* Whether the peer may stay silent without being closed to make room: one that is attached or watching. */
void line_peer_hold(struct line_peer *peer, bool held);

/* The process that connected. */
struct credentials line_peer_credentials(const struct line_peer *peer);

/* Attaches a pointer of the caller's, who keeps owning it. */
void line_peer_set_data(struct line_peer *peer, void *data);

/* The pointer attached, NULL at first. */
void *line_peer_data(const struct line_peer *peer);

#endif
