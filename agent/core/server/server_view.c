/* Accessors, and the deadline. */
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
    int64_t zero = server->reported.zero_players_since;
    for (int kind = 0; kind < HOLD_COUNT; kind++) {
        const struct hold *hold = &server->holds[kind];
        if (!hold->set) {
            continue;
        }
        consider(server, hold->expires_mono, soonest);
        if (hold->outcome == DRAIN_WAITING) {
            consider(server, hold->deadline_mono, soonest);
            if (zero != NEVER_MS) {
                int64_t from = zero > hold->since_mono ? zero : hold->since_mono;
                consider(server, from + server->config->drain.settle_ms, soonest);
            }
            int64_t silent = server_silent_since(server);
            if (silent != NEVER_MS) {
                int64_t from = silent > hold->since_mono ? silent : hold->since_mono;
                consider(server, from + server->config->drain.settle_ms, soonest);
            }
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
    if (server->host == NULL) {
        consider(server, server->host_retry, &soonest);
    }
    consider_holds(server, &soonest);
    return soonest;
}

enum status server_status(const struct server *server)
{
    return server->status;
}

const char *server_cause(const struct server *server)
{
    return server->cause;
}

int64_t server_status_since(const struct server *server)
{
    return server->status_wall;
}

const char *server_withheld(const struct server *server)
{
    return server->withheld;
}

enum life server_life(const struct server *server)
{
    return server->life;
}

uint64_t server_life_number(const struct server *server)
{
    return server->life_number;
}

int64_t server_life_since(const struct server *server)
{
    return server->life_wall;
}

enum reported_status server_reported_status(const struct server *server)
{
    return server->reported.status;
}

int64_t server_reported_wall(const struct server *server)
{
    return server->reported.status_wall;
}

const char *server_text(const struct server *server)
{
    return server->reported.text;
}

bool server_players(const struct server *server, uint32_t *ret_players)
{
    if (server->reported.has_players) {
        *ret_players = server->reported.players;
    }
    return server->reported.has_players;
}

pid_t server_mainpid(const struct server *server)
{
    return server->reported.mainpid;
}

unsigned server_attached(const struct server *server)
{
    return server->reported.attached;
}

bool server_has_passed(const struct server *server)
{
    return server->reported.passed;
}

const struct hold *server_hold(const struct server *server, enum hold_kind kind)
{
    return &server->holds[kind];
}

bool server_draining(const struct server *server, const struct instant *now, int64_t *ret_deadline_ms)
{
    bool any = false;
    int64_t soonest = NEVER_MS;
    for (int kind = 0; kind < HOLD_COUNT; kind++) {
        if (server->holds[kind].set) {
            any = true;
            int64_t deadline = server->holds[kind].deadline_mono;
            soonest = deadline < soonest ? deadline : soonest;
        }
    }
    if (soonest != NEVER_MS) {
        soonest = soonest > now->mono ? soonest - now->mono : 0;
    }
    *ret_deadline_ms = soonest;
    return any;
}

const char *server_drain_reason(const struct server *server)
{
    for (int kind = 0; kind < HOLD_COUNT; kind++) {
        if (server->holds[kind].set) {
            return server->holds[kind].reason;
        }
    }
    return "";
}

int64_t server_watchdog(const struct server *server, int64_t *ret_due_mono)
{
    *ret_due_mono = server->reported.watchdog_due;
    return server->reported.watchdog_ms;
}

size_t server_transition_count(const struct server *server)
{
    return server->transition_count;
}

const struct server_transition *server_transition(const struct server *server, size_t index)
{
    return &server->transitions[(server->transition_first + index) % SERVER_TRANSITIONS_MAX];
}

bool server_reported_message(const struct server *server, struct status_message *ret_message)
{
    const struct report *reported = &server->reported;
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
    };
    memcpy(message.ports, reported->ports, sizeof(message.ports));
    for (size_t i = 0; i < reported->label_count; i++) {
        message.labels[i] =
            (struct status_label){str_of(reported->labels[i].name), str_of(reported->labels[i].value)};
    }
    *ret_message = message;
    return true;
}
