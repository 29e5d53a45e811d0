#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "small_agent.h"

#include "outrider/api/common/credentials.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/fleet/lists.h"
#include "outrider/base/mem.h"
#include "outrider/codec/record/record_json.h"
#include "outrider/codec/status/status_line.h"
#include "outrider/core/control/intent.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/os/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct intent_settings intent_settings = {.key = "/outrider/services/control/world/01TEST"};
static const struct registrar_settings settings = {.key = "/services/world/01TEST",
                                                   .ttl_ms = 10000,
                                                   .request_timeout_ms = 2000,
                                                   .min_publish_interval_ms = 5000,
                                                   .seed = 1,
                                                   .can = REGISTRY_CAN_ALL};

static void answer(struct small_agent *agent, const struct registry_request *request,
                   struct registry_reply *reply)
{
    *reply = (struct registry_reply){
        .id = request->id, .op = request->op, .endpoint = STR("http://127.0.0.1:2379")};
    if (agent->registry_outage) {
        reply->failure = REGISTRY_RETRY;
        reply->error = STR("grant on http://127.0.0.1:2379: connection refused");
    } else {
        reply->revision = 812;
        reply->succeeded = true;
        reply->ttl_ms = 10000;
        reply->kv.mod_revision = 812;
    }
    if (agent->conflict != NULL && request->op == REGISTRY_PUT) {
        reply->succeeded = false;
        reply->kv = (struct registry_kv){
            .found = true, .mod_revision = 5, .lease = {.lo = 0xfeed}, .value = str_of(agent->conflict)};
    } else if (request->op == REGISTRY_LEASE_TTL) {
        reply->ttl_ms = 8200;
        reply->ttl_known = true;
    }
}

static void step_registrar(struct small_agent *agent, struct registrar_event event)
{
    struct queue effects;
    struct registrar_effect effect;
    queue_init(&effects, sizeof(effect));
    event.now = agent->now;
    registrar_step(agent->registrar, &event, &effects);
    while (queue_take(&effects, &effect)) {
        if (effect.type == REGISTRAR_DO_REQUEST) {
            struct registry_reply reply;
            answer(agent, &effect.request, &reply);
            struct registrar_event replied = {.type = REGISTRAR_ON_REPLY, .now = agent->now, .reply = &reply};
            registrar_step(agent->registrar, &replied, &effects);
            blob_unref(effect.request.value);
        }
    }
    queue_fini(&effects);
}

static void publish(struct small_agent *agent)
{
    struct buf bytes = {0};
    record_encode(server_record(agent->server), &bytes);
    struct blob *value = blob_new(buf_view(&bytes));
    step_registrar(agent,
                   (struct registrar_event){.type = REGISTRAR_ON_OFFER, .value = value, .urgent = true});
    blob_unref(value);
    buf_fini(&bytes);
}

void small_agent_step(struct small_agent *agent, struct server_event event)
{
    struct queue effects;
    struct server_effect effect;
    queue_init(&effects, sizeof(effect));
    event.now = agent->now;
    server_step(agent->server, &event, &effects);
    while (queue_take(&effects, &effect)) {
        if (effect.type == SERVER_DO_PUBLISH) {
            publish(agent);
        } else if (effect.type == SERVER_DO_WITHDRAW) {
            step_registrar(agent, (struct registrar_event){.type = REGISTRAR_ON_WITHDRAW});
        }
    }
    queue_fini(&effects);
}

static void look(void *user, struct api_view *ret_view)
{
    static const struct registry_endpoint endpoints[] = {
        {.name = "http://127.0.0.1:2379", .in_use = true, .last_error = ""},
        {.name = "http://10.0.0.12:2379", .last_error = "connection refused", .failed_wall = 1001000}};
    static const struct net_choice addresses = {
        .addresses = {{.text = "169.254.7.9", .interface = "eth0", .flaw = NET_LINK_LOCAL},
                      {.text = "10.0.0.5", .interface = "eth0"}},
        .count = 2,
        .chosen = 1};
    struct small_agent *agent = user;
    *ret_view = (struct api_view){.now = agent->now,
                                  .started_wall = 1000000,
                                  .version = "1.2.3",
                                  .config_file = "/etc/outrider/outrider.yaml",
                                  .id = "01TEST",
                                  .host = agent->host,
                                  .host_from = agent->host == NULL ? NULL : "interface",
                                  .addresses = &addresses,
                                  .config = &agent->config,
                                  .server = agent->server,
                                  .registrar = agent->registrar,
                                  .intent = agent->intent,
                                  .shutdown = &agent->shutdown,
                                  .probes = &agent->probe_view,
                                  .probe_count = 1,
                                  .registry_endpoint = agent->registry_outage ? "" : "http://127.0.0.1:2379",
                                  .registry_cluster = 0xabc,
                                  .registry_endpoints = endpoints,
                                  .registry_endpoint_count = COUNT_OF(endpoints),
                                  .state_last_error = agent->state_last_error,
                                  .sandbox = agent->sandbox,
                                  .counters = &agent->counters};
    ret_view->fleet = (struct api_fleet){.view = agent->fleet,
                                         .placement = agent->placement,
                                         .last_error = "",
                                         .history = agent->history,
                                         .history_saves = agent->history_saves};
    ret_view->seats.mirror = &agent->reservations;
    if (!agent->config.server.present) {
        ret_view->server = NULL;
        ret_view->registrar = NULL;
        ret_view->intent = NULL;
        ret_view->shutdown = NULL;
        ret_view->probe_count = 0;
    }
}

