/* /api/services: the fleet, one server of it, and draining any server (docs/design/protocol.md, "Control key"): the
 * hold is written to the server's control key, and its agent follows it at once, or when it can be reached again. */
#include "outrider/api/common/attempt.h"
#include "outrider/api/common/context.h"
#include "outrider/api/common/deferred.h"
#include "outrider/api/common/etag.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/holds.h"
#include "outrider/api/common/reply.h"
#include "outrider/api/fleet/lists.h"
#include "outrider/base/blob.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/codec/record/record_json.h"
#include "outrider/codec/record/record_sign.h"
#include "outrider/codec/record/services_json.h"
#include "outrider/core/config/config.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/server/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A write is a read and up to five tries by compare, each with a request timeout of its own. This is beyond all
 * of them. */
enum { TIMEOUT_REQUESTS = 10 };

/* Whether the requester has what the ETag of the reply names: then the reply is 304. */
static bool not_modified(const struct api_call *call, struct api_reply *reply)
{
    (void)api_json(reply);
    return api_not_modified(call, reply);
}

void api_services(struct api_call *call, struct api_reply *reply)
{
    const struct view *fleet = call->view.fleet.view;
    if (filter_leaders(call->filter)) {
        api_refuse(reply, 400, "bad_parameter", "include: the list has no leaders, see /api/leader");
        return;
    }
    if (filter_state(call->filter)) {
        api_refuse(reply, 400, "bad_parameter", "include: the list has `stale`, only a stream has state");
        return;
    }
    reply->varies = true;
    services_json_etag(fleet, call->filter, reply->etag);
    bool has_etag = reply->etag[0] != '\0'; /* then the list depends on the revision alone */
    if (!not_modified(call, reply)) {
        struct api_packs *packs = call->request.gzip ? call->context->packs : NULL;
        reply->blob = api_lists_get(call->context->lists, fleet, call->filter, has_etag, &call->view.now,
                                    packs, &reply->pack);
    }
}

/* The record that the request names, borrowed; NULL with `reply` made a 404. */
static const struct view_entry *need_service(const struct api_call *call, struct api_reply *reply)
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
    const struct view_entry *entry = need_service(call, reply);
    if (entry == NULL) {
        return;
    }
    const struct view_facts *fleet = view_facts(call->view.fleet.view);
    if (reply->stale_ms == 0 && entry->mod_revision > fleet->given_before) {
        snprintf(reply->etag, sizeof(reply->etag), "\"%" PRIx64 "-%" PRId64 "\"",
                 view_stamp(call->view.fleet.view), entry->mod_revision);
    }
    if (!not_modified(call, reply)) {
        reply->blob = record_served(entry);
    }
}

/* ---- drain and undrain ---- */

static const char *const drained_words[] = {"not drained", "drained"}; /* as the audit says it */
enum { TARGET_SIZE = 300 };

struct hold_write {
    struct hold hold;
    bool drained;    /* by an operator, as the record says */
    struct buf body; /* of the reply, up to the revision that the registry has yet to tell */
    struct json_writer json;
    struct api_deferred *deferred;
};

static void free_write(void *state)
{
    struct hold_write *write = state;
    buf_fini(&write->body);
    free(write);
}

static void on_written(const struct api_controlled *result, void *user)
{
    struct hold_write *write = user;
    struct api_reply reply = {0};
    if (result->error.size == 0 && !result->conflict) {
        if (!write->hold.set) {
            json_member_bool(&write->json, "lifted", write->drained || result->held);
        }
        json_member_int(&write->json, "revision", result->revision);
        api_attempt_tell(api_deferred_attempt(write->deferred), AUDIT_AFTER,
                         str_of(drained_words[write->hold.set]));
        json_write_object_end(&write->json);
        buf_str(api_json(&reply), buf_view(&write->body));
    } else if (result->conflict) {
        reply.header = API_RETRY_SOON;
        api_refuse(&reply, 409, "conflict", "other writers keep changing the control key; try again");
    } else if (result->failure == REGISTRY_DENIED) {
        api_refuse(&reply, 502, "registry_denied",
                   "the agent that was asked may not write the control keys of other servers: ask one whose "
                   "user in the "
                   "registry has the role `operator` of docs/etcd-roles, or the server's own agent: %.*s",
                   STR_ARG(result->error));
    } else {
        reply.header = API_RETRY_SOON;
        api_refuse(&reply, 503, "registry_away", "%s: %.*s",
                   result->failure == REGISTRY_UNKNOWN ? "it is not known whether the hold was written"
                                                       : "the hold was not written",
                   STR_ARG(result->error));
    }
    api_deferred_answer(write->deferred, &reply);
}

