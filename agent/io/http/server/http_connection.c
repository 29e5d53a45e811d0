#include "http_server_internal.h"
#include "outrider/base/blob.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/loop_base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* READ_SIZE: more than most requests have, and no more: the compiler clears the buffer for each read. */
enum { READ_SIZE = 4096, REQUESTS_PER_TURN = 16, LINGER_BYTES = 262144 };

static const struct http_fault bad_path = {400, "bad_request", "the path of the request is malformed"};

static void process(struct connection *connection);

/* Nothing is read that cannot be served soon: what a peer sends ahead waits in the kernel, whose window then
 * tells it to wait, and not in our memory. */
static bool wants_input(const struct connection *connection)
{
    switch (connection->state) {
    case CONNECTION_FRESH:
    case CONNECTION_READING:
    case CONNECTION_PUSHING: /* the loop learns that the peer has gone */
    case CONNECTION_LINGERING: return true;
    case CONNECTION_HANDLING: /* likewise */
        return connection->in.size <= HTTP_HEAD_MAX + connection->server->options.max_body;
    case CONNECTION_IDLE: return connection->in.size == 0;
    case CONNECTION_WRITING:
    case CONNECTION_CLOSED: break;
    }
    return false;
}

static void set_reading(struct connection *connection)
{
    if (!connection->ended && wants_input(connection)) {
        event_add(&connection->readable, NULL);
    } else {
        event_del(&connection->readable);
    }
}

/* ---- writing ---- */

/* Sends what `out` and `body` still have, without blocking. Returns the bytes taken, or -1 when the peer is
 * gone. */
