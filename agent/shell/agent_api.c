/* What the API reads of the agent, and its requests: drain, undrain, a fleet view, a control key. */
#include "agent_internal.h"
#include "dispatches_internal.h"
#include "dns_internal.h"
#include "joins_internal.h"
#include "key_watches_internal.h"
#include "keys_internal.h"
#include "reservations_internal.h"
#include "server_inbox_internal.h"
#include "wave_feed_internal.h"

#include "outrider/base/version.h"
#include "outrider/probe/driver.h"
#include "outrider/registry/registry.h"
#include "outrider/shell/audit/audit.h"

static size_t look_at_probes(struct agent *agent)
{
    size_t count = agent->router == NULL ? 0 : agent->router->probe_count;
    for (unsigned i = 0; i < count; i++) {
        const struct config_probe *config = &agent->router->probe_configs[i];
        const struct probe_driver *driver = probe_driver_for(config->type);
        struct probe_slot *slot = agent_probe_slot(agent, i);
        buf_clear(&slot->target);
        const char *host = agent_probe_host(agent, config);
        driver->describe(host == NULL ? CONFIG_PROBE_PUBLISHED : host, config, &slot->target);
        agent->probe_views[i] = (struct api_probe){.config = config,
                                                   .type = driver->name,
                                                   .target = buf_text(&slot->target),
                                                   .probe = &agent->router->probes[i],
                                                   .duration = &slot->duration};
    }
    return count;
}

void agent_look_local(struct agent *agent, struct discovery_local *ret_local)
{
    struct api_view view = {.now = agent_now(),
                            .id = agent->id,
                            .config = agent->config,
                            .server = agent->router == NULL ? NULL : agent->router->server,
                            .probes = agent->probe_views,
                            .probe_count = look_at_probes(agent)};
    fleet_look(agent->fleet, &view.fleet);
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
    agent->counters.loop_lag_us = loop_take_lag_us(agent->loop);
    status_sockets_count(agent->sockets, &agent->counters);
    const struct save_log *saves = agent->state == NULL ? NULL : state_store_log(agent->state);
    if (saves != NULL) {
        agent->counters.state_writes = saves->writes;
        agent->counters.state_failures = saves->failures;
    }
    *ret_view = (struct api_view){
        .now = agent_now(),
        .started_wall = agent->started_wall,
        .version = version_text(),
        .config_file = agent->config_path,
        .id = agent->id,
        .host_from = agent->host_from,
        .addresses = &agent->addresses,
        .config = agent->config,
        .probes = agent->probe_views,
        .probe_count = count,
        .candidacies = agent->candidacy_views,
        .candidacy_count =
            leadership_look(agent->leadership, agent->candidacy_views, COUNT_OF(agent->candidacy_views)),
        .registry_endpoint = agent->registry_endpoint,
        .registry_cluster = agent->registry_cluster,
        .registry_endpoints = agent->endpoint_views,
        .registry_endpoint_count = endpoints,
        .state_last_error = saves == NULL ? "" : saves->last_error,
        .counters = &agent->counters,
        .sandbox = &agent->sandbox,
    };
    ret_view->hooks = hooks_look(agent->hooks, &ret_view->hook_count);
    if (agent->router != NULL) {
        ret_view->server = agent->router->server;
        ret_view->host = server_facts(agent->router->server).host;
        ret_view->registrar = agent->router->registrar;
        ret_view->intent = agent->router->intent;
        ret_view->shutdown = &agent->router->shutdown;
        ret_view->keys = &agent->router->keys;
    }
    ret_view->sockets = agent_files_view(agent->agent_files, &ret_view->socket_count);
    fleet_look(agent->fleet, &ret_view->fleet);
    reservations_look(agent->reservations, &ret_view->seats);
    sessions_look(agent->sessions, ret_view);
    ret_view->dns = dns_look(agent->dns);
    ret_view->joins = joins_look(agent->joins);
    wave_feed_look(agent->waves, &ret_view->waves);
    if (agent->audit != NULL) {
        audit_look(agent->audit, &agent->audit_facts);
        ret_view->audit = &agent->audit_facts;
    }
    ret_view->inbox = server_inbox_look(agent->inbox);
}

static void want(void *user)
{
    struct agent *agent = user;
    fleet_step(agent->fleet, VIEW_ON_WANT);
}

static void drain(void *user, const char *reason, const char *by, int64_t deadline_ms, int64_t expires_ms)
{
    struct agent *agent = user;
    log_info("server", "drain requested", LOG_RATE(LOG_MANY), LOG_TEXT("by", by), LOG_TEXT("reason", reason),
             LOG_INT("deadline_ms", deadline_ms));
    agent_server_event(agent, (struct server_event){.type = SERVER_ON_HOLD,
                                                    .kind = HOLD_OPS,
                                                    .reason = reason,
                                                    .by = by,
                                                    .deadline_ms = deadline_ms,
                                                    .expires_ms = expires_ms});
}