static void want(void *user)
{
    struct small_agent *agent = user;
    agent->wants++;
}

static void drain(void *user, const char *reason, const char *by, int64_t deadline_ms, int64_t expires_ms)
{
    struct small_agent *agent = user;
    agent->drains++;
    agent->deadline_ms = deadline_ms;
    agent->expires_ms = expires_ms;
    snprintf(agent->by, sizeof(agent->by), "%s", by);
    snprintf(agent->reason, sizeof(agent->reason), "%s", reason);
    small_agent_step(agent, (struct server_event){.type = SERVER_ON_HOLD,
                                                  .kind = HOLD_OPS,
                                                  .reason = reason,
                                                  .by = by,
                                                  .deadline_ms = deadline_ms,
                                                  .expires_ms = expires_ms});
}

static void undrain(void *user, const char *by)
{
    struct small_agent *agent = user;
    agent->undrains++;
    snprintf(agent->by, sizeof(agent->by), "%s", by);
    small_agent_step(agent, (struct server_event){.type = SERVER_ON_UNHOLD, .kind = HOLD_OPS});
}

static void unflap(void *user, const char *by)
{
    struct small_agent *agent = user;
    agent->unflaps++;
    snprintf(agent->by, sizeof(agent->by), "%s", by);
    small_agent_step(agent, (struct server_event){.type = SERVER_ON_UNFLAP});
}

static void control(void *user, struct str type, struct str id, const struct hold *hold,
                    api_controlled_fn *done, void *done_user)
{
    struct small_agent *agent = user;
    agent->controls++;
    agent->controlled = done;
    agent->controlled_user = done_user;
    snprintf(agent->by, sizeof(agent->by), "%s", hold->by);
    snprintf(agent->reason, sizeof(agent->reason), "%.*s/%.*s %s %s", STR_ARG(type), STR_ARG(id),
             hold->set ? "drain" : "undrain", hold->reason);
}

static const struct api_ops ops = {
    .look = look, .drain = drain, .undrain = undrain, .unflap = unflap, .want = want, .control = control};

void small_agent_init(struct small_agent *agent)
{
    *agent =
        (struct small_agent){.now = {.mono = 50000, .boot = 50000, .wall = 1000000}, .state_last_error = ""};
    struct config *config = &agent->config;
    config->server.present = true;
    config->server.type = mem_strdup("world");
    config->server.ports[0] = 8001;
    config->server.port_count = 1;
    config->server.deregister_after_ms = 600000;
    config->grace_period_ms = 60000;
    config->probe_host = mem_strdup("localhost");
    config->probes_given = true;
    config_probe_default(config_probe_add(config), 8001);
    free(config->probes[0].name);
    config->probes[0].name = mem_strdup("game");
    config->drain.deadline_ms = 1800000;
    config->drain.settle_ms = 5000;
    config->registry.prefix = mem_strdup("/services");
    config->http.listen[0] = mem_strdup("127.0.0.1:7117");
    config->http.listen_count = 1;
    config->http.max_connections = 8;
    agent->server = server_new(config, "01TEST", &agent->now);
    agent->registrar = registrar_new(&settings);
    agent->intent = intent_new(&intent_settings);
    probe_init(&agent->probe, 0,
               &(struct probe_rhythm){.interval_ms = 1000, .fast_ms = 100, .rise = 2, .fall = 3},
               agent->now.mono);
    agent->probe_view = (struct api_probe){.config = &config->probes[0],
                                           .type = "tcp",
                                           .target = "localhost:8001",
                                           .probe = &agent->probe,
                                           .duration = &agent->probe_duration};
    agent->context = (struct api_context){.config = config,
                                          .ops = &ops,
                                          .agent = agent,
                                          .credentials = api_credentials_new(),
                                          .lists = api_lists_new()};
}

