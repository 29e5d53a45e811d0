/* The messages of etcd's JSON gateway: requests to bytes, answers of both gateway generations (that of etcd
 * 3.4 and upstream 3.5; that of Debian's 3.5 and of 3.6) back to values. "Gateway" is
 * docs/design/etcd-gateway.md. */
#ifndef OUTRIDER_CODEC_ETCD_ETCD_MESSAGE_H
#define OUTRIDER_CODEC_ETCD_ETCD_MESSAGE_H

#include "outrider/base/buf.h"
#include "outrider/base/str.h"
#include "outrider/core/registry/registry_request.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    ETCD_MESSAGE_MAX = 4 * 1024 * 1024, /* bytes of an answer: the largest value, 1.5 MiB, is 2 MiB encoded */
    ETCD_MESSAGE_LIST_MAX = 16 * 1024 * 1024, /* and of a page: records of 10 kB, REGISTRY_LIST_MAX of them */
    ETCD_MESSAGE_TEXT_MAX = 256
};

/* What one answer says. {0} is an empty one; `value` and `items` are reused from answer to answer. */
struct etcd_message {
    enum registry_failure failure;
    bool elsewhere;     /* another endpoint may do better: no leader, overload, time-out, shutdown */
    bool token_refused; /* denied for the token or its absence: a login may help */
    char text[ETCD_MESSAGE_TEXT_MAX]; /* why: UTF-8 without control characters; "" when ok */
    int64_t revision;                 /* of the store; 0 when the answer has none */
    uint64_t cluster;                 /* cluster id; 0 when the answer has none */
    struct registry_lease lease;      /* grant: the id granted */
    int64_t ttl_ms;        /* grant, keepalive: granted; lease_ttl: left, -1 when there is no such lease */
    bool ttl_known;        /* lease_ttl */
    bool succeeded;        /* put, delete: the comparison held */
    struct registry_kv kv; /* get; put and delete that did not succeed. Its value points into `value` */
    struct buf value;      /* owned */
    struct registry_item *items; /* list; owned, their bytes stand in `value` */
    size_t item_count, item_capacity;
    int64_t count;      /* list: of the whole range */
    bool revision_gone; /* list: the store does not have the revision asked for */
    bool too_large;     /* list: there was more than ETCD_MESSAGE_LIST_MAX; not the decoder's to say */
};

/* Frees what the message owns and zeroes it; accepts NULL and {0}. */
void etcd_message_fini(struct etcd_message *message);

/* The path an operation is posted to, beginning with "/v3" (gateway, "Requests"). put, delete and prove are
 * transactions. Never NULL. */
const char *etcd_message_path(enum registry_op op);

/* Appends the body of `request`: compact, snake_case, 64-bit numbers as strings, padded base64, the exact
 * case of `ID` and `TTL` (gateway, "JSON mapping": a wrong case is ignored in silence). The TTL of a grant is
 * rounded up to whole seconds. A put compares MOD with expect_revision, or CREATE with 0 where
 * expect_revision is 0, and reads the key when it is not as expected; so does a delete. A prove would put if
 * the key's version were below 0: etcd holds both branches of a transaction to the permissions before it
 * compares. No tree is built: the put is on the latency path. */
void etcd_message_encode(const struct registry_request *request, struct buf *out);

/* Reads the answer to an operation `op` about `lease` (0 where the operation names none): `status` is the
 * HTTP status, `body` the bytes. Total on any input: what cannot be understood is a failure with a text, and
 * becomes REGISTRY_UNKNOWN where the request may have changed something, REGISTRY_RETRY where it cannot have
 * (a read; a keepalive answered by 200 and nothing, gateway, "Keepalive"). Depth and number of values are
 * bounded before anything is built. Errors are told apart by gRPC code, then message, then HTTP status
 * (gateway, "Errors"). Writes all of `message`. */
void etcd_message_decode(enum registry_op op, int64_t lease, int status, struct str body,
                         struct etcd_message *message);

/* Appends the body of a login: JSON's escapes, nothing else. `out` must be wiped when it was sent. */
void etcd_message_encode_login(struct str username, struct str password, struct buf *out);

/* Reads the answer to a login as etcd_message_decode does. REGISTRY_OK: the token is in `message->value`, fit
 * to stand in a header; empty when etcd has authentication off and no token is needed (gateway,
 * "Authentication"). */
void etcd_message_decode_login(int status, struct str body, struct etcd_message *message);

/* Sets failure, elsewhere, token_refused and text of `message` from the words with which etcd ends a watch
 * ("rpc error: code = PermissionDenied desc = ..."), by the same table. `message` is as a decode left it. */
void etcd_message_classify_reason(struct str reason, struct etcd_message *message);

/* Whether the operation changes nothing, so that a lost answer leaves nothing unknown: get, lease_ttl, list,
 * prove. */
bool etcd_message_is_read(enum registry_op op);

#endif
