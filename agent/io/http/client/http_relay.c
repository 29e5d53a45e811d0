/* Over HTTP/2 libcurl reads for as long as bytes arrive that carry nothing for it, in one call that never returns to the loop. So
 * it connects to a port of ours, and what the server sends is passed on up to a limit.
 *
 *     libcurl <-> outer | inner <-> relay <-> peer <-> server
 *
 * To libcurl the connection is open at once; the relay connects meanwhile, by name, as every other probe does.
 *
 * A pair of sockets would be simpler. But libcurl 7.88 connects what it is given, also where it is told that it is connected
 * (CURL_SOCKOPT_ALREADY_CONNECTED), and never uses a connection again whose peer has no IP address. Each socket is bound before
 * libcurl gets it: by its port a connection of another process is told from libcurl's. */
#include "http_client_internal.h"

#include "outrider/base/mem.h"
#include "outrider/io/net/connect.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

/* Bytes that a server may send from one answer to the next: the answer, the handshake of TLS, and frames that are none of it. */
enum { ALLOWANCE = 131072, CHUNK = 16384 };

/* It ends with the transfer that wants the connection. */
enum { CONNECT_MS = 3600000 };

/* One direction: bytes that were read and not yet written, at most CHUNK. */
struct flow {
    int from, to;
    struct event *readable, *writable;
    struct buf waiting;
};

/* What libcurl connects to. */
struct http_relay_door {
    struct sockaddr_in address;
    struct event *event;
    int fd;
};

struct http_relay {
    struct http_relay *prev, *next;
    struct http_client *client;
    struct connect_attempt *attempt;
    in_port_t port;         /* of outer */
    int outer, inner, peer; /* outer is libcurl's; -1: none yet */
    size_t allowance;
    bool is_tls;
    bool has_begun; /* the server has sent something */
    bool is_over;
    struct flow up, down;
};

static void flow_end(struct flow *flow)
{
    if (flow->readable != NULL) {
        event_free(flow->readable);
        event_free(flow->writable);
    }
    buf_fini(&flow->waiting);
    *flow = (struct flow){0};
}

/* Leaves libcurl's end open: libcurl reads what is under way, and then the end. */
static void end(struct http_relay *relay)
{
    relay->is_over = true;
    connect_cancel(relay->attempt);
    relay->attempt = NULL;
    flow_end(&relay->up);
    flow_end(&relay->down);
    if (relay->peer >= 0) {
        close(relay->peer);
        relay->peer = -1;
    }
    if (relay->inner >= 0) {
        close(relay->inner);
        relay->inner = -1;
    }
}

static void fail(struct http_relay *relay, enum http_transport transport, const char *text)
{
    struct http_transfer *transfer = http_multi_transfer_on(relay->client, relay->outer);
    end(relay);
    if (transfer != NULL) {
        transfer->curl.failed_as = transport;
        http_transfer_abort(transfer, CURLE_COULDNT_CONNECT, text);
    }
}

/* ---- bytes ---- */

/* Writes what waits. Returns whether all of it is written; otherwise it goes on when there is room. */
static bool flush(struct http_relay *relay, struct flow *flow)
{
    while (flow->waiting.size > 0) {
        ssize_t sent = send(flow->to, flow->waiting.data, flow->waiting.size, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN)) {
            event_del(flow->readable);
            event_add(flow->writable, NULL);
            return false;
        }
        if (sent < 0) {
            end(relay);
            return false;
        }
        buf_consume(&flow->waiting, (size_t)sent);
    }
    return true;
}

static void on_writable(struct http_relay *relay, struct flow *flow)
{
    if (flush(relay, flow)) {
        event_del(flow->writable);
        event_add(flow->readable, NULL);
    }
}

/* Reads up to `limit` bytes and passes them on. Returns how many, 0 for none yet or the end. */
static size_t pass(struct http_relay *relay, struct flow *flow, size_t limit)
{
    char bytes[CHUNK];
    ssize_t got = recv(flow->from, bytes, limit < CHUNK ? limit : CHUNK, 0);
    if (got > 0) {
        buf_add(&flow->waiting, bytes, (size_t)got);
        flush(relay, flow);
        return (size_t)got;
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        end(relay);
    }
    return 0;
}

