/* One connection attempt: connected and closed again, to learn whether anything listens.
 *
 * - localhost is 127.0.0.1 and then ::1, in this order; of several addresses the next is tried
 * only when one refuses or cannot be reached, and one timeout covers them all.
 * - On loopback the handshake is over when the first connect() returns, though it says EINPROGRESS: a second
 * call tells, and epoll is never asked. Four system calls and no wake-up per attempt.
 * - The connection is closed in the ordinary way. A reset (SO_LINGER 0) would spare us a TIME_WAIT entry, but
 * game servers log resets as errors, once per probe and second. */
#ifndef OUTRIDER_IO_NET_CONNECT_H
#define OUTRIDER_IO_NET_CONNECT_H

#include <stdint.h>

struct connect_attempt;
struct loop;
struct resolver;

enum connect_outcome {
    CONNECT_OK,
    CONNECT_REFUSED,     /* nobody listens */
    CONNECT_TIMED_OUT,   /* no answer, or the listener's queue is full and stays so */
    CONNECT_UNREACHABLE, /* no route, or the network says the host is down */
    CONNECT_RESET,
    CONNECT_NOT_FOUND,    /* no such socket file */
    CONNECT_NOT_RESOLVED, /* no address to try: says nothing about the host */
    CONNECT_FAILED        /* anything else; the detail has the words */
};

/* Called from the loop exactly once per attempt that is not cancelled, never from within the call that
 * started it. `detail` is for a person ("connection refused", "timed out after 500ms"; "" when OK), borrowed.
 * The handle is no longer valid. */
typedef void connect_fn(enum connect_outcome outcome, const char *detail, int64_t elapsed_us, void *user);

/* Starts an attempt to `host` (localhost, an IPv4 or IPv6 address, or a name; copied) and `port` that ends
 * within `timeout_ms`. The handle is borrowed: valid until `fn` is entered or connect_cancel. */
struct connect_attempt *connect_tcp(struct loop *loop, struct resolver *resolver, const char *host,
                                    uint16_t port, int64_t timeout_ms, connect_fn *fn, void *user);

/* As connect_tcp, to the unix stream socket at `path` (copied). */
struct connect_attempt *connect_unix(struct loop *loop, const char *path, int64_t timeout_ms, connect_fn *fn,
                                     void *user);

/* Ends the attempt without a callback. Accepts NULL. */
void connect_cancel(struct connect_attempt *attempt);

#endif
