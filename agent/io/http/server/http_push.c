#include "outrider/io/http/server/http_push.h"

#include "http_server_internal.h"
#include "outrider/base/blob.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"

#include <errno.h>
#include <event2/event.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { MESSAGES_AT_ONCE = 256, LOOK_MS = 10000 };

struct http_push {
    struct connection *connection; /* NULL: it has ended */
    struct loop *loop;
    const struct http_push_calls *calls;
    void *user;
    size_t max_behind;
    struct buf tag;     /* what it is judged by; empty: it is not */
    struct buf waiting; /* struct blob *, each referenced; without memory when nothing waits */
    size_t offset;      /* bytes of the first that are sent */
    struct http_push_facts facts;
    uint64_t seen_sent; /* to the kernel, at the last look, and what of it the peer had not taken then */
    int seen_queued;
    int64_t taken_ms; /* when it was last seen to take something, or to have nothing to take */
    enum http_push_end why;
    struct deferred closed;
};

/* ---- what waits ---- */

static struct blob **waiting(const struct http_push *push, size_t *ret_count)
{
    *ret_count = push->waiting.size / sizeof(struct blob *);
    return (struct blob **)(void *)push->waiting.data;
}

static struct http_server *server_of(const struct http_push *push)
{
    return push->connection->listener->server;
}

static void forget(struct http_push *push, struct blob *const *messages, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        budget_blob_done(server_of(push), messages[i]);
        blob_unref(messages[i]);
    }
}

/* While it has its connection: nothing waits without one. */
static void forget_waiting(struct http_push *push)
{
    size_t count;
    struct blob **messages = waiting(push, &count);
    forget(push, messages, count);
    buf_fini(&push->waiting);
    push->offset = push->facts.behind = 0;
}

static void queue_up(struct http_push *push, struct blob *message)
{
    blob_ref(message);
    budget_blob_waits(server_of(push), message);
    buf_add(&push->waiting, &message, sizeof(message));
    push->facts.behind += blob_view(message).size;
}

/* ---- writing ---- */

/* Sends up to MESSAGES_AT_ONCE of `messages`, the first from `offset` on. Returns the bytes the socket took,
 * or -1 when the peer has closed. */
static ssize_t send_some(struct http_push *push, struct blob *const *messages, size_t count, size_t offset)
{
    struct iovec parts[MESSAGES_AT_ONCE];
    for (size_t i = 0; i < count; i++) {
        struct str bytes = blob_view(messages[i]);
        union {
            const char *in;
            void *out;
        } start = {bytes.data + offset};
        parts[i] = (struct iovec){start.out, bytes.size - offset};
        offset = 0;
    }
    struct transport *transport = &push->connection->transport;
    ssize_t sent = transport->ops->sendv(transport, parts, count);
    if (sent < 0) {
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    }
    push->facts.sent += (uint64_t)sent;
    server_of(push)->counters.bytes_sent += (uint64_t)sent;
    budget_sent(push->connection, (size_t)sent);
    return sent;
}

/* Returns how many messages `sent` bytes complete, and in `offset` how much of the next one. */
static size_t pass(struct blob *const *messages, size_t count, size_t sent, size_t *offset)
{
    size_t done = 0;
    for (sent += *offset; done < count && sent >= blob_view(messages[done]).size; done++) {
        sent -= blob_view(messages[done]).size;
    }
    *offset = sent;
    return done;
}

void push_on_writable(struct http_push *push)
{
    size_t count;
    struct blob **messages = waiting(push, &count);
    ssize_t sent =
        send_some(push, messages, count < MESSAGES_AT_ONCE ? count : MESSAGES_AT_ONCE, push->offset);
    if (sent < 0) {
        connection_close(push->connection);
        return;
    }
    push->facts.behind -= (size_t)sent;
    size_t done = pass(messages, count, (size_t)sent, &push->offset);
    forget(push, messages, done);
    buf_consume(&push->waiting, done * sizeof(*messages));
    if (done == count) {
        event_del(&push->connection->writable);
        forget_waiting(push);
        push->calls->drained(push, push->user);
    }
}

