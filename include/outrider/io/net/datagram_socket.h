/* A unix datagram socket that only listens: nothing is ever answered. Descriptors that come with a datagram
 * are closed before its handler runs: systemd-notify waits for that (its BARRIER=1), and they must not pile
 * up. */
#ifndef OUTRIDER_IO_NET_DATAGRAM_SOCKET_H
#define OUTRIDER_IO_NET_DATAGRAM_SOCKET_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"
#include "outrider/io/net/credentials.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct datagram_socket;
struct error;
struct loop;

enum { DATAGRAM_MAX = 65536 };

struct datagram_socket_options {
    const char *path; /* copied; not used with an inherited descriptor */
    mode_t mode;      /* permission bits of the file */
    gid_t gid;        /* (gid_t)-1: leave */
    int inherited_fd; /* a bound socket to use instead, taken over on success; -1: none */
};

struct datagram {
    struct str bytes;               /* borrowed for the call; at most DATAGRAM_MAX */
    bool truncated;                 /* it was longer than that */
    struct credentials credentials; /* not known for what waited in an inherited socket without
                                       PassCredentials= */
};

/* Called from the loop, once per datagram; must not free the socket. */
typedef void datagram_fn(const struct datagram *datagram, void *user);

/* Binds and serves. The caller owns the result; `loop` is borrowed until datagram_socket_free. Errors as
 * line_socket_new. */
struct datagram_socket *datagram_socket_new(struct loop *loop, const struct datagram_socket_options *options,
                                            datagram_fn *fn, void *user, struct error *err) MUST_CHECK;

/* Closes the socket, removes its file if it is still ours and was not inherited, frees. Accepts NULL. */
void datagram_socket_free(struct datagram_socket *socket);

#endif
