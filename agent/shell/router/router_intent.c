/* The intent: the operator's hold and the control key. */
#include "router_internal.h"

#include "outrider/codec/record/control_json.h"

void router_step_intent(struct router *router, struct intent_event event)
{
    event.now = router->now;
    intent_step(router->intent, &event, &router->queues[ROUTER_INTENT]);
}

void router_control_changed(struct router *router, const struct registry_change *change)
{
    struct intent_value value;
    router_read_control(!change->deleted, change->value, &value);
    router_step_intent(
        router,
        (struct intent_event){.type = INTENT_ON_CHANGED, .revision = change->mod_revision, .value = &value});
}

void router_control_read_back(struct router *router)
{
    router_step_intent(router, (struct intent_event){.type = INTENT_ON_READ_BACK});
}

static void request(struct router *router, struct intent_effect *effect)
{
    struct buf json = {0};
    if (effect->request.op == REGISTRY_PUT) {
        control_encode(&effect->hold, &json);
        effect->request.value = blob_new(buf_view(&json));
    }
    effects_request(router->effects, ROUTER_CLIENT_INTENT, &effect->request);
    blob_unref(effect->request.value);
    buf_fini(&json);
}

static struct window deadline(const struct router *router)
{
    return intent_deadline(router->intent);
}

static void tick(struct router *router)
{
    router_step_intent(router, (struct intent_event){.type = INTENT_ON_TICK});
}

static void route(struct router *router, union router_effect *any)
{
    struct intent_effect *effect = &any->intent;
    switch (effect->type) {
    case INTENT_DO_REQUEST: request(router, effect); break;
    case INTENT_DO_ADOPT:
        router_step_server(router, (struct server_event){.type = SERVER_ON_CONTROL, .hold = &effect->hold});
        break;
    case INTENT_DO_SETTLE:
        router_step_server(router, (struct server_event){.type = SERVER_ON_CONTROL_READ});
        break;
    case INTENT_DO_SAVE: effects_save(router->effects, EFFECTS_SAVE_SOON); break;
    case INTENT_DO_DONE:
        router_step_shutdown(router, (struct shutdown_event){.type = SHUTDOWN_ON_CONTROL_DONE});
        break;
    case INTENT_DO_NOTE: effects_intent_note(router->effects, effect->note, effect->text); break;
    }
}

const struct router_row router_row_intent = {
    .effect_size = sizeof(struct intent_effect), .deadline = deadline, .tick = tick, .route = route};
