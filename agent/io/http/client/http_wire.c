#include "http_wire_internal.h"

#include "http_url_internal.h"
#include "outrider/io/loop/loop_base.h"
#include "outrider/io/net/connect.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* A dead peer is found after KEEPALIVE_IDLE_S + KEEPALIVE_PROBES * KEEPALIVE_INTERVAL_S, whether bytes of
 * ours are under way (then TCP_USER_TIMEOUT counts) or not (docs/design/etcd-gateway.md, "Silent
 * watches"). */
enum { KEEPALIVE_IDLE_S = 10, KEEPALIVE_INTERVAL_S = 3, KEEPALIVE_PROBES = 3 };

enum { CONNECT_DEFAULT_MS = 300000 };

static void set_options(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
        {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, (KEEPALIVE_IDLE_S + KEEPALIVE_PROBES * KEEPALIVE_INTERVAL_S) * 1000},
    };
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(options[i].value));
    }
}

static void send_rest(struct http_wire *wire)
{
    while (wire->unsent.size > 0) {
        ssize_t taken = send(wire->fd, wire->unsent.data, wire->unsent.size, MSG_NOSIGNAL);
        if (taken < 0 && errno == EINTR) {
            continue;
        }
        if (taken < 0 && errno == EAGAIN) {
            event_add(&wire->writing, NULL);
            return;
        }
        if (taken < 0) {
            shutdown(wire->fd, SHUT_RDWR); /* whatever was wrong: now reading comes to its end */
            return;
        }
        wire->sent = true;
        wire->unsent.data += taken;
        wire->unsent.size -= (size_t)taken;
    }
}

static void on_writable(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    send_rest(user);
}

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct http_wire *wire = user;
    wire->handler->readable(wire->user);
}

static enum http_transport transport_of(enum connect_outcome outcome)
{
    switch (outcome) {
    case CONNECT_OK: return HTTP_TRANSPORT_OK;
    case CONNECT_REFUSED: return HTTP_TRANSPORT_REFUSED;
    case CONNECT_TIMED_OUT: return HTTP_TRANSPORT_TIMEOUT;
    case CONNECT_RESET: return HTTP_TRANSPORT_RESET;
    case CONNECT_NOT_RESOLVED: return HTTP_TRANSPORT_RESOLVE;
    case CONNECT_NOT_FOUND:
    case CONNECT_UNREACHABLE:
    case CONNECT_FAILED: break;
    }
    return HTTP_TRANSPORT_UNREACHABLE;
}

static void on_open(enum connect_outcome outcome, int fd, const char *detail, void *user)
{
    struct http_wire *wire = user;
    wire->attempt = NULL;
    if (outcome != CONNECT_OK) {
        char why[160];
        snprintf(why, sizeof(why), "%s%s", outcome == CONNECT_TIMED_OUT ? "no connection: " : "", detail);
        wire->handler->failed(transport_of(outcome), why, wire->user);
        return;
    }
    wire->fd = fd;
    set_options(fd);
    struct event_base *base = loop_base(wire->loop);
    event_assign(&wire->reading, base, fd, EV_READ | EV_PERSIST, on_readable, wire);
    event_assign(&wire->writing, base, fd, EV_WRITE, on_writable, wire);
    event_add(&wire->reading, NULL);
    wire->handler->connected(wire->user);
}

void http_wire_open(struct http_wire *wire, struct loop *loop, struct resolver *resolver,
                    const struct http_url *url, int64_t timeout_ms, const struct http_wire_handler *handler,
                    void *user)
{
    *wire = (struct http_wire){.loop = loop, .handler = handler, .user = user, .fd = -1};
    char host[HTTP_URL_HOST_MAX + 1];
    memcpy(host, url->host.data, url->host.size);
    host[url->host.size] = '\0';
    wire->attempt = connect_open_tcp(loop, resolver, host, url->port,
                                     timeout_ms == 0 ? CONNECT_DEFAULT_MS : timeout_ms, on_open, wire);
}

void http_wire_close(struct http_wire *wire)
{
    connect_cancel(wire->attempt);
    wire->attempt = NULL;
    if (wire->fd >= 0) {
        event_del(&wire->reading);
        event_del(&wire->writing);
        close(wire->fd);
        wire->fd = -1;
    }
}

void http_wire_send(struct http_wire *wire, struct str bytes)
{
    wire->unsent = bytes;
    wire->sent = false;
    send_rest(wire);
}

ssize_t http_wire_receive(struct http_wire *wire, char *data, size_t size)
{
    return recv(wire->fd, data, size, 0);
}
