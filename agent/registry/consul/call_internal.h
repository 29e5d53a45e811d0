/* A request of the registry as one HTTP request after the other. call.c has their beginning and end, call_steps.c what each operation
 * asks, transact.c the reading and writing of keys.
 *
 *     submit -> IDENTIFY -> (MAKE_ID -> IDENTIFY) -> grant, keepalive, revoke, lease_ttl: LEASE
 *                  ^                                 list: GLOBAL -> TREE
 *                  |                                 prove, compare: CHECK
 *                  |                                 put under a lease: PUT, and where it was not as expected as below
 *                  |                                 get, put, delete, txn: READ -> WRITE (again where a key changed meanwhile)
 *                  |                                                          '-> VERIFY, GLOBAL
 *                  '-- another store answered: from the top
 *
 * The identity is known after the first request, and then checked by each transaction itself. */
#ifndef OUTRIDER_REGISTRY_CONSUL_CALL_INTERNAL_H
#define OUTRIDER_REGISTRY_CONSUL_CALL_INTERNAL_H

#include "catalog_internal.h"

enum consul_step {
    CONSUL_IDENTIFY, /* reads which store it is */
    CONSUL_MAKE_ID,  /* gives an empty store an identity */
    CONSUL_LEASE,
    CONSUL_CHECK,  /* compares without writing */
    CONSUL_PUT,    /* writes on the guess that the key is under the same lease as before */
    CONSUL_READ,   /* the keys of the transaction */
    CONSUL_WRITE,  /* if they are still as read */
    CONSUL_VERIFY, /* that all were at once as they were read */
    CONSUL_GLOBAL, /* the index of the whole store, which a key that is absent tells */
    CONSUL_TREE    /* all keys under a prefix */
};

/* A key of the transaction as it was read. */
struct consul_shot {
    struct str key; /* as Consul has it; borrowed from the request */
    bool known, found;
    struct blob *value;
    int64_t mod, create;
    struct registry_lease session;
};

struct consul_call {
    struct consul_call *prev, *next;
    struct consul *consul;
    struct registry_request request; /* its strings are in `bytes`; it holds a reference on the value */
    struct buf bytes;
    struct registry_txn *txn; /* owned; of put, delete, txn: from the first step that needs it */
    enum consul_step step;
    struct consul_ask ask;
    int64_t due; /* by clock_mono_ms */
    struct buf trail;
    unsigned rounds;     /* how often it began from the top, or read its keys again */
    bool learned_ttl;    /* a grant was refused for its TTL, and the server's limit is known now */
    const char *problem; /* why nothing is sent; NULL: it is */
    struct deferred refusal;
    struct consul_op ops[CONSUL_OPS_MAX]; /* of the transaction under way */
    size_t op_count;
    bool checks_id;  /* the first of them does */
    struct buf more; /* operations on the catalog, behind those */
    size_t more_count;
    struct consul_txn_answer answer;
    struct consul_shot *shots;
    size_t shot_count;
    bool holds;           /* the comparisons, for the keys as read */
    int64_t written;      /* revision of the transaction; -1: it only deleted */
    int64_t store_before; /* listing: index of the store before it */
    int64_t seen_asked;   /* the highest index known when that of the store was asked for */
};

/* ---- call.c ---- */

/* The last thing done with a call: `reply` says what it came to, but for id, op, error, endpoint, note and cluster. */
void consul_call_reply(struct consul_call *call, struct registry_reply *reply);

/* The same of a failure, whose reason is in the trail, or is `why` where it is not NULL. */
void consul_call_fail(struct consul_call *call, enum registry_failure failure, const char *why);

/* The same where the token lacks a right: `why`. Begins again where there is another token by now. */
void consul_call_denied(struct consul_call *call, const char *why);

/* Sends the request whose path and body are in `ask`. */
void consul_call_send(struct consul_call *call, enum consul_step step, enum http_method method, bool changes);

/* Begins a transaction, with the check of the identity; appends to it; sends it. */
void consul_ops_begin(struct consul_call *call);
bool consul_ops_add(struct consul_call *call, struct consul_op op);
void consul_ops_add_catalog(struct consul_call *call, struct str key, const struct registry_action *action);
void consul_ops_send(struct consul_call *call, enum consul_step step, bool changes);

/* Asks for the index of the whole store: `key` is one that is absent. */
void consul_call_ask_global(struct consul_call *call, struct str key);

/* Begins again from the top, where that may help: another store answered (`forget`), or a key changed meanwhile. */
void consul_call_again(struct consul_call *call, bool forget);

/* ---- call_steps.c ---- */

/* Begins the operation: the identity is known. */
void consul_call_start(struct consul_call *call);

/* The answer to a step but for the first two, whose transaction, if it is one, is read. */
void consul_call_answered(struct consul_call *call, const struct consul_answer *answer);

/* ---- transact.c ---- */

/* Lists the keys of the transaction, or the one of a get, and reads them. */
void consul_transact(struct consul_call *call);

void consul_transact_answered(struct consul_call *call, const struct consul_answer *answer);

/* It was done, and the index of the store, which would tell its revision, cannot be read. */
void consul_transact_done(struct consul_call *call);

void consul_shots_fini(struct consul_call *call);

#endif
