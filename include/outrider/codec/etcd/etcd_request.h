/* Requests to etcd's JSON gateway as bytes: keys with ranges, transactions, leases. A registry_request is translated
 * into one first. "Gateway" is docs/design/etcd-gateway.md. */
#ifndef OUTRIDER_CODEC_ETCD_ETCD_REQUEST_H
#define OUTRIDER_CODEC_ETCD_ETCD_REQUEST_H

#include "outrider/base/buf.h"
#include "outrider/base/str.h"
#include "outrider/core/registry/registry_request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum etcd_op_kind { ETCD_GET, ETCD_PUT, ETCD_DELETE };

/* One operation, alone or in a transaction. */
struct etcd_op {
    enum etcd_op_kind kind;
    struct str key;
    struct str end;   /* get, delete: first key beyond; empty: `key` alone; "\0": `key` and all after it */
    struct str value; /* put */
    int64_t lease;    /* put; 0: none */
    int64_t limit;    /* get of a range: at most so many keys; 0, or more than ETCD_PAGE_MAX: ETCD_PAGE_MAX */
    int64_t revision; /* get: as the store was then; 0: as it is */
    bool keys_only, count_only; /* get */
    bool newest_first;          /* get: in descending order of the mod revision, else as etcd sorts: by key */
    bool previous;              /* put, delete: return what was there before */
};

/* Keys in one response to a get. */
enum { ETCD_PAGE_MAX = REGISTRY_LIST_MAX };

enum etcd_target {
    ETCD_TARGET_VERSION,
    ETCD_TARGET_CREATE,
    ETCD_TARGET_MOD,
    ETCD_TARGET_VALUE,
    ETCD_TARGET_LEASE,
    ETCD_TARGET_COUNT
};
enum etcd_relation { ETCD_EQUAL, ETCD_GREATER, ETCD_LESS, ETCD_NOT_EQUAL, ETCD_RELATION_COUNT };

/* A missing key has version, create and mod revision and lease 0, and no value: comparing that is false. */
struct etcd_compare {
    enum etcd_target target;
    enum etcd_relation relation;
    struct str key, value; /* value: for the target of that name */
    int64_t number;        /* for the others */
};

/* If every comparison holds, `then` is done, else `otherwise`; the whole branch at one revision, or nothing. */
struct etcd_txn {
    const struct etcd_compare *compares;
    size_t compare_count;
    const struct etcd_op *then, *otherwise;
    size_t then_count, otherwise_count;
};

enum etcd_request_kind {
    ETCD_REQUEST_OP,
    ETCD_REQUEST_TXN,
    ETCD_REQUEST_GRANT,
    ETCD_REQUEST_KEEPALIVE,
    ETCD_REQUEST_REVOKE,
    ETCD_REQUEST_TIME_TO_LIVE,
    ETCD_REQUEST_LEASES,
    ETCD_REQUEST_COUNT
};

struct etcd_request {
    enum etcd_request_kind kind;
    struct etcd_op op;
    struct etcd_txn txn;
    int64_t lease;  /* grant (the id wanted), keepalive, revoke, time to live */
    int64_t ttl_ms; /* grant; rounded up to whole seconds */
    bool keys;      /* time to live: its keys, too */
};

/* What a request translated from a registry_request points to. */
struct etcd_request_parts {
    struct etcd_compare compares[REGISTRY_TXN_MAX];
    struct etcd_op then[REGISTRY_TXN_MAX], otherwise[REGISTRY_TXN_MAX];
};

/* Translates `request`, whose transaction has no problem. A put compares the mod revision, or that the key was never
 * created where expect_revision is 0, and reads the key when the comparison fails; so does a delete. A prove would put
 * if two contradictory comparisons held: etcd checks the permissions of both branches before it compares. A compare
 * does nothing either way, which etcd answers from the memory of the member asked. Keys and value are borrowed. */
void etcd_request_of(const struct registry_request *request, struct etcd_request_parts *parts,
                     struct etcd_request *ret_request);

/* "get", "put", "delete", "txn", "grant", ... for people. Never NULL. */
const char *etcd_request_name(const struct etcd_request *request);

/* The registry operation that fails as this request does: which failures leave its outcome unknown, and whether it may
 * be repeated. A transaction without put and delete is a read. A grant is not repeated, because it could not be known
 * whose the lease is that exists already. */
enum registry_op etcd_request_like(const struct etcd_request *request);

/* The path it is posted to, beginning with "/v3" (gateway, "Requests"). Never NULL. */
const char *etcd_request_path(const struct etcd_request *request);

/* Appends the body: compact, snake_case, 64-bit numbers as strings, padded base64, the exact case of `ID` and `TTL`
 * (gateway, "JSON mapping": a wrong case is ignored without an error). No tree is built: the put is on the latency
 * path. */
void etcd_request_encode(const struct etcd_request *request, struct buf *out);

/* Appends the first key beyond those that begin with `prefix`: "\0" (no end) where there is none, as for the
 * empty prefix. */
void etcd_prefix_end(struct str prefix, struct buf *out);

/* Appends the body of a login: JSON's escapes, nothing else. `out` must be wiped when it was sent. */
void etcd_login_encode(struct str username, struct str password, struct buf *out);

#endif
