/* How often each server comes and goes, counted by what its agent shows, and whether that is damped as it must be
 * (docs/design/protocol.md, "Flapping"). */
#include "sim.h"

#include "core/server/server_internal.h" /* whether a record that was taken over still stands for the verdicts */

static bool is_up(enum status status)
{
    return status == STATUS_READY || status == STATUS_DRAINING;
}

static bool is_excused(const struct node *node, enum status status)
{
    const struct server *server = node->router->server;
    const struct server_facts facts = server_facts(server);
    const enum reported_status reported = facts.reported->status;
    bool unknown = status == STATUS_INITIALIZING && reported != REPORTED_INITIALIZING && node->flaps.up;
    return unknown || server->start != START_DONE || server->stopping || facts.holds[HOLD_OPS].set ||
           facts.life == LIFE_LEFT || reported == REPORTED_SHUTTING_DOWN;
}

/* Moves that count, within the time of the present configuration and after the moment `after`. */
static unsigned moves(const struct node *node, int64_t after)
{
    int64_t within = node_config(node)->server.flapping.within_ms, now = node_now(node).mono;
    unsigned known = node->flaps.count < FLAPS_MAX ? node->flaps.count : FLAPS_MAX, found = 0;
    for (int64_t at; found < known; found++) {
        at = node->flaps.at[(node->flaps.count - 1 - found) % FLAPS_MAX];
        if (now - at >= within || at <= after) {
            break;
        }
    }
    return found;
}

/* In one step after a gap the agent does not know, and knows again: what is counted from then on is at most what counts, and what is
 * seen in that moment may not count. */
static void note_gap(struct node *node)
{
    struct flaps *flaps = &node->flaps;
    if (node->stopped_until > flaps->synced_at || node->suspended_until > flaps->synced_at) {
        flaps->count = 0;
        flaps->excused = !flaps->up;
        flaps->partly = true;
        flaps->gap_at = node_now(node).mono;
    }
    flaps->synced_at = node->world->now;
}

void flaps_moved(struct node *node, enum status to)
{
    struct flaps *flaps = &node->flaps;
    note_gap(node);
    bool up = is_up(to);
    if (flaps->on) {
        return; /* what is below it is not seen */
    }
    bool moved = up != flaps->up && flaps->seen;
    if (!up) {
        flaps->excused = is_excused(node, to) || (flaps->excused && !moved);
    }
    if (moved && !flaps->excused) {
        flaps->at[flaps->count++ % FLAPS_MAX] = node_now(node).mono;
    }
    flaps->seen = flaps->seen || up;
    flaps->excused = flaps->excused && !up;
    flaps->up = up;
}

void flaps_settle(struct node *node)
{
    struct flaps *flaps = &node->flaps;
    const struct server *server = node->router->server;
    const enum status status = server_facts(server).status;
    const unsigned limit = node_config(node)->server.flapping.changes;
    const bool on = server->flapping.state == FLAPPING_ON;
    note_gap(node);
    flaps->excused = flaps->excused || (!flaps->up && is_excused(node, status));
    if (on && is_up(status)) {
        violated(node->world, node, "it flaps, and is published as %s", status_name(status));
    } else if (on && !flaps->on && !flaps->partly && moves(node, 0) < limit) {
        violated(node->world, node, "it is damped after %u changes", moves(node, 0));
    } else if (!on && !flaps->on && limit > 0 && moves(node, flaps->gap_at) > limit) {
        violated(node->world, node, "it is not damped after %u changes", moves(node, flaps->gap_at));
    }
    if (flaps->on && !on) {
        /* Where it is down again in the same moment, that move was not seen. */
        *flaps = (struct flaps){.up = is_up(status),
                                .excused = server->flapping.excused,
                                .seen = true,
                                .partly = !is_up(status),
                                .synced_at = node->world->now};
    }
    flaps->on = on;
}
