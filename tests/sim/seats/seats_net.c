/* The ways between machines and the registry: requests that are lost, late or arrive twice, and watches. */
#include "seats_sim.h"

#include "outrider/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum way way_of(const struct machine *machine)
{
    return machine->way_until > machine->world->now ? machine->way : WAY_OPEN;
}

static int64_t latency(struct world *world)
{
    return 1 + (int64_t)below(world, chance(world, 20) ? 400 : 6);
}

static void push(struct world *world, int64_t after, enum what what, struct packet *packet)
{
    packet->references++;
    heap_push(&world->heap, (struct event){.at = world->now + after, .type = (int)what, .packet = packet});
}

static void release(struct packet *packet)
{
    if (--packet->references > 0) {
        return;
    }
    for (size_t i = 0; i < COUNT_OF(packet->values); i++) {
        blob_unref(packet->values[i]);
    }
    for (size_t i = 0; i < COUNT_OF(packet->names); i++) {
        free(packet->names[i]);
    }
    free(packet->key);
    free(packet->range_end);
    registry_txn_free(packet->txn);
    free(packet);
}

static void fail(struct world *world, struct packet *packet, int64_t after, enum registry_failure failure)
{
    packet->reply = (struct registry_reply){.id = packet->request.id,
                                            .op = packet->request.op,
                                            .failure = failure,
                                            .error = STR("the way to the registry")};
    packet->answered = packet->tells = true;
    push(world, after, ON_REPLY, packet);
}

void net_send(struct machine *machine, enum port port, const struct registry_request *request)
{
    struct world *world = machine->world;
    struct packet *packet = mem_zalloc(sizeof(*packet));
    struct registry_txn txn;
    packet->machine = machine;
    packet->port = port;
    packet->life = machine->life;
    packet->references = 1;
    packet->cluster = world->store.cluster;
    packet->request = *request;
    packet->key = mem_copy(request->key.data, request->key.size);
    packet->range_end = mem_copy(request->range_end.data, request->range_end.size);
    packet->request.key.data = packet->key;
    packet->request.range_end.data = packet->range_end;
    registry_txn_of(request, &txn);
    packet->txn = registry_txn_copy(&txn);
    packet->request.value = NULL;
    packet->request.txn = NULL;
    world->totals.requests++;
    enum way way = way_of(machine);
    int64_t there = latency(world);
    if (way == WAY_REFUSED) {
        fail(world, packet, there, REGISTRY_RETRY);
    } else if (way == WAY_HOLE || chance(world, world->lost / 2)) {
        fail(world, packet, TIMEOUT_MS, REGISTRY_UNKNOWN);
    } else if (chance(world, world->late)) {
        /* It is given up, and arrives all the same. */
        push(world, TIMEOUT_MS - 200 + (int64_t)below(world, 2000), ON_ARRIVE, packet);
        fail(world, packet, TIMEOUT_MS, REGISTRY_UNKNOWN);
    } else if (chance(world, world->lost / 2)) {
        push(world, there, ON_ARRIVE, packet);
        fail(world, packet, TIMEOUT_MS, REGISTRY_UNKNOWN);
    } else {
        packet->tells = true;
        push(world, there, ON_ARRIVE, packet);
        if (chance(world, world->doubled)) {
            push(world, there + (int64_t)below(world, 30), ON_ARRIVE, packet);
        }
    }
    release(packet);
}

/* The answer is kept as it was when it was made. */
static void keep(struct packet *packet, const struct registry_reply *reply)
{
    packet->reply = *reply;
    packet->values[ITEMS_MAX] = reply->kv.found ? blob_new(reply->kv.value) : NULL;
    packet->reply.kv.value = blob_view(packet->values[ITEMS_MAX]);
    packet->reply.items = packet->items;
    for (size_t i = 0; i < reply->item_count; i++) {
        packet->items[i] = reply->items[i];
        packet->names[i] = mem_copy(reply->items[i].key.data, reply->items[i].key.size);
        packet->items[i].key.data = packet->names[i];
        packet->values[i] = blob_new(reply->items[i].kv.value);
        packet->items[i].kv.value = blob_view(packet->values[i]);
    }
}

void net_arrive(struct packet *packet)
{
    struct world *world = packet->machine->world;
    struct registry_item items[ITEMS_MAX];
    struct registry_reply reply;
    if (packet->cluster != world->store.cluster) {
        if (!packet->answered) { /* the store that it was sent to is no more */
            fail(world, packet, 1, REGISTRY_RETRY);
        }
        release(packet);
        return;
    }
    bool second = packet->answered && packet->tells && packet->reply.failure != REGISTRY_UNKNOWN;
    store_apply(world, &packet->request, packet->txn, &reply, items);
    /* Of one that arrives twice either answer may be the one that comes back: here that of the second, if it does in time. */
    bool first = !packet->answered;
    if (first || (second && chance(world, 500) && packet->references == 1)) {
        keep(packet, &reply);
        packet->answered = true;
        push(world, latency(world) + (packet->references > 1 ? 31 : 0), ON_REPLY, packet);
    }
    release(packet);
}

