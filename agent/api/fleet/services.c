/* GET /api/services and one of them. */
#include "outrider/api/common/context.h"
#include "outrider/api/common/request.h"
#include "outrider/api/fleet/handlers.h"
#include "outrider/api/fleet/lists.h"
#include "outrider/base/blob.h"
#include "outrider/codec/record/services_json.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/core/fleet/view_read.h"

#include "fleet_internal.h"

#include <inttypes.h>
#include <stdio.h>

/* If-None-Match of RFC 9110, 13.1.2: a list, compared weakly; `*` matches all. */
static bool matches(struct str given, const char *etag)
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

void api_services(struct api_context *context, const struct api_request *request, struct api_reply *reply)
{
    struct api_view view;
    struct filter *filter = filter_new();
    if (api_read_filter(request, filter, reply) && api_need_fleet(context, &view, reply)) {
        const struct view *fleet = view.fleet.view;
        services_json_etag(fleet, filter, reply->etag);
        bool has_etag = reply->etag[0] != '\0'; /* then the list depends on the revision alone */
        (void)api_json(reply);
        if (has_etag && matches(request->if_none_match, reply->etag)) {
            not_modified(reply);
        } else {
            reply->blob = api_lists_get(context->lists, fleet, filter, has_etag, &view.now);
        }
    }
    filter_free(filter);
}

const struct view_entry *fleet_need_service(const struct view *fleet, const struct api_request *request,
                                            struct api_reply *reply)
{
    const struct view_entry *entry = view_find(fleet, request->type, request->id);
    if (entry == NULL) {
        api_refuse(reply, 404, "no_such_service", "no service %.*s/%.*s in the fleet",
                   request->type.size < 64 ? (int)request->type.size : 64, request->type.data,
                   request->id.size < 130 ? (int)request->id.size : 130, request->id.data);
    }
    return entry;
}

void api_service(struct api_context *context, const struct api_request *request, struct api_reply *reply)
{
    struct api_view view;
    if (!api_need_fleet(context, &view, reply)) {
        return;
    }
    const struct view *fleet = view.fleet.view;
    const struct view_entry *entry = fleet_need_service(fleet, request, reply);
    if (entry == NULL) {
        return;
    }
    (void)api_json(reply);
    if (reply->stale_ms == 0) {
        snprintf(reply->etag, sizeof(reply->etag), "\"%" PRIx64 "-%" PRId64 "\"", view_cluster(fleet),
                 view_entry_revision(entry));
    }
    if (reply->etag[0] != '\0' && matches(request->if_none_match, reply->etag)) {
        not_modified(reply);
    } else {
        reply->blob = blob_ref(view_entry_json(entry));
    }
}
