/* Requests to a registry and their replies: with registry_watch.h the only vocabulary between the core and a registry. A
 * backend turns a request into its own protocol. Every request has exactly one reply, never from within submit. */
#ifndef OUTRIDER_CORE_REGISTRY_REGISTRY_REQUEST_H
#define OUTRIDER_CORE_REGISTRY_REGISTRY_REQUEST_H

#include "outrider/base/blob.h"
#include "outrider/base/str.h"
#include "outrider/core/registry/registry_lease.h"
#include "outrider/core/registry/registry_txn.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum registry_op {
    REGISTRY_GRANT,     /* make a lease, with the id of the request where the client may choose it */
    REGISTRY_KEEPALIVE, /* renew it */
    REGISTRY_REVOKE,    /* end it, and every key under it */
    REGISTRY_LEASE_TTL, /* how long a lease, of any client, still has */
    REGISTRY_GET,       /* read one key, linearizably */
    REGISTRY_PUT,       /* write one key if it is still at `expect_revision`, else read it */
    REGISTRY_DELETE,    /* delete one key if it is still at `expect_revision`, else read it */
    REGISTRY_LIST,      /* read the keys of a range, linearizably: one page, at one revision */
    REGISTRY_PROVE,     /* whether one key may be written: ok or denied, and nothing is ever written */
    REGISTRY_COMPARE,   /* whether one key or two are at the revisions expected, as the server asked knows it:
                           it asks no other, so this is cheapest, and may be a little behind */
    REGISTRY_TXN,       /* `txn`: several keys at one revision, linearizably */
    REGISTRY_OP_COUNT
};

/* Keys in one page at most: the response is read at once. */
enum { REGISTRY_LIST_MAX = 1000 };

/* "grant", "keepalive", ... as metrics and logs spell it. */
const char *registry_op_name(enum registry_op op);

struct registry_request {
    uint64_t id; /* echoed by the reply; never 0 */
    enum registry_op op;
    /* grant, keepalive, revoke, lease_ttl; put: none for a key without a lease */
    struct registry_lease lease;
    int64_t ttl_ms;       /* grant */
    struct str key;       /* get, put, delete, prove, compare; list: the first key */
    struct str range_end; /* list: the first key beyond; compare: the second key, empty: none */
    int64_t limit;        /* list: at most so many keys, REGISTRY_LIST_MAX at most */
    int64_t at_revision;  /* list: as the store was then; 0: as it is. Compare: expected of the second key */
    bool newest_first;    /* list: the keys changed last come first; else in the order of their bytes */
    struct blob *value;   /* put; the request holds a reference */
    int64_t expect_revision; /* put, delete, compare: mod revision the key must have; 0: it must not exist */
    const struct registry_txn *txn; /* txn */
    int64_t timeout_ms;             /* the reply comes within it */
};

/* What a failure means for the client (docs/design/etcd-gateway.md, "Errors"). */
enum registry_failure {
    REGISTRY_OK,
    REGISTRY_RETRY,        /* certainly not done; another try may work */
    REGISTRY_UNKNOWN,      /* may have been done: read before acting */
    REGISTRY_LEASE_LOST,   /* the lease named does not exist */
    REGISTRY_LEASE_EXISTS, /* grant: the id is in use */
    REGISTRY_OVERLOADED,   /* too many requests, or the store is full: retry slowly, give nothing up */
    REGISTRY_DENIED,       /* credentials or permission: report, retry slowly */
    REGISTRY_REFUSED,      /* the request itself is wrong (too large, bad configuration): retry slowly */
    REGISTRY_FAILURE_COUNT
};

/* "ok", "retry", ... as metrics and logs spell it. */
const char *registry_failure_name(enum registry_failure failure);

struct registry_kv {
    bool found;
    struct str value;
    int64_t mod_revision;
    int64_t create_revision;
    struct registry_lease lease;
};

/* One key of a listing, always found; or what one read of a transaction found, which may be nothing, without a key. */
struct registry_item {
    struct str key;
    struct registry_kv kv;
};

/* One server of a registry, as it is now; strings are borrowed until the loop runs on. */
struct registry_endpoint {
    const char *name;
    bool in_use;            /* asked first */
    const char *last_error; /* why the last request to it failed; "" when it did not */
    int64_t failed_wall;    /* when that was, ms since 1970 */
};

/* Strings and items are borrowed for the duration of the call that hands the reply over. */
struct registry_reply {
    uint64_t id;
    enum registry_op op;
    enum registry_failure failure;
    struct str error;    /* for people: what failed, on which endpoint, why; empty when ok */
    struct str endpoint; /* the server that answered, or failed to */
    struct str note;     /* for people, also when ok: a problem of the configuration; mostly empty */
    int64_t revision;    /* of the store, 0 if unknown */
    uint64_t cluster;    /* cluster id, 0 if unknown */
    /* Which history of that cluster: in another one, writes that were acknowledged may be missing. A later history has a
     * higher number. 0: the registry keeps what it acknowledges. */
    uint64_t epoch;
    struct registry_lease lease; /* grant: the id granted */
    int64_t ttl_ms; /* grant, keepalive: granted; lease_ttl: left, negative when there is no such lease */
    bool ttl_known; /* lease_ttl: false when the lease exists and the registry cannot say for how long */
    /* put, delete: the key was as expected and is changed now; compare, txn: every comparison holds */
    bool succeeded;
    struct registry_kv kv; /* get; put and delete that did not succeed: the key as it is */
    /* list: in the order asked for; txn: one for each read of the branch done */
    const struct registry_item *items;
    size_t item_count;
    int64_t count;      /* list: keys in the whole range at that revision, whatever the limit */
    bool revision_gone; /* list, refused: `at_revision` is compacted, or not yet there */
    bool too_large;     /* list, refused: the response is larger than accepted; a smaller limit helps */
};

#endif
