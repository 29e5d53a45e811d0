/* A unix datagram socket that only receives. Descriptors that come with a datagram are closed before its
 * handler runs: systemd-notify waits for that (BARRIER=1 of sd_notify(3)), and they must not accumulate. */
#ifndef OUTRIDER_IO_NET_DATAGRAM_SOCKET_H
#define OUTRIDER_IO_NET_DATAGRAM_SOCKET_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"
#include "outrider/io/net/unix_bind.h"

#include <stdbool.h>

struct datagram_socket;
struct error;
struct loop;

enum { DATAGRAM_MAX = 65536 };

struct datagram {
    struct str bytes;               /* borrowed for the call; at most DATAGRAM_MAX */
    bool truncated;                 /* it was longer */
    struct credentials credentials; /* unknown for datagrams queued in an inherited socket without
                                     * PassCredentials= */
};

/* Called from the loop, once per datagram; must not free the socket. */
typedef void datagram_fn(const struct datagram *datagram, void *user);

/* Binds `place` and serves. The caller owns the result, and an inherited descriptor after a failure; `loop` is
 * borrowed until datagram_socket_free. Errors as unix_bind. */
struct datagram_socket *datagram_socket_new(struct loop *loop, const struct unix_place *place,
                                            datagram_fn *fn, void *user, struct error *err) MUST_CHECK;

/* As unix_check(): compares the socket file with what is at its path, and binds it again where it is gone. The
 * former socket is served as well until the next time: senders that are connected to it need not notice. */
int datagram_socket_check(struct datagram_socket *socket, struct error *err) MUST_CHECK;

/* The socket and its file, borrowed. */
const struct unix_bound *datagram_socket_bound(const struct datagram_socket *socket);

/* Closes the socket, removes its file unless it was inherited or replaced, and frees. Accepts NULL. */
void datagram_socket_free(struct datagram_socket *socket);

#endif
