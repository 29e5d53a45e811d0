/* How a life begins and ends, and what its words do. */
#include "server_internal.h"

#include "outrider/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

static void forget_labels(struct said_in_life *said)
{
    for (size_t i = 0; i < said->label_count; i++) {
        free(said->labels[i].name);
        free(said->labels[i].value);
    }
    said->label_count = 0;
}

void server_forget_said(struct server *server)
{
    forget_labels(&server->now);
    free(server->now.text);
    server->now = (struct said_in_life){
        .zero_players_since = NEVER_MS,
        .watchdog_ms = server->config->server.watchdog_ms,
        .watchdog_due = NEVER_MS,
    };
}

static void reset_probes(struct server *server, struct queue *effects)
{
    for (size_t i = 0; i < SERVER_PROBES_MAX; i++) {
        server->probes[i] = (struct server_probe){.verdict = VERDICT_UNKNOWN};
    }
    server_effect(effects, SERVER_DO_RESET_PROBES);
}

void server_begin_life(struct server *server, const struct instant *now, bool by_probe, struct queue *effects)
{
    server->life = LIFE_ALIVE;
    server->life_number++;
    server->life_mono = server->contact_mono = now->mono;
    server->life_wall = now->wall;
    server->life_cause[0] = '\0';
    if (!by_probe) {
        /* What was measured of an older process says nothing about this one. */
        reset_probes(server, effects);
    }
    server_effect(effects, SERVER_DO_SAVE);
}

void server_end_life(struct server *server, const struct instant *now, const char *how, struct queue *effects)
{
    bool goodbye = server->now.said == SAID_SHUTTING_DOWN;
    bool drained = server->holds[HOLD_OPS].set || server->holds[HOLD_STOP].set;
    bool probed_said_ports =
        server->now.port_count > 0 && server->config->server.ports_dynamic && !server->config->probes_given;
    server->life = goodbye || drained ? LIFE_LEFT : LIFE_CRASHED;
    snprintf(server->life_cause, sizeof(server->life_cause), "%s%s", how,
             goodbye   ? " after it said shutting_down"
             : drained ? " while it was being drained"
                       : "");
    server->life_mono = now->mono;
    server->life_wall = now->wall;
    if (server->now.mainpid != 0) {
        server_effect(effects, SERVER_DO_UNWATCH_PID);
    }
    server_forget_said(server);
    hold_clear(&server->holds[HOLD_SELF]);
    hold_clear(&server->holds[HOLD_RELOAD]);
    reset_probes(server, effects);
    if (probed_said_ports) {
        /* The ports ended with the life; whoever listens there now is nobody we know. */
        server_effect(effects, SERVER_DO_PROBE_PORTS);
    }
    server_effect(effects, SERVER_DO_SAVE);
}

static size_t find_label(const struct said_in_life *said, struct str name)
{
    size_t i = 0;
    while (i < said->label_count && !str_eq(str_of(said->labels[i].name), name)) {
        i++;
    }
    return i;
}

static void hear_label(struct said_in_life *said, const struct words_label *label)
{
    size_t at = find_label(said, label->name);
    if (at < said->label_count) {
        free(said->labels[at].value);
        if (label->value.size > 0) {
            said->labels[at].value = mem_copy(label->value.data, label->value.size);
        } else {
            free(said->labels[at].name);
            said->labels[at] = said->labels[--said->label_count];
        }
    } else if (label->value.size > 0 && said->label_count < RECORD_LABELS_MAX) {
        said->labels[said->label_count].name = mem_copy(label->name.data, label->name.size);
        said->labels[said->label_count].value = mem_copy(label->value.data, label->value.size);
        said->label_count++;
    }
}

int server_accepts(const struct server *server, const struct words *words, struct str *ret_label)
{
    size_t count = server->now.label_count;
    for (size_t i = 0; i < words->label_count; i++) {
        bool known = find_label(&server->now, words->labels[i].name) < server->now.label_count;
        if (words->labels[i].value.size == 0) {
            count -= known ? 1 : 0;
        } else if (!known && ++count > RECORD_LABELS_MAX) {
            *ret_label = words->labels[i].name;
            return -1;
        }
    }
    return 0;
}