void net_reply(struct packet *packet)
{
    struct machine *machine = packet->machine;
    struct world *world = machine->world;
    struct registry_reply *reply = &packet->reply;
    bool told = packet->request.id == 0;
    if (packet->life == machine->life && machine_runs(machine) && !told) {
        packet->request.id = 0; /* once */
        if (machine->index < OBSERVERS) {
            observer_replied(&world->observers[machine->index], packet->port, reply);
        } else {
            struct agent *agent = &world->agents[machine->index - OBSERVERS];
            struct instant now = machine_now(machine);
            router_replied(agent->router, (enum router_client)packet->port, reply, &now);
            agent_settle(agent);
        }
    }
    release(packet);
}

/* ---- watches ---- */

static void plan_stream(struct machine *machine, enum port port, int64_t after)
{
    struct stream *stream = &machine->streams[port];
    if (!stream->planned) {
        stream->planned = true;
        plan(machine->world, after, ON_STREAM, machine->index,
             (uint64_t)machine->life << 32 | (uint64_t)port << 28 | (stream->id & 0xfffffff));
    }
}

void net_watch(struct machine *machine, enum port port, const struct registry_watch *watch)
{
    struct world *world = machine->world;
    struct stream *stream = &machine->streams[port];
    *stream =
        (struct stream){.id = watch->id, .ranges = watch->range_count, .wanted_from = watch->from_revision};
    for (size_t i = 0; i < watch->range_count; i++) {
        const struct registry_range *range = &watch->ranges[i];
        snprintf(stream->from[i], sizeof(stream->from[i]), "%.*s", STR_ARG(range->key));
        snprintf(stream->to[i], sizeof(stream->to[i]), "%.*s", STR_ARG(range->end));
    }
    enum way way = way_of(machine);
    if (way != WAY_OPEN) {
        stream->ends = way == WAY_REFUSED ? REGISTRY_RETRY : REGISTRY_UNKNOWN;
    }
    plan_stream(machine, port, way == WAY_HOLE ? TIMEOUT_MS : latency(world));
}

void net_unwatch(struct machine *machine, enum port port)
{
    machine->streams[port] = (struct stream){0};
}

void net_forget(struct machine *machine)
{
    memset(machine->streams, 0, sizeof(machine->streams));
}

void net_cut(struct machine *machine, enum port port)
{
    struct stream *stream = &machine->streams[port];
    if (stream->id != 0) {
        stream->ends = REGISTRY_RETRY;
        plan_stream(machine, port, 1);
    }
}

void net_cut_all(struct world *world, bool relist)
{
    for (unsigned i = 0; i < OBSERVERS + world->server_count; i++) {
        struct machine *machine = machine_at(world, i);
        for (int port = 0; port < PORT_COUNT; port++) {
            machine->streams[port].relist = relist;
            net_cut(machine, (enum port)port);
        }
    }
}

bool net_watched(const struct world *world)
{
    bool any = false;
    for (unsigned i = 0; i < OBSERVERS; i++) {
        const struct machine *machine = &world->observers[i].machine;
        for (int port = 0; port < PORT_COUNT; port++) {
            any = any || (machine_runs(machine) && machine->streams[port].open);
        }
    }
    return any;
}

void net_changed(struct world *world)
{
    for (unsigned i = 0; i < OBSERVERS + world->server_count; i++) {
        struct machine *machine = machine_at(world, i);
        for (int port = 0; port < PORT_COUNT; port++) {
            struct stream *stream = &machine->streams[port];
            if (stream->open && !stream->deaf) {
                plan_stream(machine, (enum port)port, latency(world));
            }
        }
    }
}

static void deliver(struct machine *machine, enum port port, const struct registry_watch_event *event)
{
    struct world *world = machine->world;
    if (machine->index < OBSERVERS) {
        observer_watched(&world->observers[machine->index], port, event);
    } else {
        struct agent *agent = &world->agents[machine->index - OBSERVERS];
        struct instant now = machine_now(machine);
        router_watched(agent->router, event, &now);
        agent_settle(agent);
    }
}

static void end_stream(struct machine *machine, enum port port, enum registry_failure failure, bool read_anew)
{
    struct registry_watch_event event = {.id = machine->streams[port].id,
                                         .type = REGISTRY_WATCH_ENDED,
                                         .failure = failure,
                                         .read_anew = read_anew,
                                         .oldest = read_anew ? machine->world->store.compacted + 1 : 0,
                                         .error = STR("the watch ended")};
    machine->streams[port] = (struct stream){0};
    deliver(machine, port, &event);
}

