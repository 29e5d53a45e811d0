/* Storms and calms. Each storm draws which faults may happen in it, so that rare faults also occur alone. */
#include "sim.h"

#include <inttypes.h>
#include <stdio.h>

static struct node *anyone(struct world *world)
{
    return &world->nodes[world_below(world, world->count)];
}

static unsigned some(struct world *world)
{
    static const unsigned rates[] = {0, 0, 0, 10, 60, 250};
    return rates[world_below(world, COUNT_OF(rates))];
}

void faults_begin(struct world *world)
{
    world->weather.game_every = 20000;
    world->phase_end = 30000;
    world_at(world, world->phase_end, EVENT_PHASE, NULL, PLAIN);
}

/* ---- phases ---- */

static void begin_storm(struct world *world)
{
    struct weather *weather = &world->weather;
    *weather = (struct weather){.lost = some(world),
                                .unanswered = some(world),
                                .late = some(world),
                                .doubled = some(world),
                                .slow = some(world)};
    for (unsigned act = 0; act < ACT_COUNT; act++) {
        weather->acts |= world_chance(world, 350) ? 1u << act : 0;
    }
    weather->act_every = (int64_t[]){500, 2000, 8000, 20000}[world_below(world, 4)];
    weather->game_every = (int64_t[]){1000, 5000, 20000, 100000}[world_below(world, 4)];
    world->calm = false;
    world->faulty = true;
    world->stats.storms++;
    world->phase_end = world->now + 5000 + world_span(world, 60000);
    narrate(world, NULL, "---- storm: acts %x, lost %u, unanswered %u, late %u, doubled %u, slow %u",
            weather->acts, weather->lost, weather->unanswered, weather->late, weather->doubled,
            weather->slow);
    for (unsigned i = 0; i < world->count; i++) {
        struct node *node = &world->nodes[i];
        node->stays_dead = node->slow_retry = false;
        if (!node->alive) {
            node_restart_later(node, world_span(world, 5000));
        }
    }
    world_at(world, world->now + world_span(world, weather->act_every), EVENT_FAULT, NULL, PLAIN);
    world_at(world, world->phase_end, EVENT_PHASE, NULL, PLAIN);
}

static void heal_all(struct world *world)
{
    faults_heal_etcd(world);
    faults_elected(world);
    world->nospace = world->denied = world->faulty = false;
    for (unsigned i = 0; i < world->count; i++) {
        struct node *node = &world->nodes[i];
        node->no_route = false;
        faults_heal_node(node);
        network_hindered(node, world->now);
    }
}

static void begin_calm(struct world *world)
{
    narrate(world, NULL, "---- calm");
    world->calm = true;
    world->calm_since = world->now;
    heal_all(world);
    int64_t longest = 0;
    for (unsigned i = 0; i < world->count; i++) {
        struct node *node = &world->nodes[i];
        if (!node->alive) {
            node->stays_dead = world_chance(world, 300);
            node_restart_later(node, (int64_t)world_below(world, 1000));
        }
        game_settle(node);
        int64_t bound = oracle_bound(node);
        longest = bound > longest ? bound : longest;
        world_at(world, world->now + bound, EVENT_CHECK, node, (struct event){.arg = world->calm_since});
    }
    world->phase_end = world->now + longest + 2000 + world_span(world, 20000);
    world_at(world, world->phase_end, EVENT_PHASE, NULL, PLAIN);
}

/* A hand-over during a calm: the next agent must continue without a single write. */
static void hand_over_some(struct world *world)
{
    for (unsigned i = 0; i < world->count; i++) {
        struct node *node = &world->nodes[i];
        if (node->alive && !node->stopping && node->state_dir && world_chance(world, 200)) {
            node_signal(node, SHUTDOWN_ON_QUIT);
            if (!node->alive) {
                node_restart_later(node, 20 + (int64_t)world_below(world, 1500));
            }
        }
    }
}

void faults_phase(struct world *world)
{
    if (!world->calm) {
        begin_calm(world);
        return;
    }
    for (unsigned i = 0; i < world->count && world->calm_since > 0; i++) {
        oracle_check(&world->nodes[i], "the calm was long");
    }
    if (world_chance(world, 300) && world->now - world->calm_since > 25000) {
        /* The calm goes on, so that the next check includes the hand-over. */
        hand_over_some(world);
        world->phase_end = world->now + 50000;
        world_at(world, world->phase_end, EVENT_PHASE, NULL, PLAIN);
        return;
    }
    begin_storm(world);
}

