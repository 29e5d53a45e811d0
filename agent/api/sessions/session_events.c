#include "outrider/api/sessions/session_events.h"

#include "sessions_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/blob.h"
#include "outrider/base/mem.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/codec/session/session_json.h"
#include "outrider/codec/text/sse.h"
#include "outrider/io/http/server/http_push.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/log.h"

#include <stdlib.h>
#include <utlist.h>

/* A server that goes is an event for each of its sessions: more may wait than in the stream of the fleet. */
enum { BEHIND_MAX = 1 << 20, COMMENT_MS = 15000 };

struct subscriber {
    struct subscriber *next, *prev;
    struct session_events *events;
    struct http_push *push;
    struct session_parameters filter;
};

struct session_events {
    struct loop *loop;
    const struct session_events_ops *ops;
    void *user;
    struct subscriber *subscribers;
    struct timer *comments;
    struct blob *comment;
    struct deferred turn;
    bool listens;
    struct session_events_counters counters;
};

/* ---- subscribers ---- */

static void leave(struct subscriber *subscriber)
{
    struct session_events *events = subscriber->events;
    http_push_end(subscriber->push);
    DL_DELETE(events->subscribers, subscriber);
    session_parameters_fini(&subscriber->filter);
    free(subscriber);
    events->counters.subscribers--;
    loop_defer(events->loop, &events->turn);
}

static void on_drained(struct http_push *push, void *user)
{
    (void)push;
    (void)user; /* whatever had to wait was an event of its own */
}

static void on_closed(struct http_push *push, enum http_push_end why, void *user)
{
    (void)push;
    struct subscriber *subscriber = user;
    if (why == HTTP_PUSH_BEHIND || why == HTTP_PUSH_SHUT) {
        subscriber->events->counters.dropped++;
        log_warn("sessions", "slow subscriber of sessions closed",
                 LOG_TEXT("reason",
                          why == HTTP_PUSH_BEHIND ? "backlog larger than 1 MB" : "nothing read for 60 s"));
    }
    leave(subscriber);
}

static void take(struct api_call *call, struct http_exchange *exchange)
{
    static const struct http_push_calls calls = {.drained = on_drained, .closed = on_closed};
    struct session_events *events = call->view.session_events;
    struct api_reply unused = {0};
    if (api_refuse_stream(exchange)) {
        return;
    }
    struct subscriber *subscriber = mem_zalloc(sizeof(*subscriber));
    subscriber->push = api_stream_begin(call, exchange, BEHIND_MAX, &calls, subscriber);
    if (subscriber->push == NULL) {
        free(subscriber);
        return;
    }
    subscriber->events = events;
    /* The query was read once already, and found good. */
    (void)session_parameters_read(call, PARAMETER_TYPE | PARAMETER_SERVER | PARAMETER_PLAYER,
                                  &subscriber->filter, &unused);
    api_reply_fini(&unused);
    DL_APPEND(events->subscribers, subscriber);
    events->counters.subscribers++;
    if (!events->listens) { /* at once: what changes from now on is an event */
        events->listens = true;
        events->ops->listens(events->user, true);
    }
    http_push_send(subscriber->push, &events->comment, 1);
    if (!timer_is_armed(events->comments)) {
        timer_arm_ms(events->comments, COMMENT_MS);
    }
}

void api_sessions_subscribe(struct api_call *call, struct api_reply *reply)
{
    struct session_parameters filter = {0};
    if (sessions_need_store(call, reply) &&
        session_parameters_read(call, PARAMETER_TYPE | PARAMETER_SERVER | PARAMETER_PLAYER, &filter, reply)) {
        reply->turn = API_TAKEN;
        reply->take = take;
    }
    session_parameters_fini(&filter);
}

/* ---- events ---- */

static bool matches(struct str wanted, struct str text)
{
    return wanted.size == 0 || str_eq(wanted, text);
}

/* A session that leaves a server is an event for those who look at that server. */
static bool passes(const struct session_parameters *filter, const struct session_event *event)
{
    const struct session *session = &event->session;
    if (event->type == SESSION_ON_GAP) {
        return true;
    }
    return matches(filter->type, session->type) && matches(filter->player, session->player) &&
           (matches(filter->server, session->server) ||
            (event->type == SESSION_ON_MOVED && matches(filter->server, event->from)));
}

static struct blob *frame(const struct session_event *event)
{
    struct buf data = {0}, text = {0};
    struct json_writer json = {.out = &data};
    json_write_object(&json);
    if (event->type != SESSION_ON_GAP) {
        session_json_members(&json, &event->session);
    }
    if (event->type == SESSION_ON_MOVED) {
        json_member_string(&json, "from", event->from);
    }
    if (event->type == SESSION_ON_ENDED) {
        json_member_text(&json, "why", session_why_name(event->why));
    }
    json_write_object_end(&json);
    sse_event(&text, str_of(session_event_name(event->type)), buf_view(&data), NULL);
    struct blob *blob = blob_take(&text);
    buf_fini(&data);
    buf_fini(&text);
    return blob;
}

void session_events_emit(struct session_events *events, const struct session_event *event)
{
    struct blob *blob = NULL;
    for (struct subscriber *each = events->subscribers; each != NULL; each = each->next) {
        if (passes(&each->filter, event)) {
            blob = blob == NULL ? frame(event) : blob;
            http_push_send(each->push, &blob, 1);
            events->counters.sent++;
        }
    }
    blob_unref(blob);
}

static void on_turn(void *user)
{
    struct session_events *events = user;
    bool listens = events->subscribers != NULL;
    if (listens != events->listens) {
        events->listens = listens;
        events->ops->listens(events->user, listens);
    }
}

static void on_comments(void *user)
{
    struct session_events *events = user;
    for (struct subscriber *each = events->subscribers; each != NULL; each = each->next) {
        if (http_push_facts(each->push)->behind == 0) { /* a waiting event is a sign of life by itself */
            http_push_send(each->push, &events->comment, 1);
        }
    }
    if (events->subscribers != NULL) {
        timer_arm_ms(events->comments, COMMENT_MS);
    }
}

/* ---- life ---- */

struct session_events *session_events_new(struct loop *loop, const struct session_events_ops *ops, void *user)
{
    struct session_events *events = mem_zalloc(sizeof(*events));
    struct buf text = {0};
    *events = (struct session_events){.loop = loop,
                                      .ops = ops,
                                      .user = user,
                                      .turn = {.fn = on_turn, .user = events},
                                      .comments = timer_new(loop, on_comments, events)};
    sse_comment(&text, STR(""));
    events->comment = blob_take(&text);
    buf_fini(&text);
    return events;
}

void session_events_free(struct session_events *events)
{
    if (events == NULL) {
        return;
    }
    while (events->subscribers != NULL) {
        leave(events->subscribers);
    }
    deferred_cancel(&events->turn);
    timer_free(events->comments);
    blob_unref(events->comment);
    free(events);
}

const struct session_events_counters *session_events_counters(const struct session_events *events)
{
    return &events->counters;
}
