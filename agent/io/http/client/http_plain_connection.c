/* Connections: an idle one serves the next call to the same authority, on the wire before
 * plain_connection_start returns; without one it is made. Nothing here calls a caller back. */
#include "http_plain_parts_internal.h"
#include "outrider/base/mem.h"

#include <errno.h>
#include <stdlib.h>

enum { IDLE_MAX = 4 };

/* Calls that were made while a connection was not needed for any of them, before it is closed: a burst, as at
 * the start, leaves some behind, and each costs the server memory for as long as it stays. Counted in calls,
 * so that an idle client needs no timer for it. */
enum { IDLE_CALLS_MAX = 16 };

static void bury(void *user)
{
    struct http_plain *client = user;
    while (client->graveyard != NULL) {
        struct plain_connection *connection = client->graveyard;
        client->graveyard = connection->next;
        free(connection->authority);
        free(connection);
    }
}

/* Not among the idle ones any more, or never. */
static void end(struct plain_connection *connection)
{
    struct http_plain *client = connection->client;
    http_wire_close(&connection->wire);
    connection->call = NULL;
    connection->next = client->graveyard;
    client->graveyard = connection;
    loop_defer(client->loop, &client->bury);
}

static void idle_remove(struct plain_connection *connection)
{
    struct http_plain *client = connection->client;
    *(connection->previous != NULL ? &connection->previous->next : &client->newest) = connection->next;
    *(connection->next != NULL ? &connection->next->previous : &client->oldest) = connection->previous;
    client->idle_count--;
}

static void idle_add(struct plain_connection *connection)
{
    struct http_plain *client = connection->client;
    connection->call = NULL;
    connection->kept = true;
    connection->previous = NULL;
    connection->next = client->newest;
    *(client->newest != NULL ? &client->newest->previous : &client->oldest) = connection;
    client->newest = connection;
    connection->idle_from = ++client->answered;
    struct plain_connection *oldest = client->oldest;
    if (++client->idle_count > IDLE_MAX || client->answered - oldest->idle_from >= IDLE_CALLS_MAX) {
        idle_remove(oldest);
        end(oldest);
    }
}

static struct plain_connection *idle_take(struct http_plain *client, struct str authority)
{
    for (struct plain_connection *each = client->newest; each != NULL; each = each->next) {
        if (str_eq(str_of(each->authority), authority)) {
            idle_remove(each);
            return each;
        }
    }
    return NULL;
}

static void send_request(struct plain_connection *connection)
{
    struct plain_call *call = connection->call;
    http_wire_send(&connection->wire, buf_view(&call->request));
    call->sent = call->sent || connection->wire.sent;
}

static void call_over(struct plain_connection *connection, enum http_transport transport, const char *why)
{
    struct plain_call *call = connection->call;
    bool keep =
        transport == HTTP_TRANSPORT_OK && call->answer.keep_alive && connection->wire.unsent.size == 0;
    call->sent = call->sent || connection->wire.sent;
    call->connection = NULL;
    if (keep) {
        idle_add(connection);
    } else {
        end(connection);
    }
    plain_call_end(call, transport, why);
}

static void connect_anew(struct plain_call *call);

/* No byte will follow. A kept connection that the server closed before it answered tells nothing of the
 * request: it may have been closed before it came. */
static void on_end(struct plain_connection *connection, int errnum)
{
    struct plain_call *call = connection->call;
    if (connection->kept && !call->applied) {
        call->sent = call->sent || connection->wire.sent;
        end(connection);
        connect_anew(call);
    } else if (errnum != 0) {
        call_over(connection, HTTP_TRANSPORT_RESET, strerror(errnum));
    } else if (http_answer_end(&call->answer) == HTTP_ANSWER_DONE) {
        call_over(connection, HTTP_TRANSPORT_OK, "");
    } else {
        call_over(connection, HTTP_TRANSPORT_RESET,
                  call->applied ? "the server closed it before the end of its answer"
                                : "the server closed it without an answer");
    }
}

