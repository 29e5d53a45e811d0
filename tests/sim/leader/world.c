/* The order of events, and what holds at each of them. */
#include "leader.h"

#include "outrider/base/mem.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SECOND = 1000, STORMS = 4, AFTER_MS = 1000, AFTER_RESIGN_MS = 1000 };

/* Keys that a candidate lists first. */
enum { NEWEST = 16 };

int64_t between(struct world *world, int64_t least, int64_t most)
{
    return least + (int64_t)random_below(&world->random, (uint64_t)(most - least) + 1);
}

bool chance(struct world *world, unsigned percent)
{
    return random_below(&world->random, 100) < percent;
}

void plan(struct world *world, int64_t delay, enum event_type type, struct node *node, struct packet *packet,
          uint64_t id)
{
    heap_push(&world->heap, (struct event){.at = world->now + (delay > 0 ? delay : 0),
                                           .type = (int)type,
                                           .node = node == NULL ? 0 : node->index,
                                           .life = node == NULL ? 0 : node->life,
                                           .packet = packet,
                                           .id = id});
}

static const char *head_of(const struct world *world, char out[static 16])
{
    snprintf(out, 16, "%9.3f  ", (double)world->now / 1000);
    return out;
}

void tell(struct world *world, const char *format, ...)
{
    char head[16];
    va_list args;
    va_start(args, format);
    narrative_add(world->narrative, head_of(world, head), format, args);
    va_end(args);
}

void break_rule(struct world *world, const char *format, ...)
{
    char head[16];
    va_list args;
    if (world->failed) {
        return;
    }
    world->failed = true;
    va_start(args, format);
    narrative_fail(world->narrative, head_of(world, head), format, args);
    va_end(args);
}

/* ---- invariants ---- */

/* Of the nodes that could be asked now. One that is stopped answers no question; the first after it runs again counts. */
void ask_all(struct world *world)
{
    const struct node *leader = NULL;
    for (unsigned i = 0; i < world->node_count; i++) {
        const struct node *node = &world->nodes[i];
        int64_t token;
        if (!node->alive || node->stopped || !node_leads(node, &token)) {
            continue;
        }
        if (!node->believes || token != node->token) {
            break_rule(world, "node %u says that it leads, and never said that it gained", i);
        }
        if (leader != NULL && world->now >= world->excused_until) {
            break_rule(world, "nodes %u and %u lead at the same time", leader->index, i);
        }
        leader = node;
    }
}

static struct node *leader_of(struct world *world)
{
    for (unsigned i = 0; i < world->node_count; i++) {
        struct node *node = &world->nodes[i];
        if (node->alive && node_leads(node, NULL)) {
            return node;
        }
    }
    return NULL;
}

/* ---- storms ---- */

static void begin_storm(struct world *world)
{
    world->calm = false;
    world->storms++;
    world->storm_ends = world->now + between(world, 20, 120) * SECOND;
    plan(world, between(world, 0, 5 * SECOND), EVENT_FAULT, NULL, NULL, 0);
}

static int64_t ends_within(const struct world *world)
{
    int64_t least = world->kind->limits.ttl_min_ms;
    int64_t ttl = world->ttl_ms > least ? world->ttl_ms : least;
    return registry_ends_within_ms(&world->kind->limits, ttl);
}

static bool has_silent_watch(const struct world *world)
{
    for (unsigned i = 0; i < world->node_count; i++) {
        const struct node *node = &world->nodes[i];
        if (node->alive && node->silenced != 0 && election_watches(&node->election, node->silenced)) {
            return true;
        }
    }
    return false;
}

/* A watch that is silent misses that the one before went: then the comparison beside the next keepalive finds it. */
static int64_t found_within(const struct world *world)
{
    return has_silent_watch(world) ? ends_within(world) / 2 + 2 * SECOND : 0;
}

