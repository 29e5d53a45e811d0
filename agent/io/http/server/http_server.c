#include "outrider/io/http/server/http_server.h"

#include "http_server_internal.h"
#include "outrider/base/blob.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <utlist.h>

enum { LINGER_MS = 1000, BEYOND_MS = 1000 };

static const struct http_fault too_slow = {408, "request_timeout", "the request did not arrive in time"};

/* ---- states ---- */

#define TO(state) (1U << CONNECTION_##state)

/* Where a connection may go from each state, beside CLOSED. */
static const unsigned allowed[CONNECTION_STATES] = {
    [CONNECTION_FRESH] = TO(FRESH) | TO(READING) | TO(HANDLING) | TO(WRITING) | TO(LINGERING),
    [CONNECTION_BEYOND] = TO(BEYOND) | TO(HANDLING) | TO(WRITING) | TO(LINGERING),
    [CONNECTION_READING] = TO(READING) | TO(HANDLING) | TO(WRITING) | TO(LINGERING),
    [CONNECTION_HANDLING] = TO(IDLE) | TO(WRITING) | TO(PUSHING) | TO(LINGERING) | TO(UPGRADED),
    [CONNECTION_WRITING] = TO(WRITING) | TO(IDLE) | TO(LINGERING) | TO(UPGRADED),
    [CONNECTION_IDLE] = TO(READING) | TO(HANDLING) | TO(WRITING) | TO(LINGERING),
    [CONNECTION_PUSHING] = TO(LINGERING),
    [CONNECTION_LINGERING] = TO(LINGERING),
};

static int64_t time_to_stay(const struct http_listener *listener, enum connection_state state)
{
    switch (state) {
    case CONNECTION_FRESH:
    case CONNECTION_READING: return listener->options.request_timeout_ms;
    case CONNECTION_WRITING: return listener->options.write_timeout_ms;
    case CONNECTION_IDLE: return listener->options.idle_timeout_ms;
    case CONNECTION_BEYOND: return BEYOND_MS;
    case CONNECTION_LINGERING: return LINGER_MS;
    case CONNECTION_HANDLING:
    case CONNECTION_PUSHING:
    case CONNECTION_UPGRADED:
    case CONNECTION_CLOSED: break;
    }
    return INT64_MAX;
}

/* Moves the timer only to an earlier time: most requests end long before their deadline, and one wake-up that
 * finds nothing due costs less than moving it each time. Without connections it is off. */
static void arm(struct http_server *server, int64_t deadline_ms)
{
    if (deadline_ms < server->timer_ms) {
        server->timer_ms = deadline_ms;
        timer_arm_at_ms(server->timer, deadline_ms);
    }
}

static void set_state(struct connection *connection, enum connection_state state)
{
    struct http_listener *listener = connection->listener;
    size_t *pushing = &listener->server->counters.pushing;
    assert(state == CONNECTION_CLOSED || (allowed[connection->state] & 1U << state) != 0);
    connection_move_place(connection, state);
    struct connection_list *from = &listener->lists[connection->state];
    DL_DELETE(from->first, connection);
    from->count--;
    *pushing -= connection->state == CONNECTION_PUSHING ? 1 : 0;
    *pushing += state == CONNECTION_PUSHING ? 1 : 0;
    connection->state = state;
    if (state != CONNECTION_CLOSED) {
        DL_APPEND(listener->lists[state].first, connection);
        listener->lists[state].count++;
    }
}

void connection_enter(struct connection *connection, enum connection_state state)
{
    struct http_listener *listener = connection->listener;
    set_state(connection, state);
    int64_t stay_ms = time_to_stay(listener, state);
    connection->deadline_ms = stay_ms == INT64_MAX ? INT64_MAX : clock_mono_ms() + stay_ms;
    arm(listener->server, connection->deadline_ms);
}

/* ---- deadlines ---- */

static void expire(struct connection *connection)
{
    struct http_server_counters *counters = &connection->listener->server->counters;
    switch (connection->state) {
    case CONNECTION_READING:
        counters->request_timeouts++;
        connection_fault(connection, &too_slow);
        return;
    case CONNECTION_BEYOND: connection_refuse(connection); return;
    case CONNECTION_FRESH: counters->request_timeouts++; break;
    case CONNECTION_WRITING: counters->write_timeouts++; break;
    case CONNECTION_IDLE:
        counters->idle_timeouts++;
        if (budget_kernel_holds(connection)) {
            connection_finish(connection); /* a slow peer has yet to take it */
            return;
        }
        break;
    case CONNECTION_LINGERING:
        if (budget_lingers(connection)) {
            connection_enter(connection, CONNECTION_LINGERING);
            return;
        }
        break;
    case CONNECTION_HANDLING:
    case CONNECTION_PUSHING:
    case CONNECTION_UPGRADED:
    case CONNECTION_CLOSED: break;
    }
    connection_close(connection);
}

