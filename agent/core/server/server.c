/* The step: an event changes the state; drains, status and record follow from it in a fixed order. */
#include "server_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

struct server_effect *server_effect(struct queue *effects, enum server_effect_type type)
{
    struct server_effect *effect = queue_push(effects);
    effect->type = type;
    return effect;
}

struct server *server_new(const struct config *config, const char *id, const struct instant *now)
{
    struct server *server = mem_zalloc(sizeof(*server));
    server->config = config;
    server->id = mem_strdup(id);
    server->contact_mono = now->mono;
    server->status = STATUS_INITIALIZING;
    server->status_mono = now->mono;
    server->status_wall = now->wall;
    snprintf(server->cause, sizeof(server->cause), "the agent has just started");
    server->host_retry = now->mono;
    snprintf(server->host_reason, sizeof(server->host_reason), "no address to publish: not looked up yet");
    server_clear_reported(server);
    server_load_extract(server);
    return server;
}

void server_free(struct server *server)
{
    if (server != NULL) {
        server_clear_reported(server);
        for (size_t i = 0; i < COUNT_OF(server->extract); i++) {
            extract_free(server->extract[i]);
        }
        for (size_t i = 0; i < SERVER_PROBES_MAX; i++) {
            server_unlearn(&server->probes[i]);
        }
        record_fini(&server->offered);
        free(server->transitions);
        free(server->host);
        free(server->id);
        free(server);
    }
}

static void note_transition(struct server *server, enum status to, const char *cause,
                            const struct instant *now)
{
    struct server_transition *rows = server->transitions;
    if (server->transition_count < SERVER_TRANSITIONS_MAX) {
        rows = mem_resize(rows, ++server->transition_count, sizeof(rows[0]));
        server->transitions = rows;
    } else {
        memmove(rows, rows + 1, (SERVER_TRANSITIONS_MAX - 1) * sizeof(rows[0]));
    }
    struct server_transition *row = &rows[server->transition_count - 1];
    *row = (struct server_transition){.wall_ms = now->wall, .from = server->status, .to = to};
    snprintf(row->cause, sizeof(row->cause), "%s", cause);
}

/* docs/design/protocol.md, "Flapping". */
static void notice_flapping(struct server *server, const struct instant *now)
{
    char cause[160];
    const enum status status = server_undamped(server, cause);
    const enum reported_status reported = server->reported.status;
    const bool ready = status == STATUS_READY || status == STATUS_DRAINING;
    /* A restart that was asked for, and one that the server announced. */
    const bool asked = server->holds[HOLD_OPS].set || server->stopping || server->life == LIFE_LEFT ||
                       reported == REPORTED_SHUTTING_DOWN || server->idle_over;
    /* What the agent does not know at the moment, after a reload, a gap or a restart of its own. */
    const bool unknown =
        server->start != START_DONE ||
        (server->flapping.ready && status == STATUS_INITIALIZING && reported != REPORTED_INITIALIZING);
    const struct flapping_limits limits = {.changes = server->config->server.flapping.changes,
                                           .within_ms = server->config->server.flapping.within_ms,
                                           .hold_ms = server->config->server.flapping.hold_ms};
    flapping_step(&server->flapping, &limits, ready, asked || unknown, now);
}

/* The only place where the status changes. */
static void update_status(struct server *server, const struct instant *now, struct queue *effects)
{
    char cause[160];
    enum status to = server_effective(server, cause);
    if (to != server->status) {
        note_transition(server, to, cause, now);
        struct server_effect *effect = server_effect(effects, SERVER_DO_LOG_STATUS);
        effect->from = server->status;
        effect->to = to;
        effect->text = queue_copy(effects, str_of(cause));
        server->status = to;
        server->status_mono = now->mono;
        server->status_wall = now->wall;
    }
    snprintf(server->cause, sizeof(server->cause), "%s", cause);
    int64_t limit = server->config->server.deregister_after_ms;
    server->withdrawn = to == STATUS_ERROR && limit > 0 && now->mono - server->status_mono >= limit;
}