/* What the first bytes of a server without TLS say that they are; NULL: they begin with SETTINGS, as they must. */
static const char *wrong_beginning(struct http_relay *relay)
{
    enum { FRAME_HEAD = 9, TYPE = 3, TYPE_SETTINGS = 4 };
    char first[FRAME_HEAD];
    bool is_first = !relay->has_begun && !relay->is_tls;
    relay->has_begun = true;
    ssize_t size = is_first ? recv(relay->peer, first, sizeof(first), MSG_PEEK) : 0;
    if (size <= TYPE || first[TYPE] == TYPE_SETTINGS) {
        return NULL;
    }
    return size >= 7 && memcmp(first, "HTTP/1.", 7) == 0
               ? "the server speaks HTTP/1.1 on this port, and not HTTP/2"
               : "what answers on this port does not speak HTTP/2";
}

static void on_up(evutil_socket_t fd, short events, void *user)
{
    struct http_relay *relay = user;
    (void)fd;
    if ((events & EV_WRITE) != 0) {
        on_writable(relay, &relay->up);
    } else {
        pass(relay, &relay->up, CHUNK);
    }
}

static void on_down(evutil_socket_t fd, short events, void *user)
{
    struct http_relay *relay = user;
    const char *wrong = NULL;
    (void)fd;
    if ((events & EV_WRITE) != 0) {
        on_writable(relay, &relay->down);
    } else if ((wrong = wrong_beginning(relay)) != NULL) {
        fail(relay, HTTP_TRANSPORT_OTHER, wrong);
    } else if (relay->allowance == 0) {
        fail(relay, HTTP_TRANSPORT_TOO_LARGE, "");
    } else {
        relay->allowance -= pass(relay, &relay->down, relay->allowance);
    }
}

/* ---- the connection ---- */

static struct event *event_of(struct http_relay *relay, int fd, short what, event_callback_fn fn)
{
    struct event *event =
        event_new(loop_base(relay->client->loop), fd, (short)(what | EV_PERSIST), fn, relay);
    if (event == NULL) {
        abort();
    }
    return event;
}

static void flow_begin(struct http_relay *relay, struct flow *flow, int from, int to, event_callback_fn fn)
{
    *flow = (struct flow){.from = from,
                          .to = to,
                          .readable = event_of(relay, from, EV_READ, fn),
                          .writable = event_of(relay, to, EV_WRITE, fn)};
    event_add(flow->readable, NULL);
}

static enum http_transport transport_of(enum connect_outcome outcome)
{
    switch (outcome) {
    case CONNECT_REFUSED: return HTTP_TRANSPORT_REFUSED;
    case CONNECT_TIMED_OUT: return HTTP_TRANSPORT_TIMEOUT;
    case CONNECT_UNREACHABLE: return HTTP_TRANSPORT_UNREACHABLE;
    case CONNECT_RESET: return HTTP_TRANSPORT_RESET;
    case CONNECT_NOT_RESOLVED: return HTTP_TRANSPORT_RESOLVE;
    case CONNECT_OK:
    case CONNECT_NOT_FOUND:
    case CONNECT_FAILED: break;
    }
    return HTTP_TRANSPORT_OTHER;
}

/* Bytes flow once both ends are there. */
static void begin(struct http_relay *relay)
{
    if (relay->inner >= 0 && relay->peer >= 0) {
        flow_begin(relay, &relay->up, relay->inner, relay->peer, on_up);
        flow_begin(relay, &relay->down, relay->peer, relay->inner, on_down);
    }
}

