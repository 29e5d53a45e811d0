/* What befalls the world. */
#include "seats_sim.h"

static void cut_off(struct world *world, struct machine *machine)
{
    machine->way = chance(world, 500) ? WAY_HOLE : WAY_REFUSED;
    machine->way_until = world->now + (int64_t)below(world, chance(world, 200) ? 25000 : 4000);
    tell(world, "machine %u is cut off until %.3f: %s", machine->index, (double)machine->way_until / 1000,
         machine->way == WAY_HOLE ? "no answer" : "refused");
    for (int port = 0; port < PORT_COUNT && machine->way == WAY_REFUSED; port++) {
        net_cut(machine, (enum port)port);
    }
}

static void befall_stream(struct world *world, struct machine *machine)
{
    enum port port = (enum port)below(world, PORT_COUNT);
    if (chance(world, 300)) {
        machine->streams[port].deaf = machine->streams[port].id != 0;
    } else {
        net_cut(machine, port);
    }
}

static void befall_server(struct world *world, struct agent *agent)
{
    int64_t away = 100 + (int64_t)below(world, chance(world, 300) ? 20000 : 1500);
    switch (below(world, 4)) {
    case 0:
    case 1:
        if (machine_runs(&agent->machine)) {
            agent_kill(agent);
            plan(world, away, ON_START, agent->machine.index, 0);
        }
        break;
    case 2: agent_stop(agent); break;
    default: game_crash(agent); break;
    }
}

/* Of the stores, with what they promise: one that keeps what it acknowledged may be replaced by an empty one, another also by a
 * replica that lacks the last changes. */
static void befall_store(struct world *world)
{
    bool keeps = store_can(&world->store, REGISTRY_CAN_KEEP);
    switch (below(world, 8)) {
    case 0: store_wipe(world); break;
    case 1: joins_undone(world, chance(world, 200)); break;
    case 2:
    case 3:
        if (!keeps) {
            store_fail_over(world);
            break;
        }
        store_renew(world);
        break;
    default:
        store_compact(&world->store, world->store.revision - REVISION_STEP * (int64_t)below(world, 10));
        break;
    }
}

void befall(struct world *world)
{
    unsigned machines = OBSERVERS + world->server_count;
    struct machine *machine = machine_at(world, (unsigned)below(world, machines));
    plan(world, world->options.slow * (200 + (int64_t)below(world, 2500)), ON_FAULT, 0, 0);
    if (world->calm) {
        return;
    }
    world->totals.faults++;
    switch (below(world, 8)) {
    case 0:
    case 1: cut_off(world, machine); break;
    case 2: befall_stream(world, machine); break;
    case 3: befall_store(world); break;
    case 4: /* the registry cannot be reached by any machine */
        for (unsigned i = 0; i < machines && chance(world, 300); i++) {
            cut_off(world, machine_at(world, i));
        }
        break;
    case 5:
        if (machine->index < OBSERVERS) {
            observer_end(&world->observers[machine->index]);
            plan(world, 100 + (int64_t)below(world, 3000), ON_START, machine->index, 0);
        }
        break;
    default: befall_server(world, &world->agents[below(world, world->server_count)]); break;
    }
}
