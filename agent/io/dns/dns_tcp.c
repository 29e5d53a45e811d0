/* Connections: several messages on each, answered in their order. One that brings no whole message for a while ends, whatever bytes
 * it sends; where there are too many, the one that is idle for longest gives way. */
#include "dns_listener_internal.h"

#include "outrider/base/mem.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In one turn: connections accepted, messages answered of one of them. Bytes that one connection may have unsent before it is read
 * on, and bytes that are read of it at once. */
enum { ACCEPTS = 16, MESSAGES = 16, BACKLOG_MAX = 65536, READ_SIZE = 4096, PAUSE_MS = 200 };

/* ---- the list ---- */

static void unlink_connection(struct dns_connection *connection)
{
    struct dns_listener *listener = connection->listener;
    *(connection->previous != NULL ? &connection->previous->next : &listener->first) = connection->next;
    *(connection->next != NULL ? &connection->next->previous : &listener->last) = connection->previous;
}

static void append_connection(struct dns_connection *connection)
{
    struct dns_listener *listener = connection->listener;
    connection->next = NULL;
    connection->previous = listener->last;
    *(listener->last != NULL ? &listener->last->next : &listener->first) = connection;
    listener->last = connection;
}

static void end(struct dns_connection *connection)
{
    struct dns_listener *listener = connection->listener;
    event_del(&connection->readable);
    event_del(&connection->writable);
    deferred_cancel(&connection->more);
    unlink_connection(connection);
    listener->connection_count--;
    close(connection->fd);
    buf_fini(&connection->in);
    buf_fini(&connection->out);
    free(connection);
}

static void arm(struct dns_listener *listener)
{
    timer_arm_at_ms(listener->idle, listener->first == NULL ? INT64_MAX : listener->first->due_mono);
}

/* A whole message came: its time begins again. */
static void touch(struct dns_connection *connection)
{
    connection->due_mono = clock_mono_ms() + connection->listener->idle_ms;
    unlink_connection(connection);
    append_connection(connection);
    arm(connection->listener);
}

static void on_idle(void *user)
{
    struct dns_listener *listener = user;
    int64_t now = clock_mono_ms();
    while (listener->first != NULL && listener->first->due_mono <= now) {
        listener->counters.timed_out++;
        end(listener->first);
    }
    arm(listener);
}

/* ---- messages ---- */

static size_t size_at(const char *bytes)
{
    return (size_t)(unsigned char)bytes[0] << 8 | (unsigned char)bytes[1];
}

static bool is_too_long(const struct dns_connection *connection)
{
    return connection->in.size >= 2 && size_at(connection->in.data) > DNS_LISTENER_TCP_QUERY;
}

static bool has_message(const struct dns_connection *connection)
{
    const struct buf *in = &connection->in;
    return in->size >= 2 && !is_too_long(connection) && in->size - 2 >= size_at(in->data);
}

static void answer(struct dns_connection *connection)
{
    struct dns_listener *listener = connection->listener;
    struct dns_peer peer = {.address = &connection->address, .is_tcp = true};
    size_t size = size_at(connection->in.data);
    listener->counters.tcp_received++;
    size_t answered =
        listener->fn(&peer, (struct str){connection->in.data + 2, size}, listener->answer, listener->user);
    buf_consume(&connection->in, 2 + size);
    if (answered > 0) {
        const unsigned char head[] = {(unsigned char)(answered >> 8), (unsigned char)answered};
        buf_add(&connection->out, head, sizeof(head));
        buf_add(&connection->out, listener->answer, answered);
    }
    touch(connection);
}

/* Returns -1 where the connection is broken. */
static int flush(struct dns_connection *connection)
{
    while (connection->out.size > 0) {
        ssize_t sent = send(connection->fd, connection->out.data, connection->out.size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0) {
            return errno == EAGAIN ? 0 : -1;
        }
        buf_consume(&connection->out, (size_t)sent);
    }
    return 0;
}

