/* Draining any server of the fleet (docs/design/protocol.md, "Control key"): the hold is written to the server's
 * control key, and its agent follows it at once, or when it can be reached again. */
#include "outrider/api/common/context.h"
#include "outrider/api/common/deferred.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/holds.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/mem.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/config/config.h"

#include "fleet_internal.h"

#include <stdlib.h>

/* A write is a read and up to five tries by compare, each with a request timeout of its own. This is beyond all
 * of them. */
enum { TIMEOUT_REQUESTS = 10 };

struct hold_write {
    struct hold hold;
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
        json_member_int(&write->json, "revision", result->revision);
        json_write_object_end(&write->json);
        buf_str(api_json(&reply), buf_view(&write->body));
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
    api_deferred_answer(write->deferred, &reply);
    api_reply_fini(&reply);
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

/* Defers the reply until a hold, for the caller to fill in, is written. NULL with `reply` made an error without
 * such a server: a control key for none would wait for one that happens to get its name. */
static struct hold *defer(struct api_call *call, struct api_reply *reply)
{
    if (!api_need_fleet(call, reply) || fleet_need_service(call, reply) == NULL) {
        return NULL;
    }
    struct hold_write *write = mem_zalloc(sizeof(*write));
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
    char by[HOLD_BY_MAX + 1];
    struct hold *hold = api_read_undrain(call, reply, by) ? defer(call, reply) : NULL;
    if (hold != NULL) {
        memcpy(hold->by, by, sizeof(by)); /* for the log; the key does not keep it */
    }
}