/* ---- what heals ---- */

static void all_hindered(struct world *world)
{
    for (unsigned i = 0; i < world->count; i++) {
        network_hindered(&world->nodes[i], world->now);
    }
}

void faults_heal_etcd(struct world *world)
{
    if (world->etcd_link == LINK_REFUSED) {
        /* etcd was down: the new leader gives every lease its whole TTL. */
        world->leader_changes++;
        etcd_refresh(&world->etcd, world->now);
    }
    if (world->etcd_link != LINK_UP) {
        narrate(world, NULL, "etcd can be reached again");
        all_hindered(world);
    }
    world->etcd_link = LINK_UP;
}

void faults_elected(struct world *world)
{
    if (world->leaderless) {
        narrate(world, NULL, "etcd has a leader again");
        world->leaderless = false;
        all_hindered(world);
        world->leader_changes++;
        world->stats.elections++;
        etcd_refresh(&world->etcd, world->now);
    }
}

void faults_heal_node(struct node *node)
{
    if (node->link != LINK_UP) {
        narrate(node->world, node, "its network is well again");
        network_hindered(node, node->world->now);
    }
    node->link = LINK_UP;
    node->no_route = false;
}

/* ---- acts ---- */

static void by_hand(struct world *world, enum act act)
{
    struct node *node = anyone(world);
    struct key *key = &world->etcd.keys[node->key];
    struct model_lease *lease = key->value == NULL ? NULL : etcd_lease(&world->etcd, key->lease);
    stream_hand(node, act != ACT_FOREIGN);
    for (unsigned i = 0; i < world->count; i++) {
        world->nodes[i].watch.quiet = false;
    }
    if (act == ACT_REVOKE && lease != NULL) {
        narrate(world, node, "its lease is revoked by hand");
        world->stats.faults[FAULT_REVOKED]++;
        etcd_end_lease(&world->etcd, lease);
    } else if (act == ACT_DELETE && key->value != NULL) {
        narrate(world, node, "its key is deleted by hand");
        world->stats.faults[FAULT_DELETED]++;
        etcd_delete(&world->etcd, node->key);
        key->by_hand = true;
    } else if (act == ACT_OVERWRITE) {
        bool bare = lease == NULL || world_chance(world, 500);
        narrate(world, node, "its key is overwritten by hand%s", bare ? ", without a lease" : "");
        world->stats.faults[FAULT_OVERWRITTEN]++;
        struct blob *value = blob_new(STR("by hand"));
        etcd_put(&world->etcd, node->key, value, bare ? 0 : lease->id);
        blob_unref(value);
        key->by_hand = true;
    } else if (act == ACT_FOREIGN) {
        int64_t id = (int64_t)(random_next(&world->random) >> 1) | 1;
        narrate(world, node, "another holder takes its key under lease %" PRIx64, (uint64_t)id);
        world->stats.faults[FAULT_FOREIGN]++;
        struct model_lease *foreign =
            etcd_grant(&world->etcd, id, 2000 + (int64_t)world_below(world, 8000), world->now);
        world_at(world, foreign->ends + EXPIRY_SWEEP_MS, EVENT_EXPIRE, NULL,
                 (struct event){.id = (uint64_t)id});
        struct blob *value = blob_new(STR("{\"id\":\"another writer\"}"));
        etcd_put(&world->etcd, node->key, value, id);
        blob_unref(value);
        key->by_hand = true;
    }
}

/* The end of a lease that is undone, with the key under it. */
static void revive_leases(struct world *world)
{
    for (unsigned i = 0; i < world->etcd.key_count; i++) {
        const struct key *key = &world->etcd.keys[i];
        if (key->value != NULL && key->lease != 0 && etcd_lease(&world->etcd, key->lease) == NULL) {
            network_plan_expiry(world, etcd_grant(&world->etcd, key->lease, 10000, world->now));
        }
    }
}

