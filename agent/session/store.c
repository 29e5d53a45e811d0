/* Clients: every reply of a backend goes to the client that asked, every event to those that listen. */
#include "outrider/session/backend.h"

#include "outrider/base/brief.h"
#include "outrider/base/buf.h"
#include "outrider/base/hash.h"
#include "outrider/os/clock.h"

struct session_client {
    struct session_client *next;
    struct session_store *store;
    session_reply_fn *on_reply; /* NULL: it only listens, or is detached */
    session_event_fn *on_event;
    bool listens;
    void *user;
};

/* A request under way. */
struct session_ticket {
    uint64_t id;        /* as the backend knows it */
    uint64_t client_id; /* as the client knows it */
    struct session_client *client;
    int64_t sent_us;
    UT_hash_handle hh;
};

void session_store_init(struct session_store *store, const struct session_backend *backend)
{
    *store = (struct session_store){.backend = backend};
}

void session_store_fini(struct session_store *store)
{
    while (store->clients != NULL) {
        struct session_client *client = store->clients;
        store->clients = client->next;
        free(client);
    }
    struct session_ticket *ticket, *next;
    HASH_ITER(hh, store->tickets, ticket, next)
    {
        HASH_DEL(store->tickets, ticket);
        free(ticket);
    }
}

void session_store_wake(struct session_store *store)
{
    if (store->backend->wake != NULL) {
        store->backend->wake(store);
    }
}

void session_store_free(struct session_store *store)
{
    if (store != NULL) {
        store->backend->free(store);
    }
}

void session_observe(struct session_store *store, session_observe_fn *observe, void *user)
{
    store->observe = observe;
    store->observe_user = user;
}

uint32_t session_can(const struct session_store *store)
{
    return store->can;
}

void session_facts(const struct session_store *store, struct session_facts *ret_facts)
{
    *ret_facts = (struct session_facts){.kind = "", .place = "", .error = ""};
    store->backend->facts(store, ret_facts);
}

/* ---- clients ---- */

struct session_client *session_attach(struct session_store *store, session_reply_fn *on_reply,
                                      session_event_fn *on_event, void *user)
{
    struct session_client *client = mem_zalloc(sizeof(*client));
    *client = (struct session_client){
        .next = store->clients, .store = store, .on_reply = on_reply, .on_event = on_event, .user = user};
    store->clients = client;
    return client;
}

void session_detach(struct session_client *client)
{
    if (client != NULL) {
        session_listen(client, false);
        client->on_reply = NULL;
        client->on_event = NULL;
    }
}

void session_listen(struct session_client *client, bool listens)
{
    struct session_store *store = client->store;
    listens = listens && client->on_event != NULL;
    if (listens == client->listens) {
        return;
    }
    client->listens = listens;
    store->listeners += listens ? 1 : -1U;
    if (store->listeners == (listens ? 1 : 0) && store->backend->listen != NULL) {
        store->backend->listen(store, listens);
    }
}

void session_submit(struct session_client *client, const struct session_request *request)
{
    struct session_store *store = client->store;
    struct session_ticket *ticket = mem_zalloc(sizeof(*ticket));
    ticket->id = ++store->last_id;
    ticket->client_id = request->id;
    ticket->client = client;
    ticket->sent_us = clock_mono_us();
    HASH_ADD(hh, store->tickets, id, sizeof(ticket->id), ticket);
    struct session_request own = *request;
    own.id = ticket->id;
    store->backend->submit(store, &own);
}

/* ---- deliveries ---- */

void session_deliver(struct session_store *store, const struct session_reply *reply)
{
    struct session_ticket *ticket;
    HASH_FIND(hh, store->tickets, &reply->id, sizeof(reply->id), ticket);
    if (ticket == NULL) {
        return;
    }
    HASH_DEL(store->tickets, ticket);
    struct session_reply own = *reply;
    own.id = ticket->client_id;
    struct session_client *client = ticket->client;
    int64_t duration_us = clock_mono_us() - ticket->sent_us;
    free(ticket);
    if (store->observe != NULL) {
        store->observe(&own, duration_us, store->observe_user);
    }
    if (client->on_reply != NULL) {
        client->on_reply(&own, client->user);
    }
}

void session_deliver_event(struct session_store *store, const struct session_event *event)
{
    for (struct session_client *client = store->clients; store->listeners > 0 && client != NULL;
         client = client->next) {
        if (client->listens) {
            client->on_event(event, client->user);
        }
    }
}

/* ---- requests ---- */

void session_request_keep(struct session_request *request, struct buf *texts)
{
    struct session *session = &request->session;
    struct str *const all[] = {&request->session_id, &request->player, &request->type, &request->server,
                               &request->replaces,   &request->after,  &session->id,   &session->player,
                               &session->type,       &session->server, &session->data};
    buf_keep(texts, all, COUNT_OF(all));
}

/* ---- what no store takes ---- */

static const char *texts_problem(struct session_request *request, const char **ret_what)
{
    const char *problem = NULL;
    switch (request->op) {
    case SESSION_GET:
    case SESSION_TOUCH:
    case SESSION_END: *ret_what = "id"; return session_id_problem(request->session_id);
    case SESSION_FIND:
        *ret_what = "player";
        problem = session_player_problem(request->player);
        if (problem == NULL && request->type.size > 0) {
            *ret_what = "type";
            problem = session_type_problem(request->type);
        }
        return problem;
    case SESSION_PUT:
        problem = session_problem(&request->session, ret_what);
        if (problem == NULL && request->expect == SESSION_EXPECT_ID) {
            *ret_what = "replaces";
            problem = session_id_problem(request->replaces);
        }
        return problem;
    case SESSION_LIST:
        *ret_what = "player";
        problem = request->player.size == 0 ? NULL : session_player_problem(request->player);
        if (problem == NULL && request->server.size > 0) {
            *ret_what = "server";
            problem = session_server_problem(request->server);
        }
        return problem;
    case SESSION_ORPHAN:
    case SESSION_RESTORE: *ret_what = "server"; return session_server_problem(request->server);
    case SESSION_OP_COUNT: break;
    }
    *ret_what = "operation";
    return "is none";
}

static bool has_ttl(enum session_op op)
{
    return op == SESSION_PUT || op == SESSION_TOUCH || op == SESSION_ORPHAN || op == SESSION_RESTORE;
}

const char *session_request_problem(struct session_request *request, char text[static SESSION_PROBLEM_SIZE])
{
    const char *what = "", *problem = texts_problem(request, &what);
    if (problem == NULL && has_ttl(request->op) &&
        (request->ttl_ms < 1 || request->ttl_ms > SESSION_TTL_MAX_MS)) {
        what = "ttl";
        problem = "is not between 1 ms and 30 days";
    }
    if (problem == NULL) {
        return NULL;
    }
    brief_format(text, SESSION_PROBLEM_SIZE, "%s %s", what, problem);
    return text;
}
