/* Replies: written at once, or as the socket takes them; and connections handed over after a 101. */
#include "http_server_internal.h"
#include "outrider/base/blob.h"
#include "outrider/io/net/address.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <sys/socket.h>

/* ---- writing ---- */

/* Offered at once: the kernel takes all of what it is offered where it has room for a part of it. */
enum { PIECE_BYTES = 16384, PIECES_AT_ONCE = 64 };

/* A body of so few bytes is copied behind its head: the kernel takes one part faster than two. */
enum { SMALL_BODY = 512 };

static size_t at_most(size_t size, size_t most)
{
    return size < most ? size : most;
}

/* Sends a piece of what `out` and `body` still have. Returns the bytes taken, 0 where none fits, or -1 when the peer is
 * gone. `ret_offered` is the size of the piece. */
static ssize_t send_piece(struct connection *connection, struct str body, size_t *ret_offered)
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
    struct iovec parts[] = {{first.out, at_most(head.size - head_skip, PIECE_BYTES)}, {second.out, 0}};
    parts[1].iov_len = at_most(body.size - body_skip, PIECE_BYTES - parts[0].iov_len);
    *ret_offered = parts[0].iov_len + parts[1].iov_len;
    size_t count = parts[1].iov_len > 0 ? 2 : 1;
    ssize_t sent = connection->transport.ops->sendv(&connection->transport, parts, count);
    if (sent < 0) {
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    }
    connection->written += (size_t)sent;
    connection->listener->server->counters.bytes_sent += (uint64_t)sent;
    budget_sent(connection, (size_t)sent);
    return sent;
}

/* Sends what `out` and `body` still have, without blocking. Returns the bytes taken, or -1 when the peer is
 * gone. */
static ssize_t send_some(struct connection *connection, struct str body)
{
    ssize_t all = 0, sent;
    size_t offered;
    for (int i = 0; i < PIECES_AT_ONCE; i++) {
        sent = send_piece(connection, body, &offered);
        if (sent < 0) {
            return -1;
        }
        all += sent;
        if ((size_t)sent < offered || connection->written == connection->out.size + body.size) {
            break;
        }
    }
    return all;
}

void connection_drop_output(struct connection *connection)
{
    buf_fini(&connection->out);
    if (connection->blob != NULL) {
        budget_blob_done(connection->listener->server, connection->blob);
        blob_unref(connection->blob);
    }
    connection->blob = NULL;
    connection->body = (struct str){NULL, 0};
    connection->written = 0;
    budget_written(connection);
}

void connection_finish(struct connection *connection)
{
    if (connection->transport.ops->finish(&connection->transport) < 0 ||
        (connection->ended && !budget_kernel_holds(connection))) {
        connection_close(connection);
        return;
    }
    connection_enter(connection, CONNECTION_LINGERING);
}

static void reply_written(struct connection *connection)
{
    connection_drop_output(connection);
    if (connection->upgraded != NULL) {
        connection_enter(connection, CONNECTION_UPGRADED);
        loop_defer(connection->listener->server->loop, &connection->again);
    } else if (connection->close_after) {
        connection_finish(connection);
    } else {
        connection_enter(connection, CONNECTION_IDLE);
    }
    connection_set_reading(connection);
}

void connection_on_writable(struct connection *connection)
{
    ssize_t sent = send_some(connection, connection->body);
    if (sent < 0) {
        connection_close(connection);
    } else if (connection->written < connection->out.size + connection->body.size) {
        if (sent > 0) {
            connection_enter(connection, CONNECTION_WRITING);
        }
    } else {
        event_del(&connection->writable);
        reply_written(connection);
        connection_process(connection);
    }
}

/* The head is in `out`. What the socket does not take at once waits: a blob by reference, static bytes as they
 * are, other bytes copied. Nothing is read while it waits, so that a peer cannot ask faster than it reads. */
static void begin_writing(struct connection *connection, struct str body,
                          const struct http_response *response)
{
    if (send_some(connection, body) < 0) {
        connection_close(connection);
        return;
    }
    if (connection->written >= connection->out.size + body.size) {
        reply_written(connection);
        return;
    }
    if (body.size > 0 && (response->blob != NULL || response->is_static)) {
        connection->blob = blob_ref(response->blob);
        connection->body = body;
    } else {
        buf_str(&connection->out, body);
    }
    connection_enter(connection, CONNECTION_WRITING);
    event_del(&connection->readable);
    event_add(&connection->writable, NULL);
    if (connection->blob != NULL) {
        budget_blob_waits(connection->listener->server, connection->blob);
    }
    budget_waits(connection, connection->out.size);
}

