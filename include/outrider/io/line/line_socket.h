/* A unix stream socket that receives lines from many peers and replies to each.
 *
 * - One read of at most 8 KiB per turn and peer, so that a flooding peer does not starve the others.
 * - A line ends with LF or with the stream; a CR before the LF, and a byte order mark before the first line,
 *   are dropped. After the peer has closed its sending side, pending replies are sent before the connection is
 *   closed.
 * - At most 4 KiB of replies wait for a peer that does not read, beside what the kernel buffers. Further
 *   replies are dropped and counted. Of the state events of a kind that have to wait only the newest is kept.
 * - A peer for which more than 256 KiB of events of different kinds wait is closed: it is told again what counts when it comes back.
 * - With max_peers connected one of them is closed to make room for a new one: of the process that has more than a
 *   sixteenth of the places, else of the user that has more than three quarters, else one that is not held, else of the user
 *   and the process with the most. Of those the least recently active one, and the held ones last. Places are kept for one
 *   process (line_socket_keep()), and the connections of its user go last. */
#ifndef OUTRIDER_IO_LINE_LINE_SOCKET_H
#define OUTRIDER_IO_LINE_LINE_SOCKET_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"
#include "outrider/io/net/unix_bind.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct loop;

/* A connected peer: a view of what the line socket has of it. */
struct line_peer {
    struct line_peer *prev, *next; /* read only: the order of arrival; `next` of the last is NULL */
    void *data;                    /* the caller's; NULL at first */
    bool
        held; /* the caller's: one of the last to be closed to make room, as attached and watching ones are */
    bool evicted; /* read only: closed to make room */
    bool lagging; /* read only: closed, as too many events waited for it */
};

struct line_socket_options {
    struct unix_place place; /* borrowed for the call; an inherited descriptor is taken over on success */
    size_t max_line;         /* bytes without line end; 0: 16384 */
    size_t max_peers; /* 0: 256; never more than a quarter of the files for peers, with those of processes */
};

/* Called from the loop, one at a time. None may free the line socket; all may call any line_peer_ function
 * on any peer. A peer is valid until its on_close returns. */
struct line_socket_handlers {
    /* One line without its end, borrowed; may hold any byte but LF. */
    void (*on_line)(struct line_peer *peer, struct str line, void *user);
    /* A line is longer than max_line. The peer is closed once the reply given here is sent. */
    void (*on_overlong)(struct line_peer *peer, void *user);
    /* The connection ended, from either side. Called exactly once per peer, as the last call, except by
     * line_socket_free. May be NULL. */
    void (*on_close)(struct line_peer *peer, void *user);
    /* The process that line_peer_watch_process() watches has ended, while the connection stays open: another one
     * has it, too. What that process sent was delivered before. Called at most once per peer. May be NULL. */
    void (*on_exit)(struct line_peer *peer, void *user);
};

/* Totals since line_socket_new. */
struct line_socket_stats {
    uint64_t accepted, refused,
        evicted;      /* peers: served; closed as places are kept for all others; closed to make room */
    uint64_t lagging; /* closed, as too many events waited for them */
    uint64_t accept_failures; /* no descriptor or memory left for a new peer */
    uint64_t replies_dropped, overlong;
};

/* A view of a line socket. */
struct line_socket {
    struct line_peer
        *first; /* read only, NULL: no peer; replying and closing do not change the list while a handler
                                runs, line_peer_watch_process() may */
    struct line_socket_stats stats;
};

/* Binds, listens and serves. `handlers` are copied. The caller owns the result; `loop` is borrowed until
 * line_socket_free. Errors as unix_bind. */
struct line_socket *line_socket_new(struct loop *loop, const struct line_socket_options *options,
                                    const struct line_socket_handlers *handlers, void *user,
                                    struct error *err) MUST_CHECK;

/* As unix_check(): compares the socket file with what is at its path, and listens there again where it is gone. Peers stay
 * connected. */
int line_socket_check(struct line_socket *socket, struct error *err) MUST_CHECK;

/* The socket and its file, borrowed. */
const struct unix_bound *line_socket_bound(const struct line_socket *socket);

/* Closes every peer without on_close, removes the socket file unless it was inherited or replaced, and
 * frees. Accepts NULL. */
void line_socket_free(struct line_socket *socket);

/* Sends a copy of `text` and a LF; `text` must not contain LF. Dropped when more than 4 KiB wait already, or
 * when the peer is closing. */
void line_peer_reply(struct line_peer *peer, struct str text);

/* Sends a state event likewise. While other output waits, a new event replaces the waiting one of its `kind`: a slow
 * reader misses intermediate states, never the latest. A kind for each event is one that no other replaces. */
void line_peer_event(struct line_peer *peer, const char *kind, struct str text);

/* A reply is still to come (`awaits`), or none any more. Until then the connection is kept, though line_peer_close() was called, or the
 * other side has sent everything and can still read; one that is `held` ends with the other side all the same. */
void line_peer_await(struct line_peer *peer, bool awaits);

/* Closes the peer once its output is sent. No further lines are delivered; on_close follows, never from
 * within this call. */
void line_peer_close(struct line_peer *peer);

/* Watches the process that connected, for on_exit; with the files for peers used up another one makes room. No effect when
 * it is watched already. Returns 0; or -1 with ERROR_NOT_FOUND (it had ended before, and left the connection to another
 * one), ERROR_LIMIT (no other one may go) or ERROR_SYSTEM (the kernel or the sandbox has no pidfd): then only the connection
 * itself counts. */
int line_peer_watch_process(struct line_peer *peer, struct error *err) MUST_CHECK;

/* From now on places are kept for the process that connected; for process `pid` of `uid`, -1: of the same user as before. It
 * has them while it has no more than its share. */
void line_peer_keep(struct line_peer *peer);
void line_socket_keep(struct line_socket *socket, pid_t pid, uid_t uid);

/* The credentials of the process that connected. */
struct credentials line_peer_credentials(const struct line_peer *peer);

#endif
