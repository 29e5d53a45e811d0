/* The answers of the requests that place players. */
#include "placement_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/blob.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/codec/record/record_sign.h"
#include "outrider/core/config/config.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/registry/mirror.h"
#include "outrider/core/seats/reservation.h"

void answer_service(struct json_writer *json, const struct view_entry *entry)
{
    if (entry == NULL) {
        json_write_null(json);
        return;
    }
    struct blob *served = record_served(entry);
    json_write_raw(json, blob_view(served));
    blob_unref(served);
}

void answer_denied(struct api_reply *reply, struct str why)
{
    api_refuse(reply, 502, "registry_denied",
               "the agent that was asked may not write reservations: ask one whose user in the registry has "
               "the role "
               "`observer` of docs/etcd-roles: %.*s",
               STR_ARG(why));
}

void answer_none(const struct placement_query *query, const size_t *excluded, struct api_reply *reply,
                 struct json_writer *ret_json)
{
    struct json_writer *json = ret_json;
    *json = (struct json_writer){.out = api_json(reply)};
    reply->status = 503;
    reply->header = API_RETRY_SOON;
    json_write_object(json);
    json_member_object(json, "error");
    json_member_text(json, "code", "no_candidate");
    struct buf text = {0};
    size_t others = 0;
    for (int i = 0; i < PLACEMENT_EXCLUDED_COUNT; i++) {
        others += excluded[i];
    }
    if (others > 0) {
        buf_printf(&text, "no server of type %.*s can take %u more", STR_ARG(query->type), query->seats);
    } else {
        buf_printf(&text, "there is no server of type %.*s", STR_ARG(query->type));
    }
    json_member_string(json, "message", buf_view(&text));
    buf_fini(&text);
    json_write_object_end(json);
    json_member_int(json, "retryAfterMs", PLACING_RETRY_AFTER_MS);
    json_member_object(json, "excluded");
    for (int i = 0; i < PLACEMENT_EXCLUDED_COUNT; i++) {
        json_member_uint(json, placement_excluded_name((enum placement_excluded)i), excluded[i]);
    }
    json_write_object_end(json);
}

void answer_reservation(struct json_writer *json, const struct api_view *view, struct str type,
                        struct str server, const struct reservation *reservation)
{
    json_write_key(json, "reservation");
    if (reservation != NULL) {
        json_write_object(json);
        json_member_text(json, "id", reservation->id);
        json_member_uint(json, "seats", reservation->seats);
        json_member_time(json, "expiresAt", reservation->until_wall);
        json_member_text(json, "by", reservation->by);
        json_write_object_end(json);
    } else {
        json_write_null(json);
    }
    json_write_key(json, "service");
    answer_service(json, view->fleet.view == NULL ? NULL : view_find(view->fleet.view, type, server));
}

bool placing_need_seats(const struct api_call *call, struct api_reply *reply)
{
    const struct mirror_facts *mirror = call->view.seats.mirror;
    if (mirror->known) {
        return true;
    }
    if (mirror->last_error[0] == '\0' && !call->context->impatient) {
        reply->turn = API_DEFERRED;
        reply->deferral = (struct api_deferral){.timeout_ms = call->view.config->registry.request_timeout_ms};
    } else {
        reply->header = API_RETRY_SOON;
        api_refuse(reply, 503, "not_known", "the reservations have not been read yet%s%s",
                   mirror->last_error[0] == '\0' ? "" : ": ", mirror->last_error);
    }
    return false;
}
