/* The way of a request between an agent and etcd. */
#include "sim.h"

#include "outrider/base/mem.h"

#include <inttypes.h>

static struct packet *packet_new(struct node *node, enum router_client client,
                                 const struct registry_request *request)
{
    struct world *world = node->world;
    struct packet *packet = world->packets;
    if (packet != NULL) {
        world->packets = packet->next_free;
    } else {
        packet = mem_zalloc(sizeof(*packet));
    }
    *packet = (struct packet){.references = 1,
                              .node = node->index,
                              .life = node->life,
                              .sent_at = world->now,
                              .sent_boot = node_now(node).boot,
                              .client = client,
                              .request = *request,
                              .reply = {.id = request->id, .op = request->op}};
    packet->control =
        request->key.size > 0 && memmem(request->key.data, request->key.size, "/control/", 9) != NULL;
    packet->request.value = blob_ref(request->value);
    packet->request.key = (struct str){NULL, 0};
    return packet;
}

void network_release(struct world *world, struct packet *packet)
{
    if (--packet->references == 0) {
        blob_unref(packet->request.value);
        blob_unref(packet->kv_value);
        packet->next_free = world->packets;
        world->packets = packet;
    }
}

static void send(struct world *world, struct packet *packet, int64_t at, enum event_type type)
{
    packet->references++;
    heap_push(&world->heap, (struct event){.at = at < world->now ? world->now : at,
                                           .type = (int)type,
                                           .node = packet->node,
                                           .life = packet->life,
                                           .packet = packet});
}

/* An answer that was lost tells nothing, not even which cluster gave it. */
static void answer(struct world *world, struct packet *packet, int64_t at, enum registry_failure failure)
{
    packet->reply =
        (struct registry_reply){.id = packet->reply.id, .op = packet->reply.op, .failure = failure};
    send(world, packet, at, EVENT_REPLY);
}

static void hinder(struct node *node, int64_t until)
{
    node->fault_until = until > node->fault_until ? until : node->fault_until;
    node->watch.quiet = false;
}

unsigned network_control(const struct node *node)
{
    return node->world->count + node->key;
}

void network_hindered(struct node *node, int64_t until)
{
    hinder(node, until);
}

static bool is_read(enum registry_op op)
{
    return op == REGISTRY_GET || op == REGISTRY_LEASE_TTL || op == REGISTRY_COMPARE;
}

/* No answer: the outcome of a write is unknown. */
static enum registry_failure no_answer(const struct packet *packet)
{
    return is_read(packet->request.op) ? REGISTRY_RETRY : REGISTRY_UNKNOWN;
}

static void lose(struct node *node, struct packet *packet, unsigned arrives_late)
{
    struct world *world = node->world;
    int64_t timeout = packet->request.timeout_ms;
    hinder(node, world->now + timeout);
    answer(world, packet, world->now + timeout, no_answer(packet));
    if (world_chance(world, arrives_late)) {
        packet->late = true;
        send(world, packet, world->now + 1 + (int64_t)world_below(world, 8000), EVENT_ARRIVE);
    }
}

static void through_storm(struct node *node, struct packet *packet, bool slow)
{
    struct world *world = node->world;
    const struct weather *weather = &world->weather;
    int64_t there = (int64_t)world_below(world, 3);
    if (world_chance(world, weather->lost)) {
        world->stats.faults[FAULT_LOST]++;
        lose(node, packet, 0);
        return;
    }
    if (world_chance(world, weather->late)) {
        world->stats.faults[FAULT_LATE]++;
        lose(node, packet, 1000);
        return;
    }
    if (slow || world_chance(world, weather->slow)) {
        there += (int64_t)world_below(world, 1500);
        world->stats.faults[FAULT_LAGGED]++;
        hinder(node, world->now + there);
        if (there + 5 >= packet->request.timeout_ms) {
            lose(node, packet, 500);
            return;
        }
    }
    packet->fate = world_chance(world, weather->unanswered) ? LINK_BLACK_HOLE : LINK_UP;
    world->stats.faults[FAULT_UNANSWERED] += packet->fate == LINK_BLACK_HOLE ? 1 : 0;
    if (world_chance(world, weather->doubled)) {
        /* A client sends a request again when the connection was closed: both arrive, the second is answered.
         */
        packet->copies = 1;
        world->stats.faults[FAULT_DOUBLED]++;
        send(world, packet, world->now, EVENT_ARRIVE);
    }
    send(world, packet, world->now + there, EVENT_ARRIVE);
}

