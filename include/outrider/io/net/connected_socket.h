/* A connected socket of a client on the loop, of datagrams or of a stream, that hands over what arrives.
 *
 * - Of datagrams: those of other senders do not arrive, and a port without a program is an error as soon as the kernel knows it
 *   (ECONNREFUSED). One over CONNECTED_DATAGRAM_MAX is dropped and counted.
 * - One wake-up hands over at most CONNECTED_READS_MAX times, so that a flood does not hold up the loop.
 * - Nothing is buffered: an idle socket costs its descriptor. */
#ifndef OUTRIDER_IO_NET_CONNECTED_SOCKET_H
#define OUTRIDER_IO_NET_CONNECTED_SOCKET_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct connected_socket;
struct loop;

enum { CONNECTED_DATAGRAM_MAX = 16384, CONNECTED_READS_MAX = 16 };

enum connected_event {
    CONNECTED_BYTES,  /* a datagram, or the next bytes of a stream */
    CONNECTED_END,    /* a stream: the peer sends no more */
    CONNECTED_FAILED, /* `errnum` says why */
};

/* Called from the loop. `bytes` are borrowed for the call. Returns whether to go on; after false, END or FAILED nothing follows. Must
 * not free the socket. */
typedef bool connected_fn(enum connected_event event, struct str bytes, int errnum, void *user);

/* A new UDP socket that is connected to `address`, owned by the caller; `loop` is borrowed until connected_socket_free(). NULL with
 * errno where the kernel gives none, or has no way to the address. */
struct connected_socket *connected_socket_udp(struct loop *loop, const struct sockaddr_storage *address,
                                              connected_fn *fn, void *user) MUST_CHECK;

/* The same of the stream `fd`, connected and nonblocking, which it takes over. */
struct connected_socket *connected_socket_stream(struct loop *loop, int fd, connected_fn *fn, void *user);

/* Whether the kernel has connected the UDP socket to itself, which it may do when the port is free: it hears its own words then. */
bool connected_socket_is_its_own_peer(const struct connected_socket *socket);

/* Sends a datagram, or bytes of a stream that fit its empty buffer: a short request. Returns 0, or the errno; EAGAIN also where a part
 * alone was taken. */
int connected_socket_send(struct connected_socket *socket, struct str bytes) MUST_CHECK;

/* How many datagrams were dropped because they were too large. */
unsigned connected_socket_dropped(const struct connected_socket *socket);

/* Closes and frees. Accepts NULL. */
void connected_socket_free(struct connected_socket *socket);

#endif
