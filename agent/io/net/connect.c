#include "outrider/io/net/connect.h"

#include "outrider/base/brief.h"
#include "outrider/base/duration.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/loop/timer.h"
#include "outrider/io/net/address.h"
#include "outrider/io/net/resolver.h"
#include "outrider/os/clock.h"

#include <ctype.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

/* connect(2) on a unix socket whose queue is full cannot wait without blocking, so it is called again at
 * this interval. */
enum { FULL_QUEUE_RETRY_US = 10000 };

/* When a look-up leaves less than this share of the time, a timeout of the connection is attributed to the
 * look-up. */
enum { LATE_SHARE = 3 };

struct connect_attempt {
    struct loop *loop;
    connect_fn *fn;
    void *user;
    int64_t timeout_ms, started_us, elapsed_us;
    struct sockaddr_storage addresses[RESOLVER_ADDRESSES_MAX];
    size_t address_count, next_address;
    int fd;
    bool waiting; /* `event` is added for fd */
    struct event event;
    struct timer *timeout; /* created only when the result is not known at once */
    struct timer *retry;
    struct lookup *lookup;
    struct deferred done;
    enum connect_outcome outcome;
    bool resolved_late;
    bool old_address; /* no name server answered, and the last known addresses are tried */
    bool failed_once; /* `outcome` and `detail` are those of an earlier address */
    char detail[CONNECT_DETAIL_SIZE];
};

static void try_addresses(struct connect_attempt *attempt);

static void stop_waiting(struct connect_attempt *attempt)
{
    if (attempt->waiting) {
        event_del(&attempt->event);
        attempt->waiting = false;
    }
}

static void close_socket(struct connect_attempt *attempt)
{
    stop_waiting(attempt);
    if (attempt->fd >= 0) {
        close(attempt->fd);
        attempt->fd = -1;
    }
}

void connect_cancel(struct connect_attempt *attempt)
{
    if (attempt == NULL) {
        return;
    }
    close_socket(attempt);
    timer_free(attempt->timeout);
    timer_free(attempt->retry);
    resolver_cancel(attempt->lookup);
    deferred_cancel(&attempt->done);
    free(attempt);
}

static void deliver(void *user)
{
    struct connect_attempt *attempt = user;
    attempt->fn(attempt->outcome, attempt->detail, attempt->elapsed_us, attempt->user);
    connect_cancel(attempt);
}

int connect_take(struct connect_attempt *attempt)
{
    int fd = attempt->fd;
    attempt->fd = -1;
    return fd;
}

static void finish(struct connect_attempt *attempt)
{
    if (attempt->outcome == CONNECT_OK) {
        stop_waiting(attempt);
    } else {
        close_socket(attempt);
    }
    if (attempt->old_address && attempt->outcome != CONNECT_OK) {
        brief_format(attempt->detail, sizeof(attempt->detail), "%s at the last known address",
                     attempt->detail);
    }
    attempt->elapsed_us = clock_mono_us() - attempt->started_us;
    timer_free(attempt->timeout);
    timer_free(attempt->retry);
    attempt->timeout = attempt->retry = NULL;
    loop_defer(attempt->loop, &attempt->done);
}

static const struct connect_error {
    int errnum;
    enum connect_outcome outcome;
    const char *detail;
} errors[] = {
    {ECONNREFUSED, CONNECT_REFUSED, "connection refused"},
    {ETIMEDOUT, CONNECT_TIMED_OUT, "the connection timed out in the network"},
    {EHOSTUNREACH, CONNECT_UNREACHABLE, "no route to host"},
    {ENETUNREACH, CONNECT_UNREACHABLE, "network unreachable"},
    {EHOSTDOWN, CONNECT_UNREACHABLE, "host is down"},
    {ENETDOWN, CONNECT_UNREACHABLE, "network is down"},
    {EADDRNOTAVAIL, CONNECT_UNREACHABLE, "no local address or port is free"},
    {EAFNOSUPPORT, CONNECT_UNREACHABLE, "address family not supported"},
    {ECONNRESET, CONNECT_RESET, "connection reset"},
    {ENOENT, CONNECT_NOT_FOUND, "no such socket"},
    {ENOTDIR, CONNECT_NOT_FOUND, "no such socket"},
    {EPROTOTYPE, CONNECT_FAILED, "not a stream socket"},
    {EACCES, CONNECT_FAILED, "permission denied"},
    {EPERM, CONNECT_FAILED, "not permitted, possibly by a firewall"},
    {0, CONNECT_FAILED, NULL}, /* any other: strerror(3) */
};

