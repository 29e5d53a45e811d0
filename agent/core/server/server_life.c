/* How a life begins and ends, and what the reports of the server change. */
#include "server_internal.h"

#include "outrider/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

void server_clear_reported(struct server *server)
{
    for (size_t i = 0; i < server->reported.label_count; i++) {
        free(server->reported.labels[i].name);
        free(server->reported.labels[i].value);
    }
    free(server->reported.text);
    server_recall_clear(server);
    server->empty_since = NEVER_MS;
    server->reported = (struct server_report){
        .watchdog_ms = server->config->server.watchdog_ms,
        .watchdog_due = NEVER_MS,
    };
}

/* Every verdict is unknown again; `type`: what the probes themselves are to do. */
static void reset_probes(struct server *server, enum server_effect_type type, struct queue *effects)
{
    for (size_t i = 0; i < SERVER_PROBES_MAX; i++) {
        server_unlearn(&server->probes[i]);
        server->probes[i] = (struct server_probe){.verdict = VERDICT_UNKNOWN};
    }
    server_effect(effects, type);
}

bool server_probes_reported_ports(const struct config *config)
{
    return config->server.ports_dynamic && !config->probes_given;
}

void server_begin_life(struct server *server, const struct instant *now, bool by_probe, struct queue *effects)
{
    server->life = LIFE_ALIVE;
    server->life_number++;
    server->life_mono = server->contact_mono = now->mono;
    server->life_wall = now->wall;
    server->life_cause[0] = '\0';
    if (!by_probe) {
        /* The verdicts are of an earlier process. */
        reset_probes(server, SERVER_DO_RESET_PROBES, effects);
    }
    server_effect(effects, SERVER_DO_SAVE);
}

void server_end_life(struct server *server, const struct instant *now, const char *how, struct queue *effects)
{
    bool announced = server->reported.status == REPORTED_SHUTTING_DOWN, idle = server->idle_over;
    bool drained = server->holds[HOLD_OPS].set || server->holds[HOLD_STOP].set;
    bool probed_reported_ports =
        server->reported.port_count > 0 && server_probes_reported_ports(server->config);
    server->life = announced || idle || drained ? LIFE_LEFT : LIFE_CRASHED;
    snprintf(server->life_cause, sizeof(server->life_cause), "%s%s", how,
             announced ? " after it reported shutting_down"
             : idle    ? " after it was idle"
             : drained ? " during a drain"
                       : "");
    server->life_mono = now->mono;
    server->life_wall = now->wall;
    if (server->reported.mainpid != 0) {
        server_effect(effects, SERVER_DO_UNWATCH_PID);
    }
    server_clear_reported(server);
    hold_clear(&server->holds[HOLD_SELF]);
    hold_clear(&server->holds[HOLD_RELOAD]);
    server_idle_clear(server);
    reset_probes(server, SERVER_DO_RESET_PROBES, effects);
    if (probed_reported_ports) {
        /* The ports were those of the life that ended: another process may listen there now. */
        server_effect(effects, SERVER_DO_PROBE_PORTS);
    }
    server_effect(effects, SERVER_DO_SAVE);
}

static size_t find_label(const struct server_report *reported, struct str name)
{
    size_t i = 0;
    while (i < reported->label_count && !str_eq(str_of(reported->labels[i].name), name)) {
        i++;
    }
    return i;
}

static void apply_label(struct server_report *reported, const struct status_label *label)
{
    size_t at = find_label(reported, label->name);
    if (at < reported->label_count) {
        free(reported->labels[at].value);
        if (label->value.size > 0) {
            reported->labels[at].value = mem_copy(label->value.data, label->value.size);
        } else {
            free(reported->labels[at].name);
            reported->labels[at] = reported->labels[--reported->label_count];
        }
    } else if (label->value.size > 0 && reported->label_count < RECORD_LABELS_MAX) {
        reported->labels[reported->label_count].name = mem_copy(label->name.data, label->name.size);
        reported->labels[reported->label_count].value = mem_copy(label->value.data, label->value.size);
        reported->label_count++;
    }
}

bool server_has_label(const struct server *server, struct str name)
{
    return find_label(&server->reported, name) < server->reported.label_count;
}

void server_remove_label(struct server *server, struct str name)
{
    apply_label(&server->reported, &(struct status_label){.name = name});
}

/* The ports of the configuration, in any order, contradict nothing. */
static bool has_other_ports(const struct config_server *config, const struct status_message *message)
{
    bool same = message->port_count == config->port_count;
    for (size_t i = 0; i < message->port_count && same; i++) {
        size_t at = 0;
        while (at < config->port_count && config->ports[at] != message->ports[i]) {
            at++;
        }
        same = at < config->port_count;
    }
    return message->port_count > 0 && !same;
}