void small_agent_fini(struct small_agent *agent)
{
    server_free(agent->server);
    registrar_free(agent->registrar);
    intent_free(agent->intent);
    api_credentials_free(agent->context.credentials);
    api_lists_free(agent->context.lists);
    config_fini(&agent->config);
}

int small_agent_set_up(void **state)
{
    static struct small_agent agent;
    small_agent_init(&agent);
    *state = &agent;
    return 0;
}

int small_agent_tear_down(void **state)
{
    small_agent_fini(*state);
    return 0;
}

void small_agent_start(struct small_agent *agent)
{
    agent->host = "10.0.0.5";
    small_agent_step(agent, (struct server_event){.type = SERVER_ON_HOST, .text = agent->host});
    small_agent_step(agent, (struct server_event){.type = SERVER_ON_FRESH});
}

void small_agent_say(struct small_agent *agent, const char *line)
{
    struct status_message message;
    struct status_line_error problem;
    assert_int_equal(status_line_parse(str_of(line), &message, &problem), 0);
    small_agent_step(agent, (struct server_event){.type = SERVER_ON_MESSAGE, .message = &message});
}

void small_agent_try(struct small_agent *agent, enum probe_outcome outcome)
{
    struct queue effects;
    struct probe_effect effect;
    queue_init(&effects, sizeof(effect));
    agent->now.mono += 1000;
    agent->now.boot += 1000;
    agent->now.wall += 1000;
    struct probe_event tick = {.type = PROBE_ON_TICK, .now = agent->now};
    probe_step(&agent->probe, &tick, &effects);
    struct probe_event result = {.type = PROBE_ON_RESULT,
                                 .now = agent->now,
                                 .try_id = agent->probe.try_id,
                                 .result = &(struct probe_result){.outcome = outcome,
                                                                  .detail = probe_outcome_text(outcome),
                                                                  .duration_us = 184}};
    probe_step(&agent->probe, &result, &effects);
    api_histogram_count(&agent->probe_duration, 184);
    char evidence[128];
    while (queue_take(&effects, &effect)) {
        if (effect.type == PROBE_DO_VERDICT) {
            small_agent_step(agent, (struct server_event){.type = SERVER_ON_VERDICT,
                                                          .verdict = effect.verdict,
                                                          .text = probe_evidence(&agent->probe, evidence)});
        }
    }
    queue_fini(&effects);
}

struct api_reply small_agent_ask(struct small_agent *agent, const struct api_request *request)
{
    struct api_policy policy = {.address = agent->config.http.listen[0],
                                .check_host = !request->is_unix,
                                .need_token = true,
                                .cookie = "outrider-7117"};
    struct api_call call = {.context = &agent->context, .request = *request};
    struct api_reply reply = {0};
    call.request.policy = request->policy == NULL ? &policy : request->policy;
    api_handle(&call, &reply);
    api_call_fini(&call);
    return reply;
}

struct api_reply small_agent_get(struct small_agent *agent, const char *path, const char *query)
{
    return small_agent_ask(agent, &(struct api_request){.method = STR("GET"),
                                                        .path = str_of(path),
                                                        .query = str_of(query),
                                                        .host = STR("127.0.0.1:7117"),
                                                        .who.from = "127.0.0.1:5555"});
}

struct api_reply small_agent_post(struct small_agent *agent, const char *path, const char *body)
{
    return small_agent_ask(agent, &(struct api_request){.method = STR("POST"),
                                                        .path = str_of(path),
                                                        .body = str_of(body),
                                                        .host = STR("127.0.0.1:7117"),
                                                        .content_type = STR("application/json"),
                                                        .who.from = "127.0.0.1:5555"});
}

json_t *small_agent_json(struct api_reply *reply)
{
    json_error_t where;
    assert_string_equal(reply->content_type, "application/json");
    json_t *root = json_loadb(reply->body.data, reply->body.size, JSON_REJECT_DUPLICATES, &where);
    if (root == NULL) {
        fail_msg("%s: %s", where.text, buf_text(&reply->body));
    }
    buf_fini(&reply->body);
    return root;
}

void small_agent_refused(struct api_reply reply, int status, const char *code)
{
    json_t *root = small_agent_json(&reply);
    const json_t *error = json_object_get(root, "error");
    assert_int_equal(reply.status, status);
    assert_int_equal(json_object_size(root), 1);
    assert_string_equal(json_string_value(json_object_get(error, "code")), code);
    assert_true(json_string_length(json_object_get(error, "message")) > 10);
    json_decref(root);
}
