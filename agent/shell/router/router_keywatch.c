/* The keywatch: one watch of the record's key and the control key. */
#include "router_internal.h"

#include "outrider/base/buf.h"

void router_control_key(const struct config *config, const char *id, struct buf *out)
{
    buf_printf(out, "%s/control/%s/%s", config->registry.control_prefix, config->server.type, id);
}

void router_init_keywatch(struct router *router, const char *id, uint64_t seed)
{
    struct buf record = {0}, control = {0};
    router_record_key(router->config, id, &record);
    router_control_key(router->config, id, &control);
    keywatch_init(&router->keywatch, buf_text(&record), buf_text(&control),
                  router->config->registry.request_timeout_ms, router->config->registry.ttl_ms * 3 / 2, seed);
    buf_fini(&record);
    buf_fini(&control);
}

void router_step_keywatch(struct router *router, struct keywatch_event event)
{
    const struct registrar *registrar = router->registrar;
    event.settled = (registrar_in_sync(registrar) && registrar_settled(registrar)) ||
                    !registry_lease_is_none(registrar_conflict_lease(registrar));
    event.revision = registrar_revision(registrar);
    event.leaseless = registry_lease_is_none(registrar_lease(registrar));
    event.control_revision = intent_known(router->intent) ? intent_seen(router->intent) : -1;
    keywatch_step(&router->keywatch, &event, &router->queues[ROUTER_KEYWATCH]);
}

void router_note_reply(struct router *router, const struct registry_reply *reply, uint64_t cluster,
                       const struct instant *now)
{
    const struct registrar *registrar = router->registrar;
    if (cluster != 0 && cluster != registrar_cluster(registrar)) {
        router_step_keywatch(router, (struct keywatch_event){.type = KEYWATCH_ON_RESTART, .now = *now});
    }
    /* A revoke of a lease that is gone already has its effect: it counts as a success. */
    bool over = reply->op == REGISTRY_REVOKE && reply->failure == REGISTRY_LEASE_LOST;
    if (reply->failure == REGISTRY_OK || over) {
        router_step_keywatch(router, (struct keywatch_event){.type = KEYWATCH_ON_SUCCESS, .now = *now});
    }
}

static struct window deadline(const struct router *router)
{
    return keywatch_deadline(&router->keywatch);
}

static void tick(struct router *router, const struct instant *now)
{
    router_step_keywatch(router, (struct keywatch_event){.type = KEYWATCH_ON_TICK, .now = *now});
}

static void route(struct router *router, union router_effect *any, const struct instant *now)
{
    const struct keywatch_effect *effect = &any->keywatch;
    switch (effect->type) {
    case KEYWATCH_DO_WATCH: effects_watch(router->effects, &effect->watch); break;
    case KEYWATCH_DO_UNWATCH: effects_unwatch(router->effects, effect->id); break;
    case KEYWATCH_DO_READ_BACK:
        router_step_registrar(router, (struct registrar_event){.type = REGISTRAR_ON_READ_BACK,
                                                               .now = *now,
                                                               .revision = effect->revision});
        router_control_read_back(router, now);
        break;
    case KEYWATCH_DO_COMPARE: effects_request(router->effects, &effect->request); break;
    case KEYWATCH_DO_CONFIRM:
        router_step_registrar(router, (struct registrar_event){.type = REGISTRAR_ON_AS_KNOWN, .now = *now});
        break;
    case KEYWATCH_DO_NOTE: effects_watch_note(router->effects, effect->note, effect->text); break;
    }
}

const struct router_row router_row_keywatch = {
    .effect_size = sizeof(struct keywatch_effect), .deadline = deadline, .tick = tick, .route = route};