int server_accepts(const struct server *server, const struct status_message *message,
                   struct server_refusal *ret_refusal)
{
    const struct config_server *config = &server->config->server;
    size_t count = server->reported.label_count;
    if (!config->ports_dynamic && has_other_ports(config, message)) {
        *ret_refusal = (struct server_refusal){.fixed_ports = true};
        return -1;
    }
    for (size_t i = 0; i < message->label_count; i++) {
        bool known = find_label(&server->reported, message->labels[i].name) < server->reported.label_count;
        if (message->labels[i].value.size == 0) {
            count -= known ? 1 : 0;
        } else if (!known && ++count > RECORD_LABELS_MAX) {
            *ret_refusal = (struct server_refusal){.label = message->labels[i].name};
            return -1;
        }
    }
    return 0;
}

static void apply_numbers(struct server_report *reported, const struct status_message *message)
{
    if (message->has_capacity) {
        reported->has_capacity = true;
        reported->capacity = message->capacity;
    }
    if (message->has_players) {
        reported->has_players = true;
        reported->players = message->players;
    }
    for (size_t i = 0; i < message->label_count; i++) {
        apply_label(reported, &message->labels[i]);
    }
}

static void apply_text(struct server_report *reported, const struct status_message *message)
{
    if (message->has_text || message->reported != REPORTED_NOTHING) {
        free(reported->text);
        reported->text = message->has_text && message->text.size > 0
                             ? mem_copy(message->text.data, message->text.size)
                             : NULL;
    }
}

static void apply_ports(struct server *server, const struct status_message *message, struct queue *effects)
{
    bool same =
        message->port_count == server->reported.port_count &&
        memcmp(message->ports, server->reported.ports, message->port_count * sizeof(message->ports[0])) == 0;
    if (message->port_count == 0 || same) {
        return;
    }
    memcpy(server->reported.ports, message->ports, sizeof(message->ports));
    server->reported.port_count = message->port_count;
    if (server_probes_reported_ports(server->config)) {
        reset_probes(server, SERVER_DO_PROBE_PORTS, effects);
    }
}

void server_forget_ports(struct server *server, struct queue *effects)
{
    server->reported.port_count = 0;
    if (server_probes_reported_ports(server->config)) {
        reset_probes(server, SERVER_DO_PROBE_PORTS, effects);
    }
}

static void apply_watchdog(struct server_report *reported, const struct status_message *message,
                           const struct instant *now)
{
    bool fed = message->heartbeat || message->reported != REPORTED_NOTHING;
    if (message->has_watchdog) {
        reported->watchdog_ms = message->watchdog_ms;
    }
    if (fed) {
        reported->watchdog_ran_out = reported->watchdog_in_grace = reported->triggered = false;
    }
    if (message->watchdog_trigger) {
        reported->triggered = true;
    }
    if (fed || (message->has_watchdog && reported->watchdog_due != NEVER_MS)) {
        reported->watchdog_due = reported->watchdog_ms > 0 ? now->mono + reported->watchdog_ms : NEVER_MS;
    }
}

static void apply_holds(struct server *server, const struct status_message *message,
                        const struct instant *now)
{
    server->applied_holds |= message->drain || message->undrain ? 1u << HOLD_SELF : 0;
    server->applied_holds |=
        message->reported == REPORTED_READY || message->reloading ? 1u << HOLD_RELOAD : 0;
    /* A line may repeat the whole state, so a drain without a deadline leaves the deadline as it is. */
    if (message->drain && (!server->holds[HOLD_SELF].set || message->has_drain_deadline)) {
        int64_t deadline =
            message->has_drain_deadline ? message->drain_deadline_ms : server->config->drain.deadline_ms;
        hold_set(&server->holds[HOLD_SELF], "", "server", deadline, 0, now);
    }
    if (message->undrain) {
        hold_clear(&server->holds[HOLD_SELF]);
    }
    if (message->reported == REPORTED_READY) {
        hold_clear(&server->holds[HOLD_RELOAD]);
    }
    if (message->reloading) {
        hold_set(&server->holds[HOLD_RELOAD], "", "server", 0, 0, now);
    }
}