static void fail_over(struct world *world)
{
    int64_t back = (int64_t)world_below(world, 6);
    narrate(world, NULL, "a replica takes over that lacks the last %" PRId64 " revisions", back);
    world->stats.faults[FAULT_FAILED_OVER]++;
    intents_undone(world);
    streams_cut(world, "another epoch began", 1000);
    int64_t to = etcd_fail_over(&world->etcd, back, world->now);
    world->wiped_at = world->now;
    observers_undone(world, to);
    revive_leases(world);
    for (unsigned i = 0; i < world->count; i++) {
        world->nodes[i].watch.quiet = false;
    }
}

static void at_etcd(struct world *world, enum act act)
{
    int64_t span = world_span(world, 6000);
    if (act == ACT_ETCD_DOWN && world->etcd_link == LINK_UP) {
        world->etcd_link = world_chance(world, 500) ? LINK_REFUSED : LINK_BLACK_HOLE;
        narrate(world, NULL, "etcd is %s for %" PRId64 " ms",
                world->etcd_link == LINK_REFUSED ? "down" : "in a black hole", span);
        world->stats.faults[world->etcd_link == LINK_REFUSED ? FAULT_ETCD_REFUSES : FAULT_ETCD_BLACK_HOLE]++;
        world_at(world, world->now + span, EVENT_HEAL_ETCD, NULL, PLAIN);
        if (world->etcd_link == LINK_REFUSED) {
            streams_cut(world, "etcd is down", 1000);
        }
        for (unsigned i = 0; i < world->count && world->etcd_link == LINK_BLACK_HOLE; i++) {
            stream_lost(&world->nodes[i]);
        }
    } else if (act == ACT_ELECTION) {
        narrate(world, NULL, "etcd has no leader");
        world->stats.faults[FAULT_ELECTION]++;
        world->leaderless = true;
        streams_cut(world, "no leader", 500);
        world_at(world, world->now + 300 + span / 2, EVENT_ELECTED, NULL, PLAIN);
    } else if (act == ACT_WIPE && !etcd_can(&world->etcd, REGISTRY_CAN_KEEP) && world_chance(world, 800)) {
        fail_over(world);
    } else if (act == ACT_WIPE) {
        narrate(world, NULL, "etcd is empty");
        world->stats.faults[FAULT_WIPED]++;
        intents_wiped(world);
        streams_cut(world, "etcd is another", 1000);
        etcd_wipe(&world->etcd);
        world->wiped_at = world->now;
        for (unsigned i = 0; i < world->count; i++) {
            world->nodes[i].watch.quiet = false;
        }
    } else if (act == ACT_NOSPACE || act == ACT_DENIED) {
        bool *what = act == ACT_NOSPACE ? &world->nospace : &world->denied;
        *what = !*what;
        world->stats.faults[act == ACT_NOSPACE ? FAULT_FULL : FAULT_DENIED] += *what ? 1 : 0;
        narrate(world, NULL, "etcd %s %s", *what ? "now" : "no longer",
                act == ACT_NOSPACE ? "has no space" : "denies");
    }
}

static int64_t until(struct world *world, int64_t mean)
{
    int64_t at = world->now + world_span(world, mean);
    return at < world->phase_end ? at : world->phase_end;
}

static void stop_process(struct world *world, struct node *node, bool machine)
{
    int64_t at = until(world, machine ? 12000 : 5000);
    narrate(world, node, "%s for %" PRId64 " ms", machine ? "its machine sleeps" : "is stopped",
            at - world->now);
    world->stats.faults[machine ? FAULT_SLEPT : FAULT_STOPPED]++;
    if (machine) {
        node->suspended_until = at;
        node->mono_lag += at - world->now;
    } else {
        node->stopped_until = at;
    }
    node->must_exit_at += at - world->now;
    /* A resume runs no event before the next timer, which stood still during the suspend. */
    int64_t until_awake = machine ? at + node_config(node)->registry.ttl_ms / 3 : at;
    node->fault_until = until_awake > node->fault_until ? until_awake : node->fault_until;
    node->watch.quiet = false;
}

static void kill_process(struct world *world, struct node *node)
{
    node_kill(node);
    if (world_chance(world, 150)) {
        narrate(world, node, "its state_dir is lost");
        buf_clear(&node->kept);
        intents_forgotten(node);
    } else if (world_chance(world, 150)) {
        narrate(world, node, "its machine boots again");
        node->boot++;
    }
    node_restart_later(node, world_span(world, 4000));
}

