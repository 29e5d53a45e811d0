/* A session store and its users. A backend (memory, Redis) carries requests out; every component that asks attaches as a client of
 * its own, with request ids of its own, and gets no reply to another's.
 *
 *     struct session_store *store = session_memory_new(...);
 *     struct session_client *client = session_attach(store, on_reply, on_event, user);
 *     session_submit(client, &request);    one reply, later
 *     session_listen(client, true);        every event of the store from now on, of any client and any agent
 *     session_store_free(store);           its clients with it
 *
 * All callbacks come from the loop, never from within a call of this header. Of a change, the event is told before the reply to
 * the client that caused it; the events of orphan and restore, which may be many, follow. */
#ifndef OUTRIDER_SESSION_STORE_H
#define OUTRIDER_SESSION_STORE_H

#include "outrider/core/session/session_request.h"

struct session_store;
struct session_client;

/* The reply to a request of the client. May submit, listen, attach and detach; must not free the store. */
typedef void session_reply_fn(const struct session_reply *reply, void *user);

/* An event of the store. May do the same. */
typedef void session_event_fn(const struct session_event *event, void *user);

/* Any reply, before its client gets it; `duration_us` has passed since it was submitted. */
typedef void session_observe_fn(const struct session_reply *reply, int64_t duration_us, void *user);

/* Attaches a client. `on_reply` may be NULL where the client only listens, `on_event` where it never does. The client belongs to
 * the store and lives until session_store_free, also after session_detach; `user` is borrowed until then. */
struct session_client *session_attach(struct session_store *store, session_reply_fn *on_reply,
                                      session_event_fn *on_event, void *user);

/* The client gets no reply and no event any more; its requests may still be carried out. Accepts NULL. */
void session_detach(struct session_client *client);

/* Starts a request. The store copies what it needs. There is always one reply, within `request->timeout_ms` and a little.
 * `request->id` is not that of another request of this client that is under way. Requests that are under way
 * together are carried out in any order. */
void session_submit(struct session_client *client, const struct session_request *request);

/* Whether the client hears events from now on. A store that has to ask for them does so only while a client listens. */
void session_listen(struct session_client *client, bool listens);

/* Calls `observe` for every reply to any client from now on; NULL: none. */
void session_observe(struct session_store *store, session_observe_fn *observe, void *user);

/* What the store promises: a set of SESSION_CAN_*. */
uint32_t session_can(const struct session_store *store);

/* What it says of itself now. */
void session_facts(const struct session_store *store, struct session_facts *ret_facts);

/* Time may have passed unseen: the machine slept, or a test moved its clock. */
void session_store_wake(struct session_store *store);

/* Frees the store with its clients; open requests get no reply. Accepts NULL. */
void session_store_free(struct session_store *store);

#endif