/* Sends until the socket is full. Returns how many messages are done: all of them when the peer has closed. */
static size_t send_now(struct http_push *push, struct blob *const *messages, size_t count, size_t *ret_offset)
{
    size_t done = 0, offset = 0;
    while (done < count) {
        size_t some = count - done < MESSAGES_AT_ONCE ? count - done : MESSAGES_AT_ONCE;
        ssize_t sent = send_some(push, messages + done, some, offset);
        if (sent < 0) {
            connection_close(push->connection);
            return count;
        }
        size_t passed = pass(messages + done, some, (size_t)sent, &offset);
        done += passed;
        if (passed < some) {
            break;
        }
    }
    *ret_offset = offset;
    return done;
}

void http_push_send(struct http_push *push, struct blob *const *messages, size_t count)
{
    size_t done = 0, offset = 0;
    if (push->connection == NULL) {
        return;
    }
    bool waits = push->waiting.size > 0;
    if (!waits) {
        done = send_now(push, messages, count, &offset);
    }
    if (done == count) {
        return;
    }
    for (size_t i = done; i < count; i++) {
        queue_up(push, messages[i]);
    }
    if (!waits) {
        push->offset = offset;
        push->facts.behind -= offset;
        event_add(&push->connection->writable, NULL);
    }
    if (push->facts.behind > push->max_behind) {
        server_of(push)->counters.pushes_behind++;
        push_close(push, HTTP_PUSH_BEHIND);
    } else {
        budget_waits(push->connection, 0);
    }
}

/* ---- those that take nothing ---- */

/* What the kernel still has of what was sent: for TCP the bytes without acknowledgement. A unix socket counts its own
 * overhead, too, and is at 0 when everything has been read. */
static int queued_in_kernel(const struct http_push *push)
{
    int queued = 0;
    return ioctl(push->connection->transport.fd, SIOCOUTQ, &queued) < 0 ? 0 : queued;
}

/* Encryption adds to what was sent, and the kernel has all of it. */
static uint64_t sent_to_kernel(const struct http_push *push)
{
    const struct transport *transport = &push->connection->transport;
    return transport->ops->written == NULL ? push->facts.sent : transport->ops->written(transport);
}

static bool is_shut(struct http_push *push, int64_t now_ms)
{
    int queued = queued_in_kernel(push);
    bool waits = queued > 0 || push->facts.behind > 0;
    uint64_t to_kernel = sent_to_kernel(push);
    int64_t sent = (int64_t)(to_kernel - push->seen_sent);
    if (!waits || queued - push->seen_queued < sent) {
        push->taken_ms = now_ms;
    }
    push->seen_queued = queued;
    push->seen_sent = to_kernel;
    return now_ms - push->taken_ms >= HTTP_PUSH_SHUT_MS;
}

void server_close_shut(struct http_server *server, int64_t now_ms)
{
    for (struct http_listener *listener = server->listeners; listener != NULL; listener = listener->next) {
        struct connection *each = listener->lists[CONNECTION_PUSHING].first, *next;
        for (; each != NULL; each = next) {
            next = each->next;
            if (is_shut(each->push, now_ms)) {
                server->counters.closed[HTTP_EVICTED_SHUT]++;
                push_close(each->push, HTTP_PUSH_SHUT);
            }
        }
    }
}

static void expel(struct http_push *push)
{
    if (push->calls->expelled == NULL) {
        push_close(push, HTTP_PUSH_GONE);
    } else {
        push->calls->expelled(push, push->user);
    }
}

void http_server_end_pushes(struct http_server *server, bool (*stays)(struct str tag, void *user), void *user)
{
    for (struct http_listener *listener = server->listeners; listener != NULL; listener = listener->next) {
        struct connection *each = listener->lists[CONNECTION_PUSHING].first, *next;
        for (; each != NULL; each = next) {
            next = each->next;
            if (each->push->tag.size > 0 && !stays(buf_view(&each->push->tag), user)) {
                expel(each->push);
            }
        }
    }
}

void server_look(void *user)
{
    struct http_server *server = user;
    server_close_shut(server, clock_mono_ms());
    if (server->counters.pushing > 0) {
        timer_arm_ms(server->looks, LOOK_MS);
    }
}

/* ---- what the peer sends ---- */

const struct connection *push_connection(const struct http_push *push)
{
    return push->connection;
}

bool push_receives(const struct http_push *push)
{
    return push->calls->received != NULL;
}

