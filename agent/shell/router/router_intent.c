/* The intent: the operator's hold and the control key. */
#include "router_internal.h"

#include "outrider/base/buf.h"
#include "outrider/codec/record/control_json.h"

struct intent *router_new_intent(const struct config *config, const char *id, uint64_t seed)
{
    struct buf key = {0};
    router_control_key(config, id, &key);
    struct intent_settings settings = {
        .key = buf_text(&key),
        .request_timeout_ms = config->registry.request_timeout_ms,
        /* Without a state_dir such an id is new at every start. */
        .ephemeral = strcmp(config->server.id, "auto") == 0 && config->state_dir == NULL,
        .seed = seed,
    };
    struct intent *intent = intent_new(&settings);
    buf_fini(&key);
    return intent;
}

void router_step_intent(struct router *router, struct intent_event event)
{
    intent_step(router->intent, &event, &router->queues[ROUTER_INTENT]);
}

void router_start_intent(struct router *router, const struct instant *now)
{
    const struct restore *restore = &router->restore;
    router_step_intent(router, (struct intent_event){.type = INTENT_ON_START,
                                                     .now = *now,
                                                     .hold = &restore->ops,
                                                     .revision = restore->control_revision,
                                                     .pending = restore->control_pending,
                                                     .sent_wall = restore->control_sent_wall});
}

void router_update_intent(struct router *router, const struct instant *now)
{
    router_step_intent(router, (struct intent_event){.type = INTENT_ON_LOCAL,
                                                     .now = *now,
                                                     .hold = &server_facts(router->server).holds[HOLD_OPS]});
}

void router_control_replied(struct router *router, const struct registry_reply *reply,
                            const struct instant *now)
{
    struct intent_value value;
    router_read_control(reply->kv.found, reply->kv.value, &value);
    router_step_intent(
        router, (struct intent_event){.type = INTENT_ON_REPLY, .now = *now, .reply = reply, .value = &value});
}

void router_control_changed(struct router *router, const struct registry_change *change,
                            const struct instant *now)
{
    struct intent_value value;
    router_read_control(!change->deleted, change->value, &value);
    router_step_intent(router, (struct intent_event){.type = INTENT_ON_CHANGED,
                                                     .now = *now,
                                                     .revision = change->mod_revision,
                                                     .value = &value});
}

void router_control_read_back(struct router *router, const struct instant *now)
{
    router_step_intent(router, (struct intent_event){.type = INTENT_ON_READ_BACK, .now = *now});
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

static void tick(struct router *router, const struct instant *now)
{
    router_step_intent(router, (struct intent_event){.type = INTENT_ON_TICK, .now = *now});
}

static void route(struct router *router, union router_effect *any, const struct instant *now)
{
    struct intent_effect *effect = &any->intent;
    switch (effect->type) {
    case INTENT_DO_REQUEST: request(router, effect); break;
    case INTENT_DO_ADOPT:
        router_step_server(
            router, (struct server_event){.type = SERVER_ON_CONTROL, .now = *now, .hold = &effect->hold});
        break;
    case INTENT_DO_SETTLE:
        router_step_server(router, (struct server_event){.type = SERVER_ON_CONTROL_READ, .now = *now});
        break;
    case INTENT_DO_SAVE: effects_save(router->effects, EFFECTS_SAVE_SOON); break;
    case INTENT_DO_DONE:
        router_step_shutdown(router, (struct shutdown_event){.type = SHUTDOWN_ON_CONTROL_DONE, .now = *now});
        break;
    case INTENT_DO_NOTE: effects_intent_note(router->effects, effect->note, effect->text); break;
    }
}

const struct router_row router_row_intent = {
    .effect_size = sizeof(struct intent_effect), .deadline = deadline, .tick = tick, .route = route};
