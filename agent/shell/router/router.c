/* The wiring: a table of machines. Read router_pump() first: it carries the effects of one machine to the
 * next. */
#include "router_internal.h"

#include "outrider/base/mem.h"
#include "outrider/base/random.h"
#include "outrider/codec/state/state_file.h"

#include <stdlib.h>

static const struct router_row *const table[ROUTER_MACHINE_COUNT] = {
    [ROUTER_SERVER] = &router_row_server, [ROUTER_PROBES] = &router_row_probes,
    [ROUTER_INTENT] = &router_row_intent, [ROUTER_REGISTRAR] = &router_row_registrar,
    [ROUTER_KEYS] = &router_row_keys,     [ROUTER_SHUTDOWN] = &router_row_shutdown,
};

/* One effect of the first machine that has any. */
static bool route_one(struct router *router)
{
    union router_effect effect;
    for (int i = 0; i < ROUTER_MACHINE_COUNT; i++) {
        if (queue_take(&router->queues[i], &effect)) {
            table[i]->route(router, &effect);
            return true;
        }
    }
    return false;
}

void router_pump(struct router *router)
{
    if (router->pumping) {
        return;
    }
    router->pumping = true;
    do {
        while (route_one(router)) {
        }
    } while (router_check_published(router));
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
            table[i]->tick(router);
            router_pump(router);
        }
    }
}

/* ---- life ---- */

void router_record_key(const struct config *config, const char *id, struct buf *out)
{
    buf_printf(out, "%s/%s/%s", config->registry.prefix, config->server.type, id);
}

void router_control_key(const struct config *config, const char *id, struct buf *out)
{
    buf_printf(out, "%s/control/%s/%s", config->registry.control_prefix, config->server.type, id);
}

void router_seats_key(const struct config *config, const char *id, struct buf *out)
{
    buf_printf(out, "%s/seats/%s/%s", config->registry.control_prefix, config->server.type, id);
}

static void make_machines(struct router *router, uint64_t seed, uint32_t can)
{
    const struct config *config = router->config;
    int64_t timeout_ms = config->registry.request_timeout_ms;
    struct random random;
    random_seed(&random, seed);
    router->phase_ms = (int64_t)random_below(&random, 3600000);
    router->server = server_new(config, router->id, &router->now);
    router->registrar = registrar_new(
        &(struct registrar_settings){.key = buf_text(&router->record_key),
                                     .seats_key = buf_text(&router->seats_key),
                                     .claimed = router->restore.claimed,
                                     .claimed_count = router->restore.claimed_count,
                                     .now_boot = router->now.boot,
                                     .ttl_ms = config->registry.ttl_ms,
                                     .heartbeat_ms = config->registry.heartbeat_ms,
                                     .request_timeout_ms = timeout_ms,
                                     .min_publish_interval_ms = config->status.min_publish_interval_ms,
                                     .seed = random_next(&random),
                                     .can = can});
    router_load_shutdown(router);
    router_build_probes(router, NULL);
    follow_init_keys(&router->keys, buf_text(&router->record_key), buf_text(&router->control_key), timeout_ms,
                     config->registry.ttl_ms * 3 / 2, random_next(&random));
    router->intent = intent_new(&(struct intent_settings){
        .key = buf_text(&router->control_key),
        .request_timeout_ms = timeout_ms,
        /* Without a state_dir such an id is new at every start. */
        .ephemeral = strcmp(config->server.id, "auto") == 0 && config->state_dir == NULL,
        .seed = random_next(&random),
    });
}

struct router *router_new(const struct config *config, const char *id, const struct restore *restore,
                          uint64_t seed, uint32_t can, struct effects *effects, const struct instant *now)
{
    struct router *router = mem_zalloc(sizeof(*router));
    router->config = config;
    router->effects = effects;
    router->restore = *restore;
    router->id = mem_strdup(id);
    router->now = *now;
    router_record_key(config, id, &router->record_key);
    router_control_key(config, id, &router->control_key);
    router_seats_key(config, id, &router->seats_key);
    router->seen = *now;
    (void)instant_slept(now, &router->asleep_ms);
    for (int i = 0; i < ROUTER_MACHINE_COUNT; i++) {
        queue_init(&router->queues[i], table[i]->effect_size);
    }
    make_machines(router, seed, can);
    return router;
}

void router_sign_with(struct router *router, const struct sign_key *signer)
{
    router->signer = signer;
}

static void recover(struct router *router)
{
    const struct restore *restore = &router->restore;
    router_step_intent(router, (struct intent_event){.type = INTENT_ON_START,
                                                     .hold = &restore->ops,
                                                     .revision = restore->control_revision,
                                                     .pending = restore->control_pending,
                                                     .sent_wall = restore->control_sent_wall});
    if (restore->ops.set) {
        router_step_server(router, (struct server_event){.type = SERVER_ON_RESTORE, .hold = &restore->ops});
    }
    if (registry_lease_is_none(restore->lease)) {
        router_fresh(router);
        return;
    }
    router_step_registrar(router, (struct registrar_event){.type = REGISTRAR_ON_RECOVER,
                                                           .lease = restore->lease,
                                                           .ttl_ms = restore->ttl_ms});
}

void router_start(struct router *router, const struct instant *now)
{
    router->now = *now;
    recover(router);
    /* The first tries are queued with the first requests, so that the verdict of a probe that answers at once
     * is known when the registry answers. */
    router_row_probes.tick(router);
    router_pump(router);
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
    router_build_probes(router, map);
    router_step_server(router,
                       (struct server_event){.type = SERVER_ON_RELOAD, .config = config, .probe_map = map});
    router_pump(router); /* the registrar must not retry a record that the reload has changed */
    router_step_registrar(
        router, (struct registrar_event){.type = REGISTRAR_ON_RELOAD,
                                         .min_publish_interval_ms = config->status.min_publish_interval_ms});
    router_pump(router);
}

/* What a restart needs: written to state_dir by the agent, read back by restore_decide(). */
void router_save(const struct router *router, const char *boot_id, struct buf *out)
{
    struct server_facts server = server_facts(router->server);
    const struct hold *ops = &server.holds[HOLD_OPS];
    struct intent_facts control = intent_facts(router->intent);
    struct registrar_facts record = registrar_facts(router->registrar);
    struct saved_state state = {.id = router->id,
                                .key = buf_text(&router->record_key),
                                .boot_id = boot_id,
                                .lease = record.lease,
                                .ttl_ms = record.ttl_ms,
                                .ops = {.set = ops->set,
                                        .reason = ops->reason,
                                        .by = ops->by,
                                        .operation = ops->operation[0] == '\0' ? NULL : ops->operation,
                                        .since_wall = ops->since_wall,
                                        .deadline_wall = ops->deadline_wall,
                                        .expires_wall = ops->expires_wall,
                                        .revision = control.seen,
                                        .pending = control.pending,
                                        .sent_wall = control.sent_wall},
                                .probe_has_passed = server.reported->passed};
    state.claimed_count = registrar_claimed(router->registrar, state.claimed);
    state.has_message = server_reported_message(router->server, &state.message);
    if (record.key_state == KEY_UNKNOWN) {
        restore_keep_unconfirmed(&router->restore, &state);
    }
    state_file_encode(&state, out);
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
    buf_fini(&router->record_key);
    buf_fini(&router->control_key);
    buf_fini(&router->seats_key);
    free(router->probes);
    free(router->id);
    free(router);
}
