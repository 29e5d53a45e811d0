/* The shutdown: the way from a signal to the exit status. */
#include "router_internal.h"

void router_load_shutdown(struct router *router)
{
    router->shutdown.drain = router->config->shutdown.drain;
    router->shutdown.linger_ms = router->config->shutdown.linger_ms;
    router->shutdown.timeout_ms = router->config->shutdown.timeout_ms;
}

void router_step_shutdown(struct router *router, struct shutdown_event event)
{
    event.now = router->now;
    shutdown_step(&router->shutdown, &event, &router->queues[ROUTER_SHUTDOWN]);
}

bool router_check_published(struct router *router)
{
    /* Without a record in the registry there is nothing to wait for. */
    bool visible = registrar_facts(router->registrar).visible;
    bool published =
        router->shutdown.phase == SHUTDOWN_SAYING && (!visible || registrar_facts(router->registrar).in_sync);
    if (published) {
        router_step_shutdown(router,
                             (struct shutdown_event){.type = SHUTDOWN_ON_PUBLISHED, .visible = visible});
    }
    return published;
}

static struct window deadline(const struct router *router)
{
    return shutdown_deadline(&router->shutdown);
}

static void tick(struct router *router)
{
    router_step_shutdown(router, (struct shutdown_event){.type = SHUTDOWN_ON_TICK});
}

static void route(struct router *router, union router_effect *any)
{
    const struct shutdown_effect *effect = &any->shutdown;
    switch (effect->type) {
    case SHUTDOWN_DO_DRAIN:
        router_step_server(router, (struct server_event){.type = SERVER_ON_HOLD,
                                                         .kind = HOLD_STOP,
                                                         .by = "signal",
                                                         .reason = "the agent was asked to stop",
                                                         .deadline_ms = router->config->drain.deadline_ms});
        break;
    case SHUTDOWN_DO_SAY:
        router_step_server(router, (struct server_event){.type = SERVER_ON_STOPPING});
        break;
    case SHUTDOWN_DO_LEAVE:
        router_step_registrar(router, (struct registrar_event){.type = REGISTRAR_ON_LEAVE});
        router_step_intent(router, (struct intent_event){.type = INTENT_ON_LEAVE});
        router_step_keys(router, (struct follow_event){.type = FOLLOW_ON_STOP});
        break;
    case SHUTDOWN_DO_EXIT: effects_exit(router->effects, effect->code); break;
    }
}

const struct router_row router_row_shutdown = {
    .effect_size = sizeof(struct shutdown_effect), .deadline = deadline, .tick = tick, .route = route};