void network_submit(struct node *node, enum router_client client, const struct registry_request *request)
{
    struct world *world = node->world;
    struct packet *packet = packet_new(node, client, request);
    enum link link = node->link != LINK_UP ? node->link : world->etcd_link;
    world->stats.requests++;
    check_request(node, request, packet);
    if (request->op != REGISTRY_KEEPALIVE) {
        narrate(world, node, "asks %s%s lease %" PRIx64 " revision %" PRId64 "%s%.*s",
                packet->control ? "control " : "", registry_op_name(request->op), request->lease.lo,
                request->expect_revision, request->value != NULL ? " " : "",
                request->value != NULL && blob_view(request->value).size > 100
                    ? 100
                    : (int)blob_view(request->value).size,
                request->value != NULL ? blob_view(request->value).data : "");
    }
    if (world->herd) {
        herd_sent(world, node);
    }
    if (link == LINK_REFUSED) {
        hinder(node, world->now + 1);
        answer(world, packet, world->now + 1, REGISTRY_RETRY);
    } else if (link == LINK_BLACK_HOLE) {
        lose(node, packet, 200);
    } else if (world->leaderless) {
        bool fast = world_chance(world, 500);
        hinder(node, world->now + (fast ? 1 : packet->request.timeout_ms));
        if (fast) {
            answer(world, packet, world->now + 1, REGISTRY_RETRY);
        } else {
            lose(node, packet, 300);
        }
    } else if (!world->faulty && link == LINK_UP) {
        send(world, packet, world->now + (int64_t)world_below(world, 3), EVENT_ARRIVE);
    } else {
        through_storm(node, packet, link == LINK_SLOW);
    }
    network_release(world, packet);
}

/* ---- at etcd ---- */

static bool is_full_for(enum registry_op op)
{
    return op == REGISTRY_GRANT || op == REGISTRY_PUT;
}

/* Whether etcd refuses the request. */
static bool turned_away(struct world *world, struct node *node, struct packet *packet)
{
    enum registry_op op = packet->request.op;
    bool full = world->nospace && is_full_for(op);
    bool denied = world->denied && (op == REGISTRY_PUT || op == REGISTRY_GET || op == REGISTRY_COMPARE);
    if (full || denied) {
        packet->reply.failure = full ? REGISTRY_OVERLOADED : REGISTRY_DENIED;
        node->slow_retry = true;
        hinder(node, world->now);
    }
    return full || denied;
}

void network_plan_expiry(struct world *world, const struct model_lease *lease)
{
    int64_t sweep = (lease->ends / EXPIRY_SWEEP_MS + 1) * EXPIRY_SWEEP_MS;
    world_at(world, sweep, EVENT_EXPIRE, NULL, (struct event){.id = (uint64_t)lease->id});
}

static void apply(struct world *world, struct packet *packet)
{
    struct registry_request *request = &packet->request;
    const struct node *node = &world->nodes[packet->node];
    unsigned number = packet->control ? network_control(node) : node->key;
    struct key before = world->etcd.keys[number];
    struct blob *value = blob_ref(before.value);
    struct registry_reply *reply = &packet->reply;
    struct model_lease *over = etcd_lease(&world->etcd, lease_number(request->lease));
    if (request->op == REGISTRY_KEEPALIVE && over != NULL && over->ends <= world->now) {
        /* etcd answers when it has swept the lease, and the key with it. */
        network_expire(world, over->id);
    }
    etcd_apply(&world->etcd, request, number, world->now, reply);
    if (reply->kv.found) {
        blob_unref(packet->kv_value);
        packet->kv_value = blob_ref(world->etcd.keys[number].value);
        reply->kv.value = blob_view(packet->kv_value);
    }
    struct registry_lease named = request->op == REGISTRY_GRANT ? reply->lease : request->lease;
    struct model_lease *lease = etcd_lease(&world->etcd, lease_number(named));
    bool renewed =
        reply->failure == REGISTRY_OK && (request->op == REGISTRY_GRANT || request->op == REGISTRY_KEEPALIVE);
    if (renewed && lease != NULL) {
        lease->renewed_sent = packet->sent_at > lease->renewed_sent ? packet->sent_at : lease->renewed_sent;
        lease->owner = packet->node;
        lease->life = packet->life;
        if (request->op == REGISTRY_GRANT) {
            /* A grant that arrives late may create a lease that has ended before: it is alive, without its
             * key. */
            world->etcd.keys[number].by_hand = world->etcd.keys[number].by_hand || packet->late;
            lease->revived = packet->late;
            network_plan_expiry(world, lease);
        }
    }
    if (request->op == REGISTRY_PUT && reply->succeeded && !packet->control) {
        world->stats.writes++;
        packet->create =
            before.value == NULL || before.lease != lease_number(request->lease) || before.by_hand;
        check_put(world, packet, &before);
        /* The next agent may have read the key before: for it, this is a change by another writer. */
        world->etcd.keys[number].by_hand = packet->late || packet->life != node->life || !node->alive;
    }
    blob_unref(value);
}

