/* Etcd's whole key-value and lease interface over its JSON gateway: what somebody who uses etcd directly
 * asks, to bytes, and the answers back to values. codec/etcd_message has the few requests an agent lives by.
 * "Gateway" is docs/design/etcd-gateway.md. */
#ifndef OUTRIDER_CODEC_ETCD_ETCD_KV_H
#define OUTRIDER_CODEC_ETCD_ETCD_KV_H

#include "outrider/base/buf.h"
#include "outrider/base/str.h"
#include "outrider/core/registry/registry_request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct etcd_message;

enum etcd_op_kind { ETCD_GET, ETCD_PUT, ETCD_DELETE };

/* One operation, alone or in a transaction. */
struct etcd_op {
    enum etcd_op_kind kind;
    struct str key;
    struct str end;   /* get, delete: first key beyond; empty: `key` alone; "\0": `key` and all after it */
    struct str value; /* put */
    int64_t lease;    /* put; 0: none */
    int64_t limit;    /* get: at most so many keys, ETCD_KV_PAGE_MAX at most; 0: that many */
    int64_t revision; /* get: as the store was then; 0: as it is */
    bool keys_only, count_only; /* get */
    bool previous;              /* put, delete: tell what was there before */
};

/* Keys in one answer to a get. */
enum { ETCD_KV_PAGE_MAX = 1000 };

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

/* All comparisons hold: `then` is done, else `otherwise`; either at one revision or not at all. */
struct etcd_txn {
    const struct etcd_compare *compares;
    size_t compare_count;
    const struct etcd_op *then, *otherwise;
    size_t then_count, otherwise_count;
};

enum etcd_ask_kind {
    ETCD_ASK_OP,
    ETCD_ASK_TXN,
    ETCD_ASK_GRANT,
    ETCD_ASK_KEEPALIVE,
    ETCD_ASK_REVOKE,
    ETCD_ASK_TIME_TO_LIVE,
    ETCD_ASK_LEASES,
    ETCD_ASK_COUNT
};

struct etcd_ask {
    enum etcd_ask_kind kind;
    struct etcd_op op;
    struct etcd_txn txn;
    int64_t lease;  /* grant (the id wanted), keepalive, revoke, time to live */
    int64_t ttl_ms; /* grant; rounded up to whole seconds */
    bool keys;      /* time to live: its keys, too */
};

struct etcd_kv {
    struct str key, value;
    int64_t create_revision, mod_revision, version, lease;
};

/* What one operation came to. */
struct etcd_result {
    enum etcd_op_kind kind;
    size_t first, kv_count; /* get: what was found; with `previous` what was there; in etcd_answer.kvs */
    int64_t count;          /* get: keys in the whole range; delete: keys deleted */
    bool more;              /* get: the limit left some out */
};

/* {0} is an empty one; its memory is reused from answer to answer. */
struct etcd_answer {
    bool succeeded; /* txn: the comparisons held */
    struct etcd_result *results;
    size_t result_count, result_capacity;
    struct etcd_kv *kvs; /* time to live: the keys of the lease, without anything else */
    size_t kv_count, kv_capacity;
    int64_t *leases; /* leases */
    size_t lease_count, lease_capacity;
    int64_t lease;                  /* grant, keepalive, time to live */
    int64_t ttl_ms, granted_ttl_ms; /* time to live: ttl_ms is -1 when there is no such lease */
    struct buf bytes;               /* what keys and values point to */
};

/* Frees what it owns and zeroes it; accepts NULL and {0}. */
void etcd_answer_fini(struct etcd_answer *answer);

/* "get", "put", "delete", "txn", "grant", ... for people. Never NULL. */
const char *etcd_ask_name(const struct etcd_ask *ask);

/* The request of an agent's that fails as this one does: which failures leave its outcome unknown, and
 * whether it may be sent twice. A transaction without put and delete is a read. A grant is not repeated:
 * whose the lease is that exists already would not be known. */
enum registry_op etcd_ask_like(const struct etcd_ask *ask);

/* The path it is posted to, beginning with "/v3" (gateway, "Requests"). Never NULL. */
const char *etcd_ask_path(const struct etcd_ask *ask);

/* Appends its body, by the rules of etcd_message_encode. */
void etcd_ask_encode(const struct etcd_ask *ask, struct buf *out);

/* Reads the answer to `ask`, of which only kind, op.kind and lease are looked at: HTTP `status` and `body`.
 * How it went, with the store's revision, goes to `message` as by etcd_message_decode, what it says to
 * `answer`, which is empty after a failure. Total on any input; size, depth and number of values are bounded
 * before anything is built. */
void etcd_ask_decode(const struct etcd_ask *ask, int status, struct str body, struct etcd_message *message,
                     struct etcd_answer *answer);

/* Appends the first key beyond those that begin with `prefix`: "\0" (no end) where there is none, as for the
 * empty prefix. */
void etcd_prefix_end(struct str prefix, struct buf *out);

#endif
