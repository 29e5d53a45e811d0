/* The agent's own keys, followed: one watch of the record's key and the control key. */
#include "router_internal.h"

#include "outrider/base/buf.h"

void router_control_key(const struct config *config, const char *id, struct buf *out)
{
    buf_printf(out, "%s/control/%s/%s", config->registry.control_prefix, config->server.type, id);
}

void router_init_keys(struct router *router, const char *id, uint64_t seed)
{
    struct buf record = {0}, control = {0};
    router_record_key(router->config, id, &record);
    router_control_key(router->config, id, &control);
    follow_init_keys(&router->keys, buf_text(&record), buf_text(&control),
                     router->config->registry.request_timeout_ms, router->config->registry.ttl_ms * 3 / 2,
                     seed);
    buf_fini(&record);
    buf_fini(&control);
}

void router_step_keys(struct router *router, struct follow_event event)
{
    struct registrar_facts record = registrar_facts(router->registrar);
    struct intent_facts control = intent_facts(router->intent);
    event.owner = (struct follow_owner){
        .settled = (record.in_sync && record.settled) || !registry_lease_is_none(record.conflict_lease),
        .leaseless = registry_lease_is_none(record.lease),
        .known = {[FOLLOW_RECORD] = record.revision, [FOLLOW_CONTROL] = control.known ? control.seen : -1},
    };
    follow_step(&router->keys, &event, &router->queues[ROUTER_KEYS]);
}

void router_note_reply(struct router *router, const struct registry_reply *reply, uint64_t cluster,
                       const struct instant *now)
{
    if (cluster != 0 && cluster != registrar_facts(router->registrar).cluster) {
        router_step_keys(router, (struct follow_event){.type = FOLLOW_ON_RESTART, .now = *now});
    }
    /* A revoke of a lease that is gone already has its effect: it counts as a success. */
    bool over = reply->op == REGISTRY_REVOKE && reply->failure == REGISTRY_LEASE_LOST;
    if (reply->failure == REGISTRY_OK || over) {
        router_step_keys(router, (struct follow_event){.type = FOLLOW_ON_SUCCESS, .now = *now});
    }
}

static struct window deadline(const struct router *router)
{
    return follow_deadline(&router->keys);
}

static void tick(struct router *router, const struct instant *now)
{
    router_step_keys(router, (struct follow_event){.type = FOLLOW_ON_TICK, .now = *now});
}

static void route(struct router *router, union router_effect *any, const struct instant *now)
{
    const struct follow_effect *effect = &any->keys;
    switch (effect->type) {
    case FOLLOW_DO_WATCH: effects_watch(router->effects, &effect->watch); break;
    case FOLLOW_DO_UNWATCH: effects_unwatch(router->effects, effect->id); break;
    case FOLLOW_DO_READ_BACK:
        router_step_registrar(router, (struct registrar_event){.type = REGISTRAR_ON_READ_BACK,
                                                               .now = *now,
                                                               .revision = effect->revision});
        router_control_read_back(router, now);
        break;
    case FOLLOW_DO_REQUEST: effects_request(router->effects, ROUTER_CLIENT_KEYS, &effect->request); break;
    case FOLLOW_DO_CONFIRM:
        router_step_registrar(router, (struct registrar_event){.type = REGISTRAR_ON_AS_KNOWN, .now = *now});
        break;
    case FOLLOW_DO_NOTE: effects_watch_note(router->effects, effect->note, effect->text); break;
    default: break; /* of followers that list or resume */
    }
}

const struct router_row router_row_keys = {
    .effect_size = sizeof(struct follow_effect), .deadline = deadline, .tick = tick, .route = route};