void connection_fault(struct connection *connection, const struct http_fault *fault)
{
    connection->listener->server->counters.faults++;
    connection->close_after = true;
    http_response_fault(&connection->out, fault);
    begin_writing(connection, (struct str){NULL, 0}, NULL);
}

/* ---- the exchange ---- */

static struct str body_of(const struct http_response *response)
{
    return response->blob != NULL ? blob_view(response->blob) : response->body;
}

void exchange_respond(struct http_exchange *exchange, const struct http_response *response, size_t length)
{
    struct connection *connection = (struct connection *)exchange;
    struct str body = body_of(response);
    bool keep = exchange->keep_alive && !response->close;
    exchange->is_open = false;
    connection->close_after = !keep;
    http_response_head(&connection->out, response, length, exchange->minor, keep);
    if (exchange->is_head || response->status == 204 || response->status == 304) {
        body = (struct str){NULL, 0};
    }
    if (body.size <= SMALL_BODY) {
        buf_str(&connection->out, body);
        body = (struct str){NULL, 0};
    }
    begin_writing(connection, body, response);
    if (connection->state == CONNECTION_IDLE && !connection->processing) {
        loop_defer(connection->listener->server->loop, &connection->again);
    }
}

void http_respond(struct http_exchange *exchange, const struct http_response *response)
{
    if (exchange->inner != NULL) {
        inner_respond(exchange->inner, response);
    } else {
        exchange_respond(exchange, response, body_of(response).size);
    }
}

void http_exchange_share(const struct http_exchange *exchange, char ret_text[static HTTP_SHARE_TEXT])
{
    const struct http_inner *inner = exchange->inner;
    http_peer_text(inner != NULL ? &inner->peer : &((const struct connection *)exchange)->peer, ret_text);
}

void http_exchange_peer(const struct http_exchange *exchange, char *ret_text, size_t size)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    struct ucred peer = {0};
    socklen_t peer_size = sizeof(peer);
    char text[INET6_ADDRSTRLEN];
    if (exchange->inner != NULL) {
        snprintf(ret_text, size, "%s", exchange->inner->text);
        return;
    }
    int fd = ((const struct connection *)exchange)->transport.fd;
    if (fd < 0 || getpeername(fd, (struct sockaddr *)&address, &length) < 0) {
        snprintf(ret_text, size, "gone");
    } else if (address.ss_family == AF_UNIX) {
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_size);
        if (peer.pid > 0) {
            snprintf(ret_text, size, "pid %ld uid %ld", (long)peer.pid, (long)peer.uid);
        } else { /* of a PID namespace that is not visible here */
            snprintf(ret_text, size, "uid %ld", (long)peer.uid);
        }
    } else {
        snprintf(ret_text, size, address.ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u",
                 address_text(&address, text), address_port(&address));
    }
}

/* ---- upgrades ---- */

bool http_exchange_can_switch(const struct http_exchange *exchange)
{
    return exchange->inner == NULL && exchange->minor > 0 && !exchange->is_head;
}

bool http_exchange_upgrade(struct http_exchange *exchange, const char *const *headers, http_upgraded_fn *fn,
                           void *user)
{
    struct connection *connection = (struct connection *)exchange;
    if (!http_exchange_can_switch(exchange)) {
        return false;
    }
    struct http_response switching = {.status = 101, .headers = headers};
    exchange->is_open = false;
    connection->upgraded = fn;
    connection->upgraded_user = user;
    http_response_head(&connection->out, &switching, HTTP_LENGTH_UNKNOWN, exchange->minor, true);
    begin_writing(connection, (struct str){NULL, 0}, &switching);
    return true;
}

void connection_hand_over(struct connection *connection)
{
    http_upgraded_fn *fn = connection->upgraded;
    struct transport transport = connection->transport;
    struct buf ahead = connection->in;
    connection->upgraded = NULL;
    connection->in = (struct buf){0};
    connection->transport.fd = -1; /* moved: not to be closed with the connection */
    connection->listener->server->counters.upgraded++;
    connection_close(connection);
    fn(&transport, buf_view(&ahead), connection->upgraded_user);
    buf_fini(&ahead);
}