static bool is_drained(const struct view_entry *entry)
{
    struct record record;
    struct error err;
    bool drained = false;
    if (record_decode(blob_view(entry->json), &record, &err) == 0) {
        for (struct str rest = str_of(record.drain.holds); rest.size > 0 && !drained;) {
            drained = str_eq(str_split(rest, ',', &rest), str_of(hold_name(HOLD_OPS)));
        }
        record_fini(&record);
    }
    return drained;
}

static void begin(struct api_call *call, void *state, struct api_deferred *deferred)
{
    struct hold_write *write = state;
    struct str type = call->request.type, id = call->request.id;
    write->deferred = deferred;
    write->json.out = &write->body;
    json_write_object(&write->json);
    json_member_string(&write->json, "type", type);
    json_member_string(&write->json, "id", id);
    json_write_key(&write->json, "hold");
    api_write_hold(&write->json, HOLD_OPS, &write->hold, &call->view.now);
    call->context->ops->control(call->context->agent, type, id, &write->hold, on_written, write);
}

/* What the audit says of the server: which it is, how it is, and whether an operator drains it. */
static void tell_before(struct api_attempt *attempt, const struct view_entry *entry, bool drained)
{
    struct str type = view_entry_type(entry), id = view_entry_id(entry);
    char text[TARGET_SIZE];
    snprintf(text, sizeof(text), "%.*s/%.*s", STR_ARG(type), STR_ARG(id));
    api_attempt_tell(attempt, AUDIT_TARGET, str_of(text));
    snprintf(text, sizeof(text), "%s, %s", status_name(entry->status), drained_words[drained]);
    api_attempt_tell(attempt, AUDIT_BEFORE, str_of(text));
}

/* Defers the reply until a hold, for the caller to fill in, is written. NULL with `reply` made an error without
 * such a server: a control key for none would wait for one that happens to get its name. */
static struct hold *defer(struct api_call *call, struct api_reply *reply)
{
    const struct view_entry *entry = api_need_fleet(call, reply) ? need_service(call, reply) : NULL;
    if (entry == NULL) {
        return NULL;
    }
    struct hold_write *write = mem_zalloc(sizeof(*write));
    write->drained = is_drained(entry);
    tell_before(call->attempt, entry, write->drained);
    reply->turn = API_DEFERRED;
    reply->deferral =
        (struct api_deferral){.begin = begin,
                              .state = write,
                              .free_state = free_write,
                              .timeout_ms = call->view.config->registry.request_timeout_ms * TIMEOUT_REQUESTS,
                              .in_doubt = "it is not known whether the hold was written"};
    return &write->hold;
}

void api_service_drain(struct api_call *call, struct api_reply *reply)
{
    struct api_drain drain;
    struct hold *hold = api_read_drain(call, reply, &drain) ? defer(call, reply) : NULL;
    if (hold != NULL) {
        hold_set(hold, drain.reason, drain.by, drain.deadline_ms, drain.expires_ms, &call->view.now);
    }
}

void api_service_undrain(struct api_call *call, struct api_reply *reply)
{
    struct api_drain undrain;
    struct hold *hold = api_read_undrain(call, reply, &undrain) ? defer(call, reply) : NULL;
    if (hold != NULL) {
        memcpy(hold->by, undrain.by, sizeof(undrain.by)); /* for the log; the key does not keep it */
    }
}
