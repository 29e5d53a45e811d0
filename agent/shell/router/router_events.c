/* Events from outside: each steps one machine and routes what comes of it until no effect waits. */
#include "router_internal.h"

void router_status_message(struct router *router, const struct status_message *message,
                           const struct instant *now)
{
    router_enter(router, now);
    router_step_server(router,
                       (struct server_event){.type = SERVER_ON_MESSAGE, .now = *now, .message = message});
    router_pump(router, now);
}

void router_detached(struct router *router, uint64_t life, bool by_us, const struct instant *now)
{
    router_enter(router, now);
    router_step_server(
        router, (struct server_event){.type = SERVER_ON_DETACH, .now = *now, .life = life, .by_us = by_us});
    router_pump(router, now);
}

void router_exited(struct router *router, pid_t pid, const struct instant *now)
{
    router_enter(router, now);
    router_step_server(router, (struct server_event){.type = SERVER_ON_EXIT, .now = *now, .pid = pid});
    router_pump(router, now);
}

void router_tried(struct router *router, unsigned index, uint64_t try_id, const struct probe_result *result,
                  const struct instant *now)
{
    router_enter(router, now);
    if (index >= router->probe_count) {
        return;
    }
    struct probe_event event = {.type = PROBE_ON_RESULT, .now = *now, .try_id = try_id, .result = result};
    probe_step(&router->probes[index], &event, &router->queues[ROUTER_PROBES]);
    router_pump(router, now);
}

static void route_reply(struct router *router, enum router_client client, const struct registry_reply *reply,
                        const struct instant *now)
{
    switch (client) {
    case ROUTER_CLIENT_REGISTRAR:
        router_step_registrar(
            router, (struct registrar_event){.type = REGISTRAR_ON_REPLY, .now = *now, .reply = reply});
        break;
    case ROUTER_CLIENT_INTENT: router_control_replied(router, reply, now); break;
    case ROUTER_CLIENT_KEYS:
        router_step_keys(router, (struct follow_event){.type = FOLLOW_ON_REPLY, .now = *now, .reply = reply});
        break;
    case ROUTER_CLIENT_COUNT: break;
    }
}

void router_replied(struct router *router, enum router_client client, const struct registry_reply *reply,
                    const struct instant *now)
{
    router_enter(router, now);
    uint64_t cluster = registrar_facts(router->registrar).cluster;
    route_reply(router, client, reply, now);
    router_pump(router, now);
    router_note_reply(router, reply, cluster, now);
    router_pump(router, now);
}

static void route_change(struct router *router, const struct registry_change *change,
                         const struct instant *now)
{
    if (str_eq(change->key, str_of(router->keys.own_keys[FOLLOW_RECORD]))) {
        router_step_registrar(
            router, (struct registrar_event){.type = REGISTRAR_ON_CHANGED, .now = *now, .change = change});
    } else if (str_eq(change->key, str_of(router->keys.own_keys[FOLLOW_CONTROL]))) {
        router_control_changed(router, change, now);
    }
}

void router_watched(struct router *router, const struct registry_watch_event *event,
                    const struct instant *now)
{
    router_enter(router, now);
    router_step_keys(router, (struct follow_event){.type = FOLLOW_ON_WATCH, .now = *now, .watch = event});
    if (follow_watches(&router->keys, event->id) && event->type == REGISTRY_WATCH_OPENED) {
        router_step_registrar(router, (struct registrar_event){.type = REGISTRAR_ON_CLUSTER,
                                                               .now = *now,
                                                               .cluster = event->cluster,
                                                               .epoch = event->epoch,
                                                               .endpoint = event->endpoint});
    } else if (follow_watches(&router->keys, event->id)) {
        for (size_t i = 0; i < event->change_count; i++) {
            route_change(router, &event->changes[i], now);
        }
    }
    router_pump(router, now);
}

void router_host(struct router *router, const char *host, const char *reason, const struct instant *now)
{
    router_step_server(
        router, (struct server_event){.type = SERVER_ON_HOST, .now = *now, .text = host, .reason = reason});
    router_pump(router, now);
}

void router_drain(struct router *router, const char *reason, const char *by, int64_t deadline_ms,
                  int64_t expires_ms, const struct instant *now)
{
    router_enter(router, now);
    router_step_server(router, (struct server_event){.type = SERVER_ON_HOLD,
                                                     .now = *now,
                                                     .kind = HOLD_OPS,
                                                     .reason = reason,
                                                     .by = by,
                                                     .deadline_ms = deadline_ms,
                                                     .expires_ms = expires_ms});
    router_pump(router, now);
}

void router_undrain(struct router *router, const struct instant *now)
{
    router_enter(router, now);
    router_step_server(router,
                       (struct server_event){.type = SERVER_ON_UNHOLD, .now = *now, .kind = HOLD_OPS});
    router_pump(router, now);
}

void router_stop(struct router *router, enum shutdown_event_type how, bool state_kept,
                 const struct instant *now)
{
    router_enter(router, now);
    router_step_shutdown(router,
                         (struct shutdown_event){.type = how,
                                                 .now = *now,
                                                 .state_kept = state_kept,
                                                 .leased = registrar_facts(router->registrar).leased});
    router_pump(router, now);
}
