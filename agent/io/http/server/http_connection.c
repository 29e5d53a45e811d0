/* Reading requests, and when nothing is read. */
#include "http_server_internal.h"
#include "outrider/base/mem.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <utlist.h>

/* READ_SIZE is larger than most requests, and not more: the compiler clears the buffer for each read. */
enum { READ_SIZE = 4096, REQUESTS_PER_TURN = 16, LINGER_BYTES = 262144 };

/* The first byte of a TLS record with a handshake message. */
enum { TLS_HANDSHAKE = 22 };

static const struct http_fault plain_on_tls = {400, "tls_required", "this port speaks TLS: use https://"};
static const struct http_fault tls_on_plain = {400, "no_tls", "this port speaks no TLS: use http://"};
static const struct http_fault bad_path = {400, "bad_request", "the path of the request is malformed"};

/* What cannot be served soon is not read: a peer that sends ahead fills its TCP window and not our memory. */
static bool wants_input(const struct connection *connection)
{
    switch (connection->state) {
    case CONNECTION_FRESH:
    case CONNECTION_BEYOND:
    case CONNECTION_READING:
    case CONNECTION_PUSHING: /* to learn that the peer has closed */
    case CONNECTION_LINGERING: return true;
    case CONNECTION_HANDLING: /* likewise */
        return connection->in.size <= HTTP_HEAD_MAX + connection->listener->options.max_body;
    case CONNECTION_IDLE: return connection->in.size == 0;
    case CONNECTION_WRITING:
    case CONNECTION_UPGRADED:
    case CONNECTION_CLOSED: break;
    }
    return false;
}

void connection_set_reading(struct connection *connection)
{
    if (connection->processing) {
        return; /* drop_served does it: a request is borrowed from `in` */
    }
    if (connection->state == CONNECTION_LINGERING ||
        (connection->state == CONNECTION_PUSHING && !push_receives(connection->push))) {
        buf_fini(&connection->in);
    }
    if (!connection->ended && wants_input(connection)) {
        event_add(&connection->readable, NULL);
        if (transport_ahead(&connection->transport)) {
            event_active(&connection->readable, EV_READ, 0);
        }
    } else {
        event_del(&connection->readable);
    }
}

/* ---- requests ---- */

static void handle(struct connection *connection, const struct http_head *head)
{
    const struct http_listener *listener = connection->listener;
    struct http_server *server = listener->server;
    buf_clear(&server->scratch);
    if (http_percent_decode(head->path, false, &server->scratch) <
        0) { /* each part of it can be decoded, then */
        connection_fault(connection, &bad_path);
        return;
    }
    connection->exchange = (struct http_exchange){
        .minor = head->minor,
        .keep_alive = head->keep_alive && connection->holder != NULL,
        .is_head = str_eq(head->method, STR("HEAD")),
        .is_open = true,
    };
    struct http_request request = {
        .method = head->method,
        .path = head->path,
        .query = head->query,
        .host = head->host,
        .body = {connection->in.data + connection->taken + head->size, head->content_length},
        .is_unix = listener->is_unix,
        .is_tls = listener->options.tls != NULL,
        .names = listener->options.tls == NULL ? NULL : tls_server_names(&connection->transport),
        .policy = listener->options.policy,
        .head = head,
    };
    connection->head_seen = false;
    connection->scanned = 0;
    connection_enter(connection, CONNECTION_HANDLING);
    server->counters.requests++;
    connection->taken += head->size + head->content_length;
    server->handler(&connection->exchange, &request, server->user);
}

/* The head is complete and its body is not: the body gets a deadline of its own. */
static void await_body(struct connection *connection, const struct http_head *head, size_t received)
{
    if (connection->head_seen) {
        return;
    }
    connection->head_seen = true;
    connection_enter(connection, CONNECTION_READING);
    if (head->expects_continue && received == head->size) {
        static char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
        struct iovec part = {text, sizeof(text) - 1};
        if (connection->transport.ops->sendv(&connection->transport, &part, 1) < 0) {
            connection_close(connection);
        }
    }
}

/* Serves one request of what has been read. Returns whether there may be another. */
static bool process_one(struct connection *connection)
{
    struct http_head head;
    struct http_fault fault;
    enum http_parse_result result = HTTP_PARSE_MORE;
    struct str rest = {NULL, connection->in.size - connection->taken};
    if (rest.size > 0) {
        rest.data = connection->in.data + connection->taken;
        result = http_parse_head(rest, &connection->scanned, connection->listener->options.max_body, &head,
                                 &fault);
    }
    if (rest.size > 0 && rest.data[0] == TLS_HANDSHAKE && connection->listener->options.tls == NULL) {
        connection->listener->server->counters.tls_on_plain++;
        connection_fault(connection, &tls_on_plain);
        return false;
    }
    if (result == HTTP_PARSE_FAULT) {
        connection_fault(connection, &fault);
        return false;
    }
    if (result == HTTP_PARSE_DONE && connection->state == CONNECTION_BEYOND &&
        !connection_may_ask(connection, &head)) {
        connection_refuse(connection);
        return false;
    }
    if (result == HTTP_PARSE_DONE && rest.size - head.size >= head.content_length) {
        handle(connection, &head);
        return connection->state == CONNECTION_IDLE;
    }
    if (connection->ended) {
        connection_finish(connection);
    } else if (result == HTTP_PARSE_DONE) {
        await_body(connection, &head, rest.size);
    } else if (rest.size > 0 && connection->state != CONNECTION_READING &&
               connection->state != CONNECTION_BEYOND) {
        connection_enter(connection, CONNECTION_READING);
    }
    return false;
}

