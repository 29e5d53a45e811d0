/* What lies between candidates and the store. */
#include "leader.h"

#include "outrider/base/mem.h"

#include <stdlib.h>

void packet_free(struct packet *packet)
{
    if (packet == NULL) {
        return;
    }
    for (size_t i = 0; packet->items != NULL && i < packet->reply.item_count; i++) {
        free((void *)(uintptr_t)packet->items[i].key.data);
    }
    for (size_t i = 0; packet->changes != NULL && i < packet->event.change_count; i++) {
        free((void *)(uintptr_t)packet->changes[i].key.data);
    }
    free(packet->items);
    free(packet->changes);
    free(packet->key);
    free(packet->end);
    free(packet->error);
    free(packet);
}

static char *copy(struct str *text)
{
    text->data = mem_copy(text->data, text->size);
    return (char *)(uintptr_t)text->data;
}

static bool is_lost(const struct node *node)
{
    return node->network == NETWORK_SWALLOWS || chance(node->world, node->world->calm ? 0 : 1);
}

static int64_t delay(const struct node *node)
{
    struct world *world = node->world;
    return node->network == NETWORK_SLOW ? between(world, 50, DELAY_MAX) : between(world, 0, 8);
}

/* ---- from a node ---- */

static bool is_refused(const struct node *node)
{
    return node->network == NETWORK_REFUSES || node->world->down;
}

static struct packet *packet_of(const struct registry_request *request)
{
    struct packet *packet = mem_zalloc(sizeof(*packet));
    packet->request = *request;
    packet->request.value = NULL;
    packet->id = request->id;
    packet->key = copy(&packet->request.key);
    packet->end = copy(&packet->request.range_end);
    return packet;
}

static struct packet *failure_of(const struct registry_request *request, enum registry_failure failure)
{
    struct packet *packet = mem_zalloc(sizeof(*packet));
    packet->reply = (struct registry_reply){.id = request->id, .op = request->op, .failure = failure};
    packet->id = request->id;
    return packet;
}

void net_request(struct node *node, const struct registry_request *request)
{
    struct world *world = node->world;
    world->stats.requests++;
    world->stats.lists += request->op == REGISTRY_LIST ? 1 : 0;
    unsigned at = 0;
    while (at < OPEN_MAX - 1 && node->open[at] != 0) {
        at++;
    }
    node->open[at] = request->id;
    if (is_refused(node)) {
        plan(world, between(world, 0, 3), EVENT_REPLY, node, failure_of(request, REGISTRY_RETRY), 0);
        return;
    }
    plan(world, request->timeout_ms, EVENT_TIMEOUT, node, failure_of(request, REGISTRY_UNKNOWN), 0);
    if (!is_lost(node)) {
        plan(world, delay(node), EVENT_REQUEST, node, packet_of(request), 0);
    }
    if (!world->calm && chance(world, 2)) { /* sent again by something on the way; only one reply counts */
        plan(world, between(world, 0, DELAY_MAX), EVENT_REQUEST, node, packet_of(request), 1);
    }
}

static struct packet *end_of(uint64_t id)
{
    struct packet *packet = mem_zalloc(sizeof(*packet));
    packet->id = id;
    packet->event =
        (struct registry_watch_event){.id = id, .type = REGISTRY_WATCH_ENDED, .failure = REGISTRY_RETRY};
    return packet;
}

/* One that has not opened in time ends. */
void net_watch(struct node *node, const struct registry_watch *watch)
{
    if (is_refused(node)) {
        plan(node->world, 1, EVENT_CHANGE, node, end_of(watch->id), 0);
        return;
    }
    plan(node->world, watch->timeout_ms, EVENT_CHANGE, node, end_of(watch->id), 1);
    if (!is_lost(node)) {
        struct packet *packet = mem_zalloc(sizeof(*packet));
        packet->id = watch->id;
        packet->watch = *watch;
        packet->key = copy(&packet->watch.ranges[0].key);
        plan(node->world, delay(node), EVENT_WATCH, node, packet, 0);
    }
}

static struct open_watch *find_watch(struct world *world, uint64_t id)
{
    for (unsigned i = 0; i < WATCHES_MAX; i++) {
        if (world->watches[i].id == id) {
            return &world->watches[i];
        }
    }
    return NULL;
}

static void close_watch(struct world *world, struct open_watch *watch)
{
    registry_unwatch(world->client, watch->id);
    watch->id = 0;
}

/* The node hears of it `after` ms. */
static void end_watch(struct world *world, struct open_watch *watch, int64_t after)
{
    heap_push(&world->heap, (struct event){.at = world->now + after,
                                           .type = EVENT_CHANGE,
                                           .node = watch->node,
                                           .life = watch->life,
                                           .packet = end_of(watch->node_id)});
    close_watch(world, watch);
}

void net_unwatch(struct node *node, uint64_t id)
{
    for (unsigned i = 0; i < WATCHES_MAX; i++) {
        struct open_watch *watch = &node->world->watches[i];
        if (watch->id != 0 && watch->node == node->index && watch->life == node->life &&
            watch->node_id == id) {
            close_watch(node->world, watch);
        }
    }
}

void net_end_watches(struct world *world, const struct node *node)
{
    for (unsigned i = 0; i < WATCHES_MAX; i++) {
        struct open_watch *watch = &world->watches[i];
        if (watch->id == 0 || watch->node != node->index || watch->life != node->life) {
            continue;
        }
        end_watch(world, watch, between(world, 1, 20));
    }
}

/* ---- from the store ---- */

