/* What others see of the server, and the deadline. */
#include "server_internal.h"

const char *life_name(enum life life)
{
    static const char *const names[] = {
        [LIFE_NONE] = "none", [LIFE_ALIVE] = "alive", [LIFE_CRASHED] = "crashed", [LIFE_LEFT] = "left"};
    return names[life];
}

/* A moment that the latest step has reached was acted on by it. */
static void consider(const struct server *server, int64_t moment, struct window *soonest)
{
    if (moment > server->stepped && moment != NEVER_MS) {
        *soonest = window_sooner(*soonest, window_at(moment));
    }
}

static void consider_holds(const struct server *server, struct window *soonest)
{
    for (int kind = 0; kind < HOLD_COUNT; kind++) {
        const struct hold *hold = &server->holds[kind];
        if (!hold->set) {
            continue;
        }
        consider(server, hold->expires_mono, soonest);
        if (hold->outcome == DRAIN_WAITING) {
            consider(server, hold->deadline_mono, soonest);
            consider(server, server_settled_at(server, hold, server->empty_since), soonest);
            consider(server, server_settled_at(server, hold, server_silent_since(server)), soonest);
        }
    }
}

struct window server_deadline(const struct server *server)
{
    const struct config *config = server->config;
    struct window soonest = WINDOW_NEVER;
    consider(server, server->reported.watchdog_due, &soonest);
    consider(server, server->contact_mono + config->grace_period_ms, &soonest);
    if (server->reported.status == REPORTED_INITIALIZING && config->server.initializing_max_ms > 0) {
        consider(server, server->reported.status_mono + config->server.initializing_max_ms, &soonest);
    }
    if (server->status == STATUS_ERROR && config->server.deregister_after_ms > 0) {
        consider(server, server->status_mono + config->server.deregister_after_ms, &soonest);
    }
    consider(server, server_host_due(server), &soonest);
    consider(server, server->recalled.due, &soonest);
    consider(server, flapping_due(&server->flapping), &soonest);
    consider(server, server_idle_due(server), &soonest);
    consider_holds(server, &soonest);
    return soonest;
}

const struct flapping *server_flapping(const struct server *server)
{
    return &server->flapping;
}

struct server_facts server_facts(const struct server *server)
{
    return (struct server_facts){
        .status = server->status,
        .cause = server->cause,
        .status_wall = server->status_wall,
        .host = server->host,
        .withheld = server->withheld,
        .life = server->life,
        .life_number = server->life_number,
        .life_wall = server->life_wall,
        .reported = &server->reported,
        .holds = server->holds,
        .transitions = server->transitions,
        .transition_count = server->transition_count,
    };
}

struct server_drain server_drain(const struct server *server, const struct instant *now)
{
    struct server_drain drain = {.reason = "", .deadline_mono = NEVER_MS, .left_ms = NEVER_MS};
    for (int kind = 0; kind < HOLD_COUNT; kind++) {
        const struct hold *hold = &server->holds[kind];
        if (hold->set) {
            drain.reason = drain.on ? drain.reason : hold->reason;
            drain.on = true;
            drain.deadline_mono =
                hold->deadline_mono < drain.deadline_mono ? hold->deadline_mono : drain.deadline_mono;
        }
    }
    if (drain.deadline_mono != NEVER_MS) {
        drain.left_ms = drain.deadline_mono > now->mono ? drain.deadline_mono - now->mono : 0;
    }
    return drain;
}

bool server_reported_message(const struct server *server, struct status_message *ret_message)
{
    const struct server_report *reported = &server->reported;
    if (server->life != LIFE_ALIVE) {
        return false;
    }
    struct status_message message = {
        .reported = reported->status,
        .has_text = reported->text != NULL,
        .text = str_of(reported->text),
        .has_players = reported->has_players,
        .players = reported->players,
        .has_capacity = reported->has_capacity,
        .capacity = reported->capacity,
        .port_count = reported->port_count,
        .label_count = reported->label_count,
        .drain = server->holds[HOLD_SELF].set,
        .reloading = server->holds[HOLD_RELOAD].set,
        .heartbeat = reported->watchdog_due != NEVER_MS,
        .has_watchdog = true,
        .watchdog_ms = reported->watchdog_ms,
        .has_mainpid = reported->mainpid != 0,
        .mainpid = reported->mainpid,
        .mainpid_start = reported->mainpid_start,
        .attach = reported->attached > 0 || server->recalled.due != NEVER_MS,
    };
    memcpy(message.ports, reported->ports, sizeof(message.ports));
    for (size_t i = 0; i < reported->label_count; i++) {
        message.labels[i] =
            (struct status_label){str_of(reported->labels[i].name), str_of(reported->labels[i].value)};
    }
    *ret_message = message;
    return true;
}