/* Holds that the record has were adopted from there, with their times. */
static void restore_holds(struct server *server, const struct status_message *older,
                          const struct instant *now)
{
    struct hold *self = &server->holds[HOLD_SELF], *reload = &server->holds[HOLD_RELOAD];
    if (older->drain && !self->set) {
        hold_set(self, "", "server", server->config->drain.deadline_ms, 0, now);
    }
    if (older->reloading && !reload->set) {
        hold_set(reload, "", "server", 0, 0, now);
    }
}

static void apply_status(struct server_report *reported, const struct status_message *message,
                         const struct instant *now)
{
    if (message->reported == REPORTED_NOTHING) {
        return;
    }
    if (message->reported != reported->status) {
        reported->status_mono = now->mono;
    }
    reported->status = message->reported;
    reported->status_wall = now->wall;
}

static void apply_pid(struct server *server, const struct status_message *message, struct queue *effects)
{
    if (message->has_mainpid && (message->mainpid != server->reported.mainpid ||
                                 message->mainpid_start != server->reported.mainpid_start)) {
        server->reported.mainpid = message->mainpid;
        server->reported.mainpid_start = message->mainpid_start;
        server_effect(effects, SERVER_DO_WATCH_PID)->pid = message->mainpid;
        server_effect(effects, SERVER_DO_SAVE);
    }
}

/* initializing or ready after shutting_down comes from the next process, whose predecessor ended unseen;
 * where the predecessor is known to run, it has changed its mind. */
static bool is_next_process(const struct server *server, const struct status_message *message)
{
    bool starts = message->reported == REPORTED_INITIALIZING || message->reported == REPORTED_READY;
    bool witnessed = server->reported.mainpid != 0 || server->reported.attached > 0;
    bool other =
        message->has_mainpid && server->reported.mainpid != 0 && message->mainpid != server->reported.mainpid;
    return starts && server->life == LIFE_ALIVE && server->reported.status == REPORTED_SHUTTING_DOWN &&
           (!witnessed || other);
}

void server_apply_message(struct server *server, const struct status_message *message,
                          const struct instant *now, struct queue *effects)
{
    if (is_next_process(server, message)) {
        server_end_life(server, now, "the server restarted", effects);
    }
    bool began = server->life != LIFE_ALIVE;
    if (began) {
        server_begin_life(server, now, false, effects);
    }
    server_recall_confirm(server, message, effects);
    bool is_new = message->reported != server->reported.status && message->reported != REPORTED_NOTHING;
    unsigned holds = server_holds(server);
    apply_status(&server->reported, message, now);
    apply_text(&server->reported, message);
    server_read_text(server);
    apply_numbers(&server->reported, message);
    apply_ports(server, message, effects);
    apply_watchdog(&server->reported, message, now);
    apply_holds(server, message, now);
    apply_pid(server, message, effects);
    if (message->attach) {
        server->reported.attached++;
    }
    if (began || message->attach || message->reported == REPORTED_READY) {
        server_effect(effects, SERVER_DO_PROBE_NOW);
    }
    if (began || is_new || message->port_count > 0 || message->has_text || message->label_count > 0 ||
        message->has_players || message->has_capacity || holds != server_holds(server)) {
        server_effect(effects, SERVER_DO_SAVE);
    }
}

void server_restore_message(struct server *server, const struct status_message *message,
                            const struct instant *now, struct queue *effects)
{
    const struct server_report live = server->reported;
    struct status_message older = *message;
    older.label_count = 0;
    for (size_t i = 0; i < message->label_count; i++) {
        if (find_label(&live, message->labels[i].name) == live.label_count) {
            older.labels[older.label_count++] = message->labels[i];
        }
    }
    /* What was reported since the start is newer. */
    if (live.status != REPORTED_NOTHING) {
        older.reported = REPORTED_NOTHING;
        older.has_text = false;
    }
    older.has_players = older.has_players && !live.has_players;
    older.has_capacity = older.has_capacity && !live.has_capacity;
    older.port_count = live.port_count > 0 ? 0 : older.port_count;
    older.has_mainpid = older.has_mainpid && live.mainpid == 0;
    older.attach = older.undrain = false;
    older.drain = older.drain && (server->applied_holds & 1u << HOLD_SELF) == 0;
    older.reloading = older.reloading && (server->applied_holds & 1u << HOLD_RELOAD) == 0;
    apply_status(&server->reported, &older, now);
    if (live.text == NULL) {
        apply_text(&server->reported, &older);
        server_read_text(server);
    }
    apply_numbers(&server->reported, &older);
    apply_ports(server, &older, effects);
    apply_watchdog(&server->reported, &older, now);
    restore_holds(server, &older, now);
    apply_pid(server, &older, effects);
}