static void update_start(struct server *server)
{
    if (server->start == START_FRESH || (server->start == START_SETTLING && server_has_verdicts(server))) {
        server->start = START_DONE;
    }
}

/* Before the first life every probe must have a verdict: right after a restart the server may well run. */
static bool is_gone(const struct server *server)
{
    bool never_lived = server->start == START_DONE && server_has_verdicts(server);
    return server->life != LIFE_ALIVE && (server->life != LIFE_NONE || never_lived);
}

int64_t server_settled_at(const struct server *server, const struct hold *hold, int64_t since)
{
    int64_t from = since > hold->since_mono ? since : hold->since_mono;
    return since == NEVER_MS ? NEVER_MS : from + server->config->drain.settle_ms;
}

static enum drain_outcome drain_outcome(const struct server *server, const struct hold *hold, int64_t now)
{
    if (is_gone(server)) {
        return DRAIN_GONE;
    }
    if (now >= server_settled_at(server, hold, server->empty_since)) {
        return DRAIN_EMPTY;
    }
    /* A server that does not answer has no players; one that restarts gets `settle` to come back. */
    if (now >= server_settled_at(server, hold, server_silent_since(server))) {
        return DRAIN_GONE;
    }
    return now >= hold->deadline_mono ? DRAIN_DEADLINE : DRAIN_WAITING;
}

/* The control key first: the state that is saved includes that the hold has not reached it yet. */
static void changed_here(struct queue *effects, enum hold_kind kind)
{
    if (kind == HOLD_OPS) {
        server_effect(effects, SERVER_DO_UPDATE_CONTROL);
    }
    server_effect(effects, SERVER_DO_SAVE)->urgent = true;
}

static void update_drains(struct server *server, const struct instant *now, struct queue *effects)
{
    for (int kind = 0; kind < HOLD_COUNT; kind++) {
        struct hold *hold = &server->holds[kind];
        if (hold->set && now->mono >= hold->expires_mono) {
            hold_clear(hold);
            changed_here(effects, (enum hold_kind)kind);
        }
        if (hold->set && hold->outcome == DRAIN_WAITING) {
            hold->outcome = drain_outcome(server, hold, now->mono);
            if (hold->outcome != DRAIN_WAITING) {
                struct server_effect *effect = server_effect(effects, SERVER_DO_DRAIN_OVER);
                effect->kind = (enum hold_kind)kind;
                effect->outcome = hold->outcome;
            }
        }
    }
}

/* Emits an event when a drain begins, changes its deadline or reason, or ends. */
static void emit_drain(struct server *server, const struct instant *now, struct queue *effects)
{
    struct server_drain drain = server_drain(server, now);
    bool same =
        drain.deadline_mono == server->emitted_deadline && strcmp(drain.reason, server->emitted_reason) == 0;
    if (drain.on == server->drain_emitted && (!drain.on || same)) {
        return;
    }
    server->drain_emitted = drain.on;
    server->emitted_deadline = drain.deadline_mono;
    snprintf(server->emitted_reason, sizeof(server->emitted_reason), "%s", drain.reason);
    struct server_effect *effect = server_effect(effects, SERVER_DO_EMIT_DRAIN);
    effect->on = drain.on;
    effect->deadline_ms = drain.left_ms;
    effect->text = queue_copy(effects, str_of(drain.reason));
}

static void on_verdict(struct server *server, const struct server_event *event, struct queue *effects)
{
    struct server_probe *probe = &server->probes[event->index];
    probe->verdict = event->verdict;
    probe->verdict_mono = event->now.mono;
    snprintf(probe->evidence, sizeof(probe->evidence), "%s", event->text == NULL ? "" : event->text);
    if (event->verdict == VERDICT_FAILING) {
        server_unlearn(probe);
    }
    if (event->verdict == VERDICT_PASSING) {
        if (server->life != LIFE_ALIVE) {
            server_begin_life(server, &event->now, true, effects);
        }
        probe->passed = true;
        if (!server->reported.passed) {
            server->reported.passed = true;
            server_effect(effects, SERVER_DO_SAVE);
        }
    }
}