static void hear_numbers(struct said_in_life *said, const struct words *words, const struct instant *now)
{
    if (words->has_capacity) {
        said->has_capacity = true;
        said->capacity = words->capacity;
    }
    if (words->has_players) {
        bool was_zero = said->has_players && said->players == 0;
        said->has_players = true;
        said->players = words->players;
        if (words->players > 0) {
            said->zero_players_since = NEVER_MS;
        } else if (!was_zero) {
            said->zero_players_since = now->mono;
        }
    }
    for (size_t i = 0; i < words->label_count; i++) {
        hear_label(said, &words->labels[i]);
    }
}

static void hear_text(struct said_in_life *said, const struct words *words)
{
    if (words->has_text || words->said != SAID_NOTHING) {
        free(said->text);
        said->text =
            words->has_text && words->text.size > 0 ? mem_copy(words->text.data, words->text.size) : NULL;
    }
}

static void hear_ports(struct server *server, const struct words *words, struct queue *effects)
{
    bool same = words->port_count == server->now.port_count &&
                memcmp(words->ports, server->now.ports, words->port_count * sizeof(words->ports[0])) == 0;
    if (words->port_count == 0 || same) {
        return;
    }
    memcpy(server->now.ports, words->ports, sizeof(words->ports));
    server->now.port_count = words->port_count;
    if (!server->config->probes_given && server->config->server.ports_dynamic) {
        for (size_t i = 0; i < SERVER_PROBES_MAX; i++) {
            server->probes[i] = (struct server_probe){.verdict = VERDICT_UNKNOWN};
        }
        server_effect(effects, SERVER_DO_PROBE_PORTS);
    }
}

static void hear_watchdog(struct said_in_life *said, const struct words *words, const struct instant *now)
{
    bool fed = words->heartbeat || words->said != SAID_NOTHING;
    if (words->has_watchdog) {
        said->watchdog_ms = words->watchdog_ms;
    }
    if (fed) {
        said->watchdog_ran_out = said->watchdog_excused = said->triggered = false;
    }
    if (words->watchdog_trigger) {
        said->triggered = true;
    }
    if (fed || (words->has_watchdog && said->watchdog_due != NEVER_MS)) {
        said->watchdog_due = said->watchdog_ms > 0 ? now->mono + said->watchdog_ms : NEVER_MS;
    }
}

static void hear_holds(struct server *server, const struct words *words, const struct instant *now)
{
    server->heard_holds |= words->drain || words->undrain ? 1u << HOLD_SELF : 0;
    server->heard_holds |= words->said == SAID_READY || words->reloading ? 1u << HOLD_RELOAD : 0;
    /* Lines may repeat the whole state: only a deadline that is said again moves it. */
    if (words->drain && (!server->holds[HOLD_SELF].set || words->has_drain_deadline)) {
        int64_t deadline =
            words->has_drain_deadline ? words->drain_deadline_ms : server->config->drain.deadline_ms;
        hold_set(&server->holds[HOLD_SELF], "", "server", deadline, 0, now);
    }
    if (words->undrain) {
        hold_clear(&server->holds[HOLD_SELF]);
    }
    if (words->said == SAID_READY) {
        hold_clear(&server->holds[HOLD_RELOAD]);
    }
    if (words->reloading) {
        hold_set(&server->holds[HOLD_RELOAD], "", "server", 0, 0, now);
    }
}

/* Those that the record has kept were taken from there, with their times. */
static void believe_holds(struct server *server, const struct words *older, const struct instant *now)
{
    struct hold *self = &server->holds[HOLD_SELF], *reload = &server->holds[HOLD_RELOAD];
    if (older->drain && !self->set) {
        hold_set(self, "", "server", server->config->drain.deadline_ms, 0, now);
    }
    if (older->reloading && !reload->set) {
        hold_set(reload, "", "server", 0, 0, now);
    }
}

