/* One connection attempt: to learn whether the peer accepts connections, or to use the connection.
 *
 * - Of several addresses the next is tried only when one refuses or cannot be reached. One timeout covers
 *   the look-up and all addresses.
 * - On loopback the handshake is complete when the first connect(2) returns, though it reports EINPROGRESS:
 *   a second call returns the result, and epoll is not needed. Four system calls and no wake-up per attempt.
 * - The connection is closed in the ordinary way. A reset (SO_LINGER 0) would save a TIME_WAIT entry, but
 *   game servers log resets as errors, once per attempt.
 * - An attempt whose name is not resolved, or resolved so late that too little time is left to connect, ends
 *   with CONNECT_NOT_RESOLVED. While no name server answers the last known addresses are tried. */
#ifndef OUTRIDER_IO_NET_CONNECT_H
#define OUTRIDER_IO_NET_CONNECT_H

#include "outrider/base/attr.h"

#include <stdint.h>

struct connect_attempt;
struct loop;
struct resolver;

enum connect_outcome {
    CONNECT_OK,
    CONNECT_REFUSED,     /* no process listens */
    CONNECT_TIMED_OUT,   /* no answer, or the listener's queue stays full */
    CONNECT_UNREACHABLE, /* no route, or the network reports the host as down */
    CONNECT_RESET,
    CONNECT_NOT_FOUND,    /* no such socket file */
    CONNECT_NOT_RESOLVED, /* no address to try: says nothing about the host */
    CONNECT_FAILED        /* anything else; the detail says what */
};

/* Called from the loop exactly once per attempt that is not cancelled, never from within the call that
 * started it. `detail` is for a person ("connection refused", "timed out after 500ms"; "" when OK),
 * borrowed. The handle is valid for connect_take alone, and no longer when this returns; the connection is closed
 * then unless it was taken. */
typedef void connect_fn(enum connect_outcome outcome, const char *detail, int64_t elapsed_us, void *user);

/* Starts an attempt to `host` (what resolver_look_up takes; copied) and `port` that ends within
 * `timeout_ms`. `resolver` must outlive it. The handle is borrowed: valid until `fn` is entered or
 * connect_cancel. */
struct connect_attempt *connect_tcp(struct loop *loop, struct resolver *resolver, const char *host,
                                    uint16_t port, int64_t timeout_ms, connect_fn *fn, void *user);

/* As connect_tcp, to the unix stream socket at `path` (copied). */
struct connect_attempt *connect_unix(struct loop *loop, const char *path, int64_t timeout_ms, connect_fn *fn,
                                     void *user);

/* From within the callback of CONNECT_OK: the connected socket, nonblocking, which the caller owns from now on. */
int connect_take(struct connect_attempt *attempt) MUST_CHECK;

enum { CONNECT_DETAIL_SIZE = 128 };

/* What an errno of a socket means: the outcome, and in `ret_detail` the text for a person. */
enum connect_outcome connect_failure(int errnum, char ret_detail[static CONNECT_DETAIL_SIZE]);

/* Ends the attempt without a callback. Accepts NULL. */
void connect_cancel(struct connect_attempt *attempt);

#endif
