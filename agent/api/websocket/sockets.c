#include "outrider/api/websocket/sockets.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/reply.h"
#include "outrider/api/events/events.h"
#include "outrider/base/blob.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/websocket/socket_message.h"
#include "outrider/codec/websocket/websocket.h"
#include "outrider/io/http/server/http_push.h"
#include "outrider/io/http/server/http_server.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"
#include "websocket_internal.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* What of the upgrade its messages are asked with. */
enum { KEPT_TEXTS = 5 };

struct action;

struct socket {
    struct events_carrier carrier; /* the first: it is what the hub of events knows */
    struct socket *next, *prev;
    struct api_context *context;
    struct websocket *websocket;
    struct api_request request; /* what every message has; texts in `texts` */
    struct buf texts;
    struct action *actions;
    size_t action_count;
    int64_t heard_ms, asked_ms; /* of the last byte, and of the last message */
    bool is_reading;            /* its messages are being served: it is freed behind them */
};

/* A message that waits for its result. */
struct action {
    struct action *next, *prev;
    struct socket *socket;
    struct http_exchange *exchange;
    char id[SOCKET_ID_MAX + 1];
};

struct api_sockets {
    struct socket *first;
    struct timer *look;
    struct api_sockets_counters counters;
};

static struct api_sockets_counters *counters(const struct socket *socket)
{
    return &socket->context->sockets->counters;
}

/* ---- what it is told ---- */

static void send(struct socket *socket, struct buf *bytes)
{
    if (bytes->size > 0 && socket->carrier.push != NULL) {
        struct blob *blob = blob_take(bytes);
        http_push_send(socket->carrier.push, &blob, 1);
        blob_unref(blob);
    }
    buf_fini(bytes);
}

static void send_result(struct socket *socket, const char *id, int status, struct str body)
{
    struct buf text = {0}, frame = {0};
    counters(socket)->refused += status >= 400 ? 1 : 0;
    socket_message_result(&text, str_of(id), status, body);
    websocket_text(&frame, buf_view(&text));
    send(socket, &frame);
    buf_fini(&text);
}

static void send_error(struct socket *socket, const char *id, int status, const char *code,
                       const char *message)
{
    struct api_reply reply = {0};
    api_refuse(&reply, status, code, "%s", message);
    send_result(socket, id, status, buf_view(&reply.body));
    api_reply_fini(&reply);
}

/* ---- the end ---- */

static void free_socket(struct socket *socket)
{
    websocket_free(socket->websocket);
    buf_fini(&socket->texts);
    free(socket);
}

static void end_action(struct action *action)
{
    DL_DELETE(action->socket->actions, action);
    action->socket->action_count--;
    free(action);
}

/* Its connection has ended, or ends here. What it has asked for goes on, and the result is dropped. */
static void end(struct socket *socket)
{
    struct api_context *context = socket->context;
    events_unsubscribe(&socket->carrier);
    while (socket->actions != NULL) {
        struct http_exchange *exchange = socket->actions->exchange;
        context->inner.gone(exchange, context->inner.user);
        http_inner_drop(exchange);
        end_action(socket->actions);
    }
    http_push_end(socket->carrier.push);
    socket->carrier.push = NULL;
    DL_DELETE(context->sockets->first, socket);
    counters(socket)->open--;
    if (!socket->is_reading) {
        free_socket(socket);
    }
}

static void close_with(struct socket *socket, enum websocket_code code, const char *why)
{
    struct buf frame = {0};
    websocket_close(socket->websocket, code, str_of(why), &frame);
    send(socket, &frame);
    end(socket);
}

/* ---- its stream ---- */

static void on_began(struct events_carrier *carrier, struct http_exchange *exchange)
{
    struct socket *socket = (struct socket *)carrier;
    struct action *action;
    DL_FOREACH(socket->actions, action)
    {
        if (action->exchange == exchange) {
            break;
        }
    }
    http_inner_drop(exchange);
    if (action != NULL) {
        send_result(socket, action->id, 200, STR(""));
        end_action(action);
    }
}

static void on_ended(struct events_carrier *carrier, const char *why)
{
    close_with((struct socket *)carrier, WEBSOCKET_GOING_AWAY, why);
}

