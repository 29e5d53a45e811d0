/* The gap: every event from outside is preceded by the news that the agent did not run for a while. */
#include "router_internal.h"

void router_enter(struct router *router, const struct instant *now)
{
    if (router->pumping) {
        return;
    }
    struct registrar_facts facts = registrar_facts(router->registrar);
    struct gap_limits limits = {.due_mono = router_deadline(router).latest,
                                .ttl_ms = facts.ttl_ms > 0 ? facts.ttl_ms : router->config->registry.ttl_ms,
                                .lease_boot = facts.lease_deadline_boot};
    int64_t gap_ms = gap_step(&router->gap, now, &limits);
    if (gap_ms == 0) {
        return;
    }
    router_step_registrar(router,
                          (struct registrar_event){.type = REGISTRAR_ON_GAP, .now = *now, .gap_ms = gap_ms});
    router_step_probes(router, PROBE_ON_RESET, now);
    router_step_probes(router, PROBE_ON_CONTACT, now);
    router_step_server(router, (struct server_event){.type = SERVER_ON_GAP, .now = *now});
    router_pump(router, now);
}
