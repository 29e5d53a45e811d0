/* Drain and undrain of this agent's server. */
#include "outrider/api/common/attempt.h"
#include "outrider/api/common/context.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/holds.h"
#include "outrider/api/common/reply.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/config/config.h"
#include "outrider/core/server/flapping.h"
#include "outrider/core/server/server.h"

#include <stdio.h>

static void tell(const struct api_call *call, enum audit_text which)
{
    struct server_facts facts = server_facts(call->view.server);
    char text[64];
    snprintf(text, sizeof(text), "%s, %s", status_name(facts.status),
             facts.holds[HOLD_OPS].set ? "drained" : "not drained");
    api_attempt_tell(call->attempt, which, str_of(text));
}

/* Replies with the new state, so that the operator need not ask again. */
static void write_state(struct api_call *call, struct api_reply *reply, const bool *lifted)
{
    api_look(call);
    tell(call, AUDIT_AFTER);
    struct server_facts facts = server_facts(call->view.server);
    struct json_writer json = {.out = api_json(reply)};
    json_write_object(&json);
    json_member_text(&json, "status", status_name(facts.status));
    if (lifted != NULL) {
        json_member_bool(&json, "lifted", *lifted);
    }
    json_write_key(&json, "hold");
    api_write_hold(&json, HOLD_OPS, &facts.holds[HOLD_OPS], &call->view.now);
    json_write_object_end(&json);
}

static bool has_server(const struct api_call *call, struct api_reply *reply)
{
    if (call->view.server == NULL) {
        api_refuse(reply, 409, "observer",
                   "an observer has no server of its own: POST to "
                   "/api/services/TYPE/ID/drain or undrain (outrider drain --id ID)");
    }
    if (call->view.server == NULL) {
        return false;
    }
    char target[300];
    snprintf(target, sizeof(target), "%s/%s", call->view.config->server.type, call->view.id);
    api_attempt_tell(call->attempt, AUDIT_TARGET, str_of(target));
    tell(call, AUDIT_BEFORE);
    return true;
}

void api_drain(struct api_call *call, struct api_reply *reply)
{
    struct api_context *context = call->context;
    struct api_drain drain;
    if (has_server(call, reply) && api_read_drain(call, reply, &drain)) {
        context->ops->drain(context->agent, drain.reason, drain.by, drain.deadline_ms, drain.expires_ms);
        write_state(call, reply, NULL);
    }
}

void api_undrain(struct api_call *call, struct api_reply *reply)
{
    struct api_context *context = call->context;
    struct api_drain undrain;
    if (!has_server(call, reply) || !api_read_own_undrain(call, reply, &undrain)) {
        return;
    }
    const struct server *server = call->view.server;
    bool lifted = undrain.flapping ? server_flapping(server)->state == FLAPPING_ON
                                   : server_facts(server).holds[HOLD_OPS].set;
    if (undrain.flapping) {
        context->ops->unflap(context->agent, undrain.by);
    } else {
        context->ops->undrain(context->agent, undrain.by);
    }
    write_state(call, reply, &lifted);
}