/* ---- messages ---- */

static void on_answer(struct http_exchange *exchange, const struct http_response *response, void *user)
{
    (void)exchange;
    struct action *action = user;
    struct str body = response->blob != NULL ? blob_view(response->blob) : response->body;
    bool is_json = str_eq(response->content_type, STR("application/json"));
    send_result(action->socket, action->id, response->status, is_json ? body : STR(""));
    end_action(action);
}

/* Served as the request of HTTP that it stands for. */
static void ask(struct socket *socket, const struct socket_message *message)
{
    struct api_context *context = socket->context;
    struct api_request request = socket->request;
    struct action *action = mem_zalloc(sizeof(*action));
    action->socket = socket;
    action->exchange = http_inner_new(socket->carrier.push, on_answer, action);
    memcpy(action->id, message->id, sizeof(action->id));
    DL_APPEND(socket->actions, action);
    socket->action_count++;
    request.method = message->action == SOCKET_SUBSCRIBE ? STR("GET") : STR("POST");
    request.carrier = message->action == SOCKET_SUBSCRIBE ? &socket->carrier : NULL;
    request.path = buf_view(&message->path);
    request.query = buf_view(&message->query);
    request.body = buf_view(&message->body);
    request.idempotency_key =
        message->key[0] == '\0' ? (struct str){NULL, 0} : str_of(message->key); /* absent, not empty */
    request.request_id = str_of(message->id);
    request.exchange = action->exchange;
    context->inner.serve(action->exchange, &request, false, context->inner.user);
}

static void take_message(struct socket *socket, struct str text)
{
    struct socket_message message;
    struct error err;
    counters(socket)->messages++;
    socket->asked_ms = socket->heard_ms;
    if (socket_message_read(text, &message, &err) < 0) {
        send_error(socket, message.id, 400, "bad_message", err.text);
    } else if (message.action == SOCKET_UNSUBSCRIBE) {
        events_unsubscribe(&socket->carrier);
        send_result(socket, message.id, 200, STR(""));
    } else if (socket->action_count >= SOCKETS_ACTIONS_MAX) {
        send_error(socket, message.id, 429, "busy", "as many messages wait for their result as may");
    } else {
        ask(socket, &message);
    }
    socket_message_fini(&message);
}

/* ---- the connection ---- */

static void on_received(struct http_push *push, struct str bytes, void *user)
{
    (void)push;
    struct socket *socket = user;
    struct buf out = {0};
    struct str text;
    socket->heard_ms = clock_mono_ms();
    socket->is_reading = true;
    websocket_take(socket->websocket, bytes, &out);
    /* What came before a close is still done, and its results go before the answer to that. */
    while (socket->carrier.push != NULL && websocket_next(socket->websocket, &text)) {
        take_message(socket, text);
    }
    send(socket, &out);
    socket->is_reading = false;
    if (socket->carrier.push == NULL) {
        free_socket(socket);
    } else if (websocket_is_over(socket->websocket)) {
        enum websocket_code code = websocket_code(socket->websocket);
        bool is_fault = code != WEBSOCKET_NO_CODE && code != WEBSOCKET_NORMAL && code != WEBSOCKET_GOING_AWAY;
        counters(socket)->faults += is_fault ? 1 : 0;
        end(socket);
    }
}

static void on_drained(struct http_push *push, void *user)
{
    (void)push;
    struct socket *socket = user;
    events_carrier_drained(&socket->carrier);
}

static void on_closed(struct http_push *push, enum http_push_end why, void *user)
{
    (void)push;
    struct socket *socket = user;
    events_carrier_closed(&socket->carrier, why);
    end(socket);
}

static void on_expelled(struct http_push *push, void *user)
{
    (void)push;
    close_with(user, WEBSOCKET_POLICY, "its name may not read any more, or its session has ended");
}

/* What proves the name is kept, and judged for each message. That the page is ours was judged of the upgrade, by Origin, which no page can
 * choose: X-Outrider, which a page cannot send with it, is as good as said. */
