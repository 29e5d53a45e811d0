/* GET /api/agent: the agent and its server as one document, without secrets and the paths of files with secrets. */
#include "agent_internal.h"
#include "outrider/api/agent/handlers.h"
#include "outrider/api/common/context.h"
#include "outrider/api/common/holds.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/config/config.h"
#include "outrider/core/server/hold.h"
#include "outrider/core/server/server.h"

static void write_identity(struct json_writer *json, const struct api_view *view)
{
    json_member_time(json, "now", view->now.wall);
    json_member_text(json, "type", view->config->server.type);
    json_member_text(json, "id", view->id);
    json_member_text(json, "host", view->host);
    struct server_facts facts = server_facts(view->server);
    json_member_text(json, "status", status_name(facts.status));
    json_member_text(json, "cause", facts.cause);
    json_member_time(json, "since", facts.status_wall);
}

static void write_players(struct json_writer *json, const struct server *server)
{
    const struct server_report *reported = server_facts(server).reported;
    const struct record *record = server_record(server);
    json_write_key(json, "players");
    if (reported->has_players) {
        json_write_uint(json, reported->players);
    } else {
        json_write_null(json);
    }
    json_write_key(json, "capacity");
    if (record != NULL && record->has_capacity) {
        json_write_uint(json, record->capacity);
    } else {
        json_write_null(json);
    }
}

static void write_ports(struct json_writer *json, const struct server *server)
{
    size_t count;
    const uint16_t *ports = server_ports(server, &count);
    json_member_array(json, "ports");
    for (size_t i = 0; i < count; i++) {
        json_write_uint(json, ports[i]);
    }
    json_write_array_end(json);
}

static void write_watchdog(struct json_writer *json, const struct api_view *view)
{
    const struct server_report *reported = server_facts(view->server).reported;
    int64_t due = reported->watchdog_due;
    int64_t left = due > view->now.mono ? due - view->now.mono : 0;
    json_member_object(json, "watchdog");
    json_member_int(json, "timeoutMs", reported->watchdog_ms);
    json_member_span(json, "leftMs", due == NEVER_MS ? -1 : left);
    json_write_object_end(json);
}

static void write_life(struct json_writer *json, const struct api_view *view)
{
    struct server_facts facts = server_facts(view->server);
    const struct server_report *reported = facts.reported;
    bool silent = reported->status == REPORTED_NOTHING;
    json_member_object(json, "life");
    json_member_text(json, "state", life_name(facts.life));
    json_member_uint(json, "number", facts.life_number);
    json_member_time(json, "since", facts.life_wall);
    json_member_text(json, "reported", silent ? NULL : reported_status_name(reported->status));
    json_member_time(json, "reportedAt", silent ? 0 : reported->status_wall);
    json_member_text(json, "text", reported->text);
    write_players(json, view->server);
    write_ports(json, view->server);
    json_member_span(json, "mainpid", reported->mainpid == 0 ? -1 : reported->mainpid);
    json_member_uint(json, "attached", reported->attached);
    json_member_bool(json, "passed", reported->passed);
    write_watchdog(json, view);
    json_write_object_end(json);
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

void api_agent(struct api_context *context, const struct api_request *request, struct api_reply *reply)
{
    (void)request;
    struct api_view view;
    api_look(context, &view);
    struct json_writer json = {.out = api_json(reply)};
    json_write_object(&json);
    if (view.server == NULL) {
        api_write_observer(&json, &view);
        json_write_object_end(&json);
        return;
    }
    write_identity(&json, &view);
    write_life(&json, &view);
    api_write_probes(&json, &view);
    write_holds(&json, &view);
    write_limits(&json, &view);
    api_write_registry(&json, &view);
    api_write_view(&json, &view);
    api_write_process(&json, &view);
    write_transitions(&json, view.server);
    json_write_object_end(&json);
}
