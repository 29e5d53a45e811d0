/* What lies between observers and the store. */
#include "waves_sim.h"

#include "outrider/base/mem.h"

#include <stdlib.h>

static char *copy(struct str *text)
{
    text->data = mem_copy(text->data, text->size);
    return (char *)(uintptr_t)text->data;
}

static void drop(struct str text)
{
    free((void *)(uintptr_t)text.data);
}

void packet_free(struct packet *packet)
{
    if (packet == NULL) {
        return;
    }
    for (size_t i = 0; packet->items != NULL && i < packet->reply.item_count; i++) {
        drop(packet->items[i].key);
        drop(packet->items[i].kv.value);
    }
    for (size_t i = 0; packet->changes != NULL && i < packet->event.change_count; i++) {
        drop(packet->changes[i].key);
        drop(packet->changes[i].value);
    }
    registry_txn_free(packet->txn);
    blob_unref(packet->value);
    free(packet->items);
    free(packet->changes);
    free(packet->key);
    free(packet->end);
    free(packet);
}

static bool is_lost(const struct waves_owner *node)
{
    return node->network == NETWORK_SWALLOWS || chance(node->world, node->world->calm ? 0 : 2);
}

static int64_t delay(const struct waves_owner *node)
{
    return between(node->world, 0, node->network == NETWORK_SLOW ? SLOW_MS : 8);
}

static bool is_refused(const struct waves_owner *node)
{
    return node->network == NETWORK_REFUSES || node->world->down;
}

/* ---- from an observer ---- */

static struct packet *packet_of(const struct waves_owner *node, enum waves_client client,
                                const struct registry_request *request)
{
    struct packet *packet = mem_zalloc(sizeof(*packet));
    packet->client = client;
    packet->id = request->id;
    packet->request = *request;
    packet->key = copy(&packet->request.key);
    packet->end = copy(&packet->request.range_end);
    packet->value = packet->request.value = blob_ref(request->value);
    packet->txn = request->txn == NULL ? NULL : registry_txn_copy(request->txn);
    packet->request.txn = packet->txn;
    memcpy(packet->looked, node->looked, sizeof(packet->looked));
    return packet;
}

static struct packet *failure_of(enum waves_client client, const struct registry_request *request,
                                 enum registry_failure failure)
{
    struct packet *packet = mem_zalloc(sizeof(*packet));
    packet->client = client;
    packet->id = request->id;
    packet->reply = (struct registry_reply){.id = request->id, .op = request->op, .failure = failure};
    return packet;
}

void net_request(struct waves_owner *node, enum waves_client client, const struct registry_request *request)
{
    struct world *world = node->world;
    unsigned at = 0;
    while (at < OPEN_MAX - 1 && node->open[at].id != 0) {
        at++;
    }
    node->open[at].client = client;
    node->open[at].id = request->id;
    world->stats.requests++;
    if (is_refused(node)) {
        plan(world, between(world, 0, 3), EVENT_REPLY, node->index,
             failure_of(client, request, REGISTRY_RETRY), 0);
        return;
    }
    plan(world, request->timeout_ms, EVENT_TIMEOUT, node->index,
         failure_of(client, request, REGISTRY_UNKNOWN), 0);
    if (!is_lost(node)) {
        plan(world, delay(node), EVENT_REQUEST, node->index, packet_of(node, client, request), 0);
    }
}

static struct packet *end_of(enum waves_client client, uint64_t id)
{
    struct packet *packet = mem_zalloc(sizeof(*packet));
    packet->client = client;
    packet->id = id;
    packet->event =
        (struct registry_watch_event){.id = id, .type = REGISTRY_WATCH_ENDED, .failure = REGISTRY_RETRY};
    return packet;
}

void net_watch(struct waves_owner *node, enum waves_client client, const struct registry_watch *watch)
{
    if (is_refused(node) || is_lost(node)) {
        plan(node->world, between(node->world, 1, 1000), EVENT_CHANGE, node->index, end_of(client, watch->id),
             0);
        return;
    }
    struct packet *packet = mem_zalloc(sizeof(*packet));
    packet->client = client;
    packet->id = watch->id;
    packet->watch = *watch;
    packet->key = copy(&packet->watch.ranges[0].key);
    packet->end = copy(&packet->watch.ranges[0].end);
    plan(node->world, delay(node), EVENT_WATCH, node->index, packet, 0);
}

