#include "outrider/api/common/context.h"

#include "outrider/api/common/counters.h"
#include "outrider/api/common/reply.h"
#include "outrider/core/config/config.h"
#include "outrider/core/fleet/view_read.h"

void api_look(struct api_context *context, struct api_view *ret_view)
{
    context->ops->look(context->agent, ret_view);
    if (ret_view->counters->loop_lag_us > context->loop_lag_us) {
        context->loop_lag_us = ret_view->counters->loop_lag_us;
    }
}

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
        reply->turn = API_DEFERRED;
        reply->deferral = (struct api_deferral){.timeout_ms = ret_view->config->registry.request_timeout_ms};
        return false;
    }
    reply->retry_after = true;
    api_refuse(reply, 503, "not_known", "the fleet has not been read yet%s%s",
               last_error[0] == '\0' ? "" : ": ", last_error);
    return false;
}
