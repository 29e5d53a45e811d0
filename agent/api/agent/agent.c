/* GET /api/agent: the agent and its server as one document, without secrets and the paths of files with secrets. */
#include "agent_internal.h"
#include "outrider/api/common/context.h"
#include "outrider/api/common/counters.h"
#include "outrider/api/common/guard.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/holds.h"
#include "outrider/api/common/reply.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/config/config.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/probe/probe.h"
#include "outrider/core/server/hold.h"
#include "outrider/core/server/server.h"
#include "outrider/core/server/shutdown.h"
#include "outrider/os/net.h"

#include <stdio.h>
#include <unistd.h>

/* Where the host comes from, and the addresses that were not chosen, each with why. */
static void write_host_choice(struct json_writer *json, const struct api_view *view)
{
    const struct net_choice *choice = view->addresses;
    size_t count = choice == NULL ? 0 : choice->count;
    bool chosen = count > 0 && choice->chosen < count;
    json_member_object(json, "hostChoice");
    json_member_text(json, "setting", view->config->server.host);
    json_member_text(json, "from", view->host_from);
    json_member_text(json, "interface", chosen ? choice->addresses[choice->chosen].interface : NULL);
    json_member_array(json, "rejected");
    for (size_t i = 0; i < count; i++) {
        const struct net_address *address = &choice->addresses[i];
        if (i != choice->chosen) {
            json_write_object(json);
            json_member_text(json, "address", address->text);
            json_member_text(json, "interface", address->interface);
            json_member_text(json, "why", net_rejected_why(choice, i));
            json_write_object_end(json);
        }
    }
    json_write_array_end(json);
    json_write_object_end(json);
}

static void write_identity(struct json_writer *json, const struct api_view *view)
{
    struct server_facts facts = server_facts(view->server);
    json_member_time(json, "now", view->now.wall);
    json_member_text(json, "type", view->config->server.type);
    json_member_text(json, "id", view->id);
    json_member_text(json, "host", view->host);
    write_host_choice(json, view);
    json_member_text(json, "status", status_name(facts.status));
    json_member_text(json, "cause", facts.cause);
    json_member_time(json, "since", facts.status_wall);
}

static void write_players(struct json_writer *json, const struct server *server)
{
    size_t count;
    const struct server_value players = server_value(server, CONFIG_FACT_PLAYERS);
    const struct server_value capacity = server_value(server, CONFIG_FACT_CAPACITY);
    const uint16_t *ports = server_ports(server, &count);
    json_member_span(json, "players", players.source != SERVER_SOURCE_NONE ? (int64_t)players.number : -1);
    json_member_span(json, "capacity", capacity.source != SERVER_SOURCE_NONE ? (int64_t)capacity.number : -1);
    json_member_array(json, "ports");
    for (size_t i = 0; i < count; i++) {
        json_write_uint(json, ports[i]);
    }
    json_write_array_end(json);
}

static void write_life(struct json_writer *json, const struct api_view *view)
{
    struct server_facts facts = server_facts(view->server);
    const struct server_report *reported = facts.reported;
    bool silent = reported->status == REPORTED_NOTHING;
    int64_t due = reported->watchdog_due;
    int64_t left = due > view->now.mono ? due - view->now.mono : 0;
    json_member_object(json, "life");
    json_member_text(json, "state", life_name(facts.life));
    json_member_uint(json, "number", facts.life_number);
    json_member_time(json, "since", facts.life_wall);
    json_member_text(json, "reported", silent ? NULL : reported_status_name(reported->status));
    json_member_time(json, "reportedAt", silent ? 0 : reported->status_wall);
    json_member_text(json, "text", reported->text);
    write_players(json, view->server);
    json_member_span(json, "mainpid", reported->mainpid == 0 ? -1 : reported->mainpid);
    json_member_uint(json, "attached", reported->attached);
    json_member_bool(json, "passed", reported->passed);
    json_member_object(json, "watchdog");
    json_member_int(json, "timeoutMs", reported->watchdog_ms);
    json_member_span(json, "leftMs", due == NEVER_MS ? -1 : left);
    json_write_object_end(json);
    json_write_object_end(json);
}

