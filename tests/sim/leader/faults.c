/* What goes wrong. */
#include "leader.h"

enum { SECOND = 1000 };

static struct node *any_node(struct world *world)
{
    return &world->nodes[random_below(&world->random, world->node_count)];
}

/* ---- of a node ---- */

static void cut(struct world *world, struct node *node)
{
    static const char *const names[] = {"heals", "is refused", "is swallowed", "is slow"};
    node->network = (enum network)between(world, NETWORK_REFUSES, NETWORK_SLOW);
    tell(world, "network of node %u %s", node->index, names[node->network]);
    if (node->network == NETWORK_REFUSES) {
        net_end_watches(world, node);
    }
    plan(world, between(world, 100, 2 * world->ttl_ms), EVENT_HEAL, node, NULL, 0);
}

static void silence(struct world *world, struct node *node)
{
    for (unsigned i = 0; i < WATCHES_MAX; i++) {
        struct open_watch *watch = &world->watches[i];
        if (watch->id != 0 && watch->node == node->index) {
            tell(world, "watch of node %u is silent", node->index);
            watch->silent = true;
            bool present = election_watches(&node->election, watch->node_id);
            node->silenced = present ? watch->node_id : node->silenced;
        }
    }
}

/* Stopped, or asleep with the whole machine: then its monotonic clock stands still. */
static void stop(struct world *world, struct node *node, bool asleep)
{
    if (!node->alive || node->stopped) {
        return;
    }
    int64_t span = between(world, 50, 3 * world->ttl_ms);
    tell(world, "node %u %s", node->index, asleep ? "sleeps" : "is stopped");
    node->stopped = true;
    node->asleep = asleep;
    node->stopped_from = world->now;
    node->stopped_until = world->now + span;
    plan(world, span, EVENT_RESUME, node, NULL, 0);
}

static void kill_node(struct world *world, struct node *node)
{
    if (node->alive) {
        node_kill(node);
        plan(world, between(world, 10, 2 * world->ttl_ms), EVENT_START, node, NULL, 0);
    }
}

static void end_node(struct world *world, struct node *node)
{
    if (node->alive && !node->stopped && !node->leaving) {
        tell(world, "node %u leaves", node->index);
        node->leaving = true;
        node_event(node, ELECTION_ON_LEAVE, NULL, NULL);
    }
}

/* ---- of the store ---- */

static void go_down(struct world *world)
{
    tell(world, "the store is down");
    world->down = true;
    memory_cut(world->store);
    plan(world, between(world, 100, 2 * world->ttl_ms), EVENT_UP, NULL, NULL, 0);
}

/* A leader from before learns it from the first answer, at the latest when its time is over; after a change by hand, whose
 * watch may be silent, from a comparison, which a server that is behind may answer wrongly. */
static void excuse(struct world *world, unsigned ttls)
{
    int64_t least = world->kind->limits.ttl_min_ms;
    world->excused_until = world->now + ttls * (world->ttl_ms > least ? world->ttl_ms : least) + SECOND;
}

/* Where the store chooses the ids of leases, it never chooses one of a store before. */
static void use_up_leases(struct world *world)
{
    bool chooses = (world->kind->can & REGISTRY_CAN_CHOOSE_LEASE) == 0;
    for (uint64_t i = 0; chooses && i < 1000 * world->cluster; i++) {
        struct registry_lease lease =
            net_do(world, (struct registry_request){.op = REGISTRY_GRANT, .ttl_ms = world->ttl_ms})->lease;
        (void)net_do(world, (struct registry_request){.op = REGISTRY_REVOKE, .lease = lease});
    }
}

static void lose_data(struct world *world)
{
    tell(world, "the store is another one, and empty");
    memory_cut(world->store);
    net_close_store(world);
    net_open_store(world);
    for (unsigned i = 0; i < WATCHES_MAX; i++) {
        world->watches[i].id = 0;
    }
    world->cluster++;
    use_up_leases(world);
    world->last_token = world->revision_floor = 0;
    excuse(world, 1);
}

static int64_t revision(struct world *world)
{
    return net_do(world, (struct registry_request){.op = REGISTRY_GET, .key = STR("/control")})->revision;
}

/* A replica has leases and keys alike; the model brings back the keys alone. */
static void drop_orphans(struct world *world)
{
    (void)net_do(world, (struct registry_request){.op = REGISTRY_LIST,
                                                  .key = STR("/control/leader/world/"),
                                                  .range_end = STR("/control/leader/world0")});
    struct packet *list = world->own;
    world->own = NULL;
    for (size_t i = 0; i < list->reply.item_count; i++) {
        struct registry_item item = list->items[i];
        const struct registry_reply *reply =
            net_do(world, (struct registry_request){.op = REGISTRY_LEASE_TTL, .lease = item.kv.lease});
        if (!registry_lease_is_none(item.kv.lease) && reply->ttl_ms < 0) {
            (void)net_do(world, (struct registry_request){.op = REGISTRY_DELETE,
                                                          .key = item.key,
                                                          .expect_revision = item.kv.mod_revision});
        }
    }
    packet_free(list);
}

static void fail_over(struct world *world)
{
    if ((world->kind->can & REGISTRY_CAN_KEEP) == 0) {
        int64_t to = revision(world) - between(world, 0, 6);
        tell(world, "the store lost its last changes");
        memory_fail_over(world->store, to > world->revision_floor ? to : world->revision_floor);
        drop_orphans(world);
        world->revision_floor = revision(world);
        excuse(world, 1);
    } else {
        tell(world, "the store has another leader");
        memory_renew(world->store);
    }
}

static void change_by_hand(struct world *world, const struct node *node)
{
    if (!node->alive || node->election.key == NULL) {
        return;
    }
    bool deletes = chance(world, 50);
    tell(world, "the key of node %u is %s by hand", node->index, deletes ? "deleted" : "written");
    (void)net_do(world, (struct registry_request){.op = deletes ? REGISTRY_DELETE : REGISTRY_PUT,
                                                  .key = str_of(node->election.key),
                                                  .expect_revision = node->election.mod});
    excuse(world, 3);
}

/* ---- which ---- */

void faults_one(struct world *world)
{
    struct node *node = any_node(world);
    world->stats.faults++;
    switch (between(world, 0, 11)) {
    case 0:
    case 1: cut(world, node); break;
    case 2: silence(world, node); break;
    case 3: stop(world, node, false); break;
    case 4: stop(world, node, true); break;
    case 5: kill_node(world, node); break;
    case 6: end_node(world, node); break;
    case 7: go_down(world); break;
    case 8: fail_over(world); break;
    case 9:
        if (!node->stopped) {
            node_tell(node, !node->ready);
        }
        break;
    case 10:
        if (chance(world, 10)) {
            lose_data(world);
        } else {
            memory_cut(world->store);
        }
        break;
    default: change_by_hand(world, node); break;
    }
}

int64_t faults_last(const struct world *world)
{
    int64_t last = 0;
    for (unsigned i = 0; i < world->node_count; i++) {
        const struct node *node = &world->nodes[i];
        last = node->alive && node->stopped && node->stopped_until > last ? node->stopped_until : last;
    }
    return last;
}

void faults_calm(struct world *world)
{
    tell(world, "the faults are over");
    world->down = false;
    for (unsigned i = 0; i < world->node_count; i++) {
        struct node *node = &world->nodes[i];
        node->network = NETWORK_UP;
        if (!node->alive) {
            node_start(node);
        }
        if (!node->ready) {
            node_tell(node, true);
        }
    }
}
