/* The table of docs/design/protocol.md, "Effective status": rows in order, the first that holds is the
 * status, and says why. */
#include "server_internal.h"

#include "outrider/base/duration.h"

#include <stdio.h>

size_t server_probe_total(const struct server *server)
{
    size_t ports;
    if (server->config->probes_given) {
        return server->config->probe_count;
    }
    (void)server_ports(server, &ports);
    return ports;
}

static const char *probe_name(const struct server *server, size_t index, char out[static 80])
{
    if (index < server->config->probe_count) {
        snprintf(out, 80, "%s", server->config->probes[index].name);
    } else {
        size_t count;
        const uint16_t *ports = server_ports(server, &count);
        snprintf(out, 80, "tcp-%u", index < count ? ports[index] : 0u);
    }
    return out;
}

/* Until when (mono) a failing probe is no error yet, 0: at once. It is none while the server reports
 * initializing, and before the probe has passed once in this life, for as long as grace_period. */
static int64_t grace_of(const struct server *server, const struct server_probe *probe)
{
    const struct config *config = server->config;
    if (server->reported.status == REPORTED_INITIALIZING) {
        int64_t max = config->server.initializing_max_ms;
        return max == 0 ? NEVER_MS : server->reported.status_mono + max;
    }
    return probe->passed ? 0 : server->contact_mono + config->grace_period_ms;
}

int64_t server_grace_until(const struct server *server, const struct instant *now)
{
    /* Without a failing probe the answer is about one that never passed. */
    static const struct server_probe untried = {.verdict = VERDICT_UNKNOWN};
    bool asked = !server->reported.passed || server->reported.status == REPORTED_INITIALIZING;
    int64_t soonest = asked ? grace_of(server, &untried) : NEVER_MS;
    size_t total = server_probe_total(server);
    for (size_t i = 0; i < total; i++) {
        if (server->probes[i].verdict == VERDICT_FAILING) {
            int64_t until = grace_of(server, &server->probes[i]);
            soonest = until < soonest ? until : soonest;
            asked = true;
        }
    }
    return asked && now->mono < soonest ? soonest : 0;
}

int64_t server_failing_since(const struct server *server)
{
    size_t total = server_probe_total(server);
    int64_t since = total == 0 ? NEVER_MS : 0;
    for (size_t i = 0; i < total; i++) {
        if (server->probes[i].verdict != VERDICT_FAILING) {
            return NEVER_MS;
        }
        since = server->probes[i].verdict_mono > since ? server->probes[i].verdict_mono : since;
    }
    return since;
}

int64_t server_silent_since(const struct server *server)
{
    bool witnessed = server->reported.mainpid != 0 || server->reported.attached > 0;
    return witnessed ? NEVER_MS : server_failing_since(server);
}

static void describe_probe(const struct server *server, size_t index, char cause[static 160])
{
    char name[80];
    const char *evidence = server->probes[index].evidence;
    snprintf(cause, 160, "probe %s: %s", probe_name(server, index, name),
             evidence[0] != '\0' ? evidence : "no verdict yet");
}

static bool find_probe(const struct server *server, enum verdict verdict, char cause[static 160])
{
    size_t total = server_probe_total(server);
    for (size_t i = 0; i < total; i++) {
        if (server->probes[i].verdict == verdict) {
            describe_probe(server, i, cause);
            return true;
        }
    }
    return false;
}

typedef bool row_fn(const struct server *server, int64_t now, char cause[static 160]);

static bool agent_stops(const struct server *server, int64_t now, char cause[static 160])
{
    (void)now;
    snprintf(cause, 160, "the agent is stopping");
    return server->stopping;
}

static bool reported_shutting_down(const struct server *server, int64_t now, char cause[static 160])
{
    (void)now;
    if (server->life == LIFE_LEFT) {
        snprintf(cause, 160, "%s", server->life_cause);
        return true;
    }
    snprintf(cause, 160, "the server reported shutting_down");
    return server->reported.status == REPORTED_SHUTTING_DOWN;
}

static bool reported_error(const struct server *server, int64_t now, char cause[static 160])
{
    (void)now;
    if (server->reported.status != REPORTED_ERROR) {
        return false;
    }
    const char *text = server->reported.text;
    snprintf(cause, 160, "the server reported error%s%.120s", text == NULL ? "" : ": ",
             text == NULL ? "" : text);
    return true;
}

static bool crashed(const struct server *server, int64_t now, char cause[static 160])
{
    (void)now;
    if (server->life != LIFE_CRASHED) {
        return false;
    }
    snprintf(cause, 160, "%s", server->life_cause);
    return true;
}