/* What the server sent and the agent did not take. */
static void write_refused(struct json_writer *json, const struct api_counters *counters)
{
    json_member_object(json, "refused");
    json_member_uint(json, "lines", counters->lines_bad);
    json_member_uint(json, "datagrams", counters->datagrams_bad);
    api_write_text(json, "last", counters->refusal);
    json_member_time(json, "lastAt", counters->refusal_wall);
    json_write_object_end(json);
}

/* The ms since `mono_ms`, 0 of which means never: then -1. */
static int64_t ago(int64_t mono_ms, const struct instant *now)
{
    return mono_ms == 0 ? -1 : now->mono - mono_ms;
}

static void write_last(struct json_writer *json, const struct probe *probe, const struct instant *now)
{
    json_member_text(json, "lastOutcome", probe->tried ? probe_outcome_text(probe->last_outcome) : NULL);
    json_write_key(json, "lastDurationMs");
    if (probe->tried) {
        char number[32];
        int size = snprintf(number, sizeof(number), "%.3f", (double)probe->last_duration_us / 1000.0);
        json_write_raw(json, (struct str){number, (size_t)size});
    } else {
        json_write_null(json);
    }
    json_member_span(json, "lastTryAgoMs", ago(probe->last_try_mono, now));
    json_member_span(json, "lastPassedAgoMs", ago(probe->last_passed_mono, now));
}

/* The successes missing for the verdict passing; 0 when it is. */
static unsigned passes_needed(const struct health *health)
{
    if (health_verdict(health) == VERDICT_PASSING) {
        return 0;
    }
    unsigned have = health->known ? health->value : health->run > 0 ? (unsigned)health->run : 0;
    return have < health->rise ? health->rise - have : 1;
}

static void write_probe(struct json_writer *json, const struct api_view *view, const struct api_probe *entry)
{
    const struct probe *probe = entry->probe;
    char evidence[128];
    json_write_object(json);
    json_member_text(json, "name", entry->config->name);
    json_member_text(json, "type", entry->type);
    json_member_text(json, "target", entry->target);
    json_member_text(json, "verdict", verdict_name(health_verdict(&probe->health)));
    json_member_text(json, "evidence", probe_evidence(probe, evidence));
    json_member_uint(json, "failures", probe->failures);
    json_member_uint(json, "passesNeeded", passes_needed(&probe->health));
    json_member_uint(json, "rise", probe->health.rise);
    json_member_uint(json, "fall", probe->health.fall);
    json_member_int(json, "intervalMs", probe->interval_ms);
    json_member_int(json, "timeoutMs", entry->config->timeout_ms);
    write_last(json, probe, &view->now);
    json_write_object_end(json);
}

static void write_probes(struct json_writer *json, const struct api_view *view)
{
    json_member_array(json, "probes");
    for (size_t i = 0; i < view->probe_count; i++) {
        write_probe(json, view, &view->probes[i]);
    }
    json_write_array_end(json);
}

static void write_holds(struct json_writer *json, const struct api_view *view)
{
    struct server_drain drain = server_drain(view->server, &view->now);
    const struct hold *holds = server_facts(view->server).holds, *ops = &holds[HOLD_OPS];
    json_member_array(json, "holds");
    for (int kind = 0; kind < HOLD_COUNT; kind++) {
        if (holds[kind].set) {
            api_write_hold(json, (enum hold_kind)kind, &holds[kind], &view->now);
        }
    }
    json_write_array_end(json);
    json_member_object(json, "drain");
    json_member_bool(json, "draining", drain.on);
    json_member_span(json, "deadlineInMs", drain.left_ms == NEVER_MS ? -1 : drain.left_ms);
    json_member_text(json, "outcome", ops->set ? drain_outcome_name(ops->outcome) : NULL);
    json_write_object_end(json);
}

