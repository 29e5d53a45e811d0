/* Carries out the effects of the router on io. A result enters the router as a later event. */
#include "agent_internal.h"
#include "server_inbox_internal.h"

#include "outrider/base/mem.h"
#include "outrider/codec/status/status_line.h"
#include "outrider/io/loop/loop_watch.h"
#include "outrider/probe/driver.h"
#include "outrider/registry/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- probes ---- */

struct probe_slot *agent_probe_slot(struct agent *agent, unsigned index)
{
    struct probe_slot **slot = &agent->probes[index];
    if (*slot == NULL) {
        *slot = mem_zalloc(sizeof(**slot));
        **slot = (struct probe_slot){.agent = agent, .index = index};
    }
    return *slot;
}

void agent_free_slots(struct agent *agent)
{
    for (size_t i = 0; i < SERVER_PROBES_MAX; i++) {
        if (agent->probes[i] != NULL) {
            buf_fini(&agent->probes[i]->target);
            free(agent->probes[i]);
        }
    }
}

static void cancel_try(struct probe_slot *slot)
{
    deferred_cancel(&slot->unpublished);
    if (slot->running != NULL) {
        slot->driver->cancel(slot->running);
        slot->running = NULL;
    }
}

static void on_tried(const struct probe_result *result, void *user)
{
    struct probe_slot *slot = user;
    slot->running = NULL;
    api_histogram_count(&slot->duration, result->duration_us);
    struct instant now = agent_now();
    router_tried(slot->agent->router, slot->index, slot->try_id, result, &now);
    agent_rearm(slot->agent);
}

/* Without a published address nothing was tried, so the attempt decides nothing. */
static void on_unpublished(void *user)
{
    on_tried(&(struct probe_result){.outcome = PROBE_NOT_RESOLVED, .detail = "no address is published yet"},
             user);
}

static const char *published_host(const struct agent *agent)
{
    return server_facts(agent->router->server).host;
}

const char *agent_probe_host(const struct agent *agent, const struct config_probe *probe)
{
    const char *host = probe->host != NULL ? probe->host : agent->config->probe_host;
    if (!config_probe_has_port(probe->type) || strcmp(host, CONFIG_PROBE_PUBLISHED) != 0) {
        return host;
    }
    return published_host(agent);
}

void effects_try(struct effects *effects, unsigned index, uint64_t try_id, const struct config_probe *probe)
{
    struct probe_slot *slot = agent_probe_slot(effects->agent, index);
    cancel_try(slot);
    slot->try_id = try_id;
    slot->driver = probe_driver_for(probe->type);
    struct probe_context context = {.loop = effects->agent->loop,
                                    .resolver = effects->agent->resolver,
                                    .clients = &effects->agent->probe_clients,
                                    .programs = effects->agent->programs};
    const char *host = agent_probe_host(effects->agent, probe);
    if (host == NULL) {
        slot->unpublished = (struct deferred){.fn = on_unpublished, .user = slot};
        loop_defer(effects->agent->loop, &slot->unpublished);
    } else {
        slot->running = slot->driver->start(&context, host, probe, on_tried, slot);
    }
}

void effects_cancel_tries(struct effects *effects)
{
    for (size_t i = 0; i < SERVER_PROBES_MAX; i++) {
        if (effects->agent->probes[i] != NULL) {
            cancel_try(effects->agent->probes[i]);
        }
    }
}

void agent_end_probes(struct agent *agent)
{
    effects_cancel_tries(&agent->effects);
    probe_clients_fini(&agent->probe_clients);
}

/* ---- registry ---- */

void effects_request(struct effects *effects, enum router_client client,
                     const struct registry_request *request)
{
    registry_submit(effects->agent->clients[client].client, request);
}

void effects_watch(struct effects *effects, const struct registry_watch *watch)
{
    struct registry_watch keys = *watch;
    server_inbox_add(effects->agent->inbox, &keys);
    registry_watch(effects->agent->clients[ROUTER_CLIENT_KEYS].client, &keys);
}

void effects_unwatch(struct effects *effects, uint64_t id)
{
    registry_unwatch(effects->agent->clients[ROUTER_CLIENT_KEYS].client, id);
}

/* ---- the server's process ---- */

static void on_process_gone(void *user)
{
    struct agent *agent = user;
    agent_server_event(agent, (struct server_event){.type = SERVER_ON_EXIT, .pid = agent->mainpid});
}

/* The pid may have passed to another process since the server reported it. */
static bool is_same_process(const struct agent *agent, pid_t pid)
{
    struct status_message message;
    uint64_t start;
    struct error err;
    return process_start_time(pid, &err, &start) == 0 &&
           server_reported_message(agent->router->server, &message) && message.mainpid_start == start;
}

