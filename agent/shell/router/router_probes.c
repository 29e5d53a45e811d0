/* The probes: those of the configuration, or one for each port that the server reported. */
#include "router_internal.h"

#include "outrider/base/mem.h"

#include <stdlib.h>

static void start_probe(struct router *router, unsigned index)
{
    const struct config_probe *config = &router->probe_configs[index];
    int64_t phase = config->interval_ms > 0 ? router->phase_ms % config->interval_ms : 0;
    struct probe_rhythm rhythm = {.interval_ms = config->interval_ms,
                                  .fast_ms = config_fast_interval(config),
                                  .rise = config->rise,
                                  .fall = config->fall};
    probe_init(&router->probes[index], index, &rhythm, router->now.mono - phase);
}

void router_build_probes(struct router *router, const int *map)
{
    struct probe *before = router->probes;
    bool reported = router->reported_count > 0;
    router->probe_count = reported ? router->reported_count : router->config->probe_count;
    router->probe_configs = reported ? router->reported_probes : router->config->probes;
    router->probes = mem_zalloc((router->probe_count + 1) * sizeof(*router->probes));
    for (unsigned i = 0; i < router->probe_count; i++) {
        if (map == NULL || map[i] < 0) {
            start_probe(router, i);
            continue;
        }
        router->probes[i] = before[map[i]];
        router->probes[i].index = i;
        if (router->probes[i].trying) {
            /* Its try was cancelled with the old numbering: it is due again. */
            router->probes[i].trying = false;
            router->probes[i].due = router->now.mono;
        }
    }
    free(before);
}

void router_map_probes(const struct router *router, const struct config *next,
                       int map[static SERVER_PROBES_MAX])
{
    bool follow_reported = router->reported_count > 0 && next->server.ports_dynamic && !next->probes_given;
    for (size_t i = 0; i < SERVER_PROBES_MAX; i++) {
        map[i] = follow_reported && i < router->reported_count ? (int)i : -1;
        for (size_t old = 0; !follow_reported && i < next->probe_count && old < router->probe_count; old++) {
            if (config_probe_equal(&next->probes[i], &router->probe_configs[old])) {
                map[i] = (int)old;
            }
        }
    }
}

void router_free_reported(struct router *router)
{
    for (size_t i = 0; i < router->reported_count; i++) {
        config_probe_fini(&router->reported_probes[i]);
    }
    free(router->reported_probes);
    router->reported_probes = NULL;
    router->reported_count = 0;
}

void router_follow_ports(struct router *router)
{
    /* Effects that wait name probes of the old numbering. */
    struct probe_effect old;
    while (queue_take(&router->queues[ROUTER_PROBES], &old)) {
    }
    effects_cancel_tries(router->effects);
    router_free_reported(router);
    size_t count;
    const uint16_t *ports = server_ports(router->server, &count);
    router->reported_probes = mem_zalloc((count + 1) * sizeof(*router->reported_probes));
    for (size_t i = 0; i < count; i++) {
        config_probe_default(&router->reported_probes[i], ports[i]);
    }
    router->reported_count = count;
    router_build_probes(router, NULL);
}

void router_step_probes(struct router *router, enum probe_event_type type)
{
    struct probe_event event = {.type = type, .now = router->now};
    for (size_t i = 0; i < router->probe_count; i++) {
        probe_step(&router->probes[i], &event, &router->queues[ROUTER_PROBES]);
    }
}

static struct window deadline(const struct router *router)
{
    struct window soonest = WINDOW_NEVER;
    for (size_t i = 0; i < router->probe_count; i++) {
        soonest = window_sooner(soonest, probe_deadline(&router->probes[i]));
    }
    return soonest;
}

static void tick(struct router *router)
{
    struct probe_event event = {.type = PROBE_ON_TICK, .now = router->now};
    for (size_t i = 0; i < router->probe_count; i++) {
        if (probe_deadline(&router->probes[i]).earliest <= router->now.mono) {
            probe_step(&router->probes[i], &event, &router->queues[ROUTER_PROBES]);
        }
    }
}

static void route(struct router *router, union router_effect *any)
{
    const struct probe_effect *effect = &any->probe;
    char evidence[128];
    switch (effect->type) {
    case PROBE_DO_TRY:
        effects_try(router->effects, effect->index, effect->try_id, &router->probe_configs[effect->index]);
        break;
    case PROBE_DO_LEARNED:
        router_step_server(router, (struct server_event){.type = SERVER_ON_LEARNED,
                                                         .index = effect->index,
                                                         .facts = &effect->facts});
        break;
    case PROBE_DO_VERDICT:
        router_step_server(
            router, (struct server_event){.type = SERVER_ON_VERDICT,
                                          .index = effect->index,
                                          .verdict = effect->verdict,
                                          .text = probe_evidence(&router->probes[effect->index], evidence)});
        break;
    }
}

const struct router_row router_row_probes = {
    .effect_size = sizeof(struct probe_effect), .deadline = deadline, .tick = tick, .route = route};