static void undrain(void *user, const char *by)
{
    struct agent *agent = user;
    log_info("server", "undrain requested", LOG_RATE(LOG_MANY), LOG_TEXT("by", by));
    agent_server_event(agent, (struct server_event){.type = SERVER_ON_UNHOLD, .kind = HOLD_OPS});
}

static void unflap(void *user, const char *by)
{
    struct agent *agent = user;
    log_info("server", "end of flapping requested", LOG_RATE(LOG_MANY), LOG_TEXT("by", by));
    agent_server_event(agent, (struct server_event){.type = SERVER_ON_UNFLAP});
}

static void control(void *user, struct str type, struct str id, const struct hold *hold,
                    api_controlled_fn *done, void *done_user)
{
    struct agent *agent = user;
    control_writer_put(agent->controls, type, id, hold, done, done_user);
}

static void session(void *user, const struct session_request *request, api_session_fn *done, void *done_user)
{
    struct agent *agent = user;
    sessions_ask(agent->sessions, request, done, done_user);
}

static bool allocate(void *user, const struct placement_query *query, struct str id, bool fresh_id,
                     int64_t ttl_ms, api_allocated_fn *done, void *done_user)
{
    return reservations_allocate(user, query, id, fresh_id, ttl_ms, done, done_user);
}

static bool amend(void *user, enum amend_op op, struct str type, struct str server, struct str id,
                  int64_t ttl_ms, api_amended_fn *done, void *done_user)
{
    return reservations_amend(user, op, type, server, id, ttl_ms, done, done_user);
}

static bool join(void *user, const struct api_join *ask, api_joined_fn *done, void *done_user)
{
    struct agent *agent = user;
    if (agent->joins == NULL) {
        agent->joins = joins_new(agent);
    }
    return joins_begin(agent->joins, ask, done, done_user);
}

static bool wave_create(void *user, const struct wave *wave, api_waved_fn *done, void *done_user)
{
    return wave_feed_create(user, wave, done, done_user);
}

static bool wave_order(void *user, struct str id, enum wave_order order, api_waved_fn *done, void *done_user)
{
    return wave_feed_order(user, id, order, done, done_user);
}

static int audit_has_room(void *user, struct error *err)
{
    struct agent *agent = user;
    return agent->audit == NULL ? 0 : audit_room(agent->audit, err);
}

static void audit_entry(void *user, const struct audit_entry *entry, void (*done)(bool written, void *user),
                        void *done_user)
{
    audit_add(((struct agent *)user)->audit, entry, done, done_user);
}

static void audit_attempt(void *user, const struct audit_entry *attempt)
{
    audit_count(((struct agent *)user)->audit, attempt);
}

static bool find_entries(void *user, const struct audit_query *query, api_audit_page_fn *done,
                         void *done_user)
{
    return audit_find(((struct agent *)user)->audit, query, done, done_user);
}

static bool command(void *user, enum dispatch_op op, struct str type, struct str server,
                    struct server_command *sent, api_commanded_fn *done, void *done_user)
{
    struct agent *agent = user;
    if (agent->dispatches == NULL) {
        agent->dispatches = dispatches_new(agent);
    }
    return dispatches_begin(agent->dispatches, op, type, server, sent, done, done_user);
}

static bool command_follow(void *user, struct str type, struct str server, const struct server_command *sent,
                           api_commanded_fn *done, void (*drop)(void *user), void *done_user)
{
    struct agent *agent = user;
    return dispatches_follow(agent->dispatches, type, server, sent, done, drop, done_user);
}

static bool key(void *user, const struct registry_request *request, api_key_fn *done, void *done_user)
{
    return keys_ask(user, request, done, done_user);
}

static struct api_key_watch *key_watch(void *user, struct str first, struct str end, int64_t after,
                                       const struct api_key_watch_calls *calls, void *calls_user)
{
    return key_watches_begin(user, first, end, after, calls, calls_user);
}

static void key_unwatch(void *user, struct api_key_watch *watch)
{
    (void)user;
    key_watches_end(watch);
}

const struct api_ops agent_api_ops = {.look = look,
                                      .drain = drain,
                                      .undrain = undrain,
                                      .unflap = unflap,
                                      .want = want,
                                      .control = control,
                                      .allocate = allocate,
                                      .amend = amend,
                                      .session = session,
                                      .join = join,
                                      .wave_create = wave_create,
                                      .wave_order = wave_order,
                                      .audit_room = audit_has_room,
                                      .audit = audit_entry,
                                      .audit_count = audit_attempt,
                                      .audit_find = find_entries,
                                      .command = command,
                                      .command_follow = command_follow,
                                      .key = key,
                                      .key_watch = key_watch,
                                      .key_unwatch = key_unwatch};
