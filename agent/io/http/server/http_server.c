#include "outrider/io/http/server/http_server.h"

#include "http_server_internal.h"
#include "outrider/base/blob.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/loop_base.h"
#include "outrider/io/loop/timer.h"
#include "outrider/io/net/tcp_listen.h"
#include "outrider/os/clock.h"
#include "outrider/os/process.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ACCEPTS_PER_TURN = 64,
    LINGERING_BEYOND = 32,
    SHARE_OF_FILES = 4,
    PUSH_SHARE_OF_FILES = 2,
    LINGER_MS = 1000,
    FRESH_GRACE_MS = 1000,
    RETRY_MS = 200
};

static const struct http_fault no_room = {503, "too_many_connections",
                                          "the server has no room for another connection"};
static const struct http_fault too_slow = {408, "request_timeout", "the request did not arrive in time"};

/* ---- deadlines ---- */

static int64_t time_to_stay(const struct http_server *server, enum connection_state state)
{
    switch (state) {
    case CONNECTION_FRESH:
    case CONNECTION_READING: return server->options.request_timeout_ms;
    case CONNECTION_WRITING: return server->options.write_timeout_ms;
    case CONNECTION_IDLE: return server->options.idle_timeout_ms;
    case CONNECTION_LINGERING: return LINGER_MS;
    case CONNECTION_HANDLING:
    case CONNECTION_PUSHING:
    case CONNECTION_CLOSED: break;
    }
    return INT64_MAX;
}

/* The timer is moved only to an earlier moment: most requests end long before their deadline, and one wake-up
 * that finds nothing to do costs less than moving it each time. Without connections there is none. */
static void arm(struct http_server *server, int64_t deadline_ms)
{
    if (deadline_ms < server->timer_ms) {
        server->timer_ms = deadline_ms;
        timer_arm_at_ms(server->timer, deadline_ms);
    }
}

static void list_remove(struct connection_list *list, struct connection *connection)
{
    *(connection->prev != NULL ? &connection->prev->next : &list->first) = connection->next;
    *(connection->next != NULL ? &connection->next->prev : &list->last) = connection->prev;
    list->count--;
}

static void list_append(struct connection_list *list, struct connection *connection)
{
    connection->next = NULL;
    connection->prev = list->last;
    *(list->last != NULL ? &list->last->next : &list->first) = connection;
    list->last = connection;
    list->count++;
}

void connection_enter(struct connection *connection, enum connection_state state)
{
    struct http_server *server = connection->server;
    list_remove(&server->lists[connection->state], connection);
    connection->state = state;
    list_append(&server->lists[state], connection);
    int64_t stay_ms = time_to_stay(server, state);
    connection->deadline_ms = stay_ms == INT64_MAX ? INT64_MAX : clock_mono_ms() + stay_ms;
    arm(server, connection->deadline_ms);
}

static void expire(struct connection *connection)
{
    struct http_server_counters *counters = &connection->server->counters;
    switch (connection->state) {
    case CONNECTION_READING:
        counters->request_timeouts++;
        connection_fault(connection, &too_slow);
        return;
    case CONNECTION_FRESH: counters->request_timeouts++; break;
    case CONNECTION_WRITING: counters->write_timeouts++; break;
    case CONNECTION_IDLE: counters->idle_timeouts++; break;
    case CONNECTION_HANDLING:
    case CONNECTION_PUSHING:
    case CONNECTION_LINGERING:
    case CONNECTION_CLOSED: break;
    }
    connection_close(connection);
}

static void on_deadline(void *user)
{
    struct http_server *server = user;
    int64_t now_ms = clock_mono_ms();
    int64_t next_ms = INT64_MAX;
    server->timer_ms = INT64_MAX;
    for (size_t i = 0; i < CONNECTION_STATES; i++) {
        struct connection_list *list = &server->lists[i];
        while (list->first != NULL && list->first->deadline_ms <= now_ms) {
            expire(list->first);
        }
    }
    for (size_t i = 0; i < CONNECTION_STATES; i++) {
        const struct connection *first = server->lists[i].first;
        next_ms = first != NULL && first->deadline_ms < next_ms ? first->deadline_ms : next_ms;
    }
    arm(server, next_ms);
}

/* ---- the end of a connection ---- */

static void bury(void *user)
{
    struct http_server *server = user;
    while (server->graveyard != NULL) {
        struct connection *connection = server->graveyard;
        server->graveyard = connection->next;
        buf_fini(&connection->in); /* not before: a request that is being handled may be borrowed from it */
        free(connection);
    }
}

static void connection_end(struct connection *connection)
{
    struct http_server *server = connection->server;
    list_remove(&server->lists[connection->state], connection);
    server->counters.pushing = server->lists[CONNECTION_PUSHING].count;
    connection->state = CONNECTION_CLOSED;
    event_del(&connection->readable);
    event_del(&connection->writable);
    close(connection->fd);
    connection->fd = -1;
    deferred_cancel(&connection->again);
    buf_fini(&connection->out);
    blob_unref(connection->blob);
    connection->blob = NULL;
    if (connection->exchange != NULL) {
        connection->exchange->connection = NULL;
        connection->exchange = NULL;
    }
    if (connection->push != NULL) {
        push_detach(connection->push, false);
        connection->push = NULL;
    }
    connection->next = server->graveyard;
    server->graveyard = connection;
    if (--server->counters.open == 0) {
        timer_cancel(server->timer);
        server->timer_ms = INT64_MAX;
    }
}

void connection_close(struct connection *connection)
{
    if (connection->state == CONNECTION_CLOSED) {
        return;
    }
    loop_defer(connection->server->loop, &connection->server->bury);
    if (connection->push != NULL) {
        push_detach(connection->push, true);
        connection->push = NULL;
    }
    connection_end(connection);
}

