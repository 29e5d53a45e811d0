/* Responses of etcd's JSON gateway as values, of both generations: that of etcd 3.4 and upstream 3.5, and that of
 * Debian's 3.5 and of 3.6. "Gateway" is docs/design/etcd-gateway.md. */
#ifndef OUTRIDER_CODEC_ETCD_ETCD_RESPONSE_H
#define OUTRIDER_CODEC_ETCD_ETCD_RESPONSE_H

#include "outrider/base/buf.h"
#include "outrider/base/str.h"
#include "outrider/codec/etcd/etcd_request.h"
#include "outrider/core/registry/registry_request.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    /* Bytes of a response: the largest value, 1.5 MiB, is 2 MiB encoded. */
    ETCD_RESPONSE_MAX = 4 * 1024 * 1024,
    /* The same where it holds several keys: records of 10 kB, REGISTRY_LIST_MAX of them. */
    ETCD_RESPONSE_PAGE_MAX = 16 * 1024 * 1024,
    ETCD_STATUS_TEXT_MAX = 256
};

/* Whether a request succeeded, and what every response says. */
struct etcd_status {
    enum registry_failure failure;
    bool elsewhere; /* another endpoint may do better: no leader, overload, timeout, shutdown */
    bool
        token_refused; /* denied for the token or its absence: a login may help (gateway, "Authentication") */
    bool revision_gone;              /* refused: the store does not have the revision asked for */
    char text[ETCD_STATUS_TEXT_MAX]; /* why: UTF-8 without control characters; "" when ok */
    int64_t revision;                /* of the store; 0 when the response has none */
    uint64_t cluster;                /* cluster id; 0 when the response has none */
};

struct etcd_kv {
    struct str key, value;
    int64_t create_revision, mod_revision, version, lease;
};

/* What one operation returned. */
struct etcd_result {
    enum etcd_op_kind kind;
    size_t first, kv_count; /* get: what was found; with `previous` what was there; in etcd_response.kvs */
    int64_t count;          /* get: keys in the whole range; delete: keys deleted */
    bool more;              /* get: the limit left some out */
};

/* {0} is an empty one. */
struct etcd_response {
    struct etcd_status status;
    bool succeeded;              /* txn: the comparisons hold */
    struct etcd_result *results; /* one for each operation done */
    size_t result_count, result_capacity;
    struct etcd_kv *kvs; /* time to live: the keys of the lease, without anything else */
    size_t kv_count, kv_capacity;
    int64_t *leases; /* leases */
    size_t lease_count, lease_capacity;
    int64_t lease;                  /* grant, keepalive, time to live */
    int64_t ttl_ms, granted_ttl_ms; /* time to live: ttl_ms is -1 when there is no such lease */
    struct buf bytes;               /* what keys and values point to */
    struct registry_item *items;    /* of the last etcd_response_reply */
};

/* Frees what it owns and zeroes it; accepts NULL and {0}. */
void etcd_response_fini(struct etcd_response *response);

/* Replaces `response` by the one to `request`, of which only kind, op.kind, lease and the counts of the transaction are looked at:
 * HTTP status and body. `like` is the registry operation that fails as it does. Total on any input: what cannot be
 * understood is a failure with a text, REGISTRY_UNKNOWN where the request may have changed something, REGISTRY_RETRY
 * where it cannot have (a read; a keepalive answered by 200 and nothing, gateway, "Keepalive"). Size, depth and number
 * of values are bounded before anything is built. Errors are told apart by gRPC code, then message, then HTTP status
 * (gateway, "Errors"). A failure leaves everything but the status empty. */
void etcd_response_decode(const struct etcd_request *request, enum registry_op like, int http_status,
                          struct str body, struct etcd_response *response);

/* What `response` means for the registry operation `op`: fills in all of `ret_reply` but id, error, endpoint and note. A
 * response that does not fit the operation becomes a failure, in its status too. Borrowed from `response`.
 * REGISTRY_OP_COUNT is no operation of the registry: only what every response says is filled in. */
void etcd_response_reply(enum registry_op op, struct etcd_response *response,
                         struct registry_reply *ret_reply);

/* Reads the response to a login. REGISTRY_OK: the token is in `ret_token`, fit to stand in a header; empty when etcd
 * has authentication off and needs no token (gateway, "Authentication"). */
void etcd_login_decode(int http_status, struct str body, struct etcd_status *ret_status,
                       struct buf *ret_token);

/* Sets failure, elsewhere, token_refused and text by the text with which etcd ends a watch ("rpc error: code =
 * PermissionDenied desc = ..."), by the same table. */
void etcd_status_of_reason(struct str reason, struct etcd_status *status);

/* Whether the operation changes nothing, so that a lost answer leaves nothing unknown: get, lease_ttl, list, prove,
 * compare. */
bool etcd_only_reads(enum registry_op op);

#endif
