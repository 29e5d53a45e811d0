/* A registry and its users. A backend (etcd, memory) carries requests and watches out; every machine or command that
 * asks attaches as a client of its own, with request and watch ids of its own, and gets nothing of the others'.
 *
 *     struct registry *registry = etcd_registry(etcd_new(config, loop, http, id));
 *     struct registry_client *client = registry_attach(registry, on_reply, on_watch, user);
 *     registry_submit(client, &request);    one reply, later
 *     registry_watch(client, &watch);       OPENED, any number of CHANGED, ENDED; or ENDED alone
 *     registry_free(registry);              its clients with it
 *
 * All callbacks come from the loop, never from within a call of this header. */
#ifndef OUTRIDER_REGISTRY_REGISTRY_H
#define OUTRIDER_REGISTRY_REGISTRY_H

#include "outrider/core/registry/registry_limits.h"
#include "outrider/core/registry/registry_request.h"

struct registry;
struct registry_client;

/* The reply to a request of the client. May submit, watch, attach and detach; must not free the registry. */
typedef void registry_reply_fn(const struct registry_reply *reply, void *user);

/* An event of a watch of the client. May do the same, and close this watch. */
typedef void registry_watch_fn(const struct registry_watch_event *event, void *user);

/* Any reply, before its client gets it; `duration_us` has passed since it was submitted. */
typedef void registry_observe_fn(const struct registry_reply *reply, int64_t duration_us, void *user);

/* Attaches a client. `on_reply` may be NULL where the client only watches, `on_watch` where it never does.
 * The client belongs to the registry and lives until registry_free, also after registry_detach; `user` is
 * borrowed until then. */
struct registry_client *registry_attach(struct registry *registry, registry_reply_fn *on_reply,
                                        registry_watch_fn *on_watch, void *user);

/* The client gets no reply and no event any more; its watches are closed, its requests may still be carried out.
 * Accepts NULL. */
void registry_detach(struct registry_client *client);

/* Starts a request. The backend copies what it needs and takes its own reference on `request->value`. There is
 * always one reply, within `request->timeout_ms` and a little. `request->id` is not that of another request of this
 * client that is under way. */
void registry_submit(struct registry_client *client, const struct registry_request *request);

/* Opens a watch. The backend copies what it needs. `watch->id` is not that of another open watch of this client. */
void registry_watch(struct registry_client *client, const struct registry_watch *watch);

/* Closes watch `id` of this client: no event comes any more. An id that is not open, also because the watch has
 * ended, is no error. */
void registry_unwatch(struct registry_client *client, uint64_t id);

/* Calls `observe` for every reply to any client from now on; NULL: none. */
void registry_observe(struct registry *registry, registry_observe_fn *observe, void *user);

/* What the registry can do: a set of REGISTRY_CAN_*. It may depend on the server, and then is known from the first
 * successful reply on. */
uint32_t registry_can(const struct registry *registry);

/* How far it goes; borrowed. */
const struct registry_limits *registry_limits(const struct registry *registry);

/* The endpoint number `index`, for people, in the order of the configuration. Returns false beyond the last, and
 * where the backend has none. */
bool registry_endpoint(const struct registry *registry, size_t index, struct registry_endpoint *ret_endpoint);

enum registry_login {
    REGISTRY_LOGIN_NONE,   /* no credentials are configured, or the backend has no login */
    REGISTRY_LOGIN_NEEDED, /* not logged in yet, or no longer */
    REGISTRY_LOGIN_DONE,
    REGISTRY_LOGIN_OFF /* the registry has logins off: the credentials are not needed */
};

/* How far the login is. */
enum registry_login registry_login(const struct registry *registry);

/* Frees the registry with its clients; open requests get no reply, open watches no end. Accepts NULL. */
void registry_free(struct registry *registry);

#endif
