/* A request for a stream: what is asked for, and the refusals. */
#include "events_internal.h"

#include "outrider/api/common/handler.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/io/http/http_parse.h"
#include "outrider/io/http/server/http_server.h"

#include <stdlib.h>

static void answer(struct http_exchange *exchange, struct api_reply *reply)
{
    const char *const headers[] = {"Cache-Control: no-store", reply->header, NULL};
    http_respond(exchange, &(struct http_response){.status = reply->status,
                                                   .content_type = str_of(reply->content_type),
                                                   .body = buf_view(&reply->body),
                                                   .headers = headers});
    buf_fini(&reply->body);
}

static void add_parameter(struct filter *filter, enum events_kind kind, struct str name, struct str value,
                          struct api_reply *reply)
{
    struct error err = {0};
    if (kind == EVENTS_DISCOVERY) {
        api_refuse(reply, 400, "unknown_parameter", "unknown parameter `%.*s`: this path takes none",
                   (int)(name.size < 64 ? name.size : 64), name.data);
    } else if (filter_add(filter, name, value, &err) < 0) {
        api_refuse(reply, 400, "bad_parameter", "%s", err.text);
    } else if (filter_offline(filter)) {
        api_refuse(reply, 400, "bad_parameter", "include: a stream is of the servers that are there");
    }
}

/* Returns the filter, or NULL with `reply` made. */
static struct filter *read_query(enum events_kind kind, struct str query, struct api_reply *reply)
{
    struct filter *filter = filter_new();
    struct buf scratch = {0};
    struct str name, value;
    int found = 0;
    while (reply->status == 0 && (found = http_query_next(&query, &scratch, &name, &value)) > 0) {
        add_parameter(filter, kind, name, value, reply);
    }
    if (found < 0) {
        api_refuse(reply, 400, "bad_query", "the query is malformed: %%XX must be two hex digits of UTF-8");
    }
    buf_fini(&scratch);
    if (reply->status != 0) {
        filter_free(filter);
        return NULL;
    }
    return filter;
}

static bool is_possible(struct events *events, const struct http_exchange *exchange, struct api_reply *reply)
{
    if (!view_known(events->view)) {
        api_refuse(reply, 503, "not_known", "the fleet has not been read yet%s%s",
                   *view_last_error(events->view) == '\0' ? "" : ": ", view_last_error(events->view));
        reply->header = "Retry-After: 1";
    } else if (!http_push_has_room(exchange)) {
        api_refuse(
            reply, 503, "too_many_subscribers",
            "there are as many subscribers as http.max_subscribers and the files that may be open allow");
        reply->header = "Retry-After: 5";
    }
    events->counters.refused += reply->status == 0 ? 0 : 1;
    return reply->status == 0;
}

/* What somebody who begins is to catch up with; NULL: nothing. */
static struct events_batch *first_batch(struct events *events, enum events_kind kind,
                                        const struct http_request *request)
{
    struct events_batch *batch;
    struct str last;
    struct sse_id id;
    if (kind == EVENTS_DISCOVERY) {
        return NULL;
    }
    if (http_request_header(request, STR("Last-Event-ID"), &last) && sse_id_parse(last, &id) == 0 &&
        events_batch_log(events, id.revision, id.cluster, &batch) == 0) {
        events->counters.resumed++;
        return batch;
    }
    return events_batch_init(events);
}

static void begin(struct events *events, enum events_kind kind, struct filter *filter,
                  struct http_exchange *exchange, const struct http_request *request)
{
    static const char *const headers[] = {"Cache-Control: no-store", "X-Accel-Buffering: no", NULL};
    struct events_subscriber *subscriber = mem_zalloc(sizeof(*subscriber));
    struct http_push *push = http_push_begin(
        exchange, &(struct http_push_options){.content_type = STR("text/event-stream"), .headers = headers},
        &events_push_calls, subscriber);
    if (push == NULL) {
        filter_free(filter);
        free(subscriber);
        return;
    }
    events_flush(events); /* what is pending is in the view already, and he must not be told it twice */
    struct events_batch *batch = first_batch(events, kind, request);
    events_join(subscriber, events_channel(events, kind, filter), push, batch);
}

void events_subscribe(struct events *events, enum events_kind kind, struct http_exchange *exchange,
                      const struct http_request *request)
{
    struct api_reply reply = {0};
    struct filter *filter = read_query(kind, request->query, &reply);
    if (filter == NULL || !is_possible(events, exchange, &reply)) {
        filter_free(filter);
        answer(exchange, &reply);
        return;
    }
    begin(events, kind, filter, exchange, request);
}
