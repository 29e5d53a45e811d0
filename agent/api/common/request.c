#include "outrider/api/common/request.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/error.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/io/http/http_parse.h"

/* Polyfills of EventSource cannot set a header, and name the parameter after it or after the property. */
static bool is_event_id(struct str name)
{
    return str_eq_nocase(name, STR("lastEventId")) || str_eq_nocase(name, STR("Last-Event-ID"));
}

static void take_event_id(struct api_call *call, struct str value)
{
    struct api_request *request = &call->request;
    if (request->last_event_id.size == 0 && value.size > 0 && value.size <= sizeof(call->event_id)) {
        memcpy(call->event_id, value.data, value.size);
        request->last_event_id = (struct str){call->event_id, value.size};
    }
}

/* Where a stream is to go on: of a list its cursor, of a stream the id of an event. Which it is the stream checks. */
static bool take_after(struct api_call *call, struct str value, struct api_reply *reply)
{
    if (value.size > sizeof(call->cursor) || call->after.size > 0) {
        api_refuse(reply, 400, "bad_parameter",
                   "after: want the `cursor` of a list or the id of an event, once");
        return false;
    }
    memcpy(call->cursor, value.data == NULL ? "" : value.data, value.size);
    call->after = (struct str){call->cursor, value.size};
    return true;
}

static bool is_reading(struct str method)
{
    return str_eq(method, STR("GET")) || str_eq(method, STR("HEAD"));
}

bool api_read_query(struct api_call *call, bool is_stream, struct api_reply *reply)
{
    struct str query = call->request.query, name, value;
    struct filter *filter = call->filter;
    bool reads = is_reading(call->request.method);
    struct buf scratch = {0};
    struct error err;
    int found;
    while ((found = http_query_next(&query, &scratch, &name, &value)) > 0) {
        if (str_eq(name, STR("_")) && reads) {
            continue;
        }
        if (is_stream && is_event_id(name)) {
            take_event_id(call, value);
            continue;
        }
        if (is_stream && filter != NULL && str_eq(name, STR("after"))) {
            if (!take_after(call, value, reply)) {
                break;
            }
            continue;
        }
        if (filter == NULL) {
            api_refuse(reply, 400, "unknown_parameter", "unknown parameter `%.*s`: this path takes none",
                       (int)(name.size < 64 ? name.size : 64), name.data);
            break;
        }
        if (filter_add(filter, name, value, &err) < 0) {
            api_refuse(reply, 400, "bad_parameter", "%s", err.text);
            break;
        }
    }
    if (found < 0) {
        api_refuse(reply, 400, "bad_query", API_BAD_QUERY);
    }
    buf_fini(&scratch);
    return found == 0;
}

bool api_take_parameters(const struct api_call *call, api_parameter_fn *take, void *user,
                         struct api_reply *reply)
{
    struct str query = call->request.query, name, value;
    struct buf scratch = {0};
    struct error err;
    int found = 0, result = 0;
    while (result == 0 && (found = http_query_next(&query, &scratch, &name, &value)) > 0) {
        result = take(name, value, user, &err);
    }
    bool malformed = result == 0 && found < 0;
    if (malformed) {
        api_refuse(reply, 400, "bad_query", API_BAD_QUERY);
    } else if (result < 0) {
        api_refuse_parameter(reply, &err);
    }
    buf_fini(&scratch);
    return result == 0 && !malformed;
}