static bool watchdog_out(const struct server *server, int64_t now, char cause[static 160])
{
    (void)now;
    if (server->reported.triggered) {
        snprintf(cause, 160, "watchdog: triggered by the server");
        return true;
    }
    if (!server->reported.watchdog_ran_out) {
        return false;
    }
    char span[24];
    snprintf(cause, 160, "watchdog: no heartbeat for %s",
             duration_format(server->reported.watchdog_ms, span));
    return true;
}

static bool probe_fails(const struct server *server, int64_t now, char cause[static 160])
{
    size_t total = server_probe_total(server);
    for (size_t i = 0; i < total; i++) {
        if (server->probes[i].verdict == VERDICT_FAILING && now >= grace_of(server, &server->probes[i])) {
            describe_probe(server, i, cause);
            return true;
        }
    }
    return false;
}

static bool reported_initializing(const struct server *server, int64_t now, char cause[static 160])
{
    (void)now;
    snprintf(cause, 160, "the server reported initializing");
    return server->reported.status == REPORTED_INITIALIZING;
}

static bool reported_nothing(const struct server *server, int64_t now, char cause[static 160])
{
    (void)now;
    snprintf(cause, 160, "require_status is set and the server has not reported a status");
    return server->config->server.require_status && server->reported.status == REPORTED_NOTHING;
}

static bool ports_unreported(const struct server *server, int64_t now, char cause[static 160])
{
    (void)now;
    snprintf(cause, 160, "ports are dynamic and the server has not reported ports= yet");
    return server->config->server.ports_dynamic && server->reported.port_count == 0;
}

static bool probe_in_grace(const struct server *server, int64_t now, char cause[static 160])
{
    (void)now;
    return find_probe(server, VERDICT_FAILING, cause);
}

static bool probe_unknown(const struct server *server, int64_t now, char cause[static 160])
{
    (void)now;
    /* Until there are new verdicts, an adopted record counts as the earlier ones. */
    bool taken_for_passing = server->start == START_SETTLING && server->adopted_ready;
    return !taken_for_passing && find_probe(server, VERDICT_UNKNOWN, cause);
}

/* An agent that restarts without a state_dir does not know of a drain before it has read the control key. The
 * row delays ready, not the offer, so that the read and the grant are sent together. An adopted record is not
 * concerned: it stands already. */
static bool control_unread(const struct server *server, int64_t now, char cause[static 160])
{
    (void)now;
    snprintf(cause, 160, "control key not read yet: an operator may be draining this server");
    return server->control_unread;
}

static bool held(const struct server *server, int64_t now, char cause[static 160])
{
    static const char *const texts[HOLD_COUNT] = {[HOLD_OPS] = "drained by operator",
                                                  [HOLD_SELF] = "drained by the server",
                                                  [HOLD_RELOAD] = "the server is reloading",
                                                  [HOLD_STOP] = "drained before the agent stops"};
    (void)now;
    for (int kind = 0; kind < HOLD_COUNT; kind++) {
        const struct hold *hold = &server->holds[kind];
        if (hold->set && kind == HOLD_OPS) {
            snprintf(cause, 160, "%s (%.40s)%s%.80s", texts[kind], hold->by,
                     hold->reason[0] == '\0' ? "" : ": ", hold->reason);
        } else if (hold->set) {
            snprintf(cause, 160, "%s", texts[kind]);
        }
        if (hold->set) {
            return true;
        }
    }
    return false;
}

static bool always(const struct server *server, int64_t now, char cause[static 160])
{
    (void)server;
    (void)now;
    cause[0] = '\0';
    return true;
}

static const struct {
    enum status status;
    row_fn *holds;
} rows[] = {
    {STATUS_SHUTTING_DOWN, agent_stops},
    {STATUS_SHUTTING_DOWN, reported_shutting_down},
    {STATUS_ERROR, reported_error},
    {STATUS_ERROR, crashed},
    {STATUS_ERROR, watchdog_out},
    {STATUS_ERROR, probe_fails},
    {STATUS_INITIALIZING, reported_initializing},
    {STATUS_INITIALIZING, reported_nothing},
    {STATUS_INITIALIZING, ports_unreported},
    {STATUS_INITIALIZING, probe_in_grace},
    {STATUS_INITIALIZING, probe_unknown},
    {STATUS_INITIALIZING, control_unread},
    {STATUS_DRAINING, held},
    {STATUS_READY, always},
};

enum status server_effective(const struct server *server, const struct instant *now, char cause[static 160])
{
    size_t i = 0;
    while (!rows[i].holds(server, now->mono, cause)) {
        i++;
    }
    return rows[i].status;
}
