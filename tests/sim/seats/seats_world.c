/* Time, the dispatch of events, and a world from its beginning to its end. */
#include "seats_sim.h"

#include "outrider/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { MONO_BASE = 1000000, BOOT_BASE = 5000000, SETTLE_MS = 90000 };
#define WALL_BASE INT64_C(1795227240000)

uint64_t below(struct world *world, uint64_t limit)
{
    return random_below(&world->random, limit);
}

bool chance(struct world *world, unsigned per_mille)
{
    return per_mille > 0 && below(world, 1000) < per_mille;
}

void plan(struct world *world, int64_t after, enum what what, unsigned machine, uint64_t id)
{
    heap_push(&world->heap,
              (struct event){.at = world->now + after, .type = (int)what, .node = machine, .id = id});
}

struct instant machine_now(const struct machine *machine)
{
    int64_t now = machine->world->now;
    return (struct instant){
        .mono = MONO_BASE + now, .boot = BOOT_BASE + now, .wall = WALL_BASE + now + machine->skew};
}

struct machine *machine_at(struct world *world, unsigned index)
{
    return index < OBSERVERS ? &world->observers[index].machine : &world->agents[index - OBSERVERS].machine;
}

bool machine_runs(const struct machine *machine)
{
    return machine->life % 2 == 1;
}

void machine_arm(struct machine *machine, int64_t at_mono)
{
    struct world *world = machine->world;
    int64_t at = at_mono == NEVER_MS ? INT64_MAX : at_mono - MONO_BASE;
    at = at < world->now ? world->now : at;
    if (at < machine->armed_at) {
        machine->armed_at = at;
        plan(world, at - world->now, ON_TICK, machine->index, (uint64_t)at);
    }
}

/* ---- the story ---- */

static const char *head_of(const struct world *world, char out[static 40])
{
    snprintf(out, 40, "%9.3f  r%lld  ", (double)world->now / 1000, (long long)world->store.revision);
    return out;
}

void tell(struct world *world, const char *format, ...)
{
    char head[40];
    va_list args;
    va_start(args, format);
    narrative_add(world->narrative, head_of(world, head), format, args);
    va_end(args);
}

void violated(struct world *world, const char *format, ...)
{
    char head[40];
    va_list args;
    if (world->failed) {
        return;
    }
    world->failed = true;
    va_start(args, format);
    narrative_fail(world->narrative, head_of(world, head), format, args);
    va_end(args);
    narrative_print(world->narrative);
    printf(
        "FAILED: %s\nreplay: sim_seats --like %s --seed %llu --players %llu --slow %u --worlds 1 --verbose\n",
        narrative_verdict(world->narrative), world->options.kind->name, (unsigned long long)world->seed,
        (unsigned long long)world->options.wanted, world->options.slow);
}

/* ---- events ---- */

static void start(struct world *world, unsigned index)
{
    if (index >= OBSERVERS) {
        agent_start(&world->agents[index - OBSERVERS]);
    } else if (!machine_runs(&world->observers[index].machine)) {
        observer_start(&world->observers[index]);
    }
}

static void tick(struct world *world, struct machine *machine, int64_t at)
{
    if (machine->armed_at != at || !machine_runs(machine)) {
        return;
    }
    machine->armed_at = INT64_MAX;
    if (machine->index < OBSERVERS) {
        observer_tick(&world->observers[machine->index]);
    } else {
        agent_tick(&world->agents[machine->index - OBSERVERS]);
    }
}

static void stream(struct machine *machine, uint64_t id)
{
    enum port port = (enum port)(id >> 28 & 15);
    bool current =
        (uint32_t)(id >> 32) == machine->life && (machine->streams[port].id & 0xfffffff) == (id & 0xfffffff);
    if (current && machine_runs(machine)) {
        net_stream(machine, port);
    }
}

static void come(struct world *world)
{
    if (world->last_player < world->options.wanted) {
        /* A gate opens: what they ask for shares transactions. */
        uint64_t at_once = chance(world, 8) ? 10 + below(world, 50) : 1;
        for (uint64_t i = 0; i < at_once; i++) {
            if (chance(world, 300)) {
                joins_begin(world);
            } else {
                player_new(world);
            }
        }
        plan(world, world->options.slow * (int64_t)below(world, world->calm ? 400 : 250), ON_NEW, 0, 0);
    }
}

static void pulse(struct world *world)
{
    for (unsigned i = 0; i < OBSERVERS; i++) {
        observer_check(&world->observers[i]);
    }
    oracle_pulse(world);
    plan(world, 1000, ON_PULSE, 0, 0);
}

