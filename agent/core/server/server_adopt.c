/* After a restart a record that is still in the registry is continued, so that a watcher sees no event
 * (docs/design/protocol.md, "Restart"). */
#include "server_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/mem.h"

unsigned server_holds(const struct server *server)
{
    unsigned bits = 0;
    for (int kind = 0; kind < HOLD_COUNT; kind++) {
        bits |= server->holds[kind].set ? 1u << kind : 0;
    }
    return bits;
}

static void adopt_living(struct server *server, const struct server_event *event)
{
    bool known = event->record != NULL && event->record->started_wall > 0;
    int64_t started = known ? event->record->started_wall : event->now.wall;
    if (server->life == LIFE_NONE) {
        server->life = LIFE_ALIVE;
        server->life_number++;
        server->life_mono = event->now.mono;
        /* Grace began with the life, not with the restart of the agent. */
        int64_t age = event->now.wall - started;
        server->contact_mono = event->now.mono - (age > 0 ? age : 0);
    }
    server->life_wall = started;
    server->reported.passed = server->reported.passed || event->passed;
    for (size_t i = 0; i < SERVER_PROBES_MAX; i++) {
        /* It is not saved which probe had passed: none gets a second grace. */
        server->probes[i].passed = server->probes[i].passed || event->passed;
    }
}

/* A server in error or shutting_down does not become initializing because its agent was restarted. */
static void adopt_dead(struct server *server, const struct server_event *event)
{
    const struct record *record = event->record;
    if (server->life != LIFE_NONE ||
        (record->status != STATUS_ERROR && record->status != STATUS_SHUTTING_DOWN)) {
        return;
    }
    server->life = record->status == STATUS_ERROR ? LIFE_CRASHED : LIFE_LEFT;
    server->life_mono = event->now.mono;
    server->life_wall = event->now.wall;
    brief_copy(server->life_cause, sizeof(server->life_cause),
               str_of(record->reason == NULL ? "unchanged since the agent was restarted" : record->reason));
}

/* The record says that it was idle, and had players before; or that it has them. */
static void adopt_idle(struct server *server, const struct record *record, const struct instant *now)
{
    bool drains =
        server->config->server.idle.after_ms > 0 && server->config->server.idle.then == CONFIG_IDLE_DRAIN;
    server->had_players = server->had_players || (record->has_players && record->players > 0);
    for (struct str rest = str_of(record->drain.holds); rest.size > 0;) {
        struct str name = str_split(rest, ',', &rest);
        if (drains && str_eq(name, str_of(hold_name(HOLD_IDLE)))) {
            char reason[80];
            struct hold kept = {.by = "outrider", .since_wall = record->drain.since_wall};
            server_say_idle(server, reason);
            brief_copy(kept.reason, sizeof(kept.reason), str_of(reason));
            hold_restore(&server->holds[HOLD_IDLE], &kept, now);
            server->had_players = true;
        }
    }
}

/* The message says which holds the server had set on itself, the record since and until when. */
static void adopt_holds(struct server *server, const struct record_drain *drain,
                        const struct status_message *message, const struct instant *now)
{
    static const enum hold_kind own[] = {HOLD_SELF, HOLD_RELOAD};
    const bool reported[] = {message->drain, message->reloading};
    for (struct str rest = str_of(drain->holds); rest.size > 0;) {
        struct str name = str_split(rest, ',', &rest);
        for (size_t i = 0; i < COUNT_OF(own); i++) {
            bool applied = (server->applied_holds & 1u << own[i]) != 0; /* newer than the record */
            if (reported[i] && str_eq(name, str_of(hold_name(own[i]))) && !server->holds[own[i]].set &&
                !applied) {
                struct hold kept = {.by = "server",
                                    .since_wall = drain->since_wall,
                                    .deadline_wall = own[i] == HOLD_SELF ? drain->deadline_wall : 0};
                hold_restore(&server->holds[own[i]], &kept, now);
            }
        }
    }
}

void server_fresh(struct server *server, const struct server_event *event, struct queue *effects)
{
    server->start = START_FRESH;
    server->control_unread = event->control_unread;
    if (event->message != NULL) {
        adopt_living(server, event);
        server_restore_message(server, event->message, &event->now, effects);
    }
}

void server_adopt(struct server *server, const struct server_event *event, struct queue *effects)
{
    const struct record *record = event->record;
    /* Without a process that is known to live, words alone make no life. */
    const struct status_message *message = event->unproven ? NULL : event->message;
    struct status_message recalled;
    if (event->unproven && event->message != NULL && record->started_wall > 0 &&
        server_recall(server, event->message, &event->now, &recalled)) {
        message = &recalled;
    }
    server->start = START_SETTLING;
    server->after_gap = false;
    server->unconfirmed = true;
    server->adopted_ready = record->status == STATUS_READY || record->status == STATUS_DRAINING;
    /* The message counts because its process runs; the record may be older than the message. */
    if (record->started_wall > 0 || message != NULL) {
        adopt_living(server, event);
        adopt_idle(server, record, &event->now);
    } else {
        adopt_dead(server, event);
    }
    if (message != NULL) {
        adopt_holds(server, &record->drain, message, &event->now);
        server_restore_message(server, message, &event->now, effects);
    }
    server->settling_holds = server_holds(server);
    if (!server->host_known && server->host == NULL) {
        /* Until the look-up answers, the address of the record is used, or the record would be withdrawn. */
        server->host = mem_strdup(record->host);
    }
    /* The record counts as offered, so that an equal one is not written again. */
    record_fini(&server->offered);
    record_copy(record, &server->offered);
    server->updated_wall = record->updated_wall;
    server->offering = true;
}

/* As after a restart, but what the server reported stays. Passing probes must pass again; a failing one stays
 * failing. */
void server_gap(struct server *server)
{
    for (size_t i = 0; i < SERVER_PROBES_MAX; i++) {
        struct server_probe *probe = &server->probes[i];
        server_unlearn(probe);
        if (probe->verdict == VERDICT_PASSING) {
            probe->verdict = VERDICT_UNKNOWN;
            probe->evidence[0] = '\0';
        }
    }
    server->unconfirmed = true;
    if (server->start == START_DONE) {
        server->start = START_SETTLING;
        server->after_gap = true;
        server->adopted_ready = false;
        server->settling_holds = server_holds(server);
    }
}