static void close_watch(struct world *world, struct open_watch *watch)
{
    registry_unwatch(world->client, watch->id);
    watch->id = 0;
}

void net_unwatch(struct waves_owner *node, enum waves_client client, uint64_t id)
{
    for (unsigned i = 0; i < WATCHES_MAX; i++) {
        struct open_watch *watch = &node->world->watches[i];
        if (watch->id != 0 && watch->node == node->index && watch->life == node->life &&
            watch->client == client && watch->node_id == id) {
            close_watch(node->world, watch);
        }
    }
}

void net_end_watches(struct world *world, const struct waves_owner *node)
{
    for (unsigned i = 0; i < WATCHES_MAX; i++) {
        struct open_watch *watch = &world->watches[i];
        if (watch->id != 0 && (node == NULL || watch->node == node->index)) {
            struct waves_owner *owner = &world->nodes[watch->node];
            if (owner->alive && owner->life == watch->life) {
                plan(world, between(world, 1, 20), EVENT_CHANGE, watch->node,
                     end_of(watch->client, watch->node_id), 0);
            }
            close_watch(world, watch);
        }
    }
}

/* ---- from the store ---- */

static struct packet *keep_reply(const struct registry_reply *reply, const struct packet *request)
{
    struct packet *packet = mem_zalloc(sizeof(*packet));
    packet->client = request == NULL ? WAVES_WRITER : request->client;
    packet->reply = *reply;
    packet->id = packet->reply.id = request == NULL ? reply->id : request->id;
    packet->reply.error = packet->reply.endpoint = packet->reply.note = STR("");
    packet->key = copy(&packet->reply.kv.value);
    packet->items = mem_resize(NULL, reply->item_count + 1, sizeof(packet->items[0]));
    for (size_t i = 0; i < reply->item_count; i++) {
        packet->items[i] = reply->items[i];
        (void)copy(&packet->items[i].key);
        (void)copy(&packet->items[i].kv.value);
    }
    packet->reply.items = packet->items;
    return packet;
}

static void on_reply(const struct registry_reply *reply, void *user)
{
    struct world *world = user;
    struct packet *request = world->at_store, *packet = keep_reply(reply, request);
    if (request == NULL) {
        packet_free(world->own);
        world->own = packet;
    } else if (world->loses_reply || is_lost(&world->nodes[world->at_store_node])) {
        packet_free(packet);
    } else {
        plan(world, delay(&world->nodes[world->at_store_node]), EVENT_REPLY, world->at_store_node, packet, 0);
    }
}

static void on_watch(const struct registry_watch_event *event, void *user)
{
    struct world *world = user;
    struct open_watch *watch = NULL;
    for (unsigned i = 0; i < WATCHES_MAX; i++) {
        watch = world->watches[i].id == event->id ? &world->watches[i] : watch;
    }
    if (watch == NULL) {
        return;
    }
    struct waves_owner *node = &world->nodes[watch->node];
    watch->silent = watch->silent || node->network == NETWORK_SWALLOWS;
    if (!watch->silent) {
        struct packet *packet = mem_zalloc(sizeof(*packet));
        packet->client = watch->client;
        packet->event = *event;
        packet->id = packet->event.id = watch->node_id;
        packet->event.error = packet->event.endpoint = STR("");
        packet->changes = mem_resize(NULL, event->change_count + 1, sizeof(packet->changes[0]));
        for (size_t i = 0; i < event->change_count; i++) {
            packet->changes[i] = event->changes[i];
            (void)copy(&packet->changes[i].key);
            (void)copy(&packet->changes[i].value);
        }
        packet->event.changes = packet->changes;
        int64_t at = world->now + delay(node);
        watch->last_at = at > watch->last_at ? at : watch->last_at;
        plan(world, watch->last_at - world->now, EVENT_CHANGE, watch->node, packet, 0);
    }
    bool never_opens = watch->silent && event->type == REGISTRY_WATCH_OPENED;
    if (never_opens && watch->life == node->life) { /* opened in its time, or ended */
        plan(world, OPEN_MS, EVENT_CHANGE, watch->node, end_of(watch->client, watch->node_id), 0);
    }
    if (never_opens || event->type == REGISTRY_WATCH_ENDED) {
        watch->id = 0;
    }
}