static void open_stream(struct machine *machine, enum port port)
{
    struct store *store = &machine->world->store;
    struct stream *stream = &machine->streams[port];
    size_t at = 0;
    bool history = store_can(store, REGISTRY_CAN_HISTORY);
    int64_t oldest = history ? store->compacted : store->revision;
    if (stream->wanted_from > 0 && stream->wanted_from <= oldest) {
        end_stream(machine, port, REGISTRY_OK, true);
        return;
    }
    while (at < store->count &&
           (stream->wanted_from == 0 || store->changes[at].revision < stream->wanted_from)) {
        at++;
    }
    stream->next = store->dropped + at;
    stream->open = true;
    if (at < store->count) {
        plan_stream(machine, port, latency(machine->world));
    }
    deliver(machine, port,
            &(struct registry_watch_event){.id = stream->id,
                                           .type = REGISTRY_WATCH_OPENED,
                                           .revision = store->revision,
                                           .cluster = store->cluster,
                                           .epoch = store->epoch,
                                           .endpoint = STR("store")});
}

static bool wants(const struct stream *stream, const char *key)
{
    for (size_t i = 0; i < stream->ranges; i++) {
        bool one = stream->to[i][0] == '\0';
        if (one ? strcmp(key, stream->from[i]) == 0
                : strcmp(key, stream->from[i]) >= 0 && strcmp(key, stream->to[i]) < 0) {
            return true;
        }
    }
    return false;
}

static int by_revision(const void *a, const void *b)
{
    int64_t left = ((const struct registry_change *)a)->mod_revision;
    int64_t right = ((const struct registry_change *)b)->mod_revision;
    return (left > right) - (left < right);
}

/* Adds a change where each key is told as it is last, and a deletion when it is missed; one that came and went is not told. */
static size_t coalesce(const struct store *store, struct registry_change *changes, size_t count,
                       uint64_t first, const struct registry_change *change)
{
    size_t at = 0;
    while (at < count && !str_eq(changes[at].key, change->key)) {
        at++;
    }
    bool began = change->create_revision >= store->changes[first - store->dropped].revision;
    if (change->deleted && began) {
        if (at < count) {
            changes[at] = changes[--count];
        }
        return count;
    }
    changes[at] = *change;
    if (change->deleted) {
        changes[at].mod_revision = store->revision;
    }
    return at == count ? count + 1 : count;
}

void net_stream(struct machine *machine, enum port port)
{
    enum { BATCH = 256 };
    struct store *store = &machine->world->store;
    struct stream *stream = &machine->streams[port];
    struct registry_change changes[BATCH];
    size_t count = 0;
    stream->planned = false;
    if (stream->ends != REGISTRY_OK) {
        end_stream(machine, port, stream->ends, stream->relist);
        return;
    }
    if (!stream->open) {
        open_stream(machine, port);
        return;
    }
    if (stream->deaf) {
        return;
    }
    if (stream->next < store->dropped) {
        end_stream(machine, port, REGISTRY_OK, true);
        return;
    }
    bool every = store_can(store, REGISTRY_CAN_EVERY_CHANGE);
    uint64_t first = stream->next;
    while (stream->next < store->dropped + store->count && count < BATCH) {
        const struct change *change = &store->changes[stream->next - store->dropped];
        bool ends = every && count > BATCH / 2 && change->revision > changes[count - 1].mod_revision;
        if (ends) {
            break;
        }
        stream->next++;
        if (wants(stream, change->key)) {
            struct registry_change told = {.deleted = change->value == NULL,
                                           .key = str_of(change->key),
                                           .value = blob_view(change->value),
                                           .mod_revision = change->revision,
                                           .create_revision = change->create_revision,
                                           .lease = change->lease};
            if (every) {
                changes[count++] = told;
            } else {
                count = coalesce(store, changes, count, first, &told);
            }
        }
    }
    if (!every && count > 0) {
        qsort(changes, count, sizeof(changes[0]), by_revision);
    }
    bool all = stream->next == store->dropped + store->count;
    int64_t revision = all ? store->revision : store->changes[stream->next - store->dropped].revision - 1;
    struct registry_watch_event event = {.id = stream->id,
                                         .type = REGISTRY_WATCH_CHANGED,
                                         .revision = revision,
                                         .changes = changes,
                                         .change_count = count,
                                         .coalesced = !every};
    bool progress = store_can(store, REGISTRY_CAN_PAGE) && !store_can(store, REGISTRY_CAN_NEWEST_FIRST);
    if (!all) {
        plan_stream(machine, port, 1);
    }
    if (count > 0 || (progress && stream->next > first)) {
        /* What the receiver does may change the store, but what it is told stays. */
        struct blob *held[BATCH];
        char *names[BATCH];
        for (size_t i = 0; i < count; i++) {
            held[i] = blob_new(changes[i].value);
            names[i] = mem_copy(changes[i].key.data, changes[i].key.size);
            changes[i].value = blob_view(held[i]);
            changes[i].key.data = names[i];
        }
        deliver(machine, port, &event);
        for (size_t i = 0; i < count; i++) {
            blob_unref(held[i]);
            free(names[i]);
        }
    }
}
