/* Watches: which events they deliver and when, how they end, and that the agent acts on them. */
#include "sim.h"

#include "outrider/base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

enum { TCP_PATIENCE_MS = 19000, NO_LEADER_MS = 4200, REPAIR_MS = 1000 };

static bool in_black_hole(const struct node *node)
{
    return node->link == LINK_BLACK_HOLE || node->world->etcd_link == LINK_BLACK_HOLE;
}

static struct delivery *add(struct node *node, enum registry_watch_event_type type, int64_t after)
{
    struct stream *stream = &node->stream;
    struct world *world = node->world;
    struct delivery *delivery = mem_zalloc(sizeof(*delivery));
    delivery->id = stream->id;
    delivery->type = type;
    delivery->cluster = world->etcd.cluster;
    delivery->epoch = world->etcd.epoch;
    delivery->revision = world->etcd.revision;
    *stream->last = delivery;
    stream->last = &delivery->next;
    stream->last_at = world->now + after > stream->last_at ? world->now + after : stream->last_at;
    world_at(world, stream->last_at, EVENT_WATCHED, node, PLAIN);
    return delivery;
}

static void end(struct node *node, enum registry_failure failure, int64_t after)
{
    node->stream.open = false;
    add(node, REGISTRY_WATCH_ENDED, after)->failure = failure;
}

static void free_delivery(struct delivery *delivery)
{
    blob_unref(delivery->value);
    free(delivery);
}

void stream_forget(struct node *node)
{
    while (node->stream.first != NULL) {
        struct delivery *delivery = node->stream.first;
        node->stream.first = delivery->next;
        free_delivery(delivery);
    }
    node->stream = (struct stream){.last = &node->stream.first};
}

/* ---- what the agent asks for ---- */

void stream_open(struct node *node, const struct registry_watch *watch)
{
    struct world *world = node->world;
    struct stream *stream = &node->stream;
    enum link link = node->link != LINK_UP ? node->link : world->etcd_link;
    bool lost = world->faulty && world_chance(world, world->weather.lost);
    if (stream->id != 0) {
        violated(world, node, "a second watch beside the first");
    }
    world->stats.requests++;
    if (world->herd) {
        herd_sent(world, node);
    }
    stream->id = watch->id;
    stream->stalls = false;
    if (link == LINK_REFUSED) {
        end(node, REGISTRY_RETRY, 1);
    } else if (link == LINK_BLACK_HOLE || lost) {
        end(node, REGISTRY_RETRY, watch->timeout_ms);
    } else if (world->leaderless) {
        end(node, REGISTRY_RETRY, world_chance(world, 500) ? 1 : watch->timeout_ms);
    } else if (world->denied) {
        end(node, REGISTRY_DENIED, 2);
    } else {
        stream->open = true;
        add(node, REGISTRY_WATCH_OPENED, 1 + (int64_t)world_below(world, 3));
    }
}

void stream_close(struct node *node, uint64_t id)
{
    if (node->stream.id == id) {
        node->stream.id = 0;
        node->stream.open = false;
    }
}

/* ---- deliveries ---- */