enum connect_outcome connect_failure(int errnum, char ret_detail[static CONNECT_DETAIL_SIZE])
{
    const struct connect_error *row = errors;
    while (row->errnum != errnum && row->errnum != 0) {
        row++;
    }
    snprintf(ret_detail, CONNECT_DETAIL_SIZE, "%s", row->detail != NULL ? row->detail : strerror(errnum));
    ret_detail[0] = (char)tolower((unsigned char)ret_detail[0]);
    return row->outcome;
}

/* Whether the next address is tried depends on the error. Where all fail alike the first one is reported: it
 * is the one that the user expects. */
static void fail_address(struct connect_attempt *attempt, int errnum)
{
    char detail[CONNECT_DETAIL_SIZE];
    enum connect_outcome outcome = connect_failure(errnum, detail);
    bool try_next = outcome == CONNECT_REFUSED || outcome == CONNECT_UNREACHABLE;
    close_socket(attempt);
    if (!attempt->failed_once || !try_next) {
        attempt->outcome = outcome;
        memcpy(attempt->detail, detail, sizeof(detail));
    }
    attempt->failed_once = true;
    if (try_next && attempt->next_address < attempt->address_count) {
        try_addresses(attempt);
    } else {
        finish(attempt);
    }
}

static void on_timeout(void *user)
{
    struct connect_attempt *attempt = user;
    char text[24];
    duration_format(attempt->timeout_ms, text);
    if (attempt->resolved_late) {
        attempt->outcome = CONNECT_NOT_RESOLVED;
        snprintf(attempt->detail, sizeof(attempt->detail),
                 "name not resolved in time for a connection within %s", text);
    } else {
        attempt->outcome = CONNECT_TIMED_OUT;
        snprintf(attempt->detail, sizeof(attempt->detail), "timed out after %s", text);
    }
    finish(attempt);
}

static void start_timeout(struct connect_attempt *attempt)
{
    if (attempt->timeout == NULL) {
        attempt->timeout = timer_new(attempt->loop, on_timeout, attempt);
        timer_arm_us(attempt->timeout, attempt->started_us + attempt->timeout_ms * 1000 - clock_mono_us());
    }
}

/* For a port of the ephemeral range without a listener the kernel may choose the same port as the source,
 * and TCP then connects the socket to itself. It is reset, not closed: a port in TIME_WAIT would be
 * unavailable to its server. */
static bool is_connected_to_itself(int fd)
{
    struct sockaddr_storage own = {0}, peer = {0};
    socklen_t own_size = sizeof(own), peer_size = sizeof(peer);
    if (getsockname(fd, (struct sockaddr *)&own, &own_size) < 0 || own.ss_family == AF_UNIX ||
        getpeername(fd, (struct sockaddr *)&peer, &peer_size) < 0 || own_size != peer_size ||
        memcmp(&own, &peer, own_size) != 0) {
        return false;
    }
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    return true;
}

static void connected(struct connect_attempt *attempt)
{
    if (is_connected_to_itself(attempt->fd)) {
        fail_address(attempt, ECONNREFUSED);
        return;
    }
    attempt->outcome = CONNECT_OK;
    attempt->detail[0] = '\0';
    finish(attempt);
}

static void on_connected(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    struct connect_attempt *attempt = user;
    int errnum = 0;
    socklen_t size = sizeof(errnum);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &size) < 0) {
        errnum = errno;
    }
    if (errnum == 0) {
        connected(attempt);
    } else {
        fail_address(attempt, errnum);
    }
}

static void on_retry(void *user)
{
    try_addresses(user);
}

static void try_again_later(struct connect_attempt *attempt)
{
    close_socket(attempt);
    attempt->next_address--;
    start_timeout(attempt);
    if (attempt->retry == NULL) {
        attempt->retry = timer_new(attempt->loop, on_retry, attempt);
    }
    timer_arm_us(attempt->retry, FULL_QUEUE_RETRY_US);
}

