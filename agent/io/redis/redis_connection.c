#include "redis_connection_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/timer.h"
#include "outrider/io/net/connect.h"
#include "outrider/os/clock.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    READ_SIZE = 16384,
    READS_AT_ONCE = 16, /* then the other sockets have their turn */
    KEEPALIVE_IDLE_S = 10,
    KEEPALIVE_INTERVAL_S = 3,
    KEEPALIVE_COUNT = 3,
    USER_TIMEOUT_MS = 20000,
};

static const bool allowed[5][5] = {
    [REDIS_LINK_CLOSED] = {[REDIS_LINK_CONNECTING] = true},
    [REDIS_LINK_CONNECTING] =
        {[REDIS_LINK_SECURING] = true, [REDIS_LINK_LOGIN] = true, [REDIS_LINK_CLOSED] = true},
    [REDIS_LINK_SECURING] = {[REDIS_LINK_LOGIN] = true, [REDIS_LINK_CLOSED] = true},
    [REDIS_LINK_LOGIN] = {[REDIS_LINK_OPEN] = true, [REDIS_LINK_CLOSED] = true},
    [REDIS_LINK_OPEN] = {[REDIS_LINK_CLOSED] = true},
};

static void set_state(struct redis_connection *connection, enum redis_link_state state)
{
    assert(allowed[connection->state][state]);
    connection->state = state;
}

/* ---- the end ---- */

static void wipe_login(struct buf *out)
{
    if (out->data != NULL) {
        mem_wipe(out->data, out->capacity);
    }
}

static void disconnect(struct redis_connection *connection)
{
    connect_cancel(connection->attempt);
    tls_cancel(connection->securing);
    connection->attempt = NULL;
    connection->securing = NULL;
    timer_cancel(connection->timer);
    deferred_cancel(&connection->flush);
    if (connection->has_events) {
        event_del(&connection->readable);
        event_del(&connection->writable);
        connection->has_events = connection->wants_write = false;
    }
    if (connection->transport.ops != NULL) {
        transport_close(&connection->transport);
    }
    wipe_login(&connection->out); /* that was not sent */
    buf_fini(&connection->out);
}

void redis_connection_close(struct redis_connection *connection, const char *why)
{
    if (connection->state == REDIS_LINK_CLOSED) {
        return;
    }
    brief_copy(connection->why, sizeof(connection->why), str_of(why));
    disconnect(connection);
    set_state(connection, REDIS_LINK_CLOSED);
    loop_defer(connection->shared->loop, &connection->ending);
}

/* At the end of the turn: what is being read may belong to the decoder. */
static void on_ending(void *user)
{
    struct redis_connection *connection = user;
    redis_decoder_free(connection->decoder);
    connection->decoder = NULL;
    connection->is_busy = false;
    connection->owner->lost(connection, connection->why, connection->user);
}

struct redis_call *redis_connection_take_call(struct redis_connection *connection, bool *ret_sent)
{
    struct redis_call *call = redis_calls_take(&connection->calls);
    *ret_sent = call != NULL && call->end <= connection->sent;
    return call;
}

void redis_connection_drop_calls(struct redis_connection *connection)
{
    for (struct redis_call *call; (call = redis_calls_take(&connection->calls)) != NULL;) {
        redis_call_free(call);
    }
}

/* ---- sending ---- */

static void want_write(struct redis_connection *connection, bool wants)
{
    if (wants != connection->wants_write) {
        connection->wants_write = wants;
        if (wants) {
            event_add(&connection->writable, NULL);
        } else {
            event_del(&connection->writable);
        }
    }
}

static void flush(struct redis_connection *connection)
{
    struct buf *out = &connection->out;
    size_t done = 0;
    while (done < out->size) {
        struct iovec part = {out->data + done, out->size - done};
        ssize_t sent = connection->transport.ops->sendv(&connection->transport, &part, 1);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0 && errno != EAGAIN) {
            char why[160];
            snprintf(why, sizeof(why), "the connection ended: %s", strerror(errno));
            redis_connection_close(connection, why);
            return;
        }
        if (sent <= 0) {
            break;
        }
        done += (size_t)sent;
        connection->sent += (size_t)sent;
    }
    buf_consume(out, done);
    if (connection->state == REDIS_LINK_LOGIN && out->size == 0) {
        wipe_login(out);
    }
    want_write(connection, out->size > 0);
}

static void on_flush(void *user)
{
    flush(user);
}

static void on_writable(evutil_socket_t fd, short what, void *user)
{
    (void)fd, (void)what;
    flush(user);
}