/* What will change with time alone: the end of the grace period, and the withdrawal of a failing server. */
static void write_limits(struct json_writer *json, const struct api_view *view)
{
    struct server_facts facts = server_facts(view->server);
    int64_t until = server_grace_until(view->server, &view->now);
    int64_t limit = view->config->server.deregister_after_ms;
    int64_t left = facts.status_wall + limit - view->now.wall;
    bool counts = facts.status == STATUS_ERROR && limit > 0;
    json_member_bool(json, "inGrace", until != 0);
    json_member_span(json, "graceLeftMs", until == 0 || until == NEVER_MS ? -1 : until - view->now.mono);
    json_member_span(json, "withdrawnInMs", counts ? (left > 0 ? left : 0) : -1);
    json_member_bool(json, "requireStatus", view->config->server.require_status);
    api_write_flapping(json, view);
}

static void write_transitions(struct json_writer *json, const struct server *server)
{
    struct server_facts facts = server_facts(server);
    json_member_array(json, "transitions");
    for (size_t i = 0; i < facts.transition_count; i++) {
        const struct server_transition *row = &facts.transitions[i];
        json_write_object(json);
        json_member_time(json, "at", row->wall_ms);
        json_member_text(json, "from", status_name(row->from));
        json_member_text(json, "to", status_name(row->to));
        json_member_text(json, "cause", row->cause);
        json_write_object_end(json);
    }
    json_write_array_end(json);
}

static void write_sockets(struct json_writer *json, const struct api_view *view)
{
    json_member_array(json, "sockets");
    for (size_t i = 0; i < view->socket_count; i++) {
        const struct api_socket *socket = &view->sockets[i];
        json_write_object(json);
        json_member_text(json, "setting", socket->setting);
        json_member_text(json, "path", socket->path);
        json_member_bool(json, "inherited", socket->inherited);
        json_member_uint(json, "remade", socket->remade);
        api_write_text(json, "lastError", socket->last_error);
        json_write_object_end(json);
    }
    json_write_array_end(json);
}

static void write_sandbox(struct json_writer *json, const struct api_sandbox *sandbox)
{
    json_member_object(json, "sandbox");
    json_member_bool(json, "on", sandbox->on);
    api_write_text(json, "cause", sandbox->cause);
    json_write_object_end(json);
}

static void write_process(struct json_writer *json, const struct api_view *view)
{
    int64_t uptime = view->now.wall - view->started_wall;
    api_write_leader(json, view);
    api_write_sessions(json, view);
    if (view->shutdown != NULL) {
        json_member_text(json, "shutdown", shutdown_phase_name(view->shutdown->phase));
    }
    json_member_text(json, "version", view->version);
    json_member_text(json, "configFile", view->config_file);
    json_member_text(json, "stateDir", view->config->state_dir);
    api_write_text(json, "stateLastError", view->state_last_error);
    write_sockets(json, view);
    if (view->sandbox != NULL) {
        write_sandbox(json, view->sandbox);
    }
    json_member_time(json, "startedAt", view->started_wall);
    json_member_int(json, "uptimeMs", uptime > 0 ? uptime : 0);
    json_member_int(json, "pid", getpid());
}

static void write_observer(struct json_writer *json, const struct api_view *view)
{
    const struct view *fleet = view->fleet.view;
    json_member_time(json, "now", view->now.wall);
    json_member_bool(json, "observer", true);
    api_write_view(json, view);
    json_member_object(json, "registry");
    api_write_text(json, "prefix", view->config->registry.prefix);
    api_write_text(json, "endpoint", view->registry_endpoint);
    api_write_endpoints(json, view);
    api_write_hex(json, "clusterId", view->registry_cluster);
    api_write_text(json, "lastError", fleet == NULL ? NULL : view_facts(fleet)->last_error);
    json_write_object_end(json);
    write_process(json, view);
}

void api_agent(struct api_call *call, struct api_reply *reply)
{
    const struct api_view *view = &call->view;
    struct json_writer json = {.out = api_json(reply)};
    json_write_object(&json);
    if (view->server == NULL) {
        write_observer(&json, view);
    } else {
        write_identity(&json, view);
        write_life(&json, view);
        api_write_facts(&json, view);
        write_refused(&json, view->counters);
        write_probes(&json, view);
        write_holds(&json, view);
        write_limits(&json, view);
        api_write_registry(&json, view, api_may_see_leases(call, reply));
        api_write_view(&json, view);
        write_process(&json, view);
        write_transitions(&json, view->server);
    }
    json_write_object_end(&json);
}
