/* The wiring. Read router_pump() first: it is the whole of the agent's inner life. */
#include "router_internal.h"

void router_step_probes(struct router *router, enum probe_event_type type, const struct instant *now)
{
    struct probe_event event = {.type = type, .now = *now};
    for (size_t i = 0; i < router->probe_count; i++) {
        probe_step(&router->probes[i], &event, &router->probe_effects);
    }
}

void router_step_shutdown(struct router *router, enum shutdown_event_type type, bool visible,
                          const struct instant *now)
{
    struct shutdown_event event = {.type = type, .now = *now, .visible = visible};
    shutdown_step(&router->shutdown, &event, &router->shutdown_effects);
}

static void route_server(struct router *router, const struct server_effect *effect, const struct instant *now)
{
    switch (effect->type) {
    case SERVER_DO_PUBLISH: router_offer(router, effect->urgent, now); break;
    case SERVER_DO_STANDS: {
        struct registrar_event event = {.type = REGISTRAR_ON_STANDS, .now = *now};
        registrar_step(router->registrar, &event, &router->registrar_effects);
        break;
    }
    case SERVER_DO_WITHDRAW: {
        struct registrar_event event = {.type = REGISTRAR_ON_WITHDRAW, .now = *now};
        registrar_step(router->registrar, &event, &router->registrar_effects);
        /* Without a lease nothing is asked, and no answer tells the watch so. */
        router_step_keywatch(router, (struct keywatch_event){.type = KEYWATCH_ON_TICK, .now = *now});
        break;
    }
    case SERVER_DO_WATCH_PID: effects_watch_pid(router->effects, effect->pid); break;
    case SERVER_DO_UNWATCH_PID: effects_watch_pid(router->effects, 0); break;
    case SERVER_DO_PROBE_NOW: router_step_probes(router, PROBE_ON_CONTACT, now); break;
    case SERVER_DO_RESET_PROBES: router_step_probes(router, PROBE_ON_RESET, now); break;
    case SERVER_DO_PROBE_PORTS: router_follow_ports(router, now); break;
    case SERVER_DO_UPDATE_CONTROL: router_update_intent(router, now); break;
    case SERVER_DO_EMIT_DRAIN:
        effects_emit_drain(router->effects, effect->on, effect->deadline_ms, effect->text);
        break;
    case SERVER_DO_SAVE: effects_save(router->effects, effect->urgent); break;
    case SERVER_DO_LOOK_UP_HOST: effects_look_up_host(router->effects); break;
    case SERVER_DO_LOG_STATUS:
        effects_status_moved(router->effects, effect->from, effect->to, effect->text);
        break;
    case SERVER_DO_DRAIN_OVER:
        effects_drain_over(router->effects, effect->kind, effect->outcome);
        if (effect->kind == HOLD_STOP) {
            router_step_shutdown(router, SHUTDOWN_ON_DRAIN_OVER, false, now);
        }
        break;
    }
}

static void route_registrar(struct router *router, const struct registrar_effect *effect,
                            const struct instant *now)
{
    switch (effect->type) {
    case REGISTRAR_DO_REQUEST:
        if (effect->request.op == REGISTRY_GET && registrar_settled(router->registrar)) {
            router_control_read_back(router, now); /* whoever doubts the one key doubts the other */
        }
        effects_request(router->effects, &effect->request);
        blob_unref(effect->request.value);
        break;
    case REGISTRAR_DO_SAVE: effects_save(router->effects, false); break;
    case REGISTRAR_DO_LOOK_UP_HOST: effects_look_up_host(router->effects); break;
    case REGISTRAR_DO_FRESH: router_fresh(router, now); break;
    case REGISTRAR_DO_ADOPTED: router_adopt(router, effect->text, now); break;
    case REGISTRAR_DO_READ_BACK: router_control_read_back(router, now); break;
    case REGISTRAR_DO_GONE: router_step_shutdown(router, SHUTDOWN_ON_GONE, false, now); break;
    case REGISTRAR_DO_NOTE: effects_note(router->effects, effect->note, effect->text); break;
    }
}

static void route_shutdown(struct router *router, const struct shutdown_effect *effect,
                           const struct instant *now)
{
    switch (effect->type) {
    case SHUTDOWN_DO_DRAIN:
        router_step_server(router, (struct server_event){.type = SERVER_ON_HOLD,
                                                         .now = *now,
                                                         .kind = HOLD_STOP,
                                                         .by = "signal",
                                                         .reason = "the agent was asked to stop",
                                                         .deadline_ms = router->config->drain.deadline_ms});
        break;
    case SHUTDOWN_DO_SAY:
        router_step_server(router, (struct server_event){.type = SERVER_ON_STOPPING, .now = *now});
        break;
    case SHUTDOWN_DO_LEAVE: {
        struct registrar_event event = {.type = REGISTRAR_ON_LEAVE, .now = *now};
        registrar_step(router->registrar, &event, &router->registrar_effects);
        router_step_intent(router, (struct intent_event){.type = INTENT_ON_LEAVE, .now = *now});
        router_step_keywatch(router, (struct keywatch_event){.type = KEYWATCH_ON_LEAVE, .now = *now});
        break;
    }
    case SHUTDOWN_DO_EXIT: effects_exit(router->effects, effect->code); break;
    }
}

static void route_probe(struct router *router, const struct probe_effect *effect, const struct instant *now)
{
    const struct probe *probe = &router->probes[effect->index];
    char evidence[128];
    switch (effect->type) {
    case PROBE_DO_TRY:
        effects_try(router->effects, effect->index, effect->try_id,
                    router_probe_config(router, effect->index), effect->timeout_ms);
        break;
    case PROBE_DO_VERDICT:
        router_step_server(router, (struct server_event){.type = SERVER_ON_VERDICT,
                                                         .now = *now,
                                                         .index = effect->index,
                                                         .verdict = effect->verdict,
                                                         .text = probe_evidence(probe, evidence)});
        break;
    }
}

/* One effect of the machine nearest to the world first: what the server says must reach the registrar before
 * the registrar's own effects are looked at. */
static bool route_one(struct router *router, const struct instant *now)
{
    struct server_effect server;
    struct probe_effect probe;
    struct shutdown_effect shutdown;
    struct intent_effect intent;
    struct registrar_effect registrar;
    struct keywatch_effect keywatch;
    if (queue_take(&router->server_effects, &server)) {
        route_server(router, &server, now);
    } else if (queue_take(&router->probe_effects, &probe)) {
        route_probe(router, &probe, now);
    } else if (queue_take(&router->intent_effects, &intent)) {
        router_route_intent(router, &intent, now);
    } else if (queue_take(&router->registrar_effects, &registrar)) {
        route_registrar(router, &registrar, now);
    } else if (queue_take(&router->keywatch_effects, &keywatch)) {
        router_route_keywatch(router, &keywatch, now);
    } else if (queue_take(&router->shutdown_effects, &shutdown)) {
        route_shutdown(router, &shutdown, now);
    } else {
        return false;
    }
    return true;
}

void router_pump(struct router *router, const struct instant *now)
{
    if (router->pumping) {
        return;
    }
    router->pumping = true;
    bool more = true;
    while (more) {
        while (route_one(router, now)) {
        }
        /* Said is said once the registry has it, or when there is nobody to hear it. */
        bool visible = registrar_visible(router->registrar);
        more =
            router->shutdown.phase == SHUTDOWN_SAYING && (!visible || registrar_in_sync(router->registrar));
        if (more) {
            router_step_shutdown(router, SHUTDOWN_ON_PUBLISHED, visible, now);
        }
    }
    router->pumping = false;
}
