/* Drain and undrain of this agent's server. */
#include "outrider/api/agent/handlers.h"
#include "outrider/api/common/context.h"
#include "outrider/api/common/holds.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/config/config.h"
#include "outrider/core/server/server.h"

/* Replies with the new state, so that the operator need not ask again. */
static void write_state(struct api_context *context, struct api_reply *reply)
{
    struct api_view view;
    api_look(context, &view);
    struct server_facts facts = server_facts(view.server);
    struct json_writer json = {.out = api_json(reply)};
    json_write_object(&json);
    json_member_text(&json, "status", status_name(facts.status));
    json_write_key(&json, "hold");
    api_write_hold(&json, HOLD_OPS, &facts.holds[HOLD_OPS], &view.now);
    json_write_object_end(&json);
}

static bool has_server(const struct api_context *context, struct api_reply *reply)
{
    if (!context->config->server.present) {
        api_refuse(reply, 409, "observer",
                   "an observer has no server of its own: POST to "
                   "/api/services/TYPE/ID/drain or undrain (outrider drain --id ID)");
    }
    return context->config->server.present;
}

void api_drain(struct api_context *context, const struct api_request *request, struct api_reply *reply)
{
    struct api_drain_request drain;
    if (has_server(context, reply) && api_read_drain(context, request, reply, &drain)) {
        context->ops->drain(context->agent, drain.reason, drain.by, drain.deadline_ms, drain.expires_ms);
        write_state(context, reply);
    }
}

void api_undrain(struct api_context *context, const struct api_request *request, struct api_reply *reply)
{
    if (has_server(context, reply) && api_read_undrain(request, reply)) {
        char by[HOLD_BY_MAX + 1];
        api_name_operator(request, by);
        context->ops->undrain(context->agent, by);
        write_state(context, reply);
    }
}
