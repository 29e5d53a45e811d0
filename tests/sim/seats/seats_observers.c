/* Observers: view, placement and reservations as the agent wires them. */
#include "seats_sim.h"

#include "outrider/core/fleet/view_read.h"
#include "outrider/core/seats/seats.h"

#include <stdio.h>

static struct world *world_of(const struct observer *observer)
{
    return observer->machine.world;
}

static void settle(struct observer *observer)
{
    int64_t view = view_deadline(observer->router.view).latest;
    int64_t seats = seats_router_deadline(observer->seats).latest;
    machine_arm(&observer->machine, view < seats ? view : seats);
}

void fleet_carry_out(struct fleet *fleet, const struct view_effect *effect)
{
    struct machine *machine = &fleet->observer->machine;
    switch (effect->type) {
    case VIEW_DO_REQUEST: net_send(machine, PORT_VIEW, effect->request); break;
    case VIEW_DO_WATCH: net_watch(machine, PORT_VIEW, effect->watch); break;
    case VIEW_DO_UNWATCH: net_unwatch(machine, PORT_VIEW); break;
    case VIEW_DO_CHANGED:
    case VIEW_DO_REVISION:
    case VIEW_DO_SYNCED:
    case VIEW_DO_STALE:
    case VIEW_DO_SAVE:
    case VIEW_DO_NOTE: break;
    }
}

void seats_carry_out(struct seats_owner *owner, const struct mirror_effect *effect)
{
    struct machine *machine = &owner->observer->machine;
    switch (effect->type) {
    case MIRROR_DO_REQUEST: net_send(machine, PORT_MIRROR, effect->request); break;
    case MIRROR_DO_WATCH: net_watch(machine, PORT_MIRROR, effect->watch); break;
    case MIRROR_DO_UNWATCH: net_unwatch(machine, PORT_MIRROR); break;
    case MIRROR_DO_CHANGED:
    case MIRROR_DO_SYNCED:
    case MIRROR_DO_STALE:
    case MIRROR_DO_NOTE: break;
    }
}

void seats_submit(struct seats_owner *owner, const struct registry_request *request)
{
    net_send(&owner->observer->machine, PORT_CHANGES, request);
}

void seats_skipped(struct seats_owner *owner, struct str key, const char *why)
{
    violated(world_of(owner->observer), "observer %u cannot read %.*s: %s", owner->observer->machine.index,
             STR_ARG(key), why);
}

void observer_init(struct observer *observer, struct world *world, unsigned index)
{
    observer->machine = (struct machine){.world = world, .index = index};
    observer->fleet.observer = observer->owner.observer = observer;
}

void observer_start(struct observer *observer)
{
    struct world *world = world_of(observer);
    struct machine *machine = &observer->machine;
    machine->life++;
    machine->armed_at = INT64_MAX;
    machine->skew = (int64_t)below(world, 2 * SKEW_MS + 1) - SKEW_MS;
    tell(world, "observer %u starts, its clock is %+d ms off", machine->index, (int)machine->skew);
    struct instant now = machine_now(machine);
    observer->seats = seats_router_new(&(struct seats_router_settings){.prefix = "/services",
                                                                       .control_prefix = "/outrider",
                                                                       .timeout_ms = TIMEOUT_MS,
                                                                       .check_ms = TTL_MS / 2,
                                                                       .sweeps = true,
                                                                       .seed = random_next(&world->random),
                                                                       .can = world->options.kind->can},
                                       &observer->owner);
    fleet_router_init(&observer->router,
                      &(struct view_settings){.prefix = "/services",
                                              .mode = VIEW_ALWAYS,
                                              .check_ms = TTL_MS / 2,
                                              .request_timeout_ms = TIMEOUT_MS,
                                              .can = world->options.kind->can,
                                              .seed = random_next(&world->random)},
                      &(struct placement_settings){.virtual_nodes = 20,
                                                   .balance_factor = 125,
                                                   .seed = random_next(&world->random),
                                                   .seats = seats_router_seats(observer->seats)},
                      &observer->fleet);
    seats_router_place(observer->seats, observer->router.placement, observer->router.view);
    (void)fleet_router_step(&observer->router, &(struct view_event){.type = VIEW_ON_START, .now = now});
    seats_router_follow(observer->seats, true, &now);
    settle(observer);
}

