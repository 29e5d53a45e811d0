/* One observer: its clocks, its life, and what it sees of the fleet. */
#include "waves_sim.h"

#include "outrider/core/server/record.h"

#include <inttypes.h>

struct instant node_now(const struct waves_owner *node)
{
    int64_t now = node->world->now + 100000;
    return (struct instant){.mono = now, .boot = now, .wall = INT64_C(1700000000000) + now + node->skew};
}

void waves_carry_out(struct waves_owner *node, const struct waves_effect *effect)
{
    switch (effect->type) {
    case WAVES_DO_REQUEST: net_request(node, effect->client, effect->request); break;
    case WAVES_DO_WATCH: net_watch(node, effect->client, effect->watch); break;
    case WAVES_DO_UNWATCH: net_unwatch(node, effect->client, effect->id); break;
    case WAVES_DO_LEAD:
        tell(node->world, "node %u %s", node->index, effect->gone ? "drives no more" : "drives");
        node->world->stats.takeovers += effect->gone ? 0 : 1;
        break;
    case WAVES_DO_ANSWER:
        tell(node->world, "node %u: ticket %" PRIu64 " is outcome %d", node->index, effect->ticket,
             effect->outcome);
        break;
    case WAVES_DO_CHANGED:
    case WAVES_DO_NOTE: break;
    }
}

/* Steps with the fleet as it knows it. */
static void look(struct waves_owner *node)
{
    struct wave_seen list[SERVERS];
    size_t count = 0;
    for (size_t i = 0; i < SERVERS; i++) {
        const struct server *server = &node->world->servers[i];
        const struct shown *record = &node->seen[i];
        node->looked[i] = *record;
        if (record->exists) {
            list[count++] = (struct wave_seen){.place = str_of(server->place),
                                               .type = STR("world"),
                                               .region = str_of(server->region),
                                               .zone = str_of(server->zone),
                                               .status = record->status,
                                               .has_players = true,
                                               .has_capacity = true,
                                               .players = record->players,
                                               .capacity = server->capacity,
                                               .held = record->status == STATUS_DRAINING};
        }
    }
    node->moved = false;
    node->looked_at = node->world->now;
    waves_event(node->waves,
                &(struct waves_event){
                    .type = WAVES_ON_FLEET, .now = node_now(node), .servers = list, .count = count});
}

static void settle(struct waves_owner *node)
{
    struct world *world = node->world;
    struct instant now = node_now(node);
    int64_t due = NEVER_MS, other = waves_deadline(node->waves);
    bool wants = node->synced && waves_wants_fleet(node->waves, &now, &due);
    if (wants && (due <= now.mono || (node->moved && node->looked_at + 200 <= world->now))) {
        look(node);
        wants = waves_wants_fleet(node->waves, &now, &due);
        other = waves_deadline(node->waves);
    }
    due = !wants ? NEVER_MS : node->moved ? now.mono + 200 : due;
    due = due < other ? due : other;
    if (due == NEVER_MS) {
        return;
    }
    int64_t left = due > now.mono ? due - now.mono : 1;
    if (node->tick_at <= world->now || world->now + left < node->tick_at) {
        node->tick_at = world->now + left;
        plan(world, left, EVENT_TICK, node->index, NULL, 0);
    }
}

void node_event(struct waves_owner *node, struct waves_event event)
{
    event.now = node_now(node);
    waves_event(node->waves, &event);
    settle(node);
}

void node_see(struct waves_owner *node, size_t server)
{
    node->seen[server] = node->world->servers[server].record;
    node->moved = true;
    if (node->alive && node->frozen_until <= node->world->now) {
        settle(node);
    }
}

void node_start(struct waves_owner *node)
{
    struct world *world = node->world;
    node->alive = node->synced = node->moved = true;
    node->life++;
    node->tick_at = node->frozen_until = 0;
    node->looked_at = -1000;
    for (unsigned i = 0; i < OPEN_MAX; i++) {
        node->open[i].id = 0;
    }
    for (size_t i = 0; i < SERVERS; i++) {
        node->seen[i] = world->servers[i].record;
    }
    node->waves = waves_new(&(struct waves_settings){.control_prefix = "/ctl",
                                                     .ttl_ms = TTL_MS,
                                                     .request_timeout_ms = 2000,
                                                     .can = memory_etcd.can,
                                                     .seed = random_next(&world->random)},
                            node);
    tell(world, "node %u starts", node->index);
    node_event(node, (struct waves_event){.type = WAVES_ON_START});
}

void node_kill(struct waves_owner *node)
{
    tell(node->world, "node %u is killed", node->index);
    node->alive = false;
    net_end_watches(node->world, node);
    node->life++;
    waves_free(node->waves);
    node->waves = NULL;
}
