/* What the sources of registry/consul share: consul.c (the backend, the token), ask.c (one HTTP request), call.c and call_steps.c
 * (requests of the registry), transact.c (transactions), watch.c (watches). */
#ifndef OUTRIDER_REGISTRY_CONSUL_CONSUL_INTERNAL_H
#define OUTRIDER_REGISTRY_CONSUL_CONSUL_INTERNAL_H

#include "outrider/base/buf.h"
#include "outrider/base/random.h"
#include "outrider/codec/consul/consul_response.h"
#include "outrider/io/http/client/http_client.h"
#include "outrider/io/loop/loop.h"
#include "outrider/registry/backend.h"
#include "outrider/registry/endpoints/recheck.h"

/* The key whose value says which store it is. */
#define CONSUL_ID STR("outrider/id")

struct consul_call;
struct consul_catalog;
struct consul_watch;

struct consul {
    struct registry registry; /* first: what the caller holds */
    struct registry_limits limits;
    struct loop *loop; /* borrowed, as `http` */
    struct http_client *http;
    struct endpoints endpoints;
    struct recheck recheck;
    struct random random;
    char *session_name, *node;
    char *token_file;               /* NULL: no token */
    char *headers[2];               /* "X-Consul-Token: ...", or NULL */
    uint64_t token_stamp;           /* of the file as it was last read */
    uint64_t cluster;               /* 0: not known yet */
    int64_t id_index;               /* modify index of CONSUL_ID; 0: not known */
    int64_t seen;                   /* the highest index told so far */
    struct consul_catalog *catalog; /* NULL: none */
    struct consul_call *calls;
    struct consul_watch *watches; /* open, or ended in this turn of the loop */
    struct buf url;               /* of the last request */
};

/* ---- one HTTP request ---- */

struct consul_answer {
    enum registry_failure failure; /* OK: an answer of status 200, 404 or 409 */
    bool too_large;
    int status;
    struct str body;
    struct consul_head head;
};

struct consul_ask;
typedef void consul_answer_fn(struct consul_ask *ask, const struct consul_answer *answer);

/* Embedded. The owner sets the first part before consul_ask_send(). */
struct consul_ask {
    struct consul *consul;
    consul_answer_fn *fn; /* called once, from the loop; may free what the ask is in */
    const char *name;     /* of what is done, for people */
    struct buf *trail;    /* what every attempt came to */
    enum http_method method;
    bool
        changes; /* what was sent may have been done, so it is not sent again, and unknown when no answer comes */
    bool is_long;       /* the answer may be a listing */
    bool is_pinned;     /* to `endpoint`: no other one is asked */
    int64_t timeout_ms; /* for all attempts */
    struct buf path, body;
    size_t endpoint; /* being asked, or the last that was */

    endpoint_set asked;
    int64_t left_ms;
    bool read_token_again;
    enum registry_failure last; /* how the last attempt failed */
    struct http_request_handle *http;
    struct deferred late; /* the token cannot be read */
};

void consul_ask_send(struct consul_ask *ask);

/* To be called in `fn` where an answer is none of Consul's: the next endpoint is asked, or `fn` is called again with a failure.
 * Nothing may be done with the ask afterwards. */
void consul_ask_reject(struct consul_ask *ask, const char *what);

/* Ends it without a call of `fn`, and frees what it holds. */
void consul_ask_fini(struct consul_ask *ask);

/* ---- consul.c ---- */

/* Reads the token where there is none yet, or `again` where the file was changed. Returns whether there is another one than before
 * (`again`), or one if there must be; else `ret_why` says why. */
bool consul_token(struct consul *consul, bool again, struct buf *ret_why);

/* An index that a consistent read, or a write, told. */
static inline void consul_see(struct consul *consul, int64_t index)
{
    consul->seen = index > consul->seen ? index : consul->seen;
}

/* The index of the whole store. Where it is lower than what was known when it was asked for, the store was set back. */
static inline void consul_see_all(struct consul *consul, int64_t known, int64_t index)
{
    consul->seen = index < known || index > consul->seen ? index : consul->seen;
}

/* The check of the store's identity, with which every transaction begins. */
struct consul_op consul_id_check(const struct consul *consul);

/* Notes which store answers: `kv` is CONSUL_ID. */
void consul_identify(struct consul *consul, size_t endpoint, const struct consul_kv *kv);

/* The identity was not as expected: it is read again before anything else is done. */
void consul_forget(struct consul *consul);

/* The path of `key` with the question `query` ("?recurse"). */
void consul_path(struct buf *out, struct str key, const char *query);

/* ---- requests and watches ---- */

void consul_submit(struct registry *registry, const struct registry_request *request);
void consul_calls_fini(struct consul *consul);

void consul_watch_open(struct registry *registry, const struct registry_watch *request);
void consul_watch_close(struct registry *registry, uint64_t id);
void consul_watches_fini(struct consul *consul);

#endif