void effects_watch_pid(struct effects *effects, pid_t pid)
{
    struct agent *agent = effects->agent;
    loop_watch_free(agent->mainpid_watch);
    agent->mainpid_watch = NULL;
    deferred_cancel(&agent->mainpid_gone);
    agent->mainpid = pid;
    if (pid == 0) {
        return;
    }
    status_sockets_mainpid(agent->sockets, pid);
    struct error err;
    agent->mainpid_watch = loop_watch_process(agent->loop, pid, on_process_gone, agent, &err);
    if (agent->mainpid_watch != NULL && is_same_process(agent, pid)) {
        return;
    }
    if (agent->mainpid_watch == NULL && err.code != ERROR_NOT_FOUND) {
        /* A kernel or a sandbox without pidfd is no sign of a server that ended. */
        log_warn("server", "MAINPID cannot be watched, relying on probes and attached connections",
                 LOG_INT("pid", pid), LOG_TEXT("error", err.text));
        return;
    }
    log_warn("server", "MAINPID exited before it could be watched", LOG_INT("pid", pid));
    agent->mainpid_gone.fn = on_process_gone;
    agent->mainpid_gone.user = agent;
    loop_defer(agent->loop, &agent->mainpid_gone);
}

void effects_terminate(struct effects *effects, pid_t pid)
{
    struct agent *agent = effects->agent;
    struct error err = {.text = "it is another process now"};
    int pidfd = process_open(pid, &err);
    /* Looked at while the pidfd is open, the number cannot pass to another process in between. */
    bool sent = pidfd >= 0 && is_same_process(agent, pid) && process_terminate(pidfd, &err) == 0;
    if (pidfd >= 0) {
        close(pidfd);
    }
    if (sent) {
        log_info("server", "idle server asked to end", LOG_INT("pid", pid));
    } else {
        log_warn("server", "idle server not asked to end, it must end by itself", LOG_INT("pid", pid),
                 LOG_TEXT("error", err.text));
    }
}

/* ---- address ---- */

static void log_host(struct agent *agent, const char *before, const struct host_answer *answer)
{
    const char *host = published_host(agent);
    if (host == NULL && !agent->host_missed) {
        log_warn(
            "server", "no address to publish, server not registered",
            LOG_TEXT("error", answer->absent != NULL ? "the interface does not exist yet" : answer->reason),
            LOG_TEXT("host", agent->config->server.host));
    } else if (host != NULL && agent->host_missed) {
        log_info("server", "address to publish found", LOG_TEXT("host", host));
    } else if (host != NULL && strcmp(before, "") != 0 && strcmp(before, host) != 0) {
        log_info("server", "address to publish changed", LOG_TEXT("from", before), LOG_TEXT("to", host));
    }
    agent->host_missed = host == NULL;
}

void agent_on_host(const struct host_answer *answer, void *user)
{
    struct agent *agent = user;
    char before[256];
    const char *host = published_host(agent);
    snprintf(before, sizeof(before), "%s", host == NULL ? "" : host);
    bool is_first = agent->host_from == NULL; /* comes before READY=1, which has the status with it */
    agent->host_from = answer->from;
    agent->addresses = answer->choice == NULL ? (struct net_choice){0} : *answer->choice;
    agent_server_event(agent, (struct server_event){.type = SERVER_ON_HOST,
                                                    .text = answer->host,
                                                    .reason = answer->reason,
                                                    .absent = answer->absent,
                                                    .unsure = answer->unsure});
    if (answer->is_last) {
        log_host(agent, before, answer);
    }
    host = published_host(agent);
    if (!is_first && (host == NULL || strcmp(before, host) != 0)) {
        agent_notify_status(agent, "");
    }
}

void effects_look_up_host(struct effects *effects)
{
    host_search_start(effects->agent->host_search, effects->agent->config->server.host);
}

/* ---- events, state, log ---- */

void effects_emit_drain(struct effects *effects, bool on, int64_t left_ms, struct str reason)
{
    struct buf event = {0};
    status_line_drain_event(&event, on, left_ms, reason);
    status_sockets_emit(effects->agent->sockets, "drain", buf_view(&event));
    buf_fini(&event);
    hooks_drain(effects->agent->hooks, on, left_ms, reason);
}

void effects_save(struct effects *effects, enum effects_save when)
{
    state_store_save(effects->agent->state, when);
}

void effects_status_moved(struct effects *effects, enum status from, enum status to, struct str cause)
{
    struct agent *agent = effects->agent;
    agent->counters.transitions[from][to]++;
    enum log_level level = to == STATUS_ERROR ? LOG_LEVEL_WARN : LOG_LEVEL_INFO;
    LOG_AT(level, "server", "status changed", LOG_TEXT("from", status_name(from)),
           LOG_TEXT("to", status_name(to)), LOG_STR("cause", cause), LOG_END);
    hooks_status(agent->hooks, to, cause);
    agent_notify_status(agent, "");
}