/* What is on its way when the faults end may still renew a lease. */
static void on_calm(struct world *world)
{
    faults_calm(world);
    world->calm = true;
    world->stats.calms++;
    plan(world, DELAY_MAX + ends_within(world) + AFTER_MS + found_within(world), EVENT_LED, NULL, NULL, 0);
}

static void on_fault(struct world *world)
{
    if (world->now >= world->storm_ends) {
        int64_t stopped = faults_last(world) - world->now;
        if (stopped > 0) {
            plan(world, stopped + 1, EVENT_FAULT, NULL, NULL, 0);
        } else {
            on_calm(world);
        }
        return;
    }
    faults_one(world);
    plan(world, between(world, 10, 12 * SECOND), EVENT_FAULT, NULL, NULL, 0);
}

static void on_led(struct world *world)
{
    struct node *leader = leader_of(world);
    if (leader == NULL) {
        break_rule(world, "no node leads, %" PRId64 " ms after the faults ended",
                   ends_within(world) + AFTER_MS);
        return;
    }
    for (unsigned i = 0; i < world->node_count; i++) {
        enum election_state state = world->nodes[i].election.state;
        if (world->nodes[i].alive && state != ELECTION_LEADING && state != ELECTION_QUEUED) {
            break_rule(world, "node %u has no place, it is %s", i, election_state_name(state));
        }
    }
    plan(world, between(world, 0, 2 * world->ttl_ms), EVENT_RESIGN, NULL, NULL, leader->index);
}

/* The newest keys may not tell who is before one candidate, where keys that were written by hand lie about. Then all are listed. */
static uint64_t listings_of_one(struct world *world)
{
    const struct registry_request list = {.op = REGISTRY_LIST,
                                          .key = STR("/control/leader/world/"),
                                          .range_end = STR("/control/leader/world0")};
    return net_do(world, list)->count > NEWEST ? 2 : 1;
}

/* Without a fault the leader stays, until it is told to resign. Then another follows at once. */
static void on_resign(struct world *world, unsigned index)
{
    struct node *leader = leader_of(world);
    if (leader == NULL || leader->index != index) {
        break_rule(world, "node %u lost without a fault", index);
        return;
    }
    world->lists_before = world->stats.lists;
    node_tell(leader, false);
    plan(world, AFTER_RESIGN_MS + found_within(world), EVENT_FOLLOWED, NULL, NULL, index);
}

static void on_followed(struct world *world, unsigned index)
{
    const struct node *leader = leader_of(world);
    if (leader == NULL || leader->index == index) {
        break_rule(world, "no node followed node %u, which resigned", index);
        return;
    }
    if (found_within(world) == 0 && world->stats.lists - world->lists_before > listings_of_one(world)) {
        break_rule(world, "%" PRIu64 " listings because one leader went",
                   world->stats.lists - world->lists_before);
    }
    world->stats.handovers++;
    node_tell(&world->nodes[index], true);
    if (world->storms < STORMS) {
        begin_storm(world);
    } else {
        plan(world, SECOND, EVENT_END, NULL, NULL, 0);
    }
}

/* ---- events ---- */

static void on_tick(struct node *node)
{
    node->tick_at = INT64_MAX;
    node_event(node, ELECTION_ON_TICK, NULL, NULL);
}

static void dispatch(struct world *world, const struct event *event)
{
    struct node *node = &world->nodes[event->node];
    bool present = node->alive && node->life == event->life;
    switch ((enum event_type)event->type) {
    case EVENT_TICK:
        if (present && world->now >= node->tick_at) {
            on_tick(node);
        }
        break;
    case EVENT_REQUEST:
    case EVENT_REPLY:
    case EVENT_TIMEOUT:
    case EVENT_WATCH:
    case EVENT_UNWATCH:
    case EVENT_CHANGE: net_arrive(world, event); break;
    case EVENT_RESUME:
        if (present) {
            node_resume(node);
        }
        break;
    case EVENT_START:
        if (!node->alive) {
            node_start(node);
        }
        break;
    case EVENT_HEAL: node->network = NETWORK_UP; break;
    case EVENT_UP: world->down = false; break;
    case EVENT_FAULT: on_fault(world); break;
    case EVENT_LED: on_led(world); break;
    case EVENT_RESIGN: on_resign(world, (unsigned)event->id); break;
    case EVENT_FOLLOWED: on_followed(world, (unsigned)event->id); break;
    case EVENT_END: world->ended = true; break;
    }
}