/* Answers what is there, so much of it as one turn allows; then waits for what comes next. May end the connection. */
static void serve(struct dns_connection *connection)
{
    struct dns_listener *listener = connection->listener;
    for (int i = 0; i < MESSAGES && has_message(connection) && connection->out.size < BACKLOG_MAX; i++) {
        answer(connection);
    }
    bool broken = flush(connection) < 0 || (connection->out.size == 0 && is_too_long(connection));
    bool waits = connection->out.size > 0, more = has_message(connection);
    if (broken || (connection->ended && !waits && !more)) {
        listener->counters.broken += broken ? 1 : 0;
        end(connection);
        arm(listener);
        return;
    }
    event_del(&connection->readable);
    event_del(&connection->writable);
    if (waits) {
        event_add(&connection->writable, NULL);
    } else if (more) {
        loop_defer(listener->loop, &connection->more);
    } else {
        event_add(&connection->readable, NULL);
    }
}

static void on_more(void *user)
{
    serve(user);
}

static void on_writable(evutil_socket_t fd, short events, void *user)
{
    (void)fd;
    (void)events;
    serve(user);
}

static void on_readable(evutil_socket_t fd, short events, void *user)
{
    (void)events;
    struct dns_connection *connection = user;
    char bytes[READ_SIZE];
    ssize_t got = recv(fd, bytes, sizeof(bytes), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    connection->ended = got <= 0;
    if (got > 0) {
        buf_add(&connection->in, bytes, (size_t)got);
    }
    serve(connection);
}

/* ---- connections ---- */

/* What the kernel keeps for one connection is bounded as well: it would let megabytes wait for a client that does not read. The end of
 * an answer does not wait for the acknowledgement of what came before. */
enum { SEND_BUFFER = 65536, RECEIVE_BUFFER = 8192 };

static void set_options(int fd)
{
    const int send_size = SEND_BUFFER, receive_size = RECEIVE_BUFFER, on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_size, sizeof(send_size));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_size, sizeof(receive_size));
}

static void begin(struct dns_listener *listener, int fd, const struct sockaddr_storage *address)
{
    if (listener->connection_count >= listener->max_connections && listener->first != NULL) {
        listener->counters.evicted++;
        end(listener->first);
    }
    struct dns_connection *connection = mem_zalloc(sizeof(*connection));
    set_options(fd);
    connection->listener = listener;
    connection->fd = fd;
    connection->address = *address;
    connection->more.fn = on_more;
    connection->more.user = connection;
    event_assign(&connection->readable, loop_base(listener->loop), fd, EV_READ | EV_PERSIST, on_readable,
                 connection);
    event_assign(&connection->writable, loop_base(listener->loop), fd, EV_WRITE | EV_PERSIST, on_writable,
                 connection);
    event_add(&connection->readable, NULL);
    append_connection(connection);
    listener->connection_count++;
    listener->counters.accepted++;
    touch(connection);
}

static void on_acceptable(evutil_socket_t fd, short events, void *user)
{
    (void)events;
    struct dns_listener *listener = user;
    for (int i = 0; i < ACCEPTS; i++) {
        struct sockaddr_storage address = {0};
        socklen_t size = sizeof(address);
        int peer = accept4(fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (peer >= 0) {
            begin(listener, peer, &address);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            event_del(&listener->acceptable); /* it stays acceptable: the loop would spin */
            timer_arm_ms(listener->pause, PAUSE_MS);
            return;
        } else if (errno != ECONNABORTED && errno != EINTR) {
            return;
        }
    }
}

static void accept_again(void *user)
{
    struct dns_listener *listener = user;
    event_add(&listener->acceptable, NULL);
}

void dns_tcp_start(struct dns_listener *listener)
{
    listener->idle = timer_new(listener->loop, on_idle, listener);
    listener->pause = timer_new(listener->loop, accept_again, listener);
    event_assign(&listener->acceptable, loop_base(listener->loop), listener->tcp_fd, EV_READ | EV_PERSIST,
                 on_acceptable, listener);
    event_add(&listener->acceptable, NULL);
}

void dns_tcp_stop(struct dns_listener *listener)
{
    if (listener->idle != NULL) {
        event_del(&listener->acceptable);
        timer_free(listener->pause);
        while (listener->first != NULL) {
            end(listener->first);
        }
        timer_free(listener->idle);
    }
    if (listener->tcp_fd >= 0) {
        close(listener->tcp_fd);
    }
}
