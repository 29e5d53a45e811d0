/* After a restart: the record that still stands is continued, so that a watcher sees no event
 * (docs/design/protocol.md, "Restart"). */
#include "server_internal.h"

#include "outrider/base/mem.h"

#include <stdio.h>

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
    bool told = event->record != NULL && event->record->started_wall > 0;
    int64_t started = told ? event->record->started_wall : event->now.wall;
    if (server->life == LIFE_NONE) {
        server->life = LIFE_ALIVE;
        server->life_number++;
        server->life_mono = event->now.mono;
        /* The grace of this life began when it did. */
        int64_t age = event->now.wall - started;
        server->contact_mono = event->now.mono - (age > 0 ? age : 0);
    }
    server->life_wall = started;
    server->now.passed = server->now.passed || event->passed;
    for (size_t i = 0; i < SERVER_PROBES_MAX; i++) {
        /* Which probe it was has not been kept: a server that was up gets no second grace. */
        server->probes[i].passed = server->probes[i].passed || event->passed;
    }
}

/* A dead server does not become initializing because its agent was restarted. */
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
    snprintf(server->life_cause, sizeof(server->life_cause), "%.150s",
             record->reason == NULL ? "as before the agent was restarted" : record->reason);
}

/* The server's own holds are words of it; since and until when only the record has kept. */
static void adopt_holds(struct server *server, const struct record_drain *drain,
                        const struct status_message *message, const struct instant *now)
{
    static const enum hold_kind own[] = {HOLD_SELF, HOLD_RELOAD};
    const bool reported[] = {message->drain, message->reloading};
    for (struct str rest = str_of(drain->holds); rest.size > 0;) {
        struct str name = str_split(rest, ',', &rest);
        for (size_t i = 0; i < COUNT_OF(own); i++) {
            bool applied =
                (server->applied_holds & 1u << own[i]) != 0; /* newer than what the record has kept */
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
    server->start = START_SETTLING;
    server->after_gap = false;
    server->unconfirmed = true;
    server->adopted_ready = record->status == STATUS_READY || record->status == STATUS_DRAINING;
    /* Words are believed because their process lives, whatever the record says: it may be older than they
     * are. */
    if (record->started_wall > 0 || event->message != NULL) {
        adopt_living(server, event);
    } else {
        adopt_dead(server, event);
    }
    if (event->message != NULL) {
        adopt_holds(server, &record->drain, event->message, &event->now);
        server_restore_message(server, event->message, &event->now, effects);
    }
    server->settling_holds = server_holds(server);
    if (!server->host_known && server->host == NULL) {
        /* Until the look-up answers, the address of before stands: a moment's ignorance must not withdraw it.
         */
        server->host = mem_strdup(record->host);
    }
    /* The record as it stands, so that an equal one is not written again. */
    record_fini(&server->offered);
    record_copy(record, &server->offered);
    server->offering = true;
}

/* Much as after a restart, but that nothing was forgotten: what the probes found is. A failing one goes on
 * failing until it is found well. */
void server_gap(struct server *server)
{
    for (size_t i = 0; i < SERVER_PROBES_MAX; i++) {
        struct server_probe *probe = &server->probes[i];
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