void stream_deliver(struct node *node)
{
    struct stream *stream = &node->stream;
    struct world *world = node->world;
    struct delivery *delivery = stream->first;
    if (delivery == NULL) {
        return; /* of an agent that ended */
    }
    if (in_black_hole(node) && delivery->type != REGISTRY_WATCH_ENDED && delivery->id != 0) {
        world_at(world, world->now + 200, EVENT_WATCHED, node, PLAIN); /* delayed by retransmissions */
        return;
    }
    stream->first = delivery->next;
    stream->last = stream->first == NULL ? &stream->first : stream->last;
    if (delivery->id == stream->id && delivery->id != 0) {
        struct buf key = {0};
        struct registry_change change = {.deleted = delivery->value == NULL,
                                         .value = blob_view(delivery->value),
                                         .mod_revision = delivery->mod_revision,
                                         .create_revision = delivery->create_revision,
                                         .lease = lease_of(delivery->lease)};
        if (delivery->control) {
            router_control_key(node_config(node), node->id, &key);
        } else {
            router_record_key(node_config(node), node->id, &key);
        }
        change.key = buf_view(&key);
        struct registry_watch_event event = {.id = delivery->id,
                                             .type = delivery->type,
                                             .revision = delivery->revision,
                                             .cluster = delivery->cluster,
                                             .epoch = delivery->epoch,
                                             .coalesced = !etcd_can(&world->etcd, REGISTRY_CAN_EVERY_CHANGE),
                                             .changes = &change,
                                             .change_count = delivery->type == REGISTRY_WATCH_CHANGED ? 1 : 0,
                                             .failure = delivery->failure};
        if (delivery->type == REGISTRY_WATCH_OPENED) {
            stream->opened_at = world->now;
        } else if (delivery->type == REGISTRY_WATCH_ENDED) {
            stream->id = 0;
        }
        struct instant now = node_now(node);
        if (delivery->type != REGISTRY_WATCH_CHANGED) {
            narrate(world, node, "its watch %s",
                    delivery->type == REGISTRY_WATCH_OPENED ? "is open" : "has ended");
        }
        router_watched(node->router, &event, &now);
        buf_fini(&key);
    }
    free_delivery(delivery);
    node_settle(node);
}

/* Where changes are coalesced: the one of the same key that is not delivered yet, and is the last. */
static struct delivery *overtaken(struct node *node, bool control)
{
    struct delivery *last = node->stream.first;
    if (last == NULL || etcd_can(&node->world->etcd, REGISTRY_CAN_EVERY_CHANGE)) {
        return NULL;
    }
    while (last->next != NULL) {
        last = last->next;
    }
    bool same =
        last->id == node->stream.id && last->type == REGISTRY_WATCH_CHANGED && last->control == control;
    return same ? last : NULL;
}

/* One key for each node; where there are twice as many keys, the control keys follow the records. */
void streams_changed(void *user, unsigned key)
{
    struct world *world = user;
    const struct key *at = &world->etcd.keys[key];
    bool control = key >= world->count;
    for (unsigned i = 0; i < world->count; i++) {
        struct node *node = &world->nodes[i];
        if (!node->stream.open || node->stream.stalls || node->key != key % world->count) {
            continue;
        }
        int64_t late = (int64_t)world_below(world, 4);
        if (world->faulty && world_chance(world, world->weather.slow)) {
            late += (int64_t)world_below(world, 1500);
            network_hindered(node, world->now + late);
        }
        struct delivery *delivery = overtaken(node, control);
        delivery = delivery != NULL ? delivery : add(node, REGISTRY_WATCH_CHANGED, late);
        delivery->control = control;
        blob_unref(delivery->value);
        delivery->value = blob_ref(at->value);
        delivery->revision = world->etcd.revision;
        delivery->mod_revision = at->value == NULL ? world->etcd.revision : at->mod_revision;
        delivery->create_revision = at->create_revision;
        delivery->lease = at->lease;
    }
}

/* ---- what goes wrong ---- */

void stream_cut(struct node *node, const char *why)
{
    if (node->stream.open) {
        narrate(node->world, node, "its watch is cut: %s", why);
        node->world->stats.faults[FAULT_CUT]++;
        end(node, REGISTRY_RETRY, (int64_t)world_below(node->world, 4));
    }
}

void streams_cut(struct world *world, const char *why, unsigned per_mille)
{
    for (unsigned i = 0; i < world->count; i++) {
        if (world_chance(world, per_mille)) {
            stream_cut(&world->nodes[i], why);
        }
    }
    observers_cut(world, per_mille);
}

void stream_lost(struct node *node)
{
    if (node->stream.open) {
        world_at(node->world, node->world->now + TCP_PATIENCE_MS, EVENT_STREAM_DEAD, node,
                 (struct event){.id = node->stream.id});
    }
}