static ssize_t send_some(struct connection *connection, struct str body)
{
    struct str head = buf_view(&connection->out);
    size_t skip = connection->written;
    size_t head_skip = skip < head.size ? skip : head.size;
    size_t body_skip = skip - head_skip;
    union {
        const char *in;
        void *out;
    } first = {head.data == NULL ? "" : head.data + head_skip},
      second = {body.size == 0 ? "" : body.data + body_skip};
    struct iovec parts[] = {{first.out, head.size - head_skip}, {second.out, body.size - body_skip}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t sent = sendmsg(connection->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    }
    connection->written += (size_t)sent;
    connection->server->counters.bytes_sent += (uint64_t)sent;
    return sent;
}

static void drop_output(struct connection *connection)
{
    buf_fini(&connection->out);
    blob_unref(connection->blob);
    connection->blob = NULL;
    connection->written = 0;
}

static void linger(struct connection *connection)
{
    if (connection->ended || shutdown(connection->fd, SHUT_WR) < 0) {
        connection_close(connection);
        return;
    }
    connection_enter(connection, CONNECTION_LINGERING);
    if (!connection->processing) { /* else the request is still borrowed from it */
        buf_fini(&connection->in);
    }
}

static void answer_written(struct connection *connection)
{
    drop_output(connection);
    if (connection->close_after) {
        linger(connection);
    } else {
        connection_enter(connection, CONNECTION_IDLE);
    }
    if (!connection->processing) {
        set_reading(connection);
    }
}

static void on_writable(evutil_socket_t fd, short events, void *user)
{
    (void)fd;
    (void)events;
    struct connection *connection = user;
    if (connection->push != NULL) {
        push_on_writable(connection->push);
        return;
    }
    struct str body = blob_view(connection->blob);
    ssize_t sent = send_some(connection, body);
    if (sent < 0) {
        connection_close(connection);
    } else if (connection->written < connection->out.size + body.size) {
        if (sent > 0) {
            connection_enter(connection, CONNECTION_WRITING);
        }
    } else {
        event_del(&connection->writable);
        answer_written(connection);
        process(connection);
    }
}

/* The head is in `out`. What the kernel does not take at once waits: the blob by reference, other bytes
 * copied. While it waits nothing is read, so that a peer cannot ask faster than it listens. */
static void begin_writing(struct connection *connection, struct str body, struct blob *blob)
{
    if (send_some(connection, body) < 0) {
        connection_close(connection);
        return;
    }
    if (connection->written >= connection->out.size + body.size) {
        answer_written(connection);
        return;
    }
    if (blob != NULL && body.size > 0) {
        connection->blob = blob_ref(blob);
    } else {
        buf_str(&connection->out, body);
    }
    connection_enter(connection, CONNECTION_WRITING);
    event_del(&connection->readable);
    event_add(&connection->writable, NULL);
}

void connection_fault(struct connection *connection, const struct http_fault *fault)
{
    connection->server->counters.faults++;
    connection->close_after = true;
    http_response_fault(&connection->out, fault);
    begin_writing(connection, (struct str){NULL, 0}, NULL);
}

void exchange_answer(struct http_exchange *exchange, const struct http_response *response, size_t length)
{
    struct connection *connection = exchange->connection;
    if (connection != NULL) {
        struct str body = response->blob != NULL ? blob_view(response->blob) : response->body;
        bool keep = exchange->keep_alive && !response->close;
        connection->exchange = NULL;
        connection->close_after = !keep;
        http_response_head(&connection->out, response, length, exchange->minor, keep);
        if (exchange->is_head || response->status == 204 || response->status == 304) {
            body = (struct str){NULL, 0};
        }
        begin_writing(connection, body, response->blob);
        if (connection->state == CONNECTION_IDLE && !connection->processing) {
            loop_defer(connection->server->loop, &connection->again);
        }
    }
    free(exchange);
}

void http_respond(struct http_exchange *exchange, const struct http_response *response)
{
    struct str body = response->blob != NULL ? blob_view(response->blob) : response->body;
    exchange_answer(exchange, response, body.size);
}

void connection_expect_nothing(struct connection *connection)
{
    if (!connection->processing) { /* else drop_served does it: the request is still borrowed */
        buf_fini(&connection->in);
        set_reading(connection);
    }
}

/* ---- reading ---- */

static void handle(struct connection *connection, const struct http_head *head)
{
    struct http_server *server = connection->server;
    buf_clear(&server->scratch);
    if (http_percent_decode(head->path, false, &server->scratch) < 0) {
        connection_fault(connection, &bad_path);
        return;
    }
    struct http_exchange *exchange = mem_zalloc(sizeof(*exchange));
    *exchange = (struct http_exchange){
        .connection = connection,
        .minor = head->minor,
        .keep_alive = head->keep_alive,
        .is_head = str_eq(head->method, STR("HEAD")),
    };
    struct http_request request = {
        .method = head->method,
        .path = buf_view(&server->scratch),
        .query = head->query,
        .host = head->host,
        .body = {connection->in.data + connection->taken + head->size, head->content_length},
        .is_unix = server->is_unix,
        .head = head,
    };
    connection->exchange = exchange;
    connection->head_seen = false;
    connection->scanned = 0;
    connection_enter(connection, CONNECTION_HANDLING);
    server->counters.requests++;
    connection->taken += head->size + head->content_length;
    server->handler(exchange, &request, server->user);
}

/* The head is complete and its body is not: the body has its own time to come. */
static void await_body(struct connection *connection, const struct http_head *head, size_t received)
{
    if (connection->head_seen) {
        return;
    }
    connection->head_seen = true;
    connection_enter(connection, CONNECTION_READING);
    if (head->expects_continue && received == head->size) {
        static const char continue_stream[] = "HTTP/1.1 100 Continue\r\n\r\n";
        if (send(connection->fd, continue_stream, sizeof(continue_stream) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) <
            0) {
            connection_close(connection);
        }
    }
}

/* One request of what has been read. Returns whether there may be another. */
static bool process_one(struct connection *connection)
{
    struct http_head head;
    struct http_fault fault;
    enum http_parse_result result = HTTP_PARSE_MORE;
    struct str rest = {NULL, connection->in.size - connection->taken};
    if (rest.size > 0) {
        rest.data = connection->in.data + connection->taken;
        result =
            http_parse_head(rest, &connection->scanned, connection->server->options.max_body, &head, &fault);
    }
    if (result == HTTP_PARSE_FAULT) {
        connection_fault(connection, &fault);
        return false;
    }
    if (result == HTTP_PARSE_DONE && rest.size - head.size >= head.content_length) {
        handle(connection, &head);
        return connection->state == CONNECTION_IDLE;
    }
    if (connection->ended) {
        connection_close(connection);
    } else if (result == HTTP_PARSE_DONE) {
        await_body(connection, &head, rest.size);
    } else if (rest.size > 0 && connection->state != CONNECTION_READING) {
        connection_enter(connection, CONNECTION_READING);
    }
    return false;
}

static bool may_process(const struct connection *connection)
{
    return connection->state == CONNECTION_FRESH || connection->state == CONNECTION_READING ||
           connection->state == CONNECTION_IDLE;
}

/* Drops what was served, once for all of it: a peer decides how many requests come at a time. */
static void drop_served(struct connection *connection)
{
    if (connection->state == CONNECTION_CLOSED) {
        return; /* buried with the connection */
    }
    bool expects_nothing =
        connection->state == CONNECTION_LINGERING || connection->state == CONNECTION_PUSHING;
    if (expects_nothing || connection->taken == connection->in.size) {
        buf_fini(&connection->in);
    } else if (connection->taken > 0) {
        buf_consume(&connection->in, connection->taken);
    }
    connection->taken = 0;
    set_reading(connection);
}

static void process(struct connection *connection)
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
        loop_defer(connection->server->loop, &connection->again);
    }
}

