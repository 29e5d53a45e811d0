/* Requests for a stream: what they ask for, and what the stream begins with. */
#include "events_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/request.h"
#include "outrider/api/events/handlers.h"
#include "outrider/base/mem.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/io/http/server/http_server.h"

#include <stdlib.h>

/* ---- handlers ---- */

static void take(enum events_kind kind, struct api_context *context, const struct api_request *request,
                 struct http_exchange *exchange, struct filter *filter)
{
    struct api_view view;
    api_look(context, &view);
    events_subscribe(view.fleet.events, kind, filter, request->last_event_id, exchange);
}

static void take_fleet(struct api_context *context, const struct api_request *request,
                       struct http_exchange *exchange, void *state)
{
    take(EVENTS_FLEET, context, request, exchange, state);
}

static void take_discovery(struct api_context *context, const struct api_request *request,
                           struct http_exchange *exchange, void *state)
{
    take(EVENTS_DISCOVERY, context, request, exchange, state);
}

static void free_filter(void *state)
{
    filter_free(state);
}

void api_subscribe(struct api_context *context, const struct api_request *request, struct api_reply *reply)
{
    struct api_view view;
    struct filter *filter = filter_new();
    if (api_read_filter(request, filter, reply) && filter_offline(filter)) {
        api_refuse(reply, 400, "bad_parameter", "include: a stream has no servers that are offline");
    }
    if (reply->status == 0 && api_need_fleet(context, &view, reply)) {
        reply->turn = API_TAKEN;
        reply->take = take_fleet;
        reply->state = filter;
        reply->free_state = free_filter;
        return;
    }
    filter_free(filter);
}

void api_discovery_events(struct api_context *context, const struct api_request *request,
                          struct api_reply *reply)
{
    struct api_view view;
    (void)request;
    if (api_need_fleet(context, &view, reply)) {
        reply->turn = API_TAKEN;
        reply->take = take_discovery;
        reply->state = filter_new();
        reply->free_state = free_filter;
    }
}

/* ---- the stream ---- */

static void refuse(struct events *events, struct http_exchange *exchange)
{
    struct api_reply reply = {0};
    events->counters.refused++;
    api_refuse(&reply, 503, "too_many_subscribers",
               "there are as many subscribers as http.max_subscribers and the limit of open files allow");
    api_add_header(&reply, "Retry-After: 5");
    api_respond(exchange, &reply);
    api_reply_fini(&reply);
}

/* What a new subscriber catches up with; NULL: nothing. */
static struct events_batch *first_batch(struct events *events, enum events_kind kind, struct str last_id)
{
    struct events_batch *batch;
    struct sse_id id;
    if (kind == EVENTS_DISCOVERY) {
        return NULL;
    }
    if (sse_id_parse(last_id, &id) == 0 && events_batch_log(events, id.revision, id.cluster, &batch) == 0) {
        events->counters.resumed++;
        return batch;
    }
    return events_batch_init(events);
}

void events_subscribe(struct events *events, enum events_kind kind, struct filter *filter, struct str last_id,
                      struct http_exchange *exchange)
{
    static const char *const headers[] = {"Cache-Control: no-store", "X-Accel-Buffering: no", NULL};
    if (!http_push_has_room(exchange)) {
        filter_free(filter);
        refuse(events, exchange);
        return;
    }
    struct events_subscriber *subscriber = mem_zalloc(sizeof(*subscriber));
    struct http_push *push = http_push_begin(
        exchange, &(struct http_push_options){.content_type = STR("text/event-stream"), .headers = headers},
        &events_push_calls, subscriber);
    if (push == NULL) {
        filter_free(filter);
        free(subscriber);
        return;
    }
    events_flush(
        events); /* pending changes are in the view already; the subscriber must not get them twice */
    struct events_batch *batch = first_batch(events, kind, last_id);
    events_join(subscriber, events_channel(events, kind, filter), push, batch);
}
