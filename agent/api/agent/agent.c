/* GET /api/agent: the agent and its server as one document, without secrets and the paths of files with secrets. */
#include "agent_internal.h"
#include "outrider/api/agent/handlers.h"
#include "outrider/api/common/context.h"
#include "outrider/api/common/holds.h"
#include "outrider/codec/json/json_member.h"
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
    json_member_text(json, "status", status_name(server_status(view->server)));
    json_member_text(json, "cause", server_cause(view->server));
    json_member_time(json, "since", server_status_since(view->server));
}

static void write_players(struct json_writer *json, const struct server *server)
{
    uint32_t players;
    const struct record *record = server_record(server);
    json_write_key(json, "players");
    if (server_players(server, &players)) {
        json_write_uint(json, players);
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
    int64_t due;
    int64_t timeout = server_watchdog(view->server, &due);
    int64_t left = due > view->now.mono ? due - view->now.mono : 0;
    json_member_object(json, "watchdog");
    json_member_int(json, "timeoutMs", timeout);
    json_member_span(json, "leftMs", due == NEVER_MS ? -1 : left);
    json_write_object_end(json);
}

static void write_life(struct json_writer *json, const struct api_view *view)
{
    const struct server *server = view->server;
    pid_t pid = server_mainpid(server);
    json_member_object(json, "life");
    json_member_text(json, "state", life_name(server_life(server)));
    json_member_uint(json, "number", server_life_number(server));
    json_member_time(json, "since", server_life_since(server));
    json_member_text(json, "reported",
                     server_reported_status(server) == REPORTED_NOTHING
                         ? NULL
                         : reported_status_name(server_reported_status(server)));
    json_member_time(json, "reportedAt",
                     server_reported_status(server) == REPORTED_NOTHING ? 0 : server_reported_wall(server));
    json_member_text(json, "text", server_text(server));
    write_players(json, server);
    write_ports(json, server);
    json_member_span(json, "mainpid", pid == 0 ? -1 : pid);
    json_member_uint(json, "attached", server_attached(server));
    json_member_bool(json, "passed", server_has_passed(server));
    write_watchdog(json, view);
    json_write_object_end(json);
}

static void write_holds(struct json_writer *json, const struct api_view *view)
{
    int64_t left;
    bool draining = server_draining(view->server, &view->now, &left);
    const struct hold *ops = server_hold(view->server, HOLD_OPS);
    json_member_array(json, "holds");
    for (int kind = 0; kind < HOLD_COUNT; kind++) {
        const struct hold *hold = server_hold(view->server, (enum hold_kind)kind);
        if (hold->set) {
            api_write_hold(json, (enum hold_kind)kind, hold, &view->now);
        }
    }
    json_write_array_end(json);
    json_member_object(json, "drain");
    json_member_bool(json, "draining", draining);
    json_member_span(json, "deadlineInMs", draining && left != NEVER_MS ? left : -1);
    json_member_text(json, "outcome", ops->set ? drain_outcome_name(ops->outcome) : NULL);
    json_write_object_end(json);
}

/* What will change with time alone: the end of the grace period, and the withdrawal of a failing server. */
static void write_limits(struct json_writer *json, const struct api_view *view)
{
    const struct server *server = view->server;
    int64_t until = server_grace_until(server, &view->now);
    int64_t limit = view->config->server.deregister_after_ms;
    int64_t left = server_status_since(server) + limit - view->now.wall;
    bool counts = server_status(server) == STATUS_ERROR && limit > 0;
    json_member_bool(json, "inGrace", until != 0);
    json_member_span(json, "graceLeftMs", until == 0 || until == NEVER_MS ? -1 : until - view->now.mono);
    json_member_span(json, "withdrawnInMs", counts ? (left > 0 ? left : 0) : -1);
    json_member_bool(json, "requireStatus", view->config->server.require_status);
}

static void write_transitions(struct json_writer *json, const struct server *server)
{
    json_member_array(json, "transitions");
    for (size_t i = 0; i < server_transition_count(server); i++) {
        const struct server_transition *row = server_transition(server, i);
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