static void on_connected(enum connect_outcome outcome, const char *detail, int64_t elapsed_us, void *user)
{
    struct http_relay *relay = user;
    struct connect_attempt *attempt = relay->attempt;
    int on = 1;
    (void)elapsed_us;
    relay->attempt = NULL;
    if (outcome != CONNECT_OK) {
        fail(relay, transport_of(outcome), detail);
        return;
    }
    relay->peer = connect_take(attempt);
    setsockopt(relay->peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    begin(relay);
}

/* ---- libcurl's end ---- */

/* A socket with a port of loopback that the kernel chooses. */
static int bound_socket(struct sockaddr_in *ret_address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t size = sizeof(*ret_address);
    *ret_address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd >= 0 && (bind(fd, (struct sockaddr *)ret_address, size) < 0 ||
                    getsockname(fd, (struct sockaddr *)ret_address, &size) < 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

static void on_door(evutil_socket_t fd, short events, void *user)
{
    struct http_client *client = user;
    struct http_relay *relay = client->relays;
    struct sockaddr_in from = {0};
    socklen_t size = sizeof(from);
    int inner = accept4(fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
    (void)events;
    while (relay != NULL && (relay->is_over || relay->port != from.sin_port)) {
        relay = relay->next;
    }
    if (inner >= 0 && relay != NULL && relay->inner < 0) {
        setsockopt(inner, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        relay->inner = inner;
        begin(relay);
    } else if (inner >= 0) {
        close(inner); /* its relay is over, or it is none of ours */
    }
}

static struct http_relay_door *door_of(struct http_client *client)
{
    if (client->door == NULL) {
        struct http_relay_door *door = client->door = mem_zalloc(sizeof(*door));
        door->fd = bound_socket(&door->address);
        if (door->fd >= 0 && listen(door->fd, SOMAXCONN) == 0) {
            door->event = event_new(loop_base(client->loop), door->fd, EV_READ | EV_PERSIST, on_door, client);
            event_add(door->event, NULL);
        }
    }
    return client->door;
}

static struct http_relay *find(struct http_client *client, int fd)
{
    struct http_relay *relay = client->relays;
    while (relay != NULL && relay->outer != fd) {
        relay = relay->next;
    }
    return relay;
}

static void discard(struct http_relay *relay)
{
    end(relay);
    DL_DELETE(relay->client->relays, relay);
    free(relay);
}

int http_relay_open(struct http_client *client, const struct http_transfer *transfer,
                    struct curl_sockaddr *ret_address)
{
    struct http_relay_door *door = door_of(client);
    struct sockaddr_in own;
    int outer = bound_socket(&own);
    if (outer < 0 || door->event == NULL) {
        return outer; /* libcurl says why it cannot connect */
    }
    ret_address->family = AF_INET;
    ret_address->addrlen = sizeof(door->address);
    memcpy(&ret_address->addr, &door->address, sizeof(door->address));
    http_relay_closed(client, outer); /* one that libcurl closed without its callback, see http_multi.c */
    struct http_relay *relay = mem_zalloc(sizeof(*relay));
    *relay = (struct http_relay){.client = client,
                                 .port = own.sin_port,
                                 .outer = outer,
                                 .inner = -1,
                                 .peer = -1,
                                 .is_tls = transfer->is_tls,
                                 .allowance = ALLOWANCE};
    DL_APPEND(client->relays, relay);
    relay->attempt = connect_tcp(client->loop, client->resolver, transfer->host.target, transfer->host.port,
                                 CONNECT_MS, on_connected, relay);
    return outer;
}

void http_relay_fini(struct http_client *client)
{
    struct http_relay_door *door = client->door;
    if (door != NULL && door->event != NULL) {
        event_free(door->event);
    }
    if (door != NULL && door->fd >= 0) {
        close(door->fd);
    }
    free(door);
    while (client->relays != NULL) {
        discard(client->relays);
    }
}

void http_relay_grant(struct http_client *client, int fd)
{
    struct http_relay *relay = find(client, fd);
    if (relay != NULL) {
        relay->allowance = ALLOWANCE;
    }
}

void http_relay_closed(struct http_client *client, int fd)
{
    struct http_relay *relay = find(client, fd);
    if (relay != NULL) {
        discard(relay);
    }
}