void stream_dead(struct node *node, uint64_t id)
{
    if (node->alive && node->stream.id == id && node->stream.open && in_black_hole(node)) {
        for (struct delivery *delivery = node->stream.first; delivery != NULL; delivery = delivery->next) {
            delivery->id = 0; /* what was in flight when the kernel gave up is lost */
        }
        stream_cut(node, "nothing was heard for too long");
    }
}

void stream_stall(struct node *node)
{
    if (node->stream.open) {
        narrate(node->world, node, "its watch stays open and tells nothing");
        node->world->stats.faults[FAULT_STALLED]++;
        node->stream.stalls = true;
    }
}

/* ---- what must come of it ---- */

static bool is_open_for(const struct node *node, int64_t ms)
{
    const struct stream *stream = &node->stream;
    return node->alive && stream->open && stream->opened_at > 0 && node->router->keys.state == FOLLOW_OPEN &&
           node->world->now - stream->opened_at >= ms;
}

bool stream_is_well(const struct node *node, int64_t ms)
{
    return is_open_for(node, ms) && !node->stream.stalls;
}

bool stream_is_followed(const struct node *node, int64_t ms)
{
    const struct config_registry *registry = &node_config(node)->registry;
    int64_t from = node->world->calm_since > node->fault_until ? node->world->calm_since : node->fault_until;
    bool found = node->world->calm && !node->slow_retry &&
                 node->world->now - from >= 2 * registry->ttl_ms + 2 * registry->request_timeout_ms;
    return stream_is_well(node, ms) || (found && is_open_for(node, ms));
}

void stream_hand(struct node *node, bool is_ours_to_undo)
{
    struct world *world = node->world;
    memmove(node->hands + 1, node->hands, sizeof(node->hands) - sizeof(node->hands[0]));
    node->hands[0] = world->now;
    bool often = node->hands[5] > 0 && world->now - node->hands[5] < 15000;
    bool reached = node->link == LINK_UP && world->etcd_link == LINK_UP && !world->leaderless &&
                   !world->nospace && !world->denied && node->fault_until <= world->now;
    const struct registrar *registrar = node->alive ? node->router->registrar : NULL;
    const struct key *key = &world->etcd.keys[node->key];
    bool was_well = registrar != NULL && lease_is_held(registrar_facts(registrar).lease_state) &&
                    !key->by_hand && key->value != NULL &&
                    key->lease == lease_number(registrar_facts(registrar).lease) &&
                    registrar_facts(registrar).last_error[0] == '\0';
    if (is_ours_to_undo && reached && !often && was_well && !node_shares_key(node) &&
        stream_is_well(node, 3000)) {
        world_at(world, world->now + REPAIR_MS + 100, EVENT_REPAIRED, node,
                 (struct event){.id = node->stream.id, .arg = world->now});
    }
}

void stream_repaired(struct node *node, uint64_t id, int64_t hand_at)
{
    struct world *world = node->world;
    bool same = node->alive && node->stream.id == id && node->stream.open && !node->stream.stalls &&
                node->hands[0] == hand_at;
    bool hindered = node->fault_until > hand_at || node->slow_retry || world->wiped_at >= hand_at ||
                    world->leaderless || world->nospace || world->denied || node->link != LINK_UP ||
                    world->etcd_link != LINK_UP || node->stopped_until > hand_at ||
                    node->suspended_until > hand_at;
    if (!same || hindered || node->stopping || server_record(node->router->server) == NULL) {
        return;
    }
    for (size_t i = 0; i < node->router->probe_count; i++) {
        if (health_verdict(&node->router->probes[i].health) == VERDICT_UNKNOWN) {
            return; /* not written again before every probe has a verdict */
        }
    }
    const struct registrar *registrar = node->router->registrar;
    const struct key *key = &world->etcd.keys[node->key];
    struct str value = blob_view(key->value);
    bool ours = value.size > 0 && key->lease == lease_number(registrar_facts(registrar).lease) &&
                memmem(value.data, value.size, "\"status\":", 9) != NULL;
    if (!ours) {
        violated(world, node, "what a hand did to its key a second ago stands, though it is watched");
    }
    world->stats.repairs++;
}