/* Returns the earliest deadline that is left. */
static int64_t expire_due(struct http_listener *listener, int64_t now_ms)
{
    int64_t next_ms = INT64_MAX;
    for (size_t i = 0; i < CONNECTION_STATES; i++) {
        struct connection_list *list = &listener->lists[i];
        while (list->first != NULL && list->first->deadline_ms <= now_ms) {
            expire(list->first);
        }
    }
    for (size_t i = 0; i < CONNECTION_STATES; i++) {
        const struct connection *first = listener->lists[i].first;
        next_ms = first != NULL && first->deadline_ms < next_ms ? first->deadline_ms : next_ms;
    }
    return next_ms;
}

static void on_deadline(void *user)
{
    struct http_server *server = user;
    int64_t now_ms = clock_mono_ms();
    int64_t next_ms = INT64_MAX;
    server->timer_ms = INT64_MAX;
    for (struct http_listener *each = server->listeners; each != NULL; each = each->next) {
        int64_t due_ms = expire_due(each, now_ms);
        next_ms = due_ms < next_ms ? due_ms : next_ms;
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
        if (connection->upgraded != NULL) {
            connection->upgraded(NULL, (struct str){NULL, 0}, connection->upgraded_user);
        }
        buf_fini(&connection->in); /* not before: a request that is being handled may be borrowed from it */
        free(connection);
    }
}

void connection_end(struct connection *connection)
{
    struct http_listener *listener = connection->listener;
    struct http_server *server = listener->server;
    set_state(connection, CONNECTION_CLOSED);
    event_del(&connection->readable);
    event_del(&connection->writable);
    deferred_cancel(&connection->again);
    connection_drop_output(connection);
    if (connection->push != NULL) {
        push_detach(connection->push, false);
        connection->push = NULL;
    }
    budget_forget(connection);
    transport_close(&connection->transport);
    connection->next = server->graveyard;
    server->graveyard = connection;
    listener->open--;
    if (--server->counters.open == 0) {
        timer_cancel(server->timer);
        server->timer_ms = INT64_MAX;
    }
    if (connection->exchange.is_open) {
        connection->exchange.is_open = false;
        server->gone(&connection->exchange, server->user);
    }
}

void connection_close(struct connection *connection)
{
    if (connection->state == CONNECTION_CLOSED) {
        return;
    }
    struct http_server *server = connection->listener->server;
    loop_defer(server->loop, &server->bury);
    if (budget_kernel_holds(connection)) {
        struct linger reset = {.l_onoff = 1};
        (void)setsockopt(connection->transport.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    }
    if (connection->push != NULL) {
        push_detach(connection->push, true);
        connection->push = NULL;
    }
    connection_end(connection);
}

/* ---- public ---- */

struct http_server *http_server_new(struct loop *loop, http_handler_fn *handler, http_gone_fn *gone,
                                    void *user)
{
    struct http_server *server = mem_zalloc(sizeof(*server));
    server->loop = loop;
    server->handler = handler;
    server->gone = gone;
    server->user = user;
    server->timer = timer_new(loop, on_deadline, server);
    server->timer_ms = INT64_MAX;
    server->looks = timer_new(loop, server_look, server);
    server->short_told_ms = INT64_MIN;
    server->bury = (struct deferred){.fn = bury, .user = server};
    budget_init(server);
    return server;
}

void http_server_free(struct http_server *server)
{
    if (server == NULL) {
        return;
    }
    while (server->listeners != NULL) {
        struct http_listener *listener = server->listeners;
        server->listeners = listener->next;
        listener_free(listener);
    }
    deferred_cancel(&server->bury);
    bury(server);
    timer_free(server->timer);
    timer_free(server->looks);
    budget_fini(server);
    buf_fini(&server->scratch);
    free(server);
}

const struct http_server_counters *http_server_counters(const struct http_server *server)
{
    return &server->counters;
}