static void send_later(struct redis_connection *connection)
{
    loop_defer(connection->shared->loop, &connection->flush);
}

void redis_connection_send(struct redis_connection *connection, struct redis_call *call)
{
    assert(connection->state == REDIS_LINK_OPEN);
    if (call->asking) {
        redis_command_add(&connection->out, (const struct str[]){STR("ASKING")}, 1);
    }
    if (call->script != NULL) {
        call->args[0] = call->whole_script ? STR("EVAL") : STR("EVALSHA");
        call->args[1] = call->whole_script ? call->script->source : str_of(call->script->sha);
    }
    redis_command_add(&connection->out, call->args, call->count);
    send_later(connection);
    call->end = connection->sent + connection->out.size;
    call->sent_us = clock_mono_us();
    redis_calls_add(&connection->calls, call);
}

static void send_about(struct redis_connection *connection, struct str word, struct str channel)
{
    assert(connection->state == REDIS_LINK_OPEN && connection->is_subscriber);
    redis_command_add(&connection->out, (const struct str[]){word, channel}, 2);
    send_later(connection);
}

void redis_connection_subscribe(struct redis_connection *connection, struct str channel)
{
    send_about(connection, STR("SUBSCRIBE"), channel);
}

void redis_connection_unsubscribe(struct redis_connection *connection, struct str channel)
{
    send_about(connection, STR("UNSUBSCRIBE"), channel);
}

/* ---- receiving ---- */

static void unasked(struct redis_connection *connection, const struct redis_reply *reply)
{
    bool is_error = reply->type == REDIS_IS_ERROR;
    char why[256];
    brief_format(why, sizeof(why), "%.*s",
                 STR_ARG(is_error ? reply->text : STR("a reply that nothing asked for")));
    redis_connection_close(connection, why);
}

static void logged_in(struct redis_connection *connection)
{
    timer_cancel(connection->timer);
    set_state(connection, REDIS_LINK_OPEN);
    connection->owner->opened(connection, connection->user);
}

static void on_login_reply(struct redis_connection *connection, const struct redis_reply *reply)
{
    struct error err;
    int rc = redis_login_step(connection, reply, &err);
    if (rc < 0) {
        redis_connection_close(connection, err.text);
    } else if (rc > 0) {
        logged_in(connection);
    } else {
        send_later(connection);
    }
}

static bool is_push(const struct redis_reply *reply)
{
    struct str kind = redis_text(redis_item(reply, 0));
    return reply->type == REDIS_IS_ARRAY && reply->count == 3 &&
           (str_eq(kind, STR("message")) || str_eq(kind, STR("subscribe")) ||
            str_eq(kind, STR("unsubscribe")));
}

static void on_reply(struct redis_connection *connection, const struct redis_reply *reply)
{
    if (connection->state == REDIS_LINK_LOGIN) {
        on_login_reply(connection, reply);
        return;
    }
    if (connection->is_subscriber && is_push(reply)) {
        connection->owner->heard(connection, reply, connection->user);
        return;
    }
    struct redis_call *call = connection->calls.first;
    if (call == NULL) {
        unasked(connection, reply);
    } else if (call->asking) {
        call->asking = false; /* the answer to ASKING itself; what it was for comes next */
    } else {
        connection->owner->replied(connection, redis_calls_take(&connection->calls), reply, connection->user);
    }
}

/* All replies in what was received. Returns false when the connection is over. */
static bool take_replies(struct redis_connection *connection)
{
    const struct redis_reply *reply = NULL;
    struct error err;
    int rc = 0;
    for (int count = 0; connection->state >= REDIS_LINK_LOGIN &&
                        (rc = redis_decoder_next(connection->decoder, &err, &reply)) > 0;
         count++) {
        connection->heard_us = count == 0 ? clock_mono_us() : connection->heard_us; /* all came together */
        on_reply(connection, reply);
    }
    if (rc < 0) {
        redis_connection_close(connection, err.text);
    }
    return connection->state >= REDIS_LINK_LOGIN;
}

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    (void)fd, (void)what;
    struct redis_connection *connection = user;
    char bytes[READ_SIZE];
    for (int i = 0; i < READS_AT_ONCE; i++) {
        ssize_t size = connection->transport.ops->recv(&connection->transport, bytes, sizeof(bytes));
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (size <= 0) {
            char why[160];
            snprintf(why, sizeof(why), "the connection ended%s%s", size < 0 ? ": " : " by the server",
                     size < 0 ? strerror(errno) : "");
            redis_connection_close(connection, why);
            return;
        }
        redis_decoder_feed(connection->decoder, (struct str){bytes, (size_t)size});
        if (!take_replies(connection)) {
            return;
        }
    }
    event_active(&connection->readable, EV_READ, 0); /* TLS may hold what epoll does not see */
}

