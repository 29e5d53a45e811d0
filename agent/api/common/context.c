#include "outrider/api/common/context.h"

#include "outrider/api/common/attempt.h"
#include "outrider/api/common/counters.h"
#include "outrider/api/common/reply.h"
#include "outrider/codec/record/discovery_json.h"
#include "outrider/core/config/config.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/probe/probe.h"
#include "outrider/core/registry/mirror.h"

void api_call_fini(struct api_call *call)
{
    filter_free(call->filter);
    buf_fini(&call->names);
    api_attempt_free(call->attempt);
}

void api_look(struct api_call *call)
{
    struct api_context *context = call->context;
    context->ops->look(context->agent, &call->view);
    int64_t lag_us = call->view.counters->loop_lag_us;
    context->loop_lag_us = lag_us > context->loop_lag_us ? lag_us : context->loop_lag_us;
}

void api_refuse_unknown_fleet(const struct view *fleet, struct api_reply *reply)
{
    const char *last_error = view_facts(fleet)->last_error;
    api_refuse(reply, 503, "not_known", "the fleet has not been read yet%s%s",
               last_error[0] == '\0' ? "" : ": ", last_error);
}

/* What is not in sync is stale from the first ms. */
static int64_t stale_ms(bool synced, int64_t age_ms)
{
    return synced ? 0 : age_ms > 0 ? age_ms : 1;
}

int64_t api_stale_ms(const struct api_view *view)
{
    return stale_ms(view_facts(view->fleet.view)->synced, view_age(view->fleet.view, &view->now));
}

bool api_need_fleet(struct api_call *call, struct api_reply *reply)
{
    struct api_context *context = call->context;
    context->ops->want(context->agent);
    api_look(call);
    const struct view *view = call->view.fleet.view;
    const struct view_facts *fleet = view == NULL ? NULL : view_facts(view);
    const struct config *config = call->view.config;
    if (fleet == NULL || config->view.mode == CONFIG_VIEW_OFF) {
        api_refuse(reply, 503, "view_off",
                   "this agent does not watch the fleet, as its view.mode is off: ask an observer");
    } else if (fleet->known && (!fleet->waking || context->impatient)) {
        reply->stale_ms = api_stale_ms(&call->view);
        return true;
    } else if (fleet->last_error[0] == '\0' && !context->impatient) {
        reply->turn = API_DEFERRED;
        reply->deferral = (struct api_deferral){.timeout_ms = config->registry.request_timeout_ms};
    } else {
        reply->header = API_RETRY_SOON;
        api_refuse_unknown_fleet(view, reply);
    }
    return false;
}

bool api_need_leaders(struct api_call *call, bool can_do_without, struct api_reply *reply)
{
    const struct api_context *context = call->context;
    const struct mirror *keys = call->view.fleet.leader_keys;
    const struct mirror_facts *facts = keys == NULL ? NULL : mirror_facts(keys);
    bool failed = facts == NULL || facts->last_error[0] != '\0';
    if (facts != NULL && facts->waking && !context->impatient) {
        reply->turn = API_DEFERRED;
        reply->deferral = (struct api_deferral){.timeout_ms = call->view.config->registry.request_timeout_ms};
        return false;
    }
    if (can_do_without) {
        return true;
    }
    if (facts == NULL || !facts->known) {
        reply->header = API_RETRY_SOON;
        api_refuse(reply, 503, "not_known", "who leads has not been read yet%s%s", failed ? ": " : "",
                   facts == NULL ? "" : facts->last_error);
        return false;
    }
    reply->stale_ms = stale_ms(facts->synced, mirror_age_ms(keys, &call->view.now));
    return true;
}

void api_local(const struct api_view *view, struct discovery_local *ret_local)
{
    *ret_local = (struct discovery_local){.response_ms = -1, .leaders = view->fleet.leaders};
    if (view->server == NULL) {
        return;
    }
    ret_local->type = str_of(view->config->server.type);
    ret_local->id = str_of(view->id);
    int64_t last = 0;
    for (size_t i = 0; i < view->probe_count; i++) {
        const struct probe *probe = view->probes[i].probe;
        if (probe->tried && probe->last_try_mono >= last) {
            last = probe->last_try_mono;
            ret_local->known = true;
            ret_local->last_check_wall = view->now.wall - (view->now.mono - probe->last_try_mono);
        }
        if (probe->tried && probe->last_outcome == PROBE_PASSED &&
            probe->last_duration_us / 1000 > ret_local->response_ms) {
            ret_local->response_ms = probe->last_duration_us / 1000;
        }
    }
}
