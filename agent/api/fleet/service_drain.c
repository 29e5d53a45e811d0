/* Draining any server of the fleet (docs/design/protocol.md, "Control key"): the hold is written to the server's
 * control key, and its agent follows it at once, or when it can be reached again. */
#include "outrider/api/common/context.h"
#include "outrider/api/common/deferred.h"
#include "outrider/api/common/holds.h"
#include "outrider/api/common/request.h"
#include "outrider/api/fleet/handlers.h"
#include "outrider/base/mem.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/config/config.h"

#include "fleet_internal.h"

#include <stdlib.h>

/* A write is a read and up to five tries by compare, each with a request timeout of its own. This is beyond all
 * of them. */
enum { TIMEOUT_REQUESTS = 10 };

struct hold_write {
    struct buf type, id;
    struct hold hold;
    struct instant now;
};

static void free_write(void *state)
{
    struct hold_write *write = state;
    buf_fini(&write->type);
    buf_fini(&write->id);
    free(write);
}

static void write_result(const struct api_deferred *deferred, const struct api_controlled *result,
                         struct api_reply *reply)
{
    const struct hold_write *write = api_deferred_state(deferred);
    struct json_writer json = {.out = api_json(reply)};
    json_write_object(&json);
    json_member_string(&json, "type", buf_view(&write->type));
    json_member_string(&json, "id", buf_view(&write->id));
    json_write_key(&json, "hold");
    api_write_hold(&json, HOLD_OPS, &write->hold, &write->now);
    json_member_int(&json, "revision", result->revision);
    json_write_object_end(&json);
}

static void on_written(const struct api_controlled *result, void *user)
{
    struct api_deferred *deferred = user;
    struct api_reply reply = {0};
    if (result->error.size == 0 && !result->conflict) {
        write_result(deferred, result, &reply);
    } else if (result->conflict) {
        reply.retry_after = true;
        api_refuse(&reply, 409, "conflict", "other writers keep changing the control key; try again");
    } else if (result->failure == REGISTRY_DENIED) {
        api_refuse(&reply, 502, "registry_denied", "this agent may not write the control key: %.*s",
                   STR_ARG(result->error));
    } else {
        reply.retry_after = true;
        api_refuse(&reply, 503, "registry_away", "%s: %.*s",
                   result->failure == REGISTRY_UNKNOWN ? "it is not known whether the hold was written"
                                                       : "the hold was not written",
                   STR_ARG(result->error));
    }
    api_deferred_answer(deferred, &reply);
    api_reply_fini(&reply);
}

static void begin(struct api_context *context, struct api_deferred *deferred)
{
    const struct hold_write *write = api_deferred_state(deferred);
    context->ops->control(context->agent, buf_view(&write->type), buf_view(&write->id), &write->hold,
                          on_written, deferred);
}

/* A control key for a server that does not exist would wait for one that happens to get its name. */
static bool need_service(struct api_context *context, const struct api_request *request,
                         struct api_view *ret_view, struct api_reply *reply)
{
    return api_need_fleet(context, ret_view, reply) &&
           fleet_need_service(ret_view->fleet.view, request, reply) != NULL;
}

static struct hold_write *defer(const struct api_view *view, const struct api_request *request,
                                struct api_reply *reply)
{
    struct hold_write *write = mem_zalloc(sizeof(*write));
    buf_str(&write->type, request->type);
    buf_str(&write->id, request->id);
    write->now = view->now;
    reply->turn = API_DEFERRED;
    reply->deferral =
        (struct api_deferral){.begin = begin,
                              .timeout_ms = view->config->registry.request_timeout_ms * TIMEOUT_REQUESTS,
                              .in_doubt = "it is not known whether the hold was written"};
    reply->state = write;
    reply->free_state = free_write;
    return write;
}

void api_service_drain(struct api_context *context, const struct api_request *request,
                       struct api_reply *reply)
{
    struct api_view view;
    struct api_drain_request drain;
    if (api_read_drain(context, request, reply, &drain) && need_service(context, request, &view, reply)) {
        hold_set(&defer(&view, request, reply)->hold, drain.reason, drain.by, drain.deadline_ms,
                 drain.expires_ms, &view.now);
    }
}

void api_service_undrain(struct api_context *context, const struct api_request *request,
                         struct api_reply *reply)
{
    struct api_view view;
    if (api_read_undrain(request, reply) && need_service(context, request, &view, reply)) {
        api_name_operator(request,
                          defer(&view, request, reply)->hold.by); /* for the log; the key does not keep it */
    }
}