/* docs/design/protocol.md, "Life": a life ends when its probes fail after it reported shutting_down. All of
 * them: a server that closes one port first and then saves still runs. */
static void notice_leaving(struct server *server, const struct instant *now, struct queue *effects)
{
    bool leaves = server->reported.status == REPORTED_SHUTTING_DOWN || server->idle_over;
    if (server->life != LIFE_ALIVE || !leaves) {
        return;
    }
    if (server_failing_since(server) != NEVER_MS) {
        server_end_life(server, now, "every probe fails", effects);
    }
}

/* An address may appear later (a link that comes up), so the look-up is repeated. */
enum { HOST_RETRY_MS = 5000 };

/* A look-up that does not know takes no name away: that its name server is silent says nothing about it. The address of an
 * interface is gone with the interface. */
static bool keeps_host(const struct server *server, const struct server_event *event)
{
    return event->unsure &&
           (server->host == NULL || event->absent == NULL || strcmp(server->host, event->absent) == 0);
}

static void on_host(struct server *server, const struct server_event *event)
{
    server->host_retry = event->now.mono + HOST_RETRY_MS;
    server->host_unsure = event->unsure;
    if (!keeps_host(server, event)) {
        free(server->host);
        server->host = mem_strdup(event->text);
        server->host_known = true;
    }
    const char *reason = event->reason == NULL ? "" : event->reason;
    if (event->absent != NULL) {
        brief_format(server->host_reason, sizeof(server->host_reason), "interface %s does not exist yet%s%s",
                     event->absent, reason[0] == '\0' ? "" : ", ", reason);
    } else {
        brief_format(server->host_reason, sizeof(server->host_reason), "no address to publish: %s", reason);
    }
}

static void reload_watchdog(struct server *server, int64_t before_ms, int64_t now)
{
    struct server_report *reported = &server->reported;
    if (reported->watchdog_ms != before_ms) {
        return; /* the server has set a timeout of its own */
    }
    reported->watchdog_ms = server->config->server.watchdog_ms;
    if (reported->watchdog_due != NEVER_MS) {
        reported->watchdog_due = reported->watchdog_ms > 0 ? now + reported->watchdog_ms : NEVER_MS;
    }
}

static void on_reload(struct server *server, const struct server_event *event, struct queue *effects)
{
    const struct config *before = server->config;
    struct server_probe probes[SERVER_PROBES_MAX];
    memcpy(probes, server->probes, sizeof(probes));
    for (size_t i = 0; i < SERVER_PROBES_MAX; i++) {
        int old = event->probe_map[i];
        server->probes[i] = old >= 0 ? probes[old] : (struct server_probe){.verdict = VERDICT_UNKNOWN};
        if (old >= 0) {
            probes[old].learned = NULL;
        }
    }
    for (size_t i = 0; i < SERVER_PROBES_MAX; i++) {
        server_unlearn(&probes[i]);
    }
    server->config = event->config;
    server_load_extract(server);
    server_read_text(server);
    reload_watchdog(server, before->server.watchdog_ms, event->now.mono);
    if (server_probes_reported_ports(server->config) && !server_probes_reported_ports(before) &&
        server->reported.port_count > 0) {
        server_effect(effects, SERVER_DO_PROBE_PORTS);
    }
}

