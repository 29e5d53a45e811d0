/* Clients: every reply and event of a backend goes to the client that asked. */
#include "outrider/registry/backend.h"

#include "outrider/base/mem.h"
#include "outrider/os/clock.h"

#include <stdlib.h>

struct registry_client {
    struct registry_client *next;
    struct registry *registry;
    registry_reply_fn *on_reply; /* NULL: it only watches, or is detached */
    registry_watch_fn *on_watch;
    void *user;
};

void registry_init(struct registry *registry, const struct registry_backend *backend)
{
    *registry = (struct registry){.backend = backend};
}

void registry_fini(struct registry *registry)
{
    while (registry->clients != NULL) {
        struct registry_client *client = registry->clients;
        registry->clients = client->next;
        free(client);
    }
    free(registry->requests.list);
    free(registry->watches.list);
}

void registry_free(struct registry *registry)
{
    if (registry != NULL) {
        registry->backend->free(registry);
    }
}

void registry_observe(struct registry *registry, registry_observe_fn *observe, void *user)
{
    registry->observe = observe;
    registry->observe_user = user;
}

uint32_t registry_can(const struct registry *registry)
{
    return registry->can;
}

const struct registry_limits *registry_limits(const struct registry *registry)
{
    return registry->limits;
}

enum registry_login registry_login(const struct registry *registry)
{
    return registry->backend->login == NULL ? REGISTRY_LOGIN_NONE : registry->backend->login(registry);
}

bool registry_endpoint(const struct registry *registry, size_t index, struct registry_endpoint *ret_endpoint)
{
    return registry->backend->endpoint != NULL && registry->backend->endpoint(registry, index, ret_endpoint);
}

/* ---- tickets ---- */

static uint64_t add_ticket(struct registry_tickets *tickets, struct registry_client *client,
                           uint64_t client_id)
{
    tickets->list = mem_grow(tickets->list, tickets->count, &tickets->capacity, sizeof(tickets->list[0]));
    uint64_t id = ++client->registry->last_id;
    tickets->list[tickets->count++] = (struct registry_ticket){
        .id = id, .client_id = client_id, .client = client, .sent_us = clock_mono_us()};
    return id;
}

static struct registry_ticket *find_ticket(const struct registry_tickets *tickets, uint64_t id)
{
    for (size_t i = 0; i < tickets->count; i++) {
        if (tickets->list[i].id == id) {
            return &tickets->list[i];
        }
    }
    return NULL;
}

static void remove_ticket(struct registry_tickets *tickets, struct registry_ticket *ticket)
{
    *ticket = tickets->list[--tickets->count];
}

/* ---- clients ---- */

struct registry_client *registry_attach(struct registry *registry, registry_reply_fn *on_reply,
                                        registry_watch_fn *on_watch, void *user)
{
    struct registry_client *client = mem_zalloc(sizeof(*client));
    *client = (struct registry_client){.next = registry->clients,
                                       .registry = registry,
                                       .on_reply = on_reply,
                                       .on_watch = on_watch,
                                       .user = user};
    registry->clients = client;
    return client;
}

static void close_watch(struct registry *registry, struct registry_ticket *ticket)
{
    uint64_t id = ticket->id;
    remove_ticket(&registry->watches, ticket);
    registry->backend->unwatch(registry, id);
}

void registry_detach(struct registry_client *client)
{
    if (client == NULL) {
        return;
    }
    client->on_reply = NULL;
    struct registry_tickets *watches = &client->registry->watches;
    for (size_t i = watches->count; i > 0; i--) {
        if (watches->list[i - 1].client == client) {
            close_watch(client->registry, &watches->list[i - 1]);
        }
    }
}

void registry_submit(struct registry_client *client, const struct registry_request *request)
{
    struct registry_request own = *request;
    own.id = add_ticket(&client->registry->requests, client, request->id);
    client->registry->backend->submit(client->registry, &own);
}

void registry_watch(struct registry_client *client, const struct registry_watch *watch)
{
    struct registry_watch own = *watch;
    own.id = add_ticket(&client->registry->watches, client, watch->id);
    client->registry->backend->watch(client->registry, &own);
}

void registry_unwatch(struct registry_client *client, uint64_t id)
{
    struct registry_tickets *watches = &client->registry->watches;
    for (size_t i = 0; i < watches->count; i++) {
        if (watches->list[i].client == client && watches->list[i].client_id == id) {
            close_watch(client->registry, &watches->list[i]);
            return;
        }
    }
}

/* ---- deliveries ---- */

void registry_deliver(struct registry *registry, const struct registry_reply *reply)
{
    struct registry_ticket *found = find_ticket(&registry->requests, reply->id);
    if (found == NULL) {
        return;
    }
    struct registry_ticket ticket = *found;
    struct registry_reply own = *reply;
    own.id = ticket.client_id;
    remove_ticket(&registry->requests, found);
    if (registry->observe != NULL) {
        registry->observe(&own, clock_mono_us() - ticket.sent_us, registry->observe_user);
    }
    if (ticket.client->on_reply != NULL) {
        ticket.client->on_reply(&own, ticket.client->user);
    }
}

void registry_deliver_event(struct registry *registry, const struct registry_watch_event *event)
{
    struct registry_ticket *found = find_ticket(&registry->watches, event->id);
    if (found == NULL) {
        return;
    }
    struct registry_ticket ticket = *found;
    struct registry_watch_event own = *event;
    own.id = ticket.client_id;
    if (event->type == REGISTRY_WATCH_ENDED) {
        remove_ticket(&registry->watches, found);
    }
    ticket.client->on_watch(&own, ticket.client->user);
}