/* What it was asked is not answered any more. */
void observer_end(struct observer *observer)
{
    if (machine_runs(&observer->machine)) {
        observer->machine.life++;
        net_forget(&observer->machine);
        joins_forget(observer);
        seats_router_free(observer->seats);
        fleet_router_fini(&observer->router);
    }
}

void observer_tick(struct observer *observer)
{
    struct instant now = machine_now(&observer->machine);
    (void)fleet_router_step(&observer->router, &(struct view_event){.type = VIEW_ON_TICK, .now = now});
    seats_router_tick(observer->seats, &now);
    settle(observer);
}

void observer_replied(struct observer *observer, enum port port, const struct registry_reply *reply)
{
    struct instant now = machine_now(&observer->machine);
    if (port == PORT_VIEW) {
        (void)fleet_router_replied(&observer->router, reply, &now);
    } else if (port == PORT_MIRROR) {
        seats_router_mirrored(observer->seats, reply, &now);
    } else {
        seats_router_replied(observer->seats, reply, &now);
    }
    settle(observer);
}

void observer_watched(struct observer *observer, enum port port, const struct registry_watch_event *event)
{
    struct instant now = machine_now(&observer->machine);
    if (port == PORT_VIEW) {
        (void)fleet_router_watched(&observer->router, event, &now);
    } else {
        seats_router_watched(observer->seats, event, &now);
    }
    settle(observer);
}

/* A reservation counts until 2 s after its time by the observer's clock, and not a tick longer. */
void observer_check(struct observer *observer)
{
    struct world *world = world_of(observer);
    if (!machine_runs(&observer->machine)) {
        return;
    }
    observer_tick(observer);
    int64_t wall = machine_now(&observer->machine).wall;
    const struct seats *seats = seats_router_seats(observer->seats);
    for (const struct seats_server *each = seats_first(seats); each != NULL; each = seats_next(each)) {
        uint32_t live = 0;
        for (size_t i = 0; i < each->list.count; i++) {
            live += each->list.items[i].until_wall + 2000 > wall ? each->list.items[i].seats : 0;
        }
        if (live != each->reserved) {
            violated(world, "observer %u counts %u seats of %.*s as reserved, and %u are",
                     observer->machine.index, each->reserved, STR_ARG(each->place), live);
        }
    }
}

/* ---- for players ---- */

static void on_allocated(const struct allocate *result, void *user)
{
    struct world *world = ((struct observer *)user)->machine.world;
    player_allocated(world, player_number(world, str_of(result->change.id)), result);
}

static void on_amended(const struct amend *result, void *user)
{
    struct world *world = ((struct observer *)user)->machine.world;
    player_amended(world, player_number(world, str_of(result->change.id)), result);
}

void observer_allocate(struct observer *observer, struct player *player)
{
    struct world *world = world_of(observer);
    struct instant now = machine_now(&observer->machine);
    char by[16];
    snprintf(by, sizeof(by), "obs-%u", observer->machine.index);
    struct placement_query query = {.type = STR("world"),
                                    .strategy =
                                        (enum placement_strategy)(player->number % PLACEMENT_STRATEGY_COUNT),
                                    .key = str_of(player->id),
                                    .seats = player->seats,
                                    .count = 1};
    const struct allocate_settings settings = {.query = &query,
                                               .id = str_of(player->id),
                                               .by = str_of(by),
                                               .ttl_ms = 1000 + (int64_t)(player->number * 7919 % 9000),
                                               .timeout_ms = 2 * TIMEOUT_MS,
                                               .seed = random_next(&world->random)};
    (void)seats_router_allocate(observer->seats, &settings, &now, on_allocated, observer);
    seats_router_tick(observer->seats, &now);
    settle(observer);
}

void observer_amend(struct observer *observer, struct player *player, enum amend_op op)
{
    struct world *world = world_of(observer);
    struct instant now = machine_now(&observer->machine);
    (void)seats_router_amend(observer->seats, op, STR("world"), str_of(world->agents[player->server].id),
                             str_of(player->id), 1000 + (int64_t)below(world, 8000), &now, on_amended,
                             observer);
    seats_router_tick(observer->seats, &now);
    settle(observer);
}
