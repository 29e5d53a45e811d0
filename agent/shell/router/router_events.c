/* Events from outside: each steps one machine and routes what comes of it until no effect waits. */
#include "router_internal.h"

void router_enter(struct router *router, const struct instant *now)
{
    if (router->pumping) {
        return;
    }
    router->now = *now;
    struct registrar_facts facts = registrar_facts(router->registrar);
    struct gap_limits limits = {.due_mono = router_deadline(router).latest,
                                .ttl_ms = facts.ttl_ms > 0 ? facts.ttl_ms : router->config->registry.ttl_ms,
                                .lease_boot = facts.lease_deadline_boot};
    int64_t gap_ms = gap_step(&router->seen, now, &limits);
    if (gap_ms == 0) {
        return;
    }
    router_step_registrar(router, (struct registrar_event){.type = REGISTRAR_ON_GAP, .gap_ms = gap_ms});
    router_step_probes(router, PROBE_ON_RESET);
    router_step_probes(router, PROBE_ON_CONTACT);
    router_step_server(router, (struct server_event){.type = SERVER_ON_GAP});
    router_pump(router);
}

void router_server_event(struct router *router, const struct server_event *event)
{
    bool claims = event->type == SERVER_ON_MESSAGE && event->message->claim_count > 0;
    router_enter(router, &event->now);
    if (claims) {
        router_claim(router, event->message);
    }
    router_step_server(router, *event);
    router_pump(router);
    if (claims) {
        router_step_registrar(router, (struct registrar_event){.type = REGISTRAR_ON_TICK});
        router_pump(router);
    }
    if (event->type == SERVER_ON_EXIT || (event->type == SERVER_ON_DETACH && !event->by_us)) {
        router_step_probes(router, PROBE_ON_HINT);
        router_pump(router);
    }
}

void router_hint(struct router *router, const struct instant *now)
{
    router_enter(router, now);
    router_step_probes(router, PROBE_ON_HINT);
    router_pump(router);
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
    router_pump(router);
}

static void route_reply(struct router *router, enum router_client client, const struct registry_reply *reply)
{
    struct intent_value value;
    switch (client) {
    case ROUTER_CLIENT_REGISTRAR: router_claim_replied(router, reply); break;
    case ROUTER_CLIENT_INTENT:
        router_read_control(reply->kv.found, reply->kv.value, &value);
        router_step_intent(router,
                           (struct intent_event){.type = INTENT_ON_REPLY, .reply = reply, .value = &value});
        break;
    case ROUTER_CLIENT_KEYS:
        router_step_keys(router, (struct follow_event){.type = FOLLOW_ON_REPLY, .reply = reply});
        break;
    case ROUTER_CLIENT_COUNT: break;
    }
}

void router_replied(struct router *router, enum router_client client, const struct registry_reply *reply,
                    const struct instant *now)
{
    router_enter(router, now);
    uint64_t cluster = registrar_facts(router->registrar).cluster;
    route_reply(router, client, reply);
    router_pump(router);
    if (cluster != 0 && cluster != registrar_facts(router->registrar).cluster) {
        router_step_keys(router, (struct follow_event){.type = FOLLOW_ON_RESTART});
    }
    /* What is done, and a lease that is not there, show the follower of both keys that the registry answers; and it learns what the
     * reply has made of the lease. */
    if (reply->failure == REGISTRY_OK || reply->failure == REGISTRY_LEASE_LOST) {
        router_step_keys(router, (struct follow_event){.type = FOLLOW_ON_SUCCESS});
    }
    router_pump(router);
}

static void route_change(struct router *router, const struct registry_change *change)
{
    if (str_eq(change->key, buf_view(&router->record_key))) {
        router_step_registrar(router,
                              (struct registrar_event){.type = REGISTRAR_ON_CHANGED, .change = change});
    } else if (str_eq(change->key, buf_view(&router->control_key))) {
        router_control_changed(router, change);
    }
}

void router_watched(struct router *router, const struct registry_watch_event *event,
                    const struct instant *now)
{
    router_enter(router, now);
    router_step_keys(router, (struct follow_event){.type = FOLLOW_ON_WATCH, .watch = event});
    if (follow_watches(&router->keys, event->id) && event->type == REGISTRY_WATCH_OPENED) {
        router_step_registrar(router, (struct registrar_event){.type = REGISTRAR_ON_CLUSTER,
                                                               .cluster = event->cluster,
                                                               .epoch = event->epoch,
                                                               .endpoint = event->endpoint});
    } else if (follow_watches(&router->keys, event->id)) {
        for (size_t i = 0; i < event->change_count; i++) {
            route_change(router, &event->changes[i]);
        }
    }
    router_pump(router);
}

void router_stop(struct router *router, enum shutdown_event_type how, bool state_kept,
                 const struct instant *now)
{
    router_enter(router, now);
    router_step_shutdown(router,
                         (struct shutdown_event){.type = how,
                                                 .state_kept = state_kept,
                                                 .leased = registrar_facts(router->registrar).leased});
    router_pump(router);
}
