/* The table of docs/design/protocol.md, "Effective status": rows in order, the first that holds is the
 * status, and says why. */
#include "server_internal.h"

#include "outrider/base/brief.h"
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

/* The first probe with `verdict`, or the first of these whose grace is over; server_probe_total() for none. */
static size_t find_probe(const struct server *server, enum verdict verdict, bool past_grace)
{
    size_t i = 0, total = server_probe_total(server);
    while (i < total && (server->probes[i].verdict != verdict ||
                         (past_grace && server->stepped < grace_of(server, &server->probes[i])))) {
        i++;
    }
    return i;
}

bool server_has_verdicts(const struct server *server)
{
    return find_probe(server, VERDICT_UNKNOWN, false) == server_probe_total(server);
}

typedef void cause_fn(const struct server *server, size_t index, char cause[static 160]);

static void say_probe(const struct server *server, size_t index, char cause[static 160])
{
    char name[80];
    const char *evidence = server->probes[index].evidence;
    brief_format(cause, 160, "probe %s: %s", probe_name(server, index, name),
                 evidence[0] != '\0' ? evidence : "no verdict yet");
}

static void say_error(const struct server *server, size_t index, char cause[static 160])
{
    (void)index;
    const char *text = server->reported.text;
    brief_format(cause, 160, "the server reported error%s%s", text == NULL ? "" : ": ",
                 text == NULL ? "" : text);
}

static void say_watchdog(const struct server *server, size_t index, char cause[static 160])
{
    (void)index;
    char span[24];
    snprintf(cause, 160, "watchdog: no heartbeat for %s",
             duration_format(server->reported.watchdog_ms, span));
}

static void say_hold(const struct server *server, size_t kind, char cause[static 160])
{
    static const char *const texts[HOLD_COUNT] = {[HOLD_OPS] = "drained by operator",
                                                  [HOLD_SELF] = "drained by the server",
                                                  [HOLD_RELOAD] = "the server is reloading",
                                                  [HOLD_IDLE] = "idle",
                                                  [HOLD_STOP] = "drained before the agent stops"};
    const struct hold *hold = &server->holds[kind];
    if (kind == HOLD_OPS) {
        brief_format(cause, 160, "%s (%s)%s%s", texts[kind], hold->by, hold->reason[0] == '\0' ? "" : ": ",
                     hold->reason);
    } else if (kind == HOLD_IDLE) {
        brief_format(cause, 160, "%s: %s", texts[kind], hold->reason);
    } else {
        snprintf(cause, 160, "%s", texts[kind]);
    }
}

static void say_flapping(const struct server *server, size_t changes, char cause[static 160])
{
    char within[32], hold[32];
    snprintf(cause, 160, "flapping: %zu changes in %s, ready again after %s without a failure", changes,
             duration_human(server->config->server.flapping.within_ms, within),
             duration_human(server->config->server.flapping.hold_ms, hold));
}

static void say_idle(const struct server *server, size_t index, char cause[static 160])
{
    char reason[80];
    (void)index;
    server_say_idle(server, reason);
    snprintf(cause, 160, "idle: %s", reason);
}

/* Without `say` the cause is `text`. */
struct row {
    enum status status;
    bool holds;
    const char *text;
    cause_fn *say;
    size_t index; /* of the probe, which hold, or how many changes */
};

static enum status effective(const struct server *server, bool flapping, char cause[static 160])
{
    const struct config_server *config = &server->config->server;
    const struct server_report *reported = &server->reported;
    const size_t total = server_probe_total(server), late = find_probe(server, VERDICT_FAILING, true),
                 failing = find_probe(server, VERDICT_FAILING, false),
                 unknown = find_probe(server, VERDICT_UNKNOWN, false);
    /* Until there are new verdicts, an adopted record counts as the earlier ones. */
    const bool taken_for_passing = server->start == START_SETTLING && server->adopted_ready;
    size_t hold = 0;
    while (hold < HOLD_COUNT && !server->holds[hold].set) {
        hold++;
    }
    const struct row rows[] = {
        {STATUS_SHUTTING_DOWN, server->stopping, .text = "the agent is stopping"},
        {STATUS_SHUTTING_DOWN, server->life == LIFE_LEFT, .text = server->life_cause},
        {STATUS_SHUTTING_DOWN, reported->status == REPORTED_SHUTTING_DOWN,
         .text = "the server reported shutting_down"},
        {STATUS_SHUTTING_DOWN, server->idle_over, .say = say_idle},
        /* Before the other errors: the record stays as it is while these come and go. */
        {STATUS_ERROR, flapping, .say = say_flapping, .index = config->flapping.changes + 1},
        {STATUS_ERROR, reported->status == REPORTED_ERROR, .say = say_error},
        {STATUS_ERROR, server->life == LIFE_CRASHED, .text = server->life_cause},
        {STATUS_ERROR, reported->triggered, .text = "watchdog: triggered by the server"},
        {STATUS_ERROR, reported->watchdog_ran_out, .say = say_watchdog},
        {STATUS_ERROR, late < total, .say = say_probe, .index = late},
        {STATUS_INITIALIZING, reported->status == REPORTED_INITIALIZING,
         .text = "the server reported initializing"},
        {STATUS_INITIALIZING, config->require_status && reported->status == REPORTED_NOTHING,
         .text = "require_status is set and the server has not reported a status"},
        {STATUS_INITIALIZING, config->ports_dynamic && reported->port_count == 0,
         .text = "ports are dynamic and the server has not reported ports= yet"},
        {STATUS_INITIALIZING, failing < total, .say = say_probe, .index = failing},
        {STATUS_INITIALIZING, unknown < total && !taken_for_passing, .say = say_probe, .index = unknown},
        /* An agent that restarts without a state_dir does not know of a drain before it has read the control
         * key. The row delays ready, not the offer, so that the read and the grant are sent together. An
         * adopted record is not concerned: it stands already. */
        {STATUS_INITIALIZING, server->control_unread,
         .text = "control key not read yet: an operator may be draining this server"},
        {STATUS_DRAINING, hold < HOLD_COUNT, .say = say_hold, .index = hold},
        {STATUS_READY, true, .text = ""},
    };
    const struct row *row = rows;
    while (!row->holds) {
        row++;
    }
    if (row->say != NULL) {
        row->say(server, row->index, cause);
    } else {
        snprintf(cause, 160, "%s", row->text);
    }
    return row->status;
}

enum status server_effective(const struct server *server, char cause[static 160])
{
    return effective(server, server->flapping.state == FLAPPING_ON, cause);
}

enum status server_undamped(const struct server *server, char cause[static 160])
{
    return effective(server, false, cause);
}
