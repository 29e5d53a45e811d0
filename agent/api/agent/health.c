#include "agent_internal.h"
#include "outrider/api/agent/handlers.h"
#include "outrider/api/common/context.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/publish/registrar.h"

static void say_ok(struct api_reply *reply)
{
    buf_str(api_json(reply), STR("{\"status\":\"ok\"}"));
}

void api_healthz(struct api_context *context, const struct api_request *request, struct api_reply *reply)
{
    (void)context;
    (void)request;
    say_ok(reply);
}

void api_readyz(struct api_context *context, const struct api_request *request, struct api_reply *reply)
{
    (void)request;
    struct api_view view;
    api_look(context, &view);
    if (view.registrar == NULL) {
        if (view_known(view.fleet.view)) {
            say_ok(reply);
        } else {
            const char *last_error = view_last_error(view.fleet.view);
            api_refuse(reply, 503, "not_known", "the fleet has not been read yet%s%s",
                       last_error[0] == '\0' ? "" : ": ", last_error);
        }
    } else if (registrar_facts(view.registrar).settled) {
        say_ok(reply);
    } else {
        api_refuse(reply, 503, "not_published", "%s", api_unpublished_reason(&view));
    }
}