static void keep_request(struct socket *socket, const struct api_request *request)
{
    struct api_request *kept = &socket->request;
    *kept = (struct api_request){.host = request->host,
                                 .authorization = request->authorization,
                                 .origin = request->origin,
                                 .cookie = request->cookie,
                                 .proxy_user = request->proxy_user,
                                 .is_unix = request->is_unix,
                                 .certificate = request->certificate,
                                 .policy = request->policy};
    struct str *texts[KEPT_TEXTS] = {&kept->host, &kept->authorization, &kept->origin, &kept->cookie,
                                     &kept->proxy_user};
    bool absent[KEPT_TEXTS];
    for (size_t i = 0; i < KEPT_TEXTS; i++) {
        absent[i] = texts[i]->data == NULL;
    }
    buf_keep(&socket->texts, texts, KEPT_TEXTS);
    for (size_t i = 0; i < KEPT_TEXTS; i++) {
        *texts[i] = absent[i] ? (struct str){NULL, 0} : *texts[i];
    }
    kept->content_type = STR("application/json");
    kept->x_outrider = STR("1");
}

void sockets_begin(struct api_call *call, struct http_exchange *exchange, const char *const *headers)
{
    static const struct http_push_calls calls = {
        .drained = on_drained, .closed = on_closed, .received = on_received, .expelled = on_expelled};
    struct api_sockets *sockets = call->context->sockets;
    struct socket *socket = mem_zalloc(sizeof(*socket));
    struct http_push *push =
        http_push_begin(exchange,
                        &(struct http_push_options){
                            .switches = true, .headers = headers, .tag = api_stream_tag(&call->request.who)},
                        &calls, socket);
    if (push == NULL) {
        free(socket);
        return;
    }
    *socket = (struct socket){.carrier = {.push = push, .began = on_began, .ended = on_ended},
                              .context = call->context,
                              .websocket = websocket_new(),
                              .heard_ms = clock_mono_ms(),
                              .asked_ms = clock_mono_ms()};
    keep_request(socket, &call->request);
    DL_APPEND(sockets->first, socket);
    sockets->counters.open++;
    sockets->counters.begun++;
    if (!timer_is_armed(sockets->look)) {
        timer_arm_ms(sockets->look, SOCKETS_PING_MS);
    }
}

/* ---- all of them ---- */

static void look_at(struct socket *socket, struct blob *ping, int64_t now_ms)
{
    bool waits = socket->carrier.subscriber != NULL || socket->action_count > 0;
    if (now_ms - socket->heard_ms >= SOCKETS_SILENT_MS) {
        close_with(socket, WEBSOCKET_GOING_AWAY, "nothing heard for 90 s, not even an answer to a ping");
    } else if (!waits && now_ms - socket->asked_ms >= SOCKETS_IDLE_MS) {
        close_with(socket, WEBSOCKET_NORMAL, "idle for 60 s");
    } else if (http_push_facts(socket->carrier.push)->behind == 0) {
        http_push_send(socket->carrier.push, &ping, 1);
    }
}

void api_sockets_look(struct api_sockets *sockets, int64_t now_ms)
{
    struct buf frame = {0};
    websocket_ping(&frame);
    struct blob *ping = blob_take(&frame);
    for (struct socket *each = sockets->first, *next; each != NULL; each = next) {
        next = each->next;
        look_at(each, ping, now_ms);
    }
    blob_unref(ping);
}

static void on_look(void *user)
{
    struct api_sockets *sockets = user;
    api_sockets_look(sockets, clock_mono_ms());
    if (sockets->first != NULL) {
        timer_arm_ms(sockets->look, SOCKETS_PING_MS);
    }
}

struct api_sockets *api_sockets_new(struct loop *loop)
{
    struct api_sockets *sockets = mem_zalloc(sizeof(*sockets));
    sockets->look = timer_new(loop, on_look, sockets);
    return sockets;
}

void api_sockets_free(struct api_sockets *sockets)
{
    if (sockets != NULL) {
        while (sockets->first != NULL) {
            close_with(sockets->first, WEBSOCKET_GOING_AWAY, "the agent is stopping");
        }
        timer_free(sockets->look);
        free(sockets);
    }
}

const struct api_sockets_counters *api_sockets_counters(const struct api_sockets *sockets)
{
    return &sockets->counters;
}