static bool may_process(const struct connection *connection)
{
    return connection->state == CONNECTION_FRESH || connection->state == CONNECTION_BEYOND ||
           connection->state == CONNECTION_READING || connection->state == CONNECTION_IDLE;
}

/* Drops what was served, all at once: the cost must not grow with the number of pipelined requests. */
static void drop_served(struct connection *connection)
{
    if (connection->state == CONNECTION_CLOSED) {
        return; /* freed with the connection */
    }
    if (connection->taken == connection->in.size) {
        buf_fini(&connection->in);
    } else if (connection->taken > 0) {
        buf_consume(&connection->in, connection->taken);
    }
    connection->taken = 0;
    connection_set_reading(connection);
}

void connection_process(struct connection *connection)
{
    if (!may_process(connection)) {
        return;
    }
    bool more = true;
    connection->processing = true;
    for (int i = 0; more && i < REQUESTS_PER_TURN; i++) {
        more = process_one(connection);
    }
    connection->processing = false;
    drop_served(connection);
    if (more) {
        loop_defer(connection->listener->server->loop, &connection->again);
    }
}

static void process_again(void *user)
{
    struct connection *connection = user;
    if (connection->state == CONNECTION_UPGRADED) {
        connection_hand_over(connection);
    } else if (connection->state == CONNECTION_PUSHING) {
        struct buf ahead = connection->in;
        connection->in = (struct buf){0};
        if (ahead.size > 0) {
            push_received(connection, buf_view(&ahead));
        }
        buf_fini(&ahead);
    } else {
        connection_process(connection);
    }
}

/* ---- events ---- */

/* Whether the peer does not read either. The kernel says so of unix sockets; of a TCP peer it is not known before
 * a reply is sent. */
static bool is_gone(const struct connection *connection)
{
    struct pollfd state = {.fd = connection->transport.fd};
    return poll(&state, 1, 0) > 0 && (state.revents & (POLLHUP | POLLERR)) != 0;
}

static void on_end(struct connection *connection)
{
    connection->ended = true;
    event_del(&connection->readable);
    if (connection->state == CONNECTION_HANDLING && !is_gone(connection)) {
        return; /* the reply is still sent, and ends the connection */
    }
    if (may_process(connection) && connection->in.size > 0) {
        connection_process(connection); /* pipelined requests are still served */
    } else if (connection->state == CONNECTION_IDLE) {
        connection_finish(connection); /* the last reply may be on its way */
    } else if (connection->state != CONNECTION_LINGERING || !budget_kernel_holds(connection)) {
        connection_close(connection); /* else it still is, and it is looked at when its time is over */
    }
}

static void received(struct connection *connection, const char *data, size_t size)
{
    if (connection->state == CONNECTION_PUSHING && push_receives(connection->push)) {
        push_received(connection, (struct str){data, size});
        return;
    }
    if (connection->state == CONNECTION_LINGERING || connection->state == CONNECTION_PUSHING) {
        connection->dropped += size;
        if (connection->dropped > LINGER_BYTES) {
            connection_close(connection);
        } else {
            connection_set_reading(connection);
        }
        return;
    }
    buf_add(&connection->in, data, size);
    if (connection->state == CONNECTION_HANDLING) {
        connection_set_reading(connection);
    } else {
        connection_process(connection);
    }
}

void connection_read(struct connection *connection)
{
    char data[READ_SIZE];
    ssize_t got = connection->transport.ops->recv(&connection->transport, data, sizeof(data));
    if (got > 0) {
        received(connection, data, (size_t)got);
    } else if (got == 0) {
        on_end(connection);
    } else if (errno == EPROTOTYPE && connection->listener->options.tls != NULL) {
        connection->transport = tls_server_give_up(&connection->transport);
        connection_fault(connection, &plain_on_tls);
    } else if (errno != EAGAIN && errno != EINTR) {
        connection_close(connection);
    }
}

static void on_readable(evutil_socket_t fd, short events, void *user)
{
    (void)fd;
    (void)events;
    connection_read(user);
}

static void on_writable(evutil_socket_t fd, short events, void *user)
{
    (void)fd;
    (void)events;
    struct connection *connection = user;
    if (connection->push != NULL) {
        push_on_writable(connection->push);
    } else {
        connection_on_writable(connection);
    }
}

struct connection *connection_new(struct http_listener *listener, int fd, const struct http_peer *peer,
                                  enum connection_state state)
{
    struct connection *connection = mem_zalloc(sizeof(*connection));
    struct http_server *server = listener->server;
    struct event_base *base = loop_base(server->loop);
    connection->listener = listener;
    connection->peer = *peer;
    connection->state = state;
    if (state == CONNECTION_FRESH) {
        connection->holder = http_places_take(&listener->connections, peer);
        connection->holder->unfinished++;
    }
    connection->transport =
        listener->options.tls == NULL ? transport_plain(fd) : tls_server_accept(listener->options.tls, fd);
    connection->again = (struct deferred){.fn = process_again, .user = connection};
    event_assign(&connection->readable, base, fd, EV_READ | EV_PERSIST, on_readable, connection);
    event_assign(&connection->writable, base, fd, EV_WRITE | EV_PERSIST, on_writable, connection);
    event_add(&connection->readable, NULL);
    DL_APPEND(listener->lists[state].first, connection);
    listener->lists[state].count++;
    listener->open++;
    server->counters.open++;
    connection_enter(connection, state);
    return connection;
}
