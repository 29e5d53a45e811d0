/* Requests to a registry and their replies, transactions, watches and their events: the only vocabulary between the core
 * and a registry. A backend turns it into its own protocol. */
#ifndef OUTRIDER_CORE_REGISTRY_REGISTRY_REQUEST_H
#define OUTRIDER_CORE_REGISTRY_REGISTRY_REQUEST_H

#include "outrider/base/attr.h"
#include "outrider/base/blob.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- leases ---- */

/* The id of a lease. It is 128 bits wide because some registries name a lease by a UUID; etcd uses `lo` alone. */
struct registry_lease {
    uint64_t hi, lo; /* 0, 0: no lease */
};

/* Whether it is no lease. */
static inline bool registry_lease_is_none(struct registry_lease lease)
{
    return lease.hi == 0 && lease.lo == 0;
}

/* Whether both are the same lease, or none. */
static inline bool registry_lease_eq(struct registry_lease a, struct registry_lease b)
{
    return a.hi == b.hi && a.lo == b.lo;
}

enum { REGISTRY_LEASE_TEXT_SIZE = 2 * 16 + 1 };

/* Writes the id in hexadecimal, without leading zeros, and returns `text`. */
const char *registry_lease_text(struct registry_lease lease, char text[static REGISTRY_LEASE_TEXT_SIZE]);

/* Reads what registry_lease_text writes; leading zeros and capitals are accepted. Returns 0, or -1 when it is no
 * hexadecimal number, wider than 128 bits, or 0. */
int registry_lease_parse(struct str text, struct registry_lease *ret_lease) MUST_CHECK;

/* ---- revisions ---- */

/* What a registry counts is smaller: no counter gets here, and no sum with it overflows. A larger number is no answer of a
 * registry; a decoder refuses it. */
#define REGISTRY_REVISION_MAX ((INT64_C(1) << 62) - 1)

/* ---- transactions ---- */

/* If every comparison holds, the registry carries out `then`, else `otherwise`; all of the branch at one revision, or
 * nothing. Put, delete, prove and compare of a request are short forms of it. */

/* Of each list. */
enum { REGISTRY_TXN_MAX = 64 };

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

/* ---- requests: every one has exactly one reply, never from within submit ---- */

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
    int64_t ttl_ms; /* grant */
    struct str key; /* get, put, delete, prove, compare; list: the first key */
    struct str
        range_end; /* list: the first key beyond, one zero byte: there is none; compare: the second key, empty: none */
    int64_t limit;       /* list: at most so many keys, REGISTRY_LIST_MAX at most */
    int64_t at_revision; /* list: as the store was then; 0: as it is. Compare: expected of the second key */
    bool newest_first;   /* list: the keys changed last come first; else in the order of their bytes */
    struct blob *value;  /* put; the request holds a reference */
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

/* Append to the lists. What does not fit is left out and counted, so that the registry refuses the transaction. */
void registry_txn_if(struct registry_txn *txn, struct registry_compare compare);
void registry_txn_then(struct registry_txn *txn, struct registry_action action);
void registry_txn_otherwise(struct registry_txn *txn, struct registry_action action);

/* Why no registry takes `txn`: too many operations, an empty key, a key changed twice in one branch. NULL: nothing. */
const char *registry_txn_problem(const struct registry_txn *txn);

/* Appends what `more` compares and what it does if that holds; what it does otherwise is left out. False, with `txn` as it was: there is
 * no room, or both change one key. */
bool registry_txn_join(struct registry_txn *txn, const struct registry_txn *more) MUST_CHECK;

/* The transaction that `request` stands for: put, delete, compare, prove, or its own. Keys and value are borrowed. */
void registry_txn_of(const struct registry_request *request, struct registry_txn *ret_txn);

/* A copy with keys of its own and references of its own on the values, to be given to registry_txn_free. */
struct registry_txn *registry_txn_copy(const struct registry_txn *txn);

/* Accepts NULL. */
void registry_txn_free(struct registry_txn *txn);

/* ---- watches ---- */

/* A watch has one OPENED, any number of CHANGED and one ENDED, or ENDED alone; never from within the call that opened it;
 * nothing after it was closed. A watch that ended is not opened again by the registry: its client decides when. */

enum { REGISTRY_RANGES_MAX = 4 };

struct registry_range {
    struct str key;
    struct str end; /* first key beyond; empty: `key` alone */
};

struct registry_watch {
    uint64_t id; /* echoed by every event; never 0 */
    struct registry_range ranges[REGISTRY_RANGES_MAX];
    size_t range_count;
    int64_t from_revision; /* first revision wanted; 0: what changes after OPENED */
    int64_t timeout_ms;    /* OPENED within this time, or ENDED */
};

struct registry_change {
    bool deleted;
    struct str key, value; /* deleted: no value */
    int64_t mod_revision, create_revision;
    struct registry_lease lease;
};

enum registry_watch_event_type {
    /* `revision` is the store's. What changes after it is delivered; with from_revision also what changed since then. */
    REGISTRY_WATCH_OPENED,
    /* `changes`, in order of revision and all of each revision that are in one range; several ranges may take
     * turns. None: only `revision` is new. */
    REGISTRY_WATCH_CHANGED,
    REGISTRY_WATCH_ENDED /* because `failure` and `error` */
};

/* Strings and changes are borrowed for the duration of the call that hands the event over. */
struct registry_watch_event {
    uint64_t id;
    enum registry_watch_event_type type;
    int64_t revision; /* opened; changed: every range is delivered up to it, which with several ranges may
                         be behind these changes */
    uint64_t cluster; /* opened: cluster id, 0 if unknown */
    uint64_t epoch;   /* opened: as in a reply */
    const struct registry_change *changes;
    size_t change_count;
    bool coalesced; /* changed: changes between these may be missing, each key is as it is at `revision` */
    enum registry_failure failure; /* ended; OK: the server ended it in good order */
    bool read_anew; /* ended: the changes from `from_revision` on cannot be delivered; list the keys again */
    int64_t oldest; /* ended with read_anew: the oldest revision a watch can begin at; 0: unknown */
    struct str error; /* ended: for people; empty when ok */
    struct str endpoint;
};

#endif
