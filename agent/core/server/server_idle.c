/* A server that had players and has had none for server.idle.after is not needed any more.
 *
 *     players seen ──none for `after`──> hold `idle` ──a player is there, the life ends──> lifted     (then: drain)
 *                                   └──> shutting_down, TERM to MAINPID ──the life ends──> left       (then: shutting_down)
 *
 * Where no process was asked to end, a player who is there ends shutting_down, too. Unknown players are never 0. */
#include "server_internal.h"

#include "outrider/base/duration.h"

#include <stdio.h>

int64_t server_idle_due(const struct server *server)
{
    const int64_t after = server->config->server.idle.after_ms;
    bool counts = after > 0 && server->life == LIFE_ALIVE && server->had_players &&
                  server->empty_since != NEVER_MS && server->start == START_DONE;
    return counts ? server->empty_since + after : NEVER_MS;
}

void server_say_idle(const struct server *server, char out[static 80])
{
    char span[32];
    snprintf(out, 80, "no players for %s", duration_human(server->config->server.idle.after_ms, span));
}

static void begin(struct server *server, const struct instant *now, struct queue *effects)
{
    char reason[80];
    server_say_idle(server, reason);
    if (server->config->server.idle.then == CONFIG_IDLE_DRAIN) {
        if (!server->holds[HOLD_IDLE].set) {
            hold_set(&server->holds[HOLD_IDLE], reason, "outrider", 0, 0, now);
        }
    } else if (!server->idle_over) {
        server->idle_over = true;
        server->idle_told = server->reported.mainpid != 0;
        if (server->idle_told) {
            server_effect(effects, SERVER_DO_TERMINATE)->pid = server->reported.mainpid;
        }
    }
}

void server_notice_idle(struct server *server, const struct instant *now, struct queue *effects)
{
    const struct server_value players = server_value(server, CONFIG_FACT_PLAYERS);
    const bool there = players.source != SERVER_SOURCE_NONE && players.number > 0;
    server->had_players = server->had_players || there;
    if (there || server->config->server.idle.after_ms == 0) {
        hold_clear(&server->holds[HOLD_IDLE]);
        server->idle_over = server->idle_over && server->idle_told;
    }
    if (now->mono >= server_idle_due(server)) {
        begin(server, now, effects);
    }
}

void server_idle_clear(struct server *server)
{
    hold_clear(&server->holds[HOLD_IDLE]);
    server->had_players = server->idle_over = server->idle_told = false;
}