static void run_store(struct world *world)
{
    memory_advance(world->store, world->now - world->store_now);
    world->store_now = world->now;
    (void)memory_run(world->store);
}

void net_open(struct world *world)
{
    world->store = memory_new(&memory_etcd);
    world->client = registry_attach(world->store, on_reply, on_watch, world);
    world->store_now = world->now;
}

const struct registry_reply *net_do(struct world *world, struct registry_request request)
{
    request.id = ++world->last_request;
    request.timeout_ms = 1000;
    run_store(world);
    registry_submit(world->client, &request);
    run_store(world);
    return &world->own->reply;
}

/* ---- arrivals ---- */

/* The answer to a step is lost, and the watch of the control keys is behind that of the operations. */
static bool fall_behind(struct world *world, const struct event *event)
{
    bool happens = event->packet->client == WAVES_WRITER && !world->calm && chance(world, 1);
    int64_t until = world->now + between(world, 0, BEHIND_MS);
    for (unsigned i = 0; i < WATCHES_MAX && happens; i++) {
        struct open_watch *watch = &world->watches[i];
        bool controls = watch->id != 0 && watch->node == event->node && watch->client == WAVES_CONTROLS;
        watch->last_at = controls && until > watch->last_at ? until : watch->last_at;
    }
    return happens;
}

static void at_store(struct world *world, const struct event *event)
{
    if (world->down) {
        return;
    }
    run_store(world);
    faults_race(world, event->packet);
    struct registry_request request = event->packet->request;
    request.id = ++world->last_request;
    world->at_store = event->packet;
    world->at_store_node = event->node;
    world->loses_reply = fall_behind(world, event);
    registry_submit(world->client, &request);
    run_store(world);
    world->at_store = NULL;
    if (event->packet->txn != NULL) {
        oracle_check(world, event->packet, event->node);
    }
}

static void watch_at_store(struct world *world, const struct event *event)
{
    const struct waves_owner *node = &world->nodes[event->node];
    struct open_watch *place = NULL;
    for (unsigned i = 0; i < WATCHES_MAX; i++) {
        place = world->watches[i].id == 0 ? &world->watches[i] : place;
    }
    if (world->down || place == NULL || !node->alive || node->life != event->life) {
        plan(world, 1, EVENT_CHANGE, event->node, end_of(event->packet->client, event->packet->id), 0);
        return;
    }
    *place = (struct open_watch){.id = ++world->last_watch,
                                 .node = event->node,
                                 .life = event->life,
                                 .client = event->packet->client,
                                 .node_id = event->packet->id};
    struct registry_watch watch = event->packet->watch;
    watch.id = place->id;
    registry_watch(world->client, &watch);
    run_store(world);
}

static bool take_open(struct waves_owner *node, const struct packet *packet)
{
    for (unsigned i = 0; i < OPEN_MAX; i++) {
        if (node->open[i].id == packet->id && node->open[i].client == packet->client) {
            node->open[i].id = 0;
            return true;
        }
    }
    return false;
}

void net_arrive(struct world *world, const struct event *event)
{
    struct waves_owner *node = &world->nodes[event->node];
    struct packet *packet = event->packet;
    bool present = node->alive && node->life == event->life;
    switch ((enum event_type)event->type) {
    case EVENT_REQUEST: at_store(world, event); break;
    case EVENT_WATCH: watch_at_store(world, event); break;
    case EVENT_REPLY:
    case EVENT_TIMEOUT:
        if (present && take_open(node, packet)) {
            node_event(node, (struct waves_event){
                                 .type = WAVES_ON_REPLY, .client = packet->client, .reply = &packet->reply});
        }
        break;
    case EVENT_CHANGE:
        if (present) {
            node_event(node, (struct waves_event){
                                 .type = WAVES_ON_WATCH, .client = packet->client, .watch = &packet->event});
        }
        break;
    default: break;
    }
    packet_free(packet);
}