static void meet(struct world *world, const struct event *event)
{
    struct machine *machine = machine_at(world, event->node);
    switch ((enum what)event->type) {
    case ON_ARRIVE: net_arrive(event->packet); break;
    case ON_REPLY: net_reply(event->packet); break;
    case ON_STREAM: stream(machine, event->id); break;
    case ON_TICK: tick(world, machine, (int64_t)event->id); break;
    case ON_SAVE:
        if (event->id == machine->life && world->agents[event->node - OBSERVERS].dirty) {
            agent_save(&world->agents[event->node - OBSERVERS]);
        }
        break;
    case ON_PLAYER: player_act(world, event->id); break;
    case ON_LINE: game_line(&world->agents[event->node - OBSERVERS], event->id); break;
    case ON_START: start(world, event->node); break;
    case ON_NEW: come(world); break;
    case ON_FAULT: befall(world); break;
    case ON_PULSE: pulse(world); break;
    case ON_JOIN: joins_due(world, event->id); break;
    case ON_ERRAND: joins_errand(world, event->text); break;
    case ON_GO:
        if (machine_runs(machine)) {
            observer_tick(&world->observers[event->node]);
        }
        break;
    case ON_SWEEP:
        store_sweep(world);
        plan(world, 250, ON_SWEEP, 0, 0);
        break;
    }
}

/* ---- a world ---- */

static void begin(struct world *world)
{
    store_init(&world->store, world->options.kind);
    joins_new(world);
    world->server_count = 2 + (unsigned)below(world, SERVERS_MAX - 1);
    for (unsigned i = 0; i < OBSERVERS; i++) {
        observer_init(&world->observers[i], world, i);
        observer_start(&world->observers[i]);
    }
    for (unsigned i = 0; i < world->server_count; i++) {
        agent_init(&world->agents[i], world, i);
        world->agents[i].pid = (pid_t)(1000 * (i + 1));
        agent_start(&world->agents[i]);
    }
    plan(world, 3000, ON_NEW, 0, 0);
    plan(world, 4000, ON_FAULT, 0, 0);
    plan(world, 1000, ON_PULSE, 0, 0);
    plan(world, 250, ON_SWEEP, 0, 0);
}

/* Storms, in which anything may happen, and calms. */
static void weather(struct world *world)
{
    bool was_calm = world->calm;
    world->calm = chance(world, 300);
    world->calm_since = was_calm ? world->calm_since : world->now;
    world->lost = world->calm ? 0 : (unsigned)below(world, 60);
    world->late = world->calm ? 0 : (unsigned)below(world, 30);
    world->doubled = world->calm ? 0 : (unsigned)below(world, 60);
}

static void settle(struct world *world)
{
    world->calm_since = world->calm ? world->calm_since : world->now;
    world->calm = true;
    world->lost = world->late = world->doubled = 0;
    for (unsigned i = 0; i < OBSERVERS + world->server_count; i++) {
        struct machine *machine = machine_at(world, i);
        machine->way_until = 0;
        for (int port = 0; port < PORT_COUNT; port++) {
            if (machine->streams[port].deaf) {
                net_cut(machine, (enum port)port);
            }
        }
        plan(world, 6000, ON_START, i, 0);
    }
}

static void run_until(struct world *world, int64_t until)
{
    struct event event;
    while (!world->failed && world->heap.count > 0 && world->heap.events[0].at <= until) {
        (void)heap_pop(&world->heap, &event);
        world->now = event.at;
        world->totals.steps++;
        meet(world, &event);
    }
    world->now = world->failed ? world->now : until;
}

static void end(struct world *world)
{
    struct event event;
    struct player *player, *next;
    for (unsigned i = 0; i < OBSERVERS; i++) {
        observer_end(&world->observers[i]);
    }
    for (unsigned i = 0; i < world->server_count; i++) {
        world->agents[i].machine.life += machine_runs(&world->agents[i].machine);
    }
    while (heap_pop(&world->heap, &event)) {
        if (event.type == ON_REPLY) {
            net_reply(event.packet);
        } else if (event.type == ON_ARRIVE) {
            net_arrive(event.packet);
        } else if (event.type == ON_ERRAND) {
            free(event.text);
        }
    }
    for (unsigned i = 0; i < world->server_count; i++) {
        reservations_fini(&world->agents[i].seats);
        agent_fini(&world->agents[i]);
    }
    HASH_ITER(hh, world->players, player, next)
    {
        HASH_DEL(world->players, player);
        HASH_DELETE(by_id, world->by_id, player);
        free(player);
    }
    narrative_free(world->narrative);
    store_fini(&world->store);
    joins_free(world);
    free(world->heap.events);
    free(world);
}

bool world_play(uint64_t seed, const struct world_options *options, struct totals *totals)
{
    struct world *world = mem_zalloc(sizeof(*world));
    world->seed = seed;
    world->options = *options;
    world->narrative = narrative_new(options->verbose);
    world->totals = *totals;
    random_seed(&world->random, seed);
    begin(world);
    while (world->last_player < options->wanted && !world->failed) {
        weather(world);
        run_until(world, world->now + 10000 + (int64_t)below(world, 50000));
    }
    settle(world);
    run_until(world, world->now + SETTLE_MS);
    if (!world->failed) {
        oracle_end(world);
    }
    bool fine = !world->failed;
    world->totals.milliseconds += (uint64_t)world->now;
    *totals = world->totals;
    world->failed = true; /* what is under way is answered, and nothing is looked at any more */
    end(world);
    return fine;
}
