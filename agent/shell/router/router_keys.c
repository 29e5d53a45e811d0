/* The agent's own keys, followed: one watch of the record's key and the control key. */
#include "router_internal.h"

void router_step_keys(struct router *router, struct follow_event event)
{
    event.now = router->now;
    struct registrar_facts record = registrar_facts(router->registrar);
    struct intent_facts control = intent_facts(router->intent);
    event.owner = (struct follow_owner){
        .settled = (record.in_sync && record.settled) || !registry_lease_is_none(record.conflict_lease),
        .leaseless = registry_lease_is_none(record.lease),
        .known = {[FOLLOW_RECORD] = record.revision, [FOLLOW_CONTROL] = control.known ? control.seen : -1},
    };
    follow_step(&router->keys, &event, &router->queues[ROUTER_KEYS]);
}

static struct window deadline(const struct router *router)
{
    return follow_deadline(&router->keys);
}

static void tick(struct router *router)
{
    router_step_keys(router, (struct follow_event){.type = FOLLOW_ON_TICK});
}

static void route(struct router *router, union router_effect *any)
{
    const struct follow_effect *effect = &any->keys;
    switch (effect->type) {
    case FOLLOW_DO_WATCH: effects_watch(router->effects, &effect->watch); break;
    case FOLLOW_DO_UNWATCH: effects_unwatch(router->effects, effect->id); break;
    case FOLLOW_DO_READ_BACK:
        router_step_registrar(
            router, (struct registrar_event){.type = REGISTRAR_ON_READ_BACK, .revision = effect->revision});
        router_control_read_back(router);
        break;
    case FOLLOW_DO_REQUEST: effects_request(router->effects, ROUTER_CLIENT_KEYS, &effect->request); break;
    case FOLLOW_DO_CONFIRM:
        router_step_registrar(router, (struct registrar_event){.type = REGISTRAR_ON_AS_KNOWN});
        break;
    case FOLLOW_DO_NOTE: effects_watch_note(router->effects, effect->note, effect->text); break;
    default: break; /* of followers that list or resume */
    }
}

const struct router_row router_row_keys = {
    .effect_size = sizeof(struct follow_effect), .deadline = deadline, .tick = tick, .route = route};