/* What a stopped node is sent waits, in order, until it runs again. */
static bool waits(const struct world *world, const struct event *event)
{
    const struct node *node = &world->nodes[event->node];
    bool to_node = event->type == EVENT_TICK || event->type == EVENT_REPLY || event->type == EVENT_TIMEOUT ||
                   event->type == EVENT_CHANGE;
    return to_node && node->stopped && node->life == event->life;
}

/* An observer asks it every second: the clock of a registry that does not end leases by itself moves with requests. */
static void run_store(struct world *world)
{
    while (world->now > world->store_now) {
        int64_t left = world->now - world->store_now;
        int64_t span = left < SECOND ? left : SECOND;
        memory_advance(world->store, span);
        world->store_now += span;
        (void)memory_run(world->store);
    }
}

void world_run(struct world *world)
{
    struct event event;
    while (!world->failed && !world->ended && heap_pop(&world->heap, &event)) {
        if (waits(world, &event)) {
            event.at = world->nodes[event.node].stopped_until;
            heap_push(&world->heap, event);
            continue;
        }
        if (event.at > world->now) {
            world->stats.agent_ms += (uint64_t)(event.at - world->now) * world->node_count;
            world->now = event.at;
        }
        run_store(world);
        ask_all(world);
        world->stats.events++;
        dispatch(world, &event);
        ask_all(world);
    }
}

/* ---- life ---- */

/* Keys that are no candidate's, older than any candidate. */
static void write_foreign(struct world *world)
{
    static const char *const keys[] = {"/control/leader/world/1", "/control/leader/world/not-hex",
                                       "/control/leader/world/"};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        (void)net_do(world, (struct registry_request){.op = REGISTRY_PUT, .key = str_of(keys[i])});
    }
}

struct world *world_new(uint64_t seed, const struct memory_kind *kind, struct narrative *narrative)
{
    static const int64_t ttls[] = {6000, 8000, 10000, 30000};
    struct world *world = mem_zalloc(sizeof(*world));
    world->seed = seed;
    world->kind = kind;
    world->narrative = narrative;
    world->cluster = 1;
    random_seed(&world->random, seed);
    world->ttl_ms = ttls[random_below(&world->random, COUNT_OF(ttls))];
    world->renew_ms = chance(world, 50) ? 0 : world->ttl_ms / 4;
    world->node_count = (unsigned)between(world, 2, NODES_MAX);
    net_open_store(world);
    if (chance(world, 50)) {
        write_foreign(world);
    }
    for (unsigned i = 0; i < world->node_count; i++) {
        struct node *node = &world->nodes[i];
        *node = (struct node){.world = world,
                              .index = i,
                              .ready = true,
                              .boot_base = between(world, 100000, 100000000),
                              .parts = between(world, 990000, 1010000),
                              .tick_at = INT64_MAX};
        queue_init(&node->effects, sizeof(struct election_effect));
        plan(world, between(world, 0, 2000), EVENT_START, node, NULL, 0);
    }
    begin_storm(world);
    return world;
}

void world_free(struct world *world)
{
    struct event event;
    for (unsigned i = 0; i < world->node_count; i++) {
        election_fini(&world->nodes[i].election);
        queue_fini(&world->nodes[i].effects);
    }
    net_close_store(world);
    while (heap_pop(&world->heap, &event)) {
        packet_free(event.packet);
    }
    free(world->heap.events);
    free(world);
}