static void wait_for_connection(struct connect_attempt *attempt)
{
    start_timeout(attempt);
    attempt->waiting = true;
    event_assign(&attempt->event, loop_base(attempt->loop), attempt->fd, EV_WRITE, on_connected, attempt);
    event_add(&attempt->event, NULL);
}

static void try_addresses(struct connect_attempt *attempt)
{
    const struct sockaddr_storage *address = &attempt->addresses[attempt->next_address++];
    const struct sockaddr *target = (const struct sockaddr *)address;
    attempt->fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (attempt->fd < 0) {
        fail_address(attempt, errno);
        return;
    }
    int rc = connect(attempt->fd, target, address_size(address));
    if (rc < 0 && errno == EINPROGRESS) {
        rc = connect(attempt->fd, target, address_size(address));
    }
    if (rc == 0) {
        connected(attempt);
    } else if (errno == EALREADY || errno == EINPROGRESS) {
        wait_for_connection(attempt);
    } else if (errno == EAGAIN && address->ss_family == AF_UNIX) {
        try_again_later(attempt);
    } else {
        fail_address(attempt, errno);
    }
}

static struct connect_attempt *attempt_new(struct loop *loop, int64_t timeout_ms, connect_fn *fn, void *user)
{
    struct connect_attempt *attempt = mem_zalloc(sizeof(*attempt));
    attempt->loop = loop;
    attempt->fn = fn;
    attempt->user = user;
    attempt->timeout_ms = timeout_ms;
    attempt->started_us = clock_mono_us();
    attempt->fd = -1;
    attempt->done = (struct deferred){.fn = deliver, .user = attempt};
    return attempt;
}

static void use_addresses(struct connect_attempt *attempt, const struct sockaddr_storage *addresses,
                          size_t count)
{
    memcpy(attempt->addresses, addresses, count * sizeof(addresses[0]));
    attempt->address_count = count;
    try_addresses(attempt);
}

static void on_resolved(const struct resolver_answer *answer, void *user)
{
    struct connect_attempt *attempt = user;
    attempt->lookup = NULL;
    if (answer->count > 0) {
        int64_t left_us = attempt->started_us + attempt->timeout_ms * 1000 - clock_mono_us();
        attempt->old_address = answer->status == RESOLVER_OLD;
        attempt->resolved_late = left_us < attempt->timeout_ms * 1000 / LATE_SHARE;
        use_addresses(attempt, answer->addresses, answer->count);
        return;
    }
    attempt->outcome = CONNECT_NOT_RESOLVED;
    brief_format(attempt->detail, sizeof(attempt->detail), "name not resolved: %s", answer->error);
    finish(attempt);
}

struct connect_attempt *connect_tcp(struct loop *loop, struct resolver *resolver, const char *host,
                                    uint16_t port, int64_t timeout_ms, connect_fn *fn, void *user)
{
    struct connect_attempt *attempt = attempt_new(loop, timeout_ms, fn, user);
    struct sockaddr_storage literal[RESOLVER_ADDRESSES_MAX];
    size_t count = resolver_literal(host, port, literal);
    if (count > 0) {
        use_addresses(attempt, literal, count);
    } else {
        attempt->lookup = resolver_look_up(resolver, host, port, timeout_ms, on_resolved, attempt);
    }
    return attempt;
}

struct connect_attempt *connect_unix(struct loop *loop, const char *path, int64_t timeout_ms, connect_fn *fn,
                                     void *user)
{
    struct connect_attempt *attempt = attempt_new(loop, timeout_ms, fn, user);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof(address.sun_path)) {
        attempt->outcome = CONNECT_FAILED;
        snprintf(attempt->detail, sizeof(attempt->detail), "the socket path has %zu bytes, allowed are %zu",
                 length, sizeof(address.sun_path) - 1);
        finish(attempt);
        return attempt;
    }
    memcpy(address.sun_path, path, length);
    memcpy(&attempt->addresses[attempt->address_count++], &address, sizeof(address));
    try_addresses(attempt);
    return attempt;
}
