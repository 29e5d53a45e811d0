/* What the API reads of the agent, and its requests: drain, undrain, a fleet view, a control key. */
#include "agent_internal.h"

#include "outrider/api/fleet/discovery.h"
#include "outrider/base/version.h"
#include "outrider/io/loop/loop.h"
#include "outrider/os/log.h"
#include "outrider/probe/driver.h"
#include "outrider/registry/registry.h"

static size_t look_at_probes(struct agent *agent)
{
    size_t count = agent->router == NULL ? 0 : router_probe_count(agent->router);
    for (size_t i = 0; i < count; i++) {
        const struct config_probe *config = router_probe_config(agent->router, i);
        const struct probe_driver *driver = probe_driver_for(config->type);
        struct probe_slot *slot = &agent->probes[i];
        buf_clear(&slot->target);
        driver->describe(agent->config->probe_host, config, &slot->target);
        agent->probe_views[i] = (struct api_probe){.config = config,
                                                   .type = driver->name,
                                                   .target = buf_text(&slot->target),
                                                   .probe = router_probe(agent->router, i),
                                                   .duration = &slot->duration};
    }
    return count;
}

void agent_look_local(struct agent *agent, struct discovery_local *ret_local)
{
    struct api_view view = {.now = agent_now(),
                            .id = agent->id,
                            .config = agent->config,
                            .server = agent->router == NULL ? NULL : router_server(agent->router),
                            .probes = agent->probe_views,
                            .probe_count = look_at_probes(agent)};
    api_local(&view, ret_local);
}

static void look(void *user, struct api_view *ret_view)
{
    struct agent *agent = user;
    size_t count = look_at_probes(agent);
    size_t endpoints = 0;
    while (endpoints < COUNT_OF(agent->endpoint_views) &&
           registry_endpoint(agent->registry, endpoints, &agent->endpoint_views[endpoints])) {
        endpoints++;
    }
    int64_t lag = loop_take_lag_us(agent->loop);
    agent->counters.loop_lag_us = lag;
    if (agent->sockets != NULL) {
        status_sockets_count(agent->sockets, &agent->counters);
    }
    if (agent->state != NULL) {
        state_store_count(agent->state, &agent->counters.state_writes, &agent->counters.state_failures);
    }
    *ret_view = (struct api_view){
        .now = agent_now(),
        .started_wall = agent->started_wall,
        .version = version_text(),
        .config_file = agent->config_path,
        .id = agent->id,
        .host = agent->host[0] == '\0' ? NULL : agent->host,
        .config = agent->config,
        .probes = agent->probe_views,
        .probe_count = count,
        .registry_endpoint = agent->registry_endpoint,
        .registry_cluster = agent->registry_cluster,
        .registry_endpoints = agent->endpoint_views,
        .registry_endpoint_count = endpoints,
        .state_last_error = agent->state == NULL ? "" : state_store_last_error(agent->state),
        .counters = &agent->counters,
    };
    if (agent->router != NULL) {
        ret_view->server = router_server(agent->router);
        ret_view->registrar = router_registrar(agent->router);
        ret_view->intent = router_intent(agent->router);
        ret_view->shutdown = router_shutdown(agent->router);
        ret_view->keys = router_keys(agent->router);
    }
    fleet_look(agent->fleet, &ret_view->fleet);
}

static void want(void *user)
{
    struct agent *agent = user;
    fleet_want(agent->fleet);
}

static void drain(void *user, const char *reason, const char *by, int64_t deadline_ms, int64_t expires_ms)
{
    struct agent *agent = user;
    struct instant now = agent_now();
    log_info("server", "drain requested", LOG_TEXT("by", by), LOG_TEXT("reason", reason),
             LOG_INT("deadline_ms", deadline_ms));
    router_drain(agent->router, reason, by, deadline_ms, expires_ms, &now);
    agent_rearm(agent);
}

static void undrain(void *user, const char *by)
{
    struct agent *agent = user;
    struct instant now = agent_now();
    log_info("server", "undrain requested", LOG_TEXT("by", by));
    router_undrain(agent->router, &now);
    agent_rearm(agent);
}

static void control(void *user, struct str type, struct str id, const struct hold *hold,
                    api_controlled_fn *done, void *done_user)
{
    struct agent *agent = user;
    control_writer_put(agent->controls, type, id, hold, done, done_user);
}

const struct api_ops agent_api_ops = {
    .look = look, .drain = drain, .undrain = undrain, .want = want, .control = control};