/* ---- accepting ---- */

/* One that has not said a word for a while, or else the one that has been idle longest: a crowd of silent ones
 * goes before those who have asked for something. */
static bool evict(struct http_server *server)
{
    struct connection *victim = server->lists[CONNECTION_FRESH].first;
    int64_t grace_ms = server->options.request_timeout_ms - FRESH_GRACE_MS;
    if (victim == NULL || victim->deadline_ms - clock_mono_ms() > grace_ms) {
        victim = server->lists[CONNECTION_IDLE].first;
    }
    if (victim == NULL) {
        return false;
    }
    server->counters.evicted++;
    connection_close(victim);
    return true;
}

static struct connection *connection_new(struct http_server *server, int fd)
{
    struct connection *connection = mem_zalloc(sizeof(*connection));
    connection->server = server;
    connection->fd = fd;
    connection->state = CONNECTION_FRESH;
    list_append(&server->lists[CONNECTION_FRESH], connection);
    server->counters.open++;
    connection_open(connection);
    connection_enter(connection, CONNECTION_FRESH);
    return connection;
}

static void admit(struct http_server *server, int fd)
{
    size_t lingering = server->lists[CONNECTION_LINGERING].count;
    size_t taken = server->counters.open - server->counters.pushing - lingering;
    bool room = taken < server->options.max_connections || evict(server);
    int on = 1;
    if (!server->is_unix) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    if (room) {
        server->counters.accepted++;
        connection_new(server, fd);
        return;
    }
    server->counters.rejected++;
    if (lingering >= LINGERING_BEYOND || lingering >= server->options.max_connections) {
        close(fd);
        return;
    }
    struct connection *connection = connection_new(server, fd);
    connection_fault(connection, &no_room);
    server->counters.faults--;
}

static void on_acceptable(evutil_socket_t fd, short events, void *user)
{
    (void)events;
    struct http_server *server = user;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (peer >= 0) {
            admit(server, peer);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            evict(server); /* its descriptor is ours to use at the next try; until then the queue waits */
            event_del(&server->acceptable);
            timer_arm_ms(server->retry, RETRY_MS);
            return;
        } else if (errno != ECONNABORTED && errno != EINTR) {
            return;
        }
    }
}

static void accept_again(void *user)
{
    struct http_server *server = user;
    event_add(&server->acceptable, NULL);
}

/* ---- public ---- */

static int bind_server(struct http_server *server, const struct http_server_options *options,
                       struct error *err)
{
    if (options->unix_path == NULL) {
        const char *host = options->host == NULL ? "localhost" : options->host;
        return tcp_listen(host, options->port, err, &server->socket.fd, &server->port);
    }
    server->is_unix = true;
    mode_t mode = options->mode == 0 ? 0660 : options->mode;
    return unix_bind(options->unix_path, SOCK_STREAM, mode, options->gid, err, &server->socket);
}

static void set_defaults(struct http_server_options *options)
{
    options->max_connections = options->max_connections == 0 ? 1024 : options->max_connections;
    /* Peers must not take the descriptors that others need: who asks too much of us would look like a failing
     * server. */
    size_t share = process_files_for_peers() / SHARE_OF_FILES;
    options->max_connections = share < options->max_connections ? share : options->max_connections;
    size_t push_share = process_files_for_peers() / PUSH_SHARE_OF_FILES;
    options->max_pushes = options->max_pushes == 0 ? 5000 : options->max_pushes;
    options->max_pushes = push_share < options->max_pushes ? push_share : options->max_pushes;
    options->max_body = options->max_body == 0 ? 65536 : options->max_body;
    options->request_timeout_ms = options->request_timeout_ms == 0 ? 10000 : options->request_timeout_ms;
    options->idle_timeout_ms = options->idle_timeout_ms == 0 ? 60000 : options->idle_timeout_ms;
    options->write_timeout_ms = options->write_timeout_ms == 0 ? 10000 : options->write_timeout_ms;
    options->unix_path = NULL;
    options->host = NULL;
}

struct http_server *http_server_new(struct loop *loop, const struct http_server_options *options,
                                    http_handler_fn *handler, void *user, struct error *err)
{
    struct http_server *server = mem_zalloc(sizeof(*server));
    server->loop = loop;
    server->socket.fd = -1;
    server->handler = handler;
    server->user = user;
    if (bind_server(server, options, err) < 0) {
        free(server);
        return NULL;
    }
    server->options = *options;
    set_defaults(&server->options);
    server->timer = timer_new(loop, on_deadline, server);
    server->retry = timer_new(loop, accept_again, server);
    server->timer_ms = INT64_MAX;
    server->bury = (struct deferred){.fn = bury, .user = server};
    event_assign(&server->acceptable, loop_base(loop), server->socket.fd, EV_READ | EV_PERSIST, on_acceptable,
                 server);
    event_add(&server->acceptable, NULL);
    return server;
}

void http_server_free(struct http_server *server)
{
    if (server == NULL) {
        return;
    }
    event_del(&server->acceptable);
    unix_unbind(&server->socket);
    for (size_t i = 0; i < CONNECTION_STATES; i++) {
        while (server->lists[i].first != NULL) {
            connection_end(server->lists[i].first);
        }
    }
    deferred_cancel(&server->bury);
    bury(server);
    timer_free(server->timer);
    timer_free(server->retry);
    buf_fini(&server->scratch);
    free(server);
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

size_t http_server_max_connections(const struct http_server *server)
{
    return server->options.max_connections;
}

size_t http_server_max_pushes(const struct http_server *server)
{
    return server->options.max_pushes;
}

const struct http_server_counters *http_server_counters(const struct http_server *server)
{
    return &server->counters;
}
