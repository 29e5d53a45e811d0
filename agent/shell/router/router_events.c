/* What comes in: each entry steps one machine and lets the router run until it is quiet. */
#include "router_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/mem.h"
#include "outrider/base/random.h"

#include <stdlib.h>

void router_record_key(const struct config *config, const char *id, struct buf *out)
{
    buf_printf(out, "%s/%s/%s", config->registry.prefix, config->server.type, id);
}

static struct registrar *new_registrar(const struct config *config, const char *id, uint64_t seed)
{
    struct buf key = {0};
    router_record_key(config, id, &key);
    struct registrar_settings settings = {
        .key = buf_text(&key),
        .ttl_ms = config->registry.ttl_ms,
        .heartbeat_ms = config->registry.heartbeat_ms,
        .request_timeout_ms = config->registry.request_timeout_ms,
        .min_publish_interval_ms = config->status.min_publish_interval_ms,
        .seed = seed,
    };
    struct registrar *registrar = registrar_new(&settings);
    buf_fini(&key);
    return registrar;
}

static void recover(struct router *router, const struct instant *now)
{
    const struct router_restore *restore = &router->restore;
    router_start_intent(router, now);
    if (restore->ops != NULL) {
        router_step_server(
            router, (struct server_event){.type = SERVER_ON_RESTORE, .now = *now, .hold = restore->ops});
    }
    if (restore->lease == 0) {
        router_fresh(router, now);
        return;
    }
    struct registrar_event event = {
        .type = REGISTRAR_ON_RECOVER, .now = *now, .lease = restore->lease, .ttl_ms = restore->ttl_ms};
    registrar_step(router->registrar, &event, &router->registrar_effects);
}

static void load_shutdown(struct router *router)
{
    router->shutdown.drain = router->config->shutdown.drain;
    router->shutdown.linger_ms = router->config->shutdown.linger_ms;
    router->shutdown.timeout_ms = router->config->shutdown.timeout_ms;
}

struct router *router_new(const struct config *config, const char *id, const struct router_restore *restore,
                          uint64_t seed, struct effects *effects, const struct instant *now)
{
    struct router *router = mem_zalloc(sizeof(*router));
    router->config = config;
    router->effects = effects;
    router->restore = *restore;
    (void)instant_slept(now, &router->asleep_ms);
    struct random random;
    random_seed(&random, seed);
    router->phase_ms = (int64_t)random_below(&random, 3600000);
    queue_init(&router->server_effects, sizeof(struct server_effect));
    queue_init(&router->registrar_effects, sizeof(struct registrar_effect));
    queue_init(&router->intent_effects, sizeof(struct intent_effect));
    queue_init(&router->shutdown_effects, sizeof(struct shutdown_effect));
    queue_init(&router->probe_effects, sizeof(struct probe_effect));
    queue_init(&router->keywatch_effects, sizeof(struct keywatch_effect));
    router->seen = *now;
    router->server = server_new(config, id, now);
    router->registrar = new_registrar(config, id, random_next(&random));
    load_shutdown(router);
    router_build_probes(router, NULL, now);
    router_init_watch(router, id, random_next(&random));
    router->intent = router_new_intent(config, id, random_next(&random));
    return router;
}

void router_start(struct router *router, const struct instant *now)
{
    recover(router, now);
    router_tick(router, now);
}

void router_free(struct router *router)
{
    if (router == NULL) {
        return;
    }
    struct registrar_effect effect;
    while (queue_take(&router->registrar_effects, &effect)) {
        blob_unref(effect.request.value);
    }
    queue_fini(&router->server_effects);
    queue_fini(&router->registrar_effects);
    queue_fini(&router->intent_effects);
    queue_fini(&router->shutdown_effects);
    queue_fini(&router->probe_effects);
    queue_fini(&router->keywatch_effects);
    keywatch_fini(&router->keywatch);
    router_free_reported(router);
    server_free(router->server);
    registrar_free(router->registrar);
    intent_free(router->intent);
    free(router);
}

struct window router_deadline(const struct router *router)
{
    struct window soonest = server_deadline(router->server);
    soonest = window_sooner(soonest, registrar_deadline(router->registrar));
    soonest = window_sooner(soonest, intent_deadline(router->intent));
    soonest = window_sooner(soonest, shutdown_deadline(&router->shutdown));
    soonest = window_sooner(soonest, keywatch_deadline(&router->keywatch));
    for (size_t i = 0; i < router->probe_count; i++) {
        soonest = window_sooner(soonest, probe_deadline(&router->probes[i]));
    }
    return soonest;
}