void push_received(struct connection *connection, struct str bytes)
{
    struct http_push *push = connection->push;
    push->calls->received(push, bytes, push->user);
    if (connection->state == CONNECTION_PUSHING) {
        connection_set_reading(connection);
    }
}

/* ---- beginning and end ---- */

static void notify_closed(void *user)
{
    struct http_push *push = user;
    push->calls->closed(push, push->why, push->user);
}

void push_detach(struct http_push *push, bool notify)
{
    forget_waiting(push);
    push->connection = NULL;
    push->facts.is_closed = true;
    if (notify) {
        loop_defer(push->loop, &push->closed);
    }
}

void push_close(struct http_push *push, enum http_push_end why)
{
    push->why = why;
    connection_close(push->connection);
}

const struct http_fault *http_push_refusal(struct http_exchange *exchange)
{
    return connection_push_refusal((struct connection *)exchange, false);
}

static struct http_push *attach(struct connection *connection, const struct http_push_options *options,
                                const struct http_push_calls *calls, void *user)
{
    unsigned patience_ms = HTTP_PUSH_SHUT_MS + 2 * LOOK_MS;
    struct http_push *push = mem_zalloc(sizeof(*push));
    *push = (struct http_push){
        .connection = connection,
        .loop = connection->listener->server->loop,
        .calls = calls,
        .user = user,
        .max_behind = options->max_behind == 0 ? HTTP_PUSH_BEHIND_MAX : options->max_behind,
        .closed = {.fn = notify_closed, .user = push},
    };
    buf_str(&push->tag, options->tag);
    connection->push = push;
    /* Else the kernel would close it first, as a failed connection, and the log would not say why. */
    (void)setsockopt(connection->transport.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms,
                     sizeof(patience_ms));
    push->taken_ms = clock_mono_ms();
    push->seen_sent = sent_to_kernel(push);
    connection->listener->server->counters.pushes++;
    connection_enter(connection, CONNECTION_PUSHING);
    if (!timer_is_armed(connection->listener->server->looks)) {
        timer_arm_ms(connection->listener->server->looks, LOOK_MS);
    }
    connection_set_reading(connection);
    if (push_receives(push)) { /* it may have sent ahead */
        loop_defer(push->loop, &connection->again);
    }
    return push;
}

struct http_push *http_push_begin(struct http_exchange *exchange, const struct http_push_options *options,
                                  const struct http_push_calls *calls, void *user)
{
    struct connection *connection = (struct connection *)exchange;
    struct http_response response = {.status = options->switches ? 101 : 200,
                                     .content_type = options->content_type,
                                     .headers = options->headers,
                                     .close = true};
    if (exchange->is_head) {
        exchange_respond(exchange, &response, HTTP_LENGTH_UNKNOWN);
        return NULL;
    }
    exchange->is_open = false;
    if (connection->ended) {
        connection_close(connection);
        return NULL;
    }
    const struct http_fault *refusal = connection_push_refusal(connection, true);
    if (refusal != NULL) {
        connection_fault(connection, refusal);
        return NULL;
    }
    struct buf text = {0};
    http_response_head(&text, &response, HTTP_LENGTH_UNKNOWN, exchange->minor, options->switches);
    struct blob *head = blob_new(buf_view(&text));
    buf_fini(&text);
    struct http_push *push = attach(connection, options, calls, user);
    http_push_send(push, &head, 1);
    blob_unref(head);
    return push;
}

/* A peer that may have sent something that is not read yet would lose the last message to a reset. */
static void end_connection(struct http_push *push, struct connection *connection)
{
    bool kept_up = push->facts.behind == 0 && !connection->ended;
    bool lingers = kept_up && (push_receives(push) || budget_kernel_holds(connection));
    forget_waiting(push);
    connection->push = NULL;
    if (lingers) {
        connection_finish(connection);
    } else {
        connection_close(connection);
    }
}

void http_push_end(struct http_push *push)
{
    if (push == NULL) {
        return;
    }
    if (push->connection != NULL) {
        end_connection(push, push->connection);
    }
    deferred_cancel(&push->closed);
    buf_fini(&push->tag);
    free(push);
}

const struct http_push_facts *http_push_facts(const struct http_push *push)
{
    return &push->facts;
}