static struct packet *keep_reply(const struct world *world, const struct registry_reply *reply, uint64_t id)
{
    struct packet *packet = mem_zalloc(sizeof(*packet));
    packet->reply = *reply;
    packet->id = packet->reply.id = id;
    packet->reply.cluster = world->cluster;
    packet->reply.endpoint = STR("memory");
    packet->reply.kv.value = STR("");
    packet->error = copy(&packet->reply.error);
    packet->items = mem_resize(NULL, reply->item_count + 1, sizeof(packet->items[0]));
    for (size_t i = 0; i < reply->item_count; i++) {
        packet->items[i] = reply->items[i];
        packet->items[i].kv.value = STR("");
        (void)copy(&packet->items[i].key);
    }
    packet->reply.items = packet->items;
    return packet;
}

static void on_reply(const struct registry_reply *reply, void *user)
{
    struct world *world = user;
    struct packet *request = world->at_store;
    if (request == NULL) {
        packet_free(world->own);
        world->own = keep_reply(world, reply, reply->id);
        return;
    }
    struct node *node = &world->nodes[world->at_store_node];
    struct packet *packet = keep_reply(world, reply, request->id);
    if (reply->op == REGISTRY_COMPARE && !world->calm && chance(world, 5)) {
        packet->reply.succeeded = !packet->reply.succeeded; /* by a server that is behind */
    }
    if (is_lost(node)) {
        packet_free(packet);
    } else {
        plan(world, delay(node), EVENT_REPLY, node, packet, 0);
    }
}

const struct registry_reply *net_do(struct world *world, struct registry_request request)
{
    request.id = ++world->last_request;
    request.timeout_ms = 1000;
    registry_submit(world->client, &request);
    (void)memory_run(world->store);
    return &world->own->reply;
}

/* A stream that swallowed something is broken for good: the rest of it never comes. */
static void on_watch(const struct registry_watch_event *event, void *user)
{
    struct world *world = user;
    struct open_watch *watch = find_watch(world, event->id);
    if (watch == NULL) {
        return;
    }
    struct node *node = &world->nodes[watch->node];
    bool ends = event->type == REGISTRY_WATCH_ENDED;
    watch->silent = watch->silent || node->network == NETWORK_SWALLOWS;
    bool present = watch->life == node->life && election_watches(&node->election, watch->node_id);
    node->silenced = watch->silent && present ? watch->node_id : node->silenced;
    if (!watch->silent) {
        struct packet *packet = mem_zalloc(sizeof(*packet));
        packet->event = *event;
        packet->id = packet->event.id = watch->node_id;
        packet->event.cluster = world->cluster;
        packet->event.error = packet->event.endpoint = STR("");
        packet->changes = mem_resize(NULL, event->change_count + 1, sizeof(packet->changes[0]));
        for (size_t i = 0; i < event->change_count; i++) {
            packet->changes[i] = event->changes[i];
            packet->changes[i].value = STR("");
            (void)copy(&packet->changes[i].key);
        }
        packet->event.changes = packet->changes;
        int64_t at = world->now + delay(node);
        watch->last_at = at > watch->last_at ? at : watch->last_at;
        heap_push(&world->heap, (struct event){.at = watch->last_at,
                                               .type = EVENT_CHANGE,
                                               .node = node->index,
                                               .life = watch->life,
                                               .packet = packet});
    }
    if (ends) {
        watch->id = 0;
    }
}

void net_open_store(struct world *world)
{
    world->store = memory_new(world->kind);
    world->client = registry_attach(world->store, on_reply, on_watch, world);
    world->store_now = world->now;
}

void net_close_store(struct world *world)
{
    registry_free(world->store);
    world->store = NULL;
    packet_free(world->own);
    world->own = NULL;
}

/* ---- arrivals ---- */

static void at_store(struct world *world, const struct event *event)
{
    if (!world->down) {
        struct registry_request request = event->packet->request;
        request.id = ++world->last_request;
        world->at_store = event->id == 0 ? event->packet : NULL;
        world->at_store_node = event->node;
        registry_submit(world->client, &request);
        (void)memory_run(world->store);
        world->at_store = NULL;
    }
}

static void watch_at_store(struct world *world, const struct event *event)
{
    const struct node *node = &world->nodes[event->node];
    struct open_watch *place = find_watch(world, 0);
    bool wanted =
        node->alive && node->life == event->life && election_watches(&node->election, event->packet->id);
    if (world->down || place == NULL || !wanted) {
        return;
    }
    *place = (struct open_watch){
        .id = ++world->last_watch, .node = event->node, .life = event->life, .node_id = event->packet->id};
    struct registry_watch watch = event->packet->watch;
    watch.id = place->id;
    registry_watch(world->client, &watch);
    (void)memory_run(world->store);
}

static bool take_open(struct node *node, uint64_t id)
{
    for (unsigned i = 0; i < OPEN_MAX; i++) {
        if (node->open[i] == id) {
            node->open[i] = 0;
            return true;
        }
    }
    return false;
}

void net_arrive(struct world *world, const struct event *event)
{
    struct node *node = &world->nodes[event->node];
    struct packet *packet = event->packet;
    bool present = node->alive && node->life == event->life;
    switch ((enum event_type)event->type) {
    case EVENT_REQUEST: at_store(world, event); break;
    case EVENT_WATCH: watch_at_store(world, event); break;
    case EVENT_REPLY:
    case EVENT_TIMEOUT:
        if (present && take_open(node, packet->id)) {
            node_event(node, ELECTION_ON_REPLY, &packet->reply, NULL);
        }
        break;
    case EVENT_CHANGE:
        if (present && (event->id == 0 || node->opened < packet->id)) {
            node->opened = packet->event.type == REGISTRY_WATCH_OPENED ? packet->id : node->opened;
            node_event(node, ELECTION_ON_WATCH, NULL, &packet->event);
        }
        break;
    default: break;
    }
    packet_free(packet);
}
