/* The world: its time, its storm and its calm. */
#include "waves_sim.h"

#include "outrider/base/mem.h"
#include "outrider/core/server/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void plan(struct world *world, int64_t delay, enum event_type type, unsigned node, struct packet *packet,
          uint64_t id)
{
    heap_push(&world->heap, (struct event){.at = world->now + delay,
                                           .type = type,
                                           .node = node,
                                           .life = world->nodes[node].life,
                                           .packet = packet,
                                           .id = id});
}

int64_t between(struct world *world, int64_t least, int64_t most)
{
    return least + (int64_t)random_below(&world->random, (uint64_t)(most - least + 1));
}

bool chance(struct world *world, unsigned percent)
{
    return random_below(&world->random, 100) < percent;
}

static void head(const struct world *world, char out[static 32])
{
    snprintf(out, 32, "%9.3f ", (double)world->now / 1000);
}

void tell(struct world *world, const char *format, ...)
{
    char at[32];
    va_list args;
    va_start(args, format);
    head(world, at);
    narrative_add(world->narrative, at, format, args);
    va_end(args);
}

void break_rule(struct world *world, const char *format, ...)
{
    char at[32];
    va_list args;
    va_start(args, format);
    head(world, at);
    if (!world->failed) {
        narrative_fail(world->narrative, at, format, args);
    }
    world->failed = true;
    va_end(args);
}

struct world *world_new(uint64_t seed, struct narrative *narrative)
{
    struct world *world = mem_zalloc(sizeof(*world));
    world->seed = seed;
    world->narrative = narrative;
    world->last_driver = NODES;
    random_seed(&world->random, seed);
    net_open(world);
    for (size_t i = 0; i < SERVERS; i++) {
        struct server *server = &world->servers[i];
        snprintf(server->place, sizeof(server->place), "world/w%02zu", i);
        snprintf(server->zone, sizeof(server->zone), "%c", (char)('a' + between(world, 0, 2)));
        snprintf(server->region, sizeof(server->region), "%s", chance(world, 70) ? "kr" : "jp");
        server->capacity = (uint32_t)between(world, 10, 100);
        server->record = (struct shown){
            .exists = true, .status = STATUS_READY, .players = (uint32_t)between(world, 0, server->capacity)};
        plan(world, between(world, 0, 8000), EVENT_LIFE, 0, NULL, i);
    }
    for (unsigned i = 0; i < NODES; i++) {
        struct waves_owner *node = &world->nodes[i];
        *node = (struct waves_owner){.world = world, .index = i, .skew = between(world, -SKEW_MS, SKEW_MS)};
        plan(world, between(world, 0, 1000), EVENT_START, i, NULL, 0);
    }
    plan(world, 2000, EVENT_FAULT, 0, NULL, 0);
    plan(world, 1500, EVENT_OPERATOR, 0, NULL, 0);
    plan(world, STORM_MS, EVENT_END, 0, NULL, 0);
    return world;
}

/* Everything works from now on; paused operations go on. One that is frozen wakes up in its own time: what waits for it comes in its
 * order. */
static void calm(struct world *world)
{
    tell(world, "calm");
    world->calm = true;
    world->down = false;
    for (unsigned i = 0; i < NODES; i++) {
        struct waves_owner *node = &world->nodes[i];
        node->network = NETWORK_UP;
        if (!node->alive) {
            node_start(node);
        }
        plan(world, 1, EVENT_HEAL, i, NULL, 0);
    }
    plan(world, CALM_MS, EVENT_END, 0, NULL, 0);
}

static void heal(struct world *world, struct waves_owner *node)
{
    node->network = NETWORK_UP;
    node->synced = true;
    for (size_t i = 0; i < SERVERS && node->alive; i++) {
        node->seen[i] = world->servers[i].record;
        node->moved = true;
    }
}

static void tick(struct world *world, const struct event *event)
{
    struct waves_owner *node = &world->nodes[event->node];
    if (node->alive && node->life == event->life) {
        node_event(node, (struct waves_event){.type = WAVES_ON_TICK});
    }
}

static void see(struct world *world, const struct event *event)
{
    struct waves_owner *node = &world->nodes[event->node];
    bool reached = node->network == NETWORK_UP || node->network == NETWORK_SLOW;
    if (reached && node->seen_at[event->id] <= world->now) {
        node_see(node, (size_t)event->id);
    }
}

/* While the storm lasts. */
static void trouble(struct world *world, enum event_type type)
{
    if (world->calm) {
        return;
    }
    if (world->sabotaged) {
        faults_sabotage(world);
    } else if (type == EVENT_FAULT) {
        faults_one(world);
    } else {
        operators_one(world);
    }
    plan(world, between(world, 500, type == EVENT_FAULT ? 30000 : 12000), type, 0, NULL, 0);
}

static void end(struct world *world)
{
    if (world->calm) {
        oracle_end(world);
        world->ended = true;
    } else {
        calm(world);
    }
}

static void handle(struct world *world, struct event *event)
{
    struct waves_owner *node = &world->nodes[event->node];
    bool of_node = event->type == EVENT_TICK || event->type == EVENT_REPLY || event->type == EVENT_TIMEOUT ||
                   event->type == EVENT_CHANGE;
    if (of_node && node->frozen_until > world->now && node->life == event->life) {
        event->at = node->frozen_until;
        heap_push(&world->heap, *event);
        return;
    }
    switch ((enum event_type)event->type) {
    case EVENT_TICK: tick(world, event); break;
    case EVENT_REQUEST:
    case EVENT_REPLY:
    case EVENT_TIMEOUT:
    case EVENT_WATCH:
    case EVENT_CHANGE: net_arrive(world, event); break;
    case EVENT_SEE: see(world, event); break;
    case EVENT_AGENT: server_follow(world, (size_t)event->id); break;
    case EVENT_LIFE: server_live(world, (size_t)event->id); break;
    case EVENT_START:
        if (!node->alive) {
            node_start(node);
        }
        break;
    case EVENT_HEAL: heal(world, node); break;
    case EVENT_UP: world->down = false; break;
    case EVENT_FAULT:
    case EVENT_OPERATOR: trouble(world, (enum event_type)event->type); break;
    case EVENT_END: end(world); break;
    }
}

void world_run(struct world *world)
{
    struct event event;
    while (!world->failed && !world->ended && heap_pop(&world->heap, &event)) {
        world->now = event.at > world->now ? event.at : world->now;
        world->stats.events++;
        handle(world, &event);
    }
    world->stats.ms += (uint64_t)world->now;
}

void world_free(struct world *world)
{
    struct event event;
    while (heap_pop(&world->heap, &event)) {
        packet_free(event.packet);
    }
    free(world->heap.events);
    for (unsigned i = 0; i < NODES; i++) {
        waves_free(world->nodes[i].waves);
    }
    for (size_t i = 0; i < world->known_count; i++) {
        wave_fini(&world->known[i].wave);
    }
    registry_free(world->store);
    packet_free(world->own);
    free(world);
}