static void at_node(struct world *world, enum act act)
{
    struct node *node = anyone(world);
    bool awake = node->suspended_until <= world->now;
    if (act == ACT_PARTITION) {
        node->link = (enum link)(1 + world_below(world, 3));
        int64_t span = world_span(world, 6000);
        narrate(world, node, "its network is %s for %" PRId64 " ms",
                node->link == LINK_REFUSED ? "refused"
                : node->link == LINK_SLOW  ? "slow"
                                           : "a black hole",
                span);
        world_at(world, world->now + span, EVENT_HEAL_NODE, node, PLAIN);
        world->stats.faults[node->link == LINK_REFUSED ? FAULT_REFUSED
                            : node->link == LINK_SLOW  ? FAULT_SLOW
                                                       : FAULT_BLACK_HOLE]++;
        if (node->link == LINK_REFUSED) {
            stream_cut(node, "its network");
        } else if (node->link == LINK_BLACK_HOLE) {
            stream_lost(node);
        }
    } else if (act == ACT_CUT) {
        stream_cut(node, "a proxy limits connections");
    } else if (act == ACT_STALL) {
        stream_stall(node);
    } else if (act == ACT_NO_ROUTE) {
        narrate(world, node, "has no route");
        world->stats.faults[FAULT_NO_ROUTE]++;
        node->no_route = true;
        node->watch.quiet = false;
        world_at(world, world->now + world_span(world, 8000), EVENT_HEAL_NODE, node, PLAIN);
    } else if (act == ACT_WALL) {
        node->wall_step += (int64_t)world_below(world, 7200000) - 3600000;
        narrate(world, node, "its wall clock steps");
        world->stats.faults[FAULT_WALL]++;
    } else if (act == ACT_CONTROL) {
        world->stats.faults[FAULT_CONTROL]++;
        intents_by_hand(node);
    } else if (!node->alive || !awake) {
        return;
    } else if ((act == ACT_STOP || act == ACT_SUSPEND) && node->stopped_until <= world->now) {
        stop_process(world, node, act == ACT_SUSPEND);
    } else if (act == ACT_KILL) {
        world->stats.faults[FAULT_KILLED]++;
        kill_process(world, node);
    } else if (act == ACT_TERM || act == ACT_QUIT) {
        enum shutdown_event_type how = act == ACT_QUIT            ? SHUTDOWN_ON_QUIT
                                       : world_chance(world, 700) ? SHUTDOWN_ON_TERM
                                                                  : SHUTDOWN_ON_INT;
        world->stats.faults[act == ACT_QUIT ? FAULT_HANDED : FAULT_ENDED]++;
        world_at(world, world->now, EVENT_SIGNAL, node, (struct event){.arg = (int64_t)how});
    } else if (node->stopped_until <= world->now && act == ACT_OPERATOR) {
        world->stats.faults[FAULT_OPERATOR]++;
        operators_act(node);
    } else if (node->stopped_until <= world->now && act == ACT_RELOAD) {
        world->stats.faults[FAULT_RELOADED]++;
        node_reload(node);
    }
}

void faults_act(struct world *world)
{
    if (world->calm) {
        return;
    }
    world_at(world, world->now + 1 + world_span(world, world->weather.act_every), EVENT_FAULT, NULL, PLAIN);
    enum act act = (enum act)world_below(world, ACT_COUNT);
    for (unsigned i = 0; i < ACT_COUNT && (world->weather.acts & 1u << act) == 0; i++) {
        act = (enum act)((act + 1) % ACT_COUNT);
    }
    if ((world->weather.acts & 1u << act) == 0) {
        return;
    }
    if (act == ACT_REVOKE || act == ACT_DELETE || act == ACT_OVERWRITE || act == ACT_FOREIGN) {
        by_hand(world, act);
    } else if (act == ACT_ETCD_DOWN || act == ACT_ELECTION || act == ACT_WIPE || act == ACT_NOSPACE ||
               act == ACT_DENIED) {
        at_etcd(world, act);
    } else {
        at_node(world, act);
    }
}
