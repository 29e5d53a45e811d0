/* What comes unasked: changes that the watch of our two keys tells, and time that passed without us. */
#include "router_internal.h"

#include "outrider/base/buf.h"

void router_control_key(const struct config *config, const char *id, struct buf *out)
{
    buf_printf(out, "%s/control/%s/%s", config->registry.control_prefix, config->server.type, id);
}

void router_init_watch(struct router *router, const char *id, uint64_t seed)
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
                    registrar_conflict_lease(registrar) != 0;
    event.revision = registrar_revision(registrar);
    event.leaseless = registrar_lease(registrar) == 0;
    event.control_revision = intent_known(router->intent) ? intent_seen(router->intent) : -1;
    keywatch_step(&router->keywatch, &event, &router->keywatch_effects);
}

static void step_registrar(struct router *router, struct registrar_event event)
{
    registrar_step(router->registrar, &event, &router->registrar_effects);
}

void router_route_keywatch(struct router *router, const struct keywatch_effect *effect,
                           const struct instant *now)
{
    switch (effect->type) {
    case KEYWATCH_DO_WATCH: effects_watch(router->effects, &effect->watch); break;
    case KEYWATCH_DO_UNWATCH: effects_unwatch(router->effects, effect->id); break;
    case KEYWATCH_DO_READ_BACK:
        step_registrar(router, (struct registrar_event){.type = REGISTRAR_ON_READ_BACK,
                                                        .now = *now,
                                                        .revision = effect->revision});
        router_control_read_back(router, now);
        break;
    case KEYWATCH_DO_COMPARE: effects_request(router->effects, &effect->request); break;
    case KEYWATCH_DO_CONFIRM:
        step_registrar(router, (struct registrar_event){.type = REGISTRAR_ON_AS_KNOWN, .now = *now});
        break;
    case KEYWATCH_DO_NOTE: effects_watch_note(router->effects, effect->note, effect->text); break;
    }
}

/* Every request that succeeds is proof that the registry is there; the record comes before its watch. */
void router_follow_registry(struct router *router, const struct registry_reply *reply, uint64_t cluster,
                            const struct instant *now)
{
    const struct registrar *registrar = router->registrar;
    if (cluster != 0 && cluster != registrar_cluster(registrar)) {
        router_step_keywatch(router, (struct keywatch_event){.type = KEYWATCH_ON_RESTART, .now = *now});
    }
    /* A lease to be revoked that is gone already is as good as revoked. */
    bool over = reply->op == REGISTRY_REVOKE && reply->failure == REGISTRY_LEASE_LOST;
    if (reply->failure == REGISTRY_OK || over) {
        router_step_keywatch(router, (struct keywatch_event){.type = KEYWATCH_ON_SUCCESS, .now = *now});
    }
}

static void tell_change(struct router *router, const struct registry_change *change,
                        const struct instant *now)
{
    if (str_eq(change->key, str_of(router->keywatch.record_key))) {
        step_registrar(router,
                       (struct registrar_event){.type = REGISTRAR_ON_CHANGED, .now = *now, .change = change});
    } else if (str_eq(change->key, str_of(router->keywatch.control_key))) {
        router_control_changed(router, change, now);
    }
}

void router_watched(struct router *router, const struct registry_watch_event *event,
                    const struct instant *now)
{
    router_enter(router, now);
    router_step_keywatch(router,
                         (struct keywatch_event){.type = KEYWATCH_ON_WATCH, .now = *now, .watch = event});
    if (keywatch_hears(&router->keywatch, event->id) && event->type == REGISTRY_WATCH_OPENED) {
        step_registrar(router, (struct registrar_event){.type = REGISTRAR_ON_CLUSTER,
                                                        .now = *now,
                                                        .cluster = event->cluster,
                                                        .endpoint = event->endpoint});
    } else if (keywatch_hears(&router->keywatch, event->id)) {
        for (size_t i = 0; i < event->change_count; i++) {
            tell_change(router, &event->changes[i], now);
        }
    }
    router_pump(router, now);
}

const struct keywatch *router_keywatch(const struct router *router)
{
    return &router->keywatch;
}

/* ---- time that passed without us ---- */

/* How long we could not act: what the machine slept, and how late the step is that should have been the next.
 * What comes before the timer's turn is not late for what the step before it was late for already. */
static int64_t gap_since(const struct router *router, const struct instant *now)
{
    int64_t slept = (now->boot - now->mono) - (router->seen.boot - router->seen.mono);
    int64_t due = router_deadline(router).latest;
    int64_t since = due > router->seen.mono ? due : router->seen.mono;
    int64_t late = now->mono > since ? now->mono - since : 0;
    return (slept > 0 ? slept : 0) + late;
}

/* Longer than the TTL, or the lease ran out in it. */
static bool is_long(const struct router *router, int64_t gap, const struct instant *now)
{
    const struct registrar *registrar = router->registrar;
    int64_t granted = registrar_ttl(registrar);
    int64_t ends = registrar_lease_deadline(registrar);
    bool ran_out = ends > router->seen.boot && ends <= now->boot;
    return gap > (granted > 0 ? granted : router->config->registry.ttl_ms) ||
           (gap >= INSTANT_SLEEP_MS && ran_out);
}

/* Whatever wakes us first after such a time, nothing of before may be taken for the present. */
void router_enter(struct router *router, const struct instant *now)
{
    if (router->pumping) {
        return;
    }
    int64_t gap = gap_since(router, now);
    bool too_long = is_long(router, gap, now);
    router->seen = *now;
    if (!too_long) {
        return;
    }
    step_registrar(router, (struct registrar_event){.type = REGISTRAR_ON_GAP, .now = *now, .gap_ms = gap});
    router_step_probes(router, PROBE_ON_RESET, now);
    router_step_probes(router, PROBE_ON_CONTACT, now);
    router_step_server(router, (struct server_event){.type = SERVER_ON_GAP, .now = *now});
    router_pump(router, now);
}
