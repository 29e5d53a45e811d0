/* The wiring: a table of machines. Read router_pump() first: it carries the effects of one machine to the
 * next. */
#include "router_internal.h"

#include "outrider/base/mem.h"
#include "outrider/base/random.h"

#include <stdlib.h>

static const struct router_row *const table[ROUTER_MACHINE_COUNT] = {
    [ROUTER_SERVER] = &router_row_server, [ROUTER_PROBES] = &router_row_probes,
    [ROUTER_INTENT] = &router_row_intent, [ROUTER_REGISTRAR] = &router_row_registrar,
    [ROUTER_KEYS] = &router_row_keys,     [ROUTER_SHUTDOWN] = &router_row_shutdown,
};

/* One effect of the first machine that has any. */
static bool route_one(struct router *router, const struct instant *now)
{
    union router_effect effect;
    for (int i = 0; i < ROUTER_MACHINE_COUNT; i++) {
        if (queue_take(&router->queues[i], &effect)) {
            table[i]->route(router, &effect, now);
            return true;
        }
    }
    return false;
}

void router_pump(struct router *router, const struct instant *now)
{
    if (router->pumping) {
        return;
    }
    router->pumping = true;
    do {
        while (route_one(router, now)) {
        }
    } while (router_check_published(router, now));
    router->pumping = false;
}

struct window router_deadline(const struct router *router)
{
    struct window soonest = WINDOW_NEVER;
    for (int i = 0; i < ROUTER_MACHINE_COUNT; i++) {
        soonest = window_sooner(soonest, table[i]->deadline(router));
    }
    return soonest;
}

/* A machine whose window is open is stepped now, though it could wait: so a heartbeat shares a probe's
 * wake-up. */
void router_tick(struct router *router, const struct instant *now)
{
    router_enter(router, now);
    /* Deadlines are of the monotonic clock, which stands still while the machine sleeps; leases end by the
     * boot clock, which does not. */
    bool woke = instant_slept(now, &router->asleep_ms);
    for (int i = 0; i < ROUTER_MACHINE_COUNT; i++) {
        if (woke || table[i]->deadline(router).earliest <= now->mono) {
            table[i]->tick(router, now);
            router_pump(router, now);
        }
    }
}

/* ---- life ---- */

struct router *router_new(const struct config *config, const char *id, const struct restore *restore,
                          uint64_t seed, struct effects *effects, const struct instant *now)
{
    struct router *router = mem_zalloc(sizeof(*router));
    router->config = config;
    router->effects = effects;
    router->restore = *restore;
    router->id = mem_strdup(id);
    gap_init(&router->gap, now);
    (void)instant_slept(now, &router->asleep_ms);
    for (int i = 0; i < ROUTER_MACHINE_COUNT; i++) {
        queue_init(&router->queues[i], table[i]->effect_size);
    }
    struct random random;
    random_seed(&random, seed);
    router->phase_ms = (int64_t)random_below(&random, 3600000);
    router->server = server_new(config, id, now);
    router->registrar = router_new_registrar(config, id, random_next(&random));
    router_load_shutdown(router);
    router_build_probes(router, NULL, now);
    router_init_keys(router, id, random_next(&random));
    router->intent = router_new_intent(config, id, random_next(&random));
    return router;
}

static void recover(struct router *router, const struct instant *now)
{
    const struct restore *restore = &router->restore;
    router_start_intent(router, now);
    if (restore->ops.set) {
        router_step_server(
            router, (struct server_event){.type = SERVER_ON_RESTORE, .now = *now, .hold = &restore->ops});
    }
    if (registry_lease_is_none(restore->lease)) {
        router_fresh(router, now);
        return;
    }
    router_step_registrar(router, (struct registrar_event){.type = REGISTRAR_ON_RECOVER,
                                                           .now = *now,
                                                           .lease = restore->lease,
                                                           .ttl_ms = restore->ttl_ms});
}

void router_start(struct router *router, const struct instant *now)
{
    recover(router, now);
    /* The first tries are queued with the first requests, so that the verdict of a probe that answers at once
     * is known when the registry answers. */
    router_row_probes.tick(router, now);
    router_pump(router, now);
    router_tick(router, now);
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
    router_load_shutdown(router);
    router_build_probes(router, map, now);
    router_step_server(
        router,
        (struct server_event){.type = SERVER_ON_RELOAD, .now = *now, .config = config, .probe_map = map});
    router_pump(router, now); /* the registrar must not retry a record that the reload has changed */
    router_step_registrar(
        router, (struct registrar_event){.type = REGISTRAR_ON_RELOAD,
                                         .now = *now,
                                         .min_publish_interval_ms = config->status.min_publish_interval_ms});
    router_pump(router, now);
}

void router_free(struct router *router)
{
    if (router == NULL) {
        return;
    }
    for (int i = 0; i < ROUTER_MACHINE_COUNT; i++) {
        queue_fini(&router->queues[i]);
    }
    follow_fini(&router->keys);
    router_free_reported(router);
    server_free(router->server);
    registrar_free(router->registrar);
    intent_free(router->intent);
    free(router->id);
    free(router);
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

const struct follow *router_keys(const struct router *router)
{
    return &router->keys;
}