static void hear_status(struct said_in_life *said, const struct words *words, const struct instant *now)
{
    if (words->said == SAID_NOTHING) {
        return;
    }
    if (words->said != said->said) {
        said->said_mono = now->mono;
    }
    said->said = words->said;
    said->said_wall = now->wall;
}

static void hear_pid(struct server *server, const struct words *words, struct queue *effects)
{
    if (words->has_mainpid &&
        (words->mainpid != server->now.mainpid || words->mainpid_start != server->now.mainpid_start)) {
        server->now.mainpid = words->mainpid;
        server->now.mainpid_start = words->mainpid_start;
        server_effect(effects, SERVER_DO_WATCH_PID)->pid = words->mainpid;
        server_effect(effects, SERVER_DO_SAVE);
    }
}

/* Who says hello after goodbye is the next process, started before anybody saw the last one go, unless the
 * last one is known to be still there: then it has changed its mind. */
static bool is_next_process(const struct server *server, const struct words *words)
{
    bool hello = words->said == SAID_INITIALIZING || words->said == SAID_READY;
    bool witnessed = server->now.mainpid != 0 || server->now.attached > 0;
    bool other = words->has_mainpid && server->now.mainpid != 0 && words->mainpid != server->now.mainpid;
    return hello && server->life == LIFE_ALIVE && server->now.said == SAID_SHUTTING_DOWN &&
           (!witnessed || other);
}

void server_hear(struct server *server, const struct words *words, const struct instant *now,
                 struct queue *effects)
{
    if (is_next_process(server, words)) {
        server_end_life(server, now, "the server went", effects);
    }
    bool began = server->life != LIFE_ALIVE;
    if (began) {
        server_begin_life(server, now, false, effects);
    }
    bool news = words->said != server->now.said && words->said != SAID_NOTHING;
    unsigned holds = server_holds(server);
    hear_status(&server->now, words, now);
    hear_text(&server->now, words);
    hear_numbers(&server->now, words, now);
    hear_ports(server, words, effects);
    hear_watchdog(&server->now, words, now);
    hear_holds(server, words, now);
    hear_pid(server, words, effects);
    if (words->attach) {
        server->now.attached++;
    }
    if (began || words->attach || words->said == SAID_READY) {
        server_effect(effects, SERVER_DO_PROBE_NOW);
    }
    if (began || news || words->port_count > 0 || words->has_text || words->label_count > 0 ||
        words->has_players || words->has_capacity || holds != server_holds(server)) {
        server_effect(effects, SERVER_DO_SAVE);
    }
}

void server_believe(struct server *server, const struct words *words, const struct instant *now,
                    struct queue *effects)
{
    const struct said_in_life live = server->now;
    struct words older = *words;
    older.label_count = 0;
    for (size_t i = 0; i < words->label_count; i++) {
        if (find_label(&live, words->labels[i].name) == live.label_count) {
            older.labels[older.label_count++] = words->labels[i];
        }
    }
    /* What was heard since the start is newer than what was kept. */
    if (live.said != SAID_NOTHING) {
        older.said = SAID_NOTHING;
        older.has_text = false;
    }
    older.has_players = older.has_players && !live.has_players;
    older.has_capacity = older.has_capacity && !live.has_capacity;
    older.port_count = live.port_count > 0 ? 0 : older.port_count;
    older.has_mainpid = older.has_mainpid && live.mainpid == 0;
    older.attach = older.undrain = false;
    older.drain = older.drain && (server->heard_holds & 1u << HOLD_SELF) == 0;
    older.reloading = older.reloading && (server->heard_holds & 1u << HOLD_RELOAD) == 0;
    hear_status(&server->now, &older, now);
    if (live.text == NULL) {
        hear_text(&server->now, &older);
    }
    hear_numbers(&server->now, &older, now);
    hear_ports(server, &older, effects);
    hear_watchdog(&server->now, &older, now);
    believe_holds(server, &older, now);
    hear_pid(server, &older, effects);
}
