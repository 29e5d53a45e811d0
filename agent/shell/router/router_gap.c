/* Time in which the agent did not run: the machine slept, or the process was stopped. */
#include "router_internal.h"

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
    router_step_registrar(router,
                          (struct registrar_event){.type = REGISTRAR_ON_GAP, .now = *now, .gap_ms = gap});
    router_step_probes(router, PROBE_ON_RESET, now);
    router_step_probes(router, PROBE_ON_CONTACT, now);
    router_step_server(router, (struct server_event){.type = SERVER_ON_GAP, .now = *now});
    router_pump(router, now);
}