/* Whoever would be woken soon anyway is stepped now: that is how a heartbeat rides on a probe's wake-up. */
void router_tick(struct router *router, const struct instant *now)
{
    router_enter(router, now);
    if (server_deadline(router->server).earliest <= now->mono) {
        router_step_server(router, (struct server_event){.type = SERVER_ON_TICK, .now = *now});
    }
    struct probe_event probe = {.type = PROBE_ON_TICK, .now = *now};
    for (size_t i = 0; i < router->probe_count; i++) {
        if (probe_deadline(&router->probes[i]).earliest <= now->mono) {
            probe_step(&router->probes[i], &probe, &router->probe_effects);
        }
    }
    /* What the server has become must be offered before the registrar writes: it would write what is no
     * longer so. */
    router_pump(router, now);
    /* Leases are counted by a clock that does not stand still while the machine sleeps. */
    bool woke = instant_slept(now, &router->asleep_ms);
    if (woke || registrar_deadline(router->registrar).earliest <= now->mono) {
        struct registrar_event event = {.type = REGISTRAR_ON_TICK, .now = *now};
        registrar_step(router->registrar, &event, &router->registrar_effects);
    }
    if (intent_deadline(router->intent).earliest <= now->mono) {
        router_step_intent(router, (struct intent_event){.type = INTENT_ON_TICK, .now = *now});
    }
    if (keywatch_deadline(&router->keywatch).earliest <= now->mono) {
        router_step_keywatch(router, (struct keywatch_event){.type = KEYWATCH_ON_TICK, .now = *now});
    }
    if (shutdown_deadline(&router->shutdown).earliest <= now->mono) {
        struct shutdown_event event = {.type = SHUTDOWN_ON_TICK, .now = *now};
        shutdown_step(&router->shutdown, &event, &router->shutdown_effects);
    }
    router_pump(router, now);
}

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

void router_tried(struct router *router, unsigned index, uint64_t try_id, enum probe_outcome outcome,
                  const char *detail, int64_t duration_us, const struct instant *now)
{
    router_enter(router, now);
    if (index >= router->probe_count) {
        return;
    }
    struct probe_event event = {.type = PROBE_ON_RESULT,
                                .now = *now,
                                .try_id = try_id,
                                .outcome = outcome,
                                .detail = detail,
                                .duration_us = duration_us};
    probe_step(&router->probes[index], &event, &router->probe_effects);
    router_pump(router, now);
}

void router_replied(struct router *router, const struct registry_reply *reply, const struct instant *now)
{
    router_enter(router, now);
    uint64_t cluster = registrar_cluster(router->registrar);
    struct registrar_event event = {.type = REGISTRAR_ON_REPLY, .now = *now, .reply = reply};
    if (intent_awaits(router->intent, reply->id)) {
        router_control_replied(router, reply, now);
    } else if (keywatch_awaits(&router->keywatch, reply->id)) {
        router_step_keywatch(
            router, (struct keywatch_event){.type = KEYWATCH_ON_COMPARED, .now = *now, .reply = reply});
    } else {
        registrar_step(router->registrar, &event, &router->registrar_effects);
    }
    router_pump(router, now);
    router_follow_registry(router, reply, cluster, now);
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

void router_stop(struct router *router, enum shutdown_event_type how, bool may_hand_over,
                 const struct instant *now)
{
    router_enter(router, now);
    struct shutdown_event event = {.type = how, .now = *now, .may_hand_over = may_hand_over};
    shutdown_step(&router->shutdown, &event, &router->shutdown_effects);
    router_pump(router, now);
}

void router_reload(struct router *router, const struct config *config, const struct instant *now)
{
    router_enter(router, now);
    int map[SERVER_PROBES_MAX];
    router_map_probes(router, config, map);
    effects_cancel_tries(router->effects);
    if (config->probes_given || !config->server.ports_dynamic) {
        router_free_reported(router);
    }
    router->config = config;
    load_shutdown(router);
    router_build_probes(router, map, now);
    router_step_server(
        router,
        (struct server_event){.type = SERVER_ON_RELOAD, .now = *now, .config = config, .probe_map = map});
    router_pump(router, now); /* as in router_tick: the registrar must not retry what is no longer so */
    struct registrar_event event = {.type = REGISTRAR_ON_RELOAD,
                                    .now = *now,
                                    .min_publish_interval_ms = config->status.min_publish_interval_ms};
    registrar_step(router->registrar, &event, &router->registrar_effects);
    router_pump(router, now);
}

const struct server *router_server(const struct router *router)
{
    return router->server;
}

const struct registrar *router_registrar(const struct router *router)
{
    return router->registrar;
}

const struct intent *router_intent(const struct router *router)
{
    return router->intent;
}

const struct shutdown *router_shutdown(const struct router *router)
{
    return &router->shutdown;
}

size_t router_probe_count(const struct router *router)
{
    return router->probe_count;
}

const struct probe *router_probe(const struct router *router, size_t index)
{
    return &router->probes[index];
}