void network_arrive(struct world *world, struct packet *packet)
{
    struct node *node = &world->nodes[packet->node];
    /* Late packets end with the storm; another cluster never gets them. */
    bool flushed = packet->late && (world->calm || packet->sent_at <= world->wiped_at);
    bool down = world->etcd_link == LINK_REFUSED || world->etcd_link == LINK_BLACK_HOLE ||
                world->leaderless || packet->sent_at < world->wiped_at;
    if (flushed || (packet->late && down)) {
        network_release(world, packet);
        return;
    }
    struct registry_reply kept = packet->reply;
    bool unheard = packet->late || packet->copies > 0;
    packet->copies -= packet->copies > 0 ? 1 : 0;
    if (down) {
        packet->reply.failure = no_answer(packet);
        hinder(node, world->now);
    } else if (!turned_away(world, node, packet)) {
        apply(world, packet);
    }
    if (unheard) {
        packet->reply = kept;
    } else if (packet->fate == LINK_BLACK_HOLE) {
        hinder(node, packet->sent_at + packet->request.timeout_ms);
        answer(world, packet, packet->sent_at + packet->request.timeout_ms, no_answer(packet));
    } else {
        int64_t back = world->faulty ? world->now + (int64_t)world_below(world, 4) : world->now;
        send(world, packet, back, EVENT_REPLY);
        if (world->faulty && world_chance(world, world->weather.doubled)) {
            world->stats.faults[FAULT_DOUBLED]++;
            send(world, packet, back + (int64_t)world_below(world, 2000), EVENT_REPLY);
        }
    }
    network_release(world, packet);
}

void network_reply(struct node *node, struct packet *packet)
{
    struct world *world = node->world;
    struct registry_reply reply = packet->reply;
    struct instant now = node_now(node);
    bool overdue = world->now > packet->sent_at + packet->request.timeout_ms + 1;
    if (overdue && world_chance(world, 500)) {
        /* The agent was stopped: its own timeout comes first. */
        reply = (struct registry_reply){.id = reply.id, .op = reply.op, .failure = no_answer(packet)};
    }
    if (reply.failure != REGISTRY_OK) {
        reply.error = str_of(registry_failure_name(reply.failure));
        intents_unanswered(node, packet);
        narrate(world, node, "gets %s: %s", registry_op_name(reply.op), registry_failure_name(reply.failure));
        reply.kv = (struct registry_kv){0};
    } else if (reply.op != REGISTRY_KEEPALIVE) {
        narrate(world, node, "gets %s%s: ok%s revision %" PRId64, packet->control ? "control " : "",
                registry_op_name(reply.op),
                reply.op == REGISTRY_PUT && !reply.succeeded ? ", but not written," : "", reply.revision);
    }
    bool landed = node->watch.lease_flying == packet;
    check_landed(node, packet, &reply);
    router_replied(node->router, packet->client, &reply, &now);
    if (landed) {
        check_deadline(node, packet, &reply);
    }
    if (world->herd) {
        herd_answered(world, node, packet);
    }
    network_release(world, packet);
    node_settle(node);
}

/* ---- leases ---- */

void network_expire(struct world *world, int64_t id)
{
    struct model_lease *lease = etcd_lease(&world->etcd, id);
    bool down = world->leaderless || world->etcd_link == LINK_REFUSED;
    if (lease == NULL) {
        return;
    }
    if (lease->ends > world->now) {
        network_plan_expiry(world, lease);
    } else if (down) {
        world_at(world, world->now + EXPIRY_SWEEP_MS, EVENT_EXPIRE, NULL, (struct event){.id = (uint64_t)id});
    } else {
        world->stats.expiries++;
        narrate(world, NULL, "lease %" PRIx64 " of agent %u is over", (uint64_t)id, lease->owner);
        check_expiry(world, lease);
        etcd_end_lease(&world->etcd, lease);
    }
}
