/* A transaction: if every comparison holds, the registry carries out `then`, else `otherwise`; all of the branch at one
 * revision, or nothing. Put, delete, prove and compare of a registry_request are short forms of it. */
#ifndef OUTRIDER_CORE_REGISTRY_REGISTRY_TXN_H
#define OUTRIDER_CORE_REGISTRY_REGISTRY_TXN_H

#include "outrider/base/blob.h"
#include "outrider/base/str.h"
#include "outrider/core/registry/registry_lease.h"

struct registry_request;

/* Of each list. */
enum { REGISTRY_TXN_MAX = 16 };

enum registry_compare_kind {
    REGISTRY_IF_REVISION, /* the key's mod revision is `revision`; 0: there is no such key */
    REGISTRY_IF_PRESENT,  /* the key exists */
    REGISTRY_IF_VALUE,    /* it exists with `value` */
    REGISTRY_IF_LEASE     /* it is under `lease`; none: it has no lease, or does not exist */
};

struct registry_compare {
    enum registry_compare_kind kind;
    struct str key, value;
    int64_t revision;
    struct registry_lease lease;
};

enum registry_action_kind { REGISTRY_READ, REGISTRY_WRITE, REGISTRY_REMOVE };

struct registry_action {
    enum registry_action_kind kind;
    struct str key;
    struct blob *value;          /* write; borrowed; NULL: empty */
    struct registry_lease lease; /* write; none: the key has no lease */
};

/* {0} compares and does nothing. A count above REGISTRY_TXN_MAX marks a list that was given too much. */
struct registry_txn {
    struct registry_compare compares[REGISTRY_TXN_MAX];
    struct registry_action then[REGISTRY_TXN_MAX], otherwise[REGISTRY_TXN_MAX];
    size_t compare_count, then_count, otherwise_count;
};

/* Append to the lists. What does not fit is left out and counted, so that the registry refuses the transaction. */
void registry_txn_if(struct registry_txn *txn, struct registry_compare compare);
void registry_txn_then(struct registry_txn *txn, struct registry_action action);
void registry_txn_otherwise(struct registry_txn *txn, struct registry_action action);

/* Why no registry takes `txn`: too many operations, an empty key, a key changed twice in one branch. NULL: nothing. */
const char *registry_txn_problem(const struct registry_txn *txn);

/* The transaction that `request` stands for: put, delete, compare, prove, or its own. Keys and value are borrowed. */
void registry_txn_of(const struct registry_request *request, struct registry_txn *ret_txn);

/* A copy with keys of its own and references of its own on the values, to be given to registry_txn_free. */
struct registry_txn *registry_txn_copy(const struct registry_txn *txn);

/* Accepts NULL. */
void registry_txn_free(struct registry_txn *txn);

#endif
