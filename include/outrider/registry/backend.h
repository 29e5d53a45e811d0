/* What a registry backend implements and calls. The configuration names the backend, so this is one of the two tables
 * of functions that the program chooses from when it runs.
 *
 * A backend sees requests and watches with ids that are unique in the registry, whichever client they come from. It
 * answers each request by one registry_deliver(), and each watch by registry_deliver_event(): one OPENED, any number of
 * CHANGED and one ENDED, or ENDED alone; nothing after unwatch. Neither from within submit, watch or unwatch. */
#ifndef OUTRIDER_REGISTRY_BACKEND_H
#define OUTRIDER_REGISTRY_BACKEND_H

#include "outrider/registry/registry.h"

struct registry_backend {
    const char *name;
    void (*submit)(struct registry *registry, const struct registry_request *request);
    void (*watch)(struct registry *registry, const struct registry_watch *watch);
    void (*unwatch)(struct registry *registry, uint64_t id);
    bool (*endpoint)(const struct registry *registry, size_t index,
                     struct registry_endpoint *ret_endpoint);      /* NULL: it has none */
    enum registry_login (*login)(const struct registry *registry); /* NULL: it has none */
    void (*free)(struct registry *registry);                       /* calls registry_fini */
};

/* One request or watch under way. */
struct registry_ticket {
    uint64_t id;        /* as the backend knows it */
    uint64_t client_id; /* as the client knows it */
    struct registry_client *client;
    int64_t sent_us;
};

/* Tickets in no order: few are out at a time. */
struct registry_tickets {
    struct registry_ticket *list;
    size_t count, capacity;
};

/* What every backend begins with. The backend sets `can` and `limits`, the other members belong to registry.c. */
struct registry {
    uint32_t can; /* set of REGISTRY_CAN_* */
    const struct registry_limits *limits;
    const struct registry_backend *backend;
    struct registry_client *clients;
    struct registry_tickets requests, watches;
    uint64_t last_id;
    registry_observe_fn *observe;
    void *observe_user;
};

/* Begins a registry of `backend` (static) without clients. */
void registry_init(struct registry *registry, const struct registry_backend *backend);

/* Frees what registry.c owns; nothing may be delivered any more. */
void registry_fini(struct registry *registry);

/* Hands `reply`, whose id is that of the request submitted, to its client. */
void registry_deliver(struct registry *registry, const struct registry_reply *reply);

/* Hands `event`, whose id is that of the watch opened, to its client. The client may close the watch meanwhile. */
void registry_deliver_event(struct registry *registry, const struct registry_watch_event *event);

#endif
