/* GET /api/services and one of them: stored bytes, joined once for each revision and filter. */
#include "outrider/api/common/handler.h"

#include "outrider/base/blob.h"
#include "outrider/base/error.h"
#include "outrider/codec/record/services_json.h"
#include "outrider/core/config/config.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/io/http/http_parse.h"

#include <inttypes.h>
#include <stdio.h>

bool api_need_fleet(struct api_context *context, struct api_view *ret_view, struct api_reply *reply)
{
    context->ops->want(context->agent);
    api_look(context, ret_view);
    const struct view *fleet = ret_view->fleet.view;
    if (fleet == NULL || ret_view->config->view.mode == CONFIG_VIEW_OFF) {
        api_refuse(reply, 503, "view_off",
                   "this agent does not watch the fleet, as its view.mode is off: ask an observer");
        return false;
    }
    if (view_known(fleet) && (!view_waking(fleet) || context->impatient)) {
        int64_t age = view_age(fleet, &ret_view->now);
        reply->stale_ms = view_synced(fleet) ? 0 : age > 0 ? age : 1; /* stale from the first ms */
        return true;
    }
    const char *last_error = view_last_error(fleet);
    if (last_error[0] == '\0' && !context->impatient) {
        reply->turn = API_WAITS;
        return false;
    }
    reply->retry_after = true;
    api_refuse(reply, 503, "not_known", "the fleet has not been read yet%s%s",
               last_error[0] == '\0' ? "" : ": ", last_error);
    return false;
}

/* ---- kept answers ---- */

void api_lists_clear(struct api_lists *lists)
{
    for (size_t i = 0; i < COUNT_OF(lists->lists); i++) {
        buf_fini(&lists->lists[i].filter);
        blob_unref(lists->lists[i].answer);
    }
    *lists = (struct api_lists){0};
}

static struct blob *find_list(const struct api_lists *lists, struct str filter)
{
    for (size_t i = 0; i < lists->count; i++) {
        if (str_eq(buf_view(&lists->lists[i].filter), filter)) {
            return lists->lists[i].answer;
        }
    }
    return NULL;
}

/* The oldest makes room; who asks for a thousand filters keeps nothing for long. */
static void keep_list(struct api_lists *lists, struct str filter, struct blob *answer)
{
    size_t size = blob_view(answer).size;
    if (size > API_LISTS_BYTES_MAX / API_LISTS_MAX) {
        return;
    }
    size_t at = lists->next;
    blob_unref(lists->lists[at].answer);
    lists->lists[at].answer = blob_ref(answer);
    buf_clear(&lists->lists[at].filter);
    buf_str(&lists->lists[at].filter, filter);
    lists->next = (at + 1) % API_LISTS_MAX;
    lists->count += lists->count < API_LISTS_MAX ? 1 : 0;
}

static struct blob *join(const struct view *view, const struct filter *filter, const struct instant *now)
{
    struct buf bytes = {0};
    services_json_list(view, filter, now, &bytes);
    struct blob *answer = blob_new(buf_view(&bytes));
    buf_fini(&bytes);
    return answer;
}

/* One reference is the caller's. Only what has an ETag is the same until the next revision. */
static struct blob *list(struct api_context *context, const struct api_view *view,
                         const struct filter *filter, bool lasts)
{
    const struct view *fleet = view->fleet.view;
    struct api_lists *lists = &context->lists;
    if (!lasts) {
        return join(fleet, filter, &view->now);
    }
    if (lists->revision != view_revision(fleet) || lists->cluster != view_cluster(fleet)) {
        api_lists_clear(lists);
        lists->revision = view_revision(fleet);
        lists->cluster = view_cluster(fleet);
    }
    struct buf text = {0};
    filter_text(filter, &text);
    struct blob *answer = blob_ref(find_list(lists, buf_view(&text)));
    if (answer == NULL) {
        answer = join(fleet, filter, &view->now);
        keep_list(lists, buf_view(&text), answer);
    }
    buf_fini(&text);
    return answer;
}

/* ---- requests ---- */

/* If-None-Match of RFC 9110, 13.1.2: a list, compared weakly; `*` is anything. */
static bool has_it(struct str given, const char *etag)
{
    while (given.size > 0) {
        struct str one = str_trim(str_split(given, ',', &given));
        if (str_starts(one, STR("W/"))) {
            one = (struct str){one.data + 2, one.size - 2};
        }
        if (str_eq(one, STR("*")) || str_eq(one, str_of(etag))) {
            return true;
        }
    }
    return false;
}

static void not_modified(struct api_reply *reply)
{
    reply->status = 304;
    reply->content_type = NULL;
}

static bool read_filter(struct str query, struct filter *filter, struct api_reply *reply)
{
    struct buf scratch = {0};
    struct str name, value;
    struct error err;
    int found;
    while ((found = http_query_next(&query, &scratch, &name, &value)) > 0) {
        if (filter_add(filter, name, value, &err) < 0) {
            api_refuse(reply, 400, "bad_parameter", "%s", err.text);
            break;
        }
    }
    if (found < 0) {
        api_refuse(reply, 400, "bad_query", "the query is malformed: %%XX must be two hex digits of UTF-8");
    }
    buf_fini(&scratch);
    return found == 0;
}

void api_services(struct api_context *context, const struct api_request *request, struct api_reply *reply)
{
    struct api_view view;
    struct filter *filter = filter_new();
    if (read_filter(request->query, filter, reply) && api_need_fleet(context, &view, reply)) {
        services_json_etag(view.fleet.view, filter, reply->etag);
        bool lasts = reply->etag[0] != '\0';
        (void)api_json(reply);
        if (lasts && has_it(request->if_none_match, reply->etag)) {
            not_modified(reply);
        } else {
            reply->blob = list(context, &view, filter, lasts);
        }
    }
    filter_free(filter);
}

void api_service(struct api_context *context, const struct api_request *request, struct api_reply *reply)
{
    struct api_view view;
    if (!api_need_fleet(context, &view, reply)) {
        return;
    }
    const struct view *fleet = view.fleet.view;
    const struct view_entry *entry = view_find(fleet, request->type, request->id);
    if (entry == NULL) {
        api_refuse(reply, 404, "no_such_service", "there is no %.*s/%.*s in the fleet",
                   request->type.size < 64 ? (int)request->type.size : 64, request->type.data,
                   request->id.size < 130 ? (int)request->id.size : 130, request->id.data);
        return;
    }
    (void)api_json(reply);
    if (reply->stale_ms == 0) {
        snprintf(reply->etag, sizeof(reply->etag), "\"%" PRIx64 "-%" PRId64 "\"", view_cluster(fleet),
                 view_entry_revision(entry));
    }
    if (reply->etag[0] != '\0' && has_it(request->if_none_match, reply->etag)) {
        not_modified(reply);
    } else {
        reply->blob = blob_ref(view_entry_json(entry));
    }
}

/* ---- streams ---- */

/* The hub reads the filter itself; what is asked here is whether there is a fleet to tell of. */
void api_subscribe(struct api_context *context, const struct api_request *request, struct api_reply *reply)
{
    struct api_view view;
    (void)request;
    if (api_need_fleet(context, &view, reply)) {
        reply->turn = API_STREAMS_FLEET;
    }
}

void api_discovery_events(struct api_context *context, const struct api_request *request,
                          struct api_reply *reply)
{
    struct api_view view;
    (void)request;
    if (api_need_fleet(context, &view, reply)) {
        reply->turn = API_STREAMS_DISCOVERY;
    }
}
