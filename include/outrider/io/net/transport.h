/* How bytes of one connection travel: plain, or by TLS. A protocol uses these calls and waits for events of `fd`; it never
 * reads or writes the descriptor itself. */
#ifndef OUTRIDER_IO_NET_TRANSPORT_H
#define OUTRIDER_IO_NET_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct transport;

/* None of them blocks or raises SIGPIPE. */
struct transport_ops {
    /* Reads up to `size` bytes. Returns their number, 0 at the end of the stream, or -1 with errno: EAGAIN
     * when there is nothing yet. */
    ssize_t (*recv)(struct transport *transport, void *ret_bytes, size_t size);
    /* Sends the parts in their order. Returns the bytes taken, or -1 with errno: EAGAIN when none fits. After that, and
     * after fewer bytes than given, the next call begins with the same bytes and has at least as many. */
    ssize_t (*sendv)(struct transport *transport, const struct iovec *parts, size_t count);
    /* Ends the sending direction; the peer reads the end of the stream. Returns 0, or -1 with errno. */
    int (*finish)(struct transport *transport);
    /* Closes the descriptor and frees the state. */
    void (*close)(struct transport *transport);
    /* Whether recv() has bytes that no event of `fd` will announce. NULL: never. */
    bool (*ahead)(const struct transport *transport);
    /* How many bytes the kernel has been given so far, encryption included. NULL: as many as sendv() has taken. */
    uint64_t (*written)(const struct transport *transport);
};

/* Moved by copying; the owner of the last copy closes the connection. */
struct transport {
    const struct transport_ops *ops;
    int fd;      /* nonblocking, for the loop; -1 when closed */
    void *state; /* of the ops */
};

/* The connected stream socket `fd`, which it takes over, without encryption. */
struct transport transport_plain(int fd);

/* Whether there are bytes to read that no event will announce: to be asked before waiting for one. */
bool transport_ahead(const struct transport *transport);

/* Closes the connection; does nothing when it is closed or was moved (fd -1). */
void transport_close(struct transport *transport);

#endif
