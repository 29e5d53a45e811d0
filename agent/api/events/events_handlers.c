/* Requests for a stream: what they ask for, and what the stream begins with. */
#include "events_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/mem.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/io/http/server/http_server.h"

#include <stdlib.h>

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

static void refuse(struct events *events, struct http_exchange *exchange)
{
    struct api_reply reply = {.header = "Retry-After: 5"};
    events->counters.refused++;
    api_refuse(&reply, 503, "too_many_subscribers",
               "there are as many subscribers as http.max_subscribers and the limit of open files allow");
    api_respond(exchange, &reply);
    api_reply_fini(&reply);
}

static void subscribe(struct api_call *call, enum events_kind kind, struct http_exchange *exchange)
{
    static const char *const headers[] = {"Cache-Control: no-store", "X-Accel-Buffering: no", NULL};
    struct events *events = call->view.fleet.events;
    if (!http_push_has_room(exchange)) {
        refuse(events, exchange);
        return;
    }
    struct events_subscriber *subscriber = mem_zalloc(sizeof(*subscriber));
    struct http_push *push = http_push_begin(
        exchange, &(struct http_push_options){.content_type = STR("text/event-stream"), .headers = headers},
        &events_push_calls, subscriber);
    if (push == NULL) {
        free(subscriber);
        return;
    }
    /* Pending changes are in the view already; the subscriber must not get them twice. */
    events_flush(events);
    struct events_batch *batch = first_batch(events, kind, call->request.last_event_id);
    events_join(subscriber, events_channel(events, kind, call->filter), push, batch);
    call->filter = NULL; /* it is the channel's */
}

static void take_fleet(struct api_call *call, struct http_exchange *exchange)
{
    subscribe(call, EVENTS_FLEET, exchange);
}

static void take_discovery(struct api_call *call, struct http_exchange *exchange)
{
    subscribe(call, EVENTS_DISCOVERY, exchange);
}

void api_subscribe(struct api_call *call, struct api_reply *reply)
{
    if (filter_offline(call->filter)) {
        api_refuse(reply, 400, "bad_parameter", "include: a stream has no servers that are offline");
    } else if (api_need_fleet(call, reply)) {
        reply->turn = API_TAKEN;
        reply->take = take_fleet;
    }
}

void api_discovery_events(struct api_call *call, struct api_reply *reply)
{
    call->filter = filter_new();
    reply->turn = API_TAKEN;
    reply->take = take_discovery;
}
