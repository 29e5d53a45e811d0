/* GET /api/services and one of them. */
#include "outrider/api/common/context.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/reply.h"
#include "outrider/api/fleet/lists.h"
#include "outrider/base/blob.h"
#include "outrider/codec/record/services_json.h"
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

/* Whether the requester has what the ETag of the reply names: then the reply is 304. */
static bool not_modified(const struct api_call *call, struct api_reply *reply)
{
    bool same = reply->etag[0] != '\0' && matches(call->request.if_none_match, reply->etag);
    (void)api_json(reply);
    if (same) {
        reply->status = 304;
        reply->content_type = NULL;
    }
    return same;
}

void api_services(struct api_call *call, struct api_reply *reply)
{
    const struct view *fleet = call->view.fleet.view;
    services_json_etag(fleet, call->filter, reply->etag);
    bool has_etag = reply->etag[0] != '\0'; /* then the list depends on the revision alone */
    if (!not_modified(call, reply)) {
        reply->blob = api_lists_get(call->context->lists, fleet, call->filter, has_etag, &call->view.now);
    }
}

const struct view_entry *fleet_need_service(const struct api_call *call, struct api_reply *reply)
{
    struct str type = call->request.type, id = call->request.id;
    const struct view_entry *entry = view_find(call->view.fleet.view, type, id);
    if (entry == NULL) {
        api_refuse(reply, 404, "no_such_service", "no service %.*s/%.*s in the fleet",
                   type.size < 64 ? (int)type.size : 64, type.data, id.size < 130 ? (int)id.size : 130,
                   id.data);
    }
    return entry;
}

void api_service(struct api_call *call, struct api_reply *reply)
{
    const struct view_entry *entry = fleet_need_service(call, reply);
    if (entry == NULL) {
        return;
    }
    if (reply->stale_ms == 0) {
        snprintf(reply->etag, sizeof(reply->etag), "\"%" PRIx64 "-%" PRId64 "\"",
                 view_facts(call->view.fleet.view)->cluster, entry->mod_revision);
    }
    if (!not_modified(call, reply)) {
        reply->blob = blob_ref(entry->json);
    }
}
