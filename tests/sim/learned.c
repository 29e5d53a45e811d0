/* What probes bring of a game beside that it answers, and which players a record may have. */
#include "sim.h"

#include "core/server/server_internal.h" /* whether a record that was taken over still stands for the verdicts */

#include <stdlib.h>
#include <string.h>

bool learned_counts(const struct game *game)
{
    return game->life % 4 != 3;
}

/* One process in four does not say how many play. Of a game that reports its players the probe counts others, so that one source
 * is not taken for the other. */
void learned_tried(struct node *node, unsigned index, uint64_t id, enum probe_outcome outcome)
{
    const struct game *game = &node->game;
    struct probe *probe = &node->router->probes[index];
    struct probe_result result = {.outcome = outcome, .duration_us = 300};
    struct instant now = node_now(node);
    if (outcome == PROBE_PASSED && learned_counts(game) && index == 0) {
        result.facts.has_players = true;
        result.facts.players = game->style == GAME_SILENT ? game->players : 100 + game->players;
    }
    if (outcome == PROBE_PASSED && index < PORTS && probe->trying && probe->try_id == id) {
        node->told[index] = result.facts;
    }
    router_tried(node->router, index, id, &result, &now);
}

/* The players that count now, by what the machines were told. */
static bool players_of(const struct node *node, uint32_t *ret_players)
{
    const struct server_report *reported = server_facts(node->router->server).reported;
    if (reported->has_players) {
        *ret_players = reported->players;
        return true;
    }
    for (size_t i = 0; i < node->router->probe_count && i < PORTS; i++) {
        bool passes = health_verdict(&node->router->probes[i].health) == VERDICT_PASSING;
        if (passes && node->told[i].has_players) {
            *ret_players = node->told[i].players;
            return true;
        }
    }
    return false;
}

bool learned_players(struct str record, uint32_t *ret_players)
{
    static const char name[] = "\"players\":";
    const char *at = memmem(record.data, record.size, name, sizeof(name) - 1);
    *ret_players = at == NULL ? 0 : (uint32_t)strtoul(at + sizeof(name) - 1, NULL, 10);
    return at != NULL;
}

/* docs/design/protocol.md, "Record": the highest source that is valid now; what none knows is not there, and never 0. */
void learned_check(struct node *node, struct str record)
{
    const struct server *server = node->router->server;
    uint32_t players = 0, written = 0;
    bool known = players_of(node, &players), has = learned_players(record, &written);
    if (server->start == START_DONE && (has != known || (has && written != players))) {
        violated(node->world, node, "players should be %s, %u: %.*s", known ? "known" : "unknown", players,
                 STR_ARG(record));
    }
}

/* docs/design/protocol.md, "Holds": unknown players are never 0. */
void learned_check_empty(struct node *node)
{
    uint32_t players = 0;
    if (!players_of(node, &players) || players > 0) {
        violated(node->world, node, "a drain ends as empty, of a server whose players are %u or not known",
                 players);
    }
}