static void on_bytes(struct plain_connection *connection, const char *data, size_t size)
{
    struct plain_call *call = connection->call;
    size_t used;
    call->applied = true;
    switch (http_answer_feed(&call->answer, data, size, &used)) {
    case HTTP_ANSWER_MORE: break;
    case HTTP_ANSWER_DONE:
        if (used == size) {
            call_over(connection, HTTP_TRANSPORT_OK, "");
        } else {
            call_over(connection, HTTP_TRANSPORT_OTHER, "the server sent more than one answer");
        }
        break;
    case HTTP_ANSWER_TOO_LARGE: call_over(connection, HTTP_TRANSPORT_TOO_LARGE, ""); break;
    case HTTP_ANSWER_MALFORMED:
    case HTTP_ANSWER_CUT:
        call_over(connection, HTTP_TRANSPORT_OTHER, "the answer is not HTTP/1.1, or malformed");
        break;
    }
}

static void on_readable(void *user)
{
    struct plain_connection *connection = user;
    struct http_plain *client = connection->client;
    bool secret = connection->call != NULL && connection->call->secret;
    char *data = plain_scratch(client);
    ssize_t got = http_wire_receive(&connection->wire, data, HTTP_PLAIN_READ_SIZE);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (connection->call == NULL) { /* closed while idle; or it speaks unasked, and cannot be trusted */
        idle_remove(connection);
        end(connection);
    } else if (got > 0) {
        on_bytes(connection, data, (size_t)got);
    } else {
        on_end(connection, got < 0 ? errno : 0);
    }
    if (secret && got > 0) {
        mem_wipe(data, (size_t)got);
    }
}

static void on_connected(void *user)
{
    send_request(user);
}

static void on_failed(enum http_transport transport, const char *why, void *user)
{
    struct plain_connection *connection = user;
    call_over(connection, transport, why);
}

static const struct http_wire_handler wire_handler = {
    .connected = on_connected, .failed = on_failed, .readable = on_readable};

static void connect_anew(struct plain_call *call)
{
    struct plain_connection *connection = mem_zalloc(sizeof(*connection));
    connection->client = call->client;
    connection->authority = mem_copy(call->url.authority.data, call->url.authority.size);
    connection->call = call;
    call->connection = connection;
    http_wire_open(&connection->wire, call->client->loop, call->client->resolver, &call->url,
                   call->connect_timeout_ms, &wire_handler, connection);
}

void plain_connection_start(struct plain_call *call)
{
    struct plain_connection *connection = idle_take(call->client, call->url.authority);
    if (connection == NULL) {
        connect_anew(call);
        return;
    }
    connection->call = call;
    call->connection = connection;
    send_request(connection);
}

void plain_connection_abandon(struct plain_call *call)
{
    struct plain_connection *connection = call->connection;
    if (connection != NULL) {
        call->sent = call->sent || connection->wire.sent;
        call->connection = NULL;
        end(connection);
    }
}

/* What makes a kept connection go deaf, as a firewall does that has forgotten it, has done so to the other
 * kept ones of that server: each of them would cost the time of one more call. */
void plain_connection_silent(struct plain_call *call)
{
    struct plain_connection *connection = call->connection;
    if (connection != NULL && connection->kept && !call->applied) {
        struct plain_connection *other = idle_take(call->client, call->url.authority);
        while (other != NULL) {
            end(other);
            other = idle_take(call->client, call->url.authority);
        }
    }
    plain_connection_abandon(call);
}

void plain_connections_init(struct http_plain *client)
{
    client->bury = (struct deferred){.fn = bury, .user = client};
}

void plain_connections_fini(struct http_plain *client)
{
    while (client->newest != NULL) {
        struct plain_connection *connection = client->newest;
        idle_remove(connection);
        end(connection);
    }
    deferred_cancel(&client->bury);
    bury(client);
}
