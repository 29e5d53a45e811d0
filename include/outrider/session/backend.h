/* What a session store implements and calls. The configuration names the store, so this is a table of functions that the program
 * chooses from when it runs.
 *
 * A backend sees requests with ids that are unique in the store, whichever client they come from. It checks them by
 * session_request_problem() first, and answers each by one session_deliver(), never from within submit. */
#ifndef OUTRIDER_SESSION_BACKEND_H
#define OUTRIDER_SESSION_BACKEND_H

#include "outrider/session/store.h"

struct session_backend {
    void (*submit)(struct session_store *store, const struct session_request *request);
    void (*listen)(struct session_store *store,
                   bool listens); /* the first client listens, the last one ended; NULL: no matter */
    void (*facts)(const struct session_store *store, struct session_facts *ret_facts);
    void (*wake)(struct session_store *store); /* NULL: no matter */
    void (*free)(struct session_store *store); /* calls session_store_fini */
};

struct buf;
struct session_ticket;

/* What every backend begins with. The backend sets `can`, the other members belong to store.c. */
struct session_store {
    uint32_t can; /* set of SESSION_CAN_* */
    const struct session_backend *backend;
    struct session_client *clients;
    struct session_ticket *tickets; /* by id */
    uint64_t last_id;
    unsigned listeners;
    session_observe_fn *observe;
    void *observe_user;
};

/* Begins a store of `backend` (static) without clients. */
void session_store_init(struct session_store *store, const struct session_backend *backend);

/* Frees what store.c owns; nothing may be delivered any more. */
void session_store_fini(struct session_store *store);

/* Hands `reply`, whose id is that of the request submitted, to its client. An id that is not open is ignored. */
void session_deliver(struct session_store *store, const struct session_reply *reply);

/* Hands `event` to every client that listens. */
void session_deliver_event(struct session_store *store, const struct session_event *event);

/* Lets the texts of `request` point at copies in `texts`, borrowed until it changes. */
void session_request_keep(struct session_request *request, struct buf *texts);

enum { SESSION_PROBLEM_SIZE = 160 };

/* What is wrong with a request, for people, written to `text`; NULL: nothing, and `session.type` is set for a put. */
const char *session_request_problem(struct session_request *request, char text[static SESSION_PROBLEM_SIZE]);

#endif