static void process_again(void *user)
{
    process(user);
}

static void on_end(struct connection *connection)
{
    connection->ended = true;
    event_del(&connection->readable);
    if (may_process(connection) && connection->in.size > 0) {
        process(connection); /* requests that wait for their turn are still answered */
    } else {
        connection_close(connection);
    }
}

static void received(struct connection *connection, const char *data, size_t size)
{
    if (connection->state == CONNECTION_LINGERING || connection->state == CONNECTION_PUSHING) {
        connection->dropped += size;
        if (connection->dropped > LINGER_BYTES) {
            connection_close(connection);
        }
        return;
    }
    buf_add(&connection->in, data, size);
    if (connection->state == CONNECTION_HANDLING) {
        set_reading(connection);
    } else {
        process(connection);
    }
}

static void on_readable(evutil_socket_t fd, short events, void *user)
{
    (void)events;
    struct connection *connection = user;
    char data[READ_SIZE];
    ssize_t got = recv(fd, data, sizeof(data), MSG_DONTWAIT);
    if (got > 0) {
        received(connection, data, (size_t)got);
    } else if (got == 0) {
        on_end(connection);
    } else if (errno != EAGAIN && errno != EINTR) {
        connection_close(connection);
    }
}

void connection_open(struct connection *connection)
{
    struct event_base *base = loop_base(connection->server->loop);
    connection->again = (struct deferred){.fn = process_again, .user = connection};
    event_assign(&connection->readable, base, connection->fd, EV_READ | EV_PERSIST, on_readable, connection);
    event_assign(&connection->writable, base, connection->fd, EV_WRITE | EV_PERSIST, on_writable, connection);
    event_add(&connection->readable, NULL);
}

/* ---- the exchange ---- */

bool http_request_header(const struct http_request *request, struct str name, struct str *ret_value)
{
    return http_head_find(request->head, name, ret_value);
}

void http_exchange_peer(const struct http_exchange *exchange, char *ret_text, size_t size)
{
    union {
        struct sockaddr_storage any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.any = {0}};
    socklen_t length = sizeof(address);
    struct ucred who = {0};
    socklen_t who_size = sizeof(who);
    char text[INET6_ADDRSTRLEN] = "";
    int fd = exchange->connection == NULL ? -1 : exchange->connection->fd;
    if (fd < 0 || getpeername(fd, (struct sockaddr *)&address, &length) < 0) {
        snprintf(ret_text, size, "gone");
    } else if (address.any.ss_family == AF_INET) {
        inet_ntop(AF_INET, &address.v4.sin_addr, text, sizeof(text));
        snprintf(ret_text, size, "%s:%u", text, ntohs(address.v4.sin_port));
    } else if (address.any.ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &address.v6.sin6_addr, text, sizeof(text));
        snprintf(ret_text, size, "[%s]:%u", text, ntohs(address.v6.sin6_port));
    } else {
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &who_size);
        snprintf(ret_text, size, "pid %ld uid %ld", (long)who.pid, (long)who.uid);
    }
}