static void apply(struct server *server, const struct server_event *event, struct queue *effects)
{
    const struct instant *now = &event->now;
    switch (event->type) {
    case SERVER_ON_TICK: break;
    case SERVER_ON_MESSAGE: server_apply_message(server, event->message, now, effects); break;
    case SERVER_ON_DETACH:
        if (server->life == LIFE_ALIVE && event->life == server->life_number &&
            server->reported.attached > 0 && --server->reported.attached == 0 && !event->by_us) {
            server_end_life(server, now,
                            event->exited ? "the attached process exited"
                                          : "the server closed its attached connection",
                            effects);
        }
        break;
    case SERVER_ON_EXIT:
        if (server->life == LIFE_ALIVE && event->pid == server->reported.mainpid) {
            char how[64];
            snprintf(how, sizeof(how), "process %d exited", (int)event->pid);
            server_end_life(server, now, how, effects);
        }
        break;
    case SERVER_ON_VERDICT: on_verdict(server, event, effects); break;
    case SERVER_ON_LEARNED: server_learn(server, event); break;
    case SERVER_ON_HOLD:
        hold_set(&server->holds[event->kind], event->reason, event->by, event->deadline_ms, event->expires_ms,
                 now);
        changed_here(effects, event->kind);
        break;
    case SERVER_ON_UNHOLD:
        if (server->holds[event->kind].set) {
            hold_clear(&server->holds[event->kind]);
            changed_here(effects, event->kind);
        }
        break;
    case SERVER_ON_UNFLAP: flapping_end(&server->flapping); break;
    case SERVER_ON_RESTORE: hold_restore(&server->holds[HOLD_OPS], event->hold, now); break;
    case SERVER_ON_CONTROL:
        server->control_unread = false;
        if (event->hold->set) {
            hold_restore(&server->holds[HOLD_OPS], event->hold, now);
        } else {
            hold_clear(&server->holds[HOLD_OPS]);
        }
        break;
    case SERVER_ON_CONTROL_READ: server->control_unread = false; break;
    case SERVER_ON_STOPPING: server->stopping = true; break;
    case SERVER_ON_HOST: on_host(server, event); break;
    case SERVER_ON_FRESH: server_fresh(server, event, effects); break;
    case SERVER_ON_ADOPTED: server_adopt(server, event, effects); break;
    case SERVER_ON_GAP: server_gap(server); break;
    case SERVER_ON_RELOAD: on_reload(server, event, effects); break;
    }
}

/* A step this late was held up with everything else (a stopped process, a paused machine): a heartbeat of the
 * server may still wait to be read. */
enum { WATCHDOG_LATE_MS = 1000 };

static void run_watchdog(struct server *server, int64_t now)
{
    if (now >= server->reported.watchdog_due && now - server->reported.watchdog_due >= WATCHDOG_LATE_MS &&
        !server->reported.watchdog_in_grace) {
        server->reported.watchdog_in_grace = true;
        server->reported.watchdog_due = now + WATCHDOG_LATE_MS;
    } else if (now >= server->reported.watchdog_due) {
        server->reported.watchdog_ran_out = true;
        server->reported.watchdog_due = NEVER_MS;
    }
}

int64_t server_host_due(const struct server *server)
{
    return server->host == NULL || server->host_unsure ? server->host_retry : NEVER_MS;
}

static void seek_host(struct server *server, int64_t now, struct queue *effects)
{
    if (now >= server_host_due(server)) {
        server->host_retry = now + HOST_RETRY_MS;
        server_effect(effects, SERVER_DO_LOOK_UP_HOST);
    }
}

void server_step(struct server *server, const struct server_event *event, struct queue *effects)
{
    server->stepped = event->now.mono;
    apply(server, event, effects);
    if (event->type == SERVER_ON_LEARNED && server->probes[event->index].verdict != VERDICT_PASSING) {
        return; /* it counts with the verdict, which may follow at once: what is published now would be over by then */
    }
    notice_leaving(server, &event->now, effects);
    seek_host(server, event->now.mono, effects);
    run_watchdog(server, event->now.mono);
    server_recall_end(server, &event->now, effects);
    update_start(server);
    server_notice_empty(server, event->now.mono);
    server_notice_idle(server, &event->now, effects);
    update_drains(server, &event->now, effects);
    notice_flapping(server, &event->now);
    update_status(server, &event->now, effects);
    server_publish(server, &event->now, effects);
    emit_drain(server, &event->now, effects);
}