void effects_note(struct effects *effects, enum registrar_note note, struct str text)
{
    static const struct agent_note notes[] = {
        [REGISTRAR_NOTE_REGISTERED] = {LOG_LEVEL_INFO, "registered"},
        [REGISTRAR_NOTE_TAKEN_OVER] = {LOG_LEVEL_INFO, "record taken over after a restart"},
        [REGISTRAR_NOTE_LEASE_LOST] = {LOG_LEVEL_WARN, "lease lost"},
        [REGISTRAR_NOTE_REPAIRED] = {LOG_LEVEL_WARN, "record repaired after an external change"},
        [REGISTRAR_NOTE_CONFLICT] = {LOG_LEVEL_ERROR,
                                     "key held by another agent, waiting for its lease to end"},
        [REGISTRAR_NOTE_CONFLICT_LEFT] = {LOG_LEVEL_INFO,
                                          "lease of the other agent ends unless it renews it"},
        [REGISTRAR_NOTE_OUTAGE] = {LOG_LEVEL_WARN, "requests fail, retrying until they succeed"},
        [REGISTRAR_NOTE_RECOVERED] = {LOG_LEVEL_INFO, "requests succeed again"},
        [REGISTRAR_NOTE_WITHDRAWN] = {LOG_LEVEL_INFO, "record withdrawn"},
        [REGISTRAR_NOTE_GAP] = {LOG_LEVEL_WARN, "agent did not run for longer than the TTL"},
        [REGISTRAR_NOTE_TAKEN_BACK] = {LOG_LEVEL_ERROR,
                                       "stale ready record revoked, the registry refuses writes"},
        [REGISTRAR_NOTE_UNREAD] =
            {LOG_LEVEL_ERROR, "record from before the restart revoked, unreadable while the server is down"},
        [REGISTRAR_NOTE_HEARTBEAT] = {LOG_LEVEL_WARN,
                                      "registry.heartbeat is longer than a third of the granted TTL"},
        [REGISTRAR_NOTE_DUPLICATE_AGENT] =
            {LOG_LEVEL_ERROR, "lease shared with another agent, taking a new one; is its state_dir a copy?"},
        [REGISTRAR_NOTE_CLUSTER] = {LOG_LEVEL_WARN, "another cluster answers"},
        [REGISTRAR_NOTE_LEASE_MOVED] = {LOG_LEVEL_DEBUG, "lease state changed"},
    };
    agent_log_note(&notes[note], "registry", text);
    if (note != REGISTRAR_NOTE_LEASE_MOVED) {
        agent_notify_status(effects->agent, "");
    }
}

void effects_intent_note(struct effects *effects, enum intent_note note, struct str text)
{
    static const struct agent_note notes[] = {
        [INTENT_NOTE_ADOPTED] = {LOG_LEVEL_INFO, "control key changed, following it"},
        [INTENT_NOTE_CONFLICT] = {LOG_LEVEL_WARN,
                                  "drained or undrained both here and at the control key, drain wins"},
        [INTENT_NOTE_PUT_AGAIN] = {LOG_LEVEL_WARN, "control key gone, hold put again"},
        [INTENT_NOTE_UNREADABLE] = {LOG_LEVEL_WARN, "control key value invalid, ignored"},
        [INTENT_NOTE_OUTAGE] = {LOG_LEVEL_WARN, "control key requests fail, retrying until they succeed"},
        [INTENT_NOTE_RECOVERED] = {LOG_LEVEL_INFO, "control key requests succeed again"},
        [INTENT_NOTE_LEFT] = {LOG_LEVEL_WARN, "control key not cleaned up"},
    };
    (void)effects;
    agent_log_note(&notes[note], "control", text);
}

void effects_watch_note(struct effects *effects, enum follow_note note, struct str text)
{
    static const struct agent_note notes[] = {
        [FOLLOW_NOTE_OUTAGE] = {LOG_LEVEL_WARN, "watch of own keys failing, reading them every minute"},
        [FOLLOW_NOTE_SILENT] = {LOG_LEVEL_WARN, "watch of own keys stalled, opening another"},
        [FOLLOW_NOTE_RECOVERED] = {LOG_LEVEL_INFO, "watch of own keys recovered"},
        [FOLLOW_NOTE_READ_ANEW] = {LOG_LEVEL_WARN, "watch of own keys cannot resume, reading them again"},
    };
    (void)effects;
    agent_log_note(&notes[note], "registry", text);
}

void effects_drain_over(struct effects *effects, enum hold_kind kind, enum drain_outcome outcome)
{
    (void)effects;
    log_info("server", "drain finished", LOG_TEXT("hold", hold_name(kind)),
             LOG_TEXT("outcome", drain_outcome_name(outcome)));
}

void effects_claimed(struct effects *effects, uint64_t ticket, enum registrar_claim_outcome outcome,
                     struct str id, struct str why)
{
    status_sockets_claimed(effects->agent->sockets, ticket, outcome == REGISTRAR_CLAIMED, id, why);
}

void effects_exit(struct effects *effects, int code)
{
    struct agent *agent = effects->agent;
    log_info("agent", "stopped", LOG_INT("exit", code));
    agent->exit_code = code;
    if (!leadership_leave(agent->leadership)) {
        hooks_leave(agent);
    }
}