/* ---- the beginning ---- */

static void use_transport(struct redis_connection *connection, struct transport transport)
{
    struct error err;
    connection->transport = transport;
    connection->decoder = redis_decoder_new(connection->shared->options.reply_max);
    event_assign(&connection->readable, loop_base(connection->shared->loop), transport.fd,
                 EV_READ | EV_PERSIST, on_readable, connection);
    event_assign(&connection->writable, loop_base(connection->shared->loop), transport.fd,
                 EV_WRITE | EV_PERSIST, on_writable, connection);
    event_add(&connection->readable, NULL);
    connection->has_events = true;
    set_state(connection, REDIS_LINK_LOGIN);
    if (redis_login_start(connection, &err) < 0) {
        redis_connection_close(connection, err.text);
        return;
    }
    send_later(connection);
}

static void on_secured(const struct transport *transport, const char *why, void *user)
{
    struct redis_connection *connection = user;
    connection->securing = NULL;
    if (transport == NULL) {
        redis_connection_close(connection, why);
    } else {
        use_transport(connection, *transport);
    }
}

static void set_option(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof(value)); /* a unix socket, or none of ours to mend */
}

static void on_connected(enum connect_outcome outcome, const char *detail, int64_t elapsed_us, void *user)
{
    (void)elapsed_us;
    struct redis_connection *connection = user;
    const struct redis_options *options = &connection->shared->options;
    struct connect_attempt *attempt = connection->attempt;
    connection->attempt = NULL;
    if (outcome != CONNECT_OK) {
        redis_connection_close(connection, detail);
        return;
    }
    int fd = connect_take(attempt);
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT);
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
    if (options->tls) {
        set_state(connection, REDIS_LINK_SECURING);
        connection->securing =
            tls_start(connection->shared->loop, fd, &options->tls_settings, connection->host,
                      options->connect_timeout_ms, on_secured, connection);
    } else {
        use_transport(connection, transport_plain(fd));
    }
}

static void on_late(void *user)
{
    struct redis_connection *connection = user;
    redis_connection_close(connection,
                           connection->state == REDIS_LINK_LOGIN ? "login: timed out" : "timed out");
}

void redis_connection_open(struct redis_connection *connection)
{
    const struct redis_shared *shared = connection->shared;
    assert(connection->calls.count == 0 && !connection->is_busy);
    connection->is_busy = true;
    set_state(connection, REDIS_LINK_CONNECTING);
    connection->sent = 0;
    connection->login_error = REDIS_ERROR_OTHER;
    connection->why[0] = '\0';
    timer_arm_ms(connection->timer, shared->options.connect_timeout_ms);
    connection->attempt = connect_tcp(shared->loop, shared->resolver, connection->host, connection->port,
                                      shared->options.connect_timeout_ms, on_connected, connection);
}

struct redis_connection *redis_connection_new(const struct redis_shared *shared, const char *host,
                                              uint16_t port, const struct redis_link_owner *owner, void *user)
{
    struct redis_connection *connection = mem_zalloc(sizeof(*connection));
    struct buf name = {0};
    *connection = (struct redis_connection){.shared = shared, .owner = owner, .user = user, .port = port};
    bool is_v6 = strchr(host, ':') != NULL;
    buf_printf(&name, is_v6 ? "[%s]:%u" : "%s:%u", host, (unsigned)port);
    connection->host = mem_strdup(host);
    connection->name = mem_strdup(buf_text(&name));
    buf_fini(&name);
    connection->transport.fd = -1;
    connection->timer = timer_new(shared->loop, on_late, connection);
    connection->flush = (struct deferred){.fn = on_flush, .user = connection};
    connection->ending = (struct deferred){.fn = on_ending, .user = connection};
    redis_calls_init(&connection->calls);
    return connection;
}

void redis_connection_free(struct redis_connection *connection)
{
    if (connection == NULL) {
        return;
    }
    disconnect(connection);
    deferred_cancel(&connection->ending);
    redis_connection_drop_calls(connection);
    redis_decoder_free(connection->decoder);
    timer_free(connection->timer);
    free(connection->host);
    free(connection->name);
    free(connection);
}
