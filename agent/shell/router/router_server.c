/* The server: what it reported, its life, its status, and the record that follows. */
#include "router_internal.h"

#include "outrider/codec/record/record_json.h"
#include "outrider/codec/record/record_sign.h"

void router_step_server(struct router *router, struct server_event event)
{
    event.now = router->now;
    server_step(router->server, &event, &router->queues[ROUTER_SERVER]);
}

void router_fresh(struct router *router)
{
    /* What was reported before the restart is restored only where the earlier lease is still held:
     * otherwise nothing shows that the same server still runs (docs/design/protocol.md). */
    bool ours = lease_is_held(registrar_facts(router->registrar).lease_state);
    bool proven = ours && !router->restore.unproven;
    router_step_server(router,
                       (struct server_event){.type = SERVER_ON_FRESH,
                                             .message = proven ? router->restore.message : NULL,
                                             .passed = ours && router->restore.passed,
                                             .control_unread = !intent_facts(router->intent).settled});
}

static void offer(struct router *router, bool urgent)
{
    struct buf json = {0};
    const struct record *record = server_record(router->server);
    record_encode(record, &json);
    if (router->signer != NULL) {
        record_sign(router->signer, buf_view(&router->record_key), &json);
    }
    router->resign = false;
    struct server_value players = server_value(router->server, CONFIG_FACT_PLAYERS);
    struct blob *value = blob_new(buf_view(&json));
    buf_fini(&json);
    router_step_registrar(router, (struct registrar_event){.type = REGISTRAR_ON_OFFER,
                                                           .value = value,
                                                           .urgent = urgent,
                                                           .counted = players.source == SERVER_SOURCE_PROBE,
                                                           .players = players.number,
                                                           .promise = router_promise(record->status)});
    blob_unref(value);
}

static void withdraw(struct router *router)
{
    router_step_registrar(router, (struct registrar_event){.type = REGISTRAR_ON_WITHDRAW});
    /* Without a lease no request is sent, so no reply would step the follower of the keys. */
    router_step_keys(router, (struct follow_event){.type = FOLLOW_ON_TICK});
}

static void finish_drain(struct router *router, enum hold_kind kind, enum drain_outcome outcome)
{
    effects_drain_over(router->effects, kind, outcome);
    if (kind == HOLD_STOP) {
        router_step_shutdown(router, (struct shutdown_event){.type = SHUTDOWN_ON_DRAIN_OVER});
    }
}

static struct window deadline(const struct router *router)
{
    return server_deadline(router->server);
}

static void tick(struct router *router)
{
    router_step_server(router, (struct server_event){.type = SERVER_ON_TICK});
}

static void route(struct router *router, union router_effect *any)
{
    const struct server_effect *effect = &any->server;
    switch (effect->type) {
    case SERVER_DO_PUBLISH: offer(router, effect->urgent); break;
    case SERVER_DO_STANDS:
        if (router->resign) {
            offer(router, false);
        } else {
            router_step_registrar(router, (struct registrar_event){.type = REGISTRAR_ON_STANDS});
        }
        break;
    case SERVER_DO_WITHDRAW: withdraw(router); break;
    case SERVER_DO_WATCH_PID: effects_watch_pid(router->effects, effect->pid); break;
    case SERVER_DO_UNWATCH_PID: effects_watch_pid(router->effects, 0); break;
    case SERVER_DO_TERMINATE: effects_terminate(router->effects, effect->pid); break;
    case SERVER_DO_PROBE_NOW: router_step_probes(router, PROBE_ON_CONTACT); break;
    case SERVER_DO_RESET_PROBES: router_step_probes(router, PROBE_ON_RESET); break;
    case SERVER_DO_PROBE_PORTS: router_follow_ports(router); break;
    case SERVER_DO_UPDATE_CONTROL:
        router_step_intent(router,
                           (struct intent_event){.type = INTENT_ON_LOCAL,
                                                 .hold = &server_facts(router->server).holds[HOLD_OPS]});
        break;
    case SERVER_DO_EMIT_DRAIN:
        effects_emit_drain(router->effects, effect->on, effect->deadline_ms, effect->text);
        break;
    case SERVER_DO_SAVE:
        effects_save(router->effects, effect->urgent ? EFFECTS_SAVE_NOW : EFFECTS_SAVE_SOON);
        break;
    case SERVER_DO_LOOK_UP_HOST: effects_look_up_host(router->effects); break;
    case SERVER_DO_LOG_STATUS:
        effects_status_moved(router->effects, effect->from, effect->to, effect->text);
        break;
    case SERVER_DO_DRAIN_OVER: finish_drain(router, effect->kind, effect->outcome); break;
    }
}

const struct router_row router_row_server = {
    .effect_size = sizeof(struct server_effect), .deadline = deadline, .tick = tick, .route = route};
