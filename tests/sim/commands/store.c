/* The registry: keys under leases, compares, answers that are late or lost. */
#include "world.h"

#include <string.h>

bool store_is_away(const struct world *world)
{
    return world->now < world->away_until;
}

void store_submit(struct world *world, struct flight flight)
{
    struct random *random = &world->random;
    flight.used = true;
    flight.applies = world->now + 1 + (int64_t)random_below(random, 30);
    flight.replies = flight.applies + 1 + (int64_t)random_below(random, 30);
    uint64_t luck = world->faults ? random_below(random, 100) : 99;
    if (store_is_away(world)) {
        flight.applies = NEVER_MS;
        flight.replies = world->now + 50 + (int64_t)random_below(random, 900);
        flight.failure = luck < 30 ? REGISTRY_UNKNOWN : REGISTRY_RETRY;
    } else if (luck < 4) {
        flight.applies = NEVER_MS; /* refused, or lost on the way there */
        flight.failure = luck < 2 ? REGISTRY_RETRY : REGISTRY_UNKNOWN;
    } else if (luck < 8) {
        flight.replies += 900; /* carried out, and the answer is lost */
        flight.failure = REGISTRY_UNKNOWN;
    } else if (luck < 12) {
        flight.applies += (int64_t)random_below(random, 1500);
        flight.replies = flight.applies + 5;
    }
    for (size_t i = 0; i < FLIGHTS_MAX; i++) {
        if (!world->flights[i].used) {
            world->flights[i] = flight;
            world->flight_end = i < world->flight_end ? world->flight_end : i + 1;
            return;
        }
    }
    world_break(world, "more requests under way than a machine may have");
}

static void change(struct world *world, struct key *key)
{
    key->revision = ++world->revision;
    agent_changed(world, (int)(key - world->keys));
}

static void check_write(struct world *world, const struct key *key, const struct flight *flight)
{
    if (key->exists && command_is_final(key->stored.state)) {
        world_break(world, "a final state was written over");
    }
    if (key->exists && !command_may_move(key->stored.state, flight->value.state)) {
        world_break(world, "a state went back");
    }
    if (registry_lease_is_none(flight->lease)) {
        world_break(world, "a key is under no lease");
    }
}

static void put(struct world *world, struct flight *flight)
{
    struct key *key = &world->keys[flight->key];
    bool alive = key->lease_ends > world->now && !registry_lease_is_none(flight->lease);
    if (flight->failure == REGISTRY_OK && !alive) {
        flight->failure = REGISTRY_LEASE_LOST;
        return;
    }
    bool as_expected = flight->revision == (key->exists ? key->revision : 0);
    flight->succeeded = alive && as_expected;
    if (!flight->succeeded) {
        flight->found = key->exists;
        return;
    }
    check_write(world, key, flight);
    command_fini(&key->stored);
    command_copy(&flight->value, &key->stored);
    key->exists = true;
    world->first_there = flight->key < world->first_there ? flight->key : world->first_there;
    key->lease = flight->lease;
    change(world, key);
    flight->seen_revision = key->revision;
}

/* What the reply shows is as it is now, also where it comes late. */
static void apply(struct world *world, struct flight *flight)
{
    flight->applied = true;
    if (flight->walks) {
        return; /* its pages are read when it replies */
    }
    struct key *key = &world->keys[flight->key];
    if (flight->state == DISPATCH_GRANTING && !flight->of_agent) {
        flight->lease = (struct registry_lease){.lo = ++world->leases};
        key->lease_ends = world->now + flight->ttl_ms;
        return;
    }
    if (flight->is_read) {
        flight->found = key->exists;
    } else {
        put(world, flight);
    }
    if (flight->found) {
        command_copy(&key->stored, &flight->seen);
        flight->seen_revision = key->revision;
        flight->seen_lease = key->lease;
    }
}

static void end_leases(struct world *world)
{
    while (world->first_there < world->count && !world->keys[world->first_there].exists) {
        world->first_there++;
    }
    for (int i = world->first_there; i < world->count; i++) {
        struct key *key = &world->keys[i];
        if (key->exists && key->lease_ends <= world->now) {
            key->exists = false;
            change(world, key);
        }
    }
}

void store_step(struct world *world)
{
    end_leases(world);
    while (world->flight_end > 0 && !world->flights[world->flight_end - 1].used) {
        world->flight_end--;
    }
    for (size_t i = 0; i < world->flight_end; i++) {
        struct flight *flight = &world->flights[i];
        if (flight->used && !flight->applied && flight->applies <= world->now) {
            apply(world, flight);
        }
        if (flight->used && flight->replies <= world->now) {
            struct flight done = *flight;
            memset(flight, 0, sizeof(*flight));
            if (done.of_agent) {
                agent_replied(world, &done);
            } else {
                observer_replied(world, &done);
            }
            command_fini(&done.value);
            command_fini(&done.seen);
        }
    }
}
