/* Registry operations as requests of etcd, and its responses as replies. */
#include "etcd_codec_internal.h"

#include "outrider/base/mem.h"

bool etcd_only_reads(enum registry_op op)
{
    return op == REGISTRY_GET || op == REGISTRY_LEASE_TTL || op == REGISTRY_LIST || op == REGISTRY_PROVE ||
           op == REGISTRY_COMPARE;
}

/* ---- requests ---- */

static struct etcd_compare compare_of(const struct registry_compare *from)
{
    struct etcd_compare compare = {.key = from->key};
    switch (from->kind) {
    case REGISTRY_IF_REVISION:
        compare.target = from->revision == 0 ? ETCD_TARGET_CREATE : ETCD_TARGET_MOD;
        compare.number = from->revision;
        break;
    case REGISTRY_IF_PRESENT:
        compare.target = ETCD_TARGET_CREATE;
        compare.relation = ETCD_GREATER;
        break;
    case REGISTRY_IF_VALUE:
        compare.target = ETCD_TARGET_VALUE;
        compare.value = from->value;
        break;
    case REGISTRY_IF_LEASE:
        compare.target = ETCD_TARGET_LEASE;
        compare.number = (int64_t)from->lease.lo;
        break;
    }
    return compare;
}

static struct etcd_op op_of(const struct registry_action *from)
{
    static const enum etcd_op_kind kinds[] = {
        [REGISTRY_READ] = ETCD_GET, [REGISTRY_WRITE] = ETCD_PUT, [REGISTRY_REMOVE] = ETCD_DELETE};
    return (struct etcd_op){.kind = kinds[from->kind],
                            .key = from->key,
                            .value = blob_view(from->value),
                            .lease = (int64_t)from->lease.lo};
}

static struct etcd_txn txn_of(const struct registry_request *request, struct etcd_request_parts *parts)
{
    struct registry_txn txn;
    registry_txn_of(request, &txn);
    for (size_t i = 0; i < txn.compare_count; i++) {
        parts->compares[i] = compare_of(&txn.compares[i]);
    }
    for (size_t i = 0; i < txn.then_count; i++) {
        parts->then[i] = op_of(&txn.then[i]);
    }
    for (size_t i = 0; i < txn.otherwise_count; i++) {
        parts->otherwise[i] = op_of(&txn.otherwise[i]);
    }
    return (struct etcd_txn){.compares = parts->compares,
                             .compare_count = txn.compare_count,
                             .then = parts->then,
                             .otherwise = parts->otherwise,
                             .then_count = txn.then_count,
                             .otherwise_count = txn.otherwise_count};
}

void etcd_request_of(const struct registry_request *request, struct etcd_request_parts *parts,
                     struct etcd_request *ret_request)
{
    static const enum etcd_request_kind kinds[] = {
        [REGISTRY_GRANT] = ETCD_REQUEST_GRANT,   [REGISTRY_KEEPALIVE] = ETCD_REQUEST_KEEPALIVE,
        [REGISTRY_REVOKE] = ETCD_REQUEST_REVOKE, [REGISTRY_LEASE_TTL] = ETCD_REQUEST_TIME_TO_LIVE,
        [REGISTRY_GET] = ETCD_REQUEST_OP,        [REGISTRY_LIST] = ETCD_REQUEST_OP,
        [REGISTRY_PUT] = ETCD_REQUEST_TXN,       [REGISTRY_DELETE] = ETCD_REQUEST_TXN,
        [REGISTRY_PROVE] = ETCD_REQUEST_TXN,     [REGISTRY_COMPARE] = ETCD_REQUEST_TXN,
        [REGISTRY_TXN] = ETCD_REQUEST_TXN,       [REGISTRY_OP_COUNT] = ETCD_REQUEST_COUNT};
    *ret_request = (struct etcd_request){
        .kind = kinds[request->op], .lease = (int64_t)request->lease.lo, .ttl_ms = request->ttl_ms};
    if (request->op == REGISTRY_LIST) {
        ret_request->op = (struct etcd_op){.kind = ETCD_GET,
                                           .key = request->key,
                                           .end = request->range_end,
                                           .limit = request->limit,
                                           .revision = request->at_revision,
                                           .newest_first = request->newest_first};
    } else if (request->op == REGISTRY_GET) {
        ret_request->op = (struct etcd_op){.kind = ETCD_GET, .key = request->key};
    } else if (ret_request->kind == ETCD_REQUEST_TXN) {
        ret_request->txn = txn_of(request, parts);
    }
}

/* ---- replies ---- */

static struct registry_item item_of(const struct etcd_kv *kv)
{
    return (struct registry_item){.key = kv->key,
                                  .kv = {.found = true,
                                         .value = kv->value,
                                         .mod_revision = kv->mod_revision,
                                         .create_revision = kv->create_revision,
                                         .lease = {.lo = (uint64_t)kv->lease}}};
}

/* The first result of a request that reads one key. Returns -1 when it is not a read. */
static int read_one(const struct etcd_response *response, struct registry_kv *ret_kv)
{
    if (response->result_count != 1 || response->results[0].kind != ETCD_GET) {
        return -1;
    }
    if (response->results[0].kv_count > 0) {
        *ret_kv = item_of(&response->kvs[0]).kv;
    }
    return 0;
}

static void read_page(struct etcd_response *response, struct registry_reply *reply)
{
    response->items = mem_resize(response->items, response->kv_count, sizeof(response->items[0]));
    for (size_t i = 0; i < response->kv_count; i++) {
        response->items[i] = item_of(&response->kvs[i]);
    }
    reply->items = response->items;
    reply->item_count = response->kv_count;
    reply->count = response->results[0].count;
}

static void read_branch(struct etcd_response *response, struct registry_reply *reply)
{
    response->items = mem_resize(response->items, response->result_count, sizeof(response->items[0]));
    reply->items = response->items;
    for (size_t i = 0; i < response->result_count; i++) {
        const struct etcd_result *result = &response->results[i];
        if (result->kind == ETCD_GET) {
            response->items[reply->item_count++] =
                result->kv_count > 0 ? item_of(&response->kvs[result->first]) : (struct registry_item){0};
        }
    }
}

static int read_reply(enum registry_op op, struct etcd_response *response, struct registry_reply *reply)
{
    reply->succeeded = response->succeeded;
    reply->ttl_ms = response->ttl_ms;
    switch (op) {
    case REGISTRY_GRANT: reply->lease.lo = (uint64_t)response->lease; return 0;
    case REGISTRY_LEASE_TTL: reply->ttl_known = true; return 0;
    case REGISTRY_GET: return read_one(response, &reply->kv);
    case REGISTRY_PUT:
    case REGISTRY_DELETE: return response->succeeded ? 0 : read_one(response, &reply->kv);
    case REGISTRY_LIST: read_page(response, reply); return 0;
    case REGISTRY_PROVE: return response->succeeded ? -1 : 0; /* its comparisons cannot hold */
    case REGISTRY_TXN: read_branch(response, reply); return 0;
    case REGISTRY_KEEPALIVE:
    case REGISTRY_REVOKE:
    case REGISTRY_COMPARE:
    case REGISTRY_OP_COUNT: return 0;
    }
    return -1;
}

void etcd_response_reply(enum registry_op op, struct etcd_response *response,
                         struct registry_reply *ret_reply)
{
    struct registry_reply reply = {.op = op};
    if (response->status.failure == REGISTRY_OK && read_reply(op, response, &reply) < 0) {
        reply = (struct registry_reply){.op = op};
        etcd_error_malformed(op, "it does not fit the request", &response->status);
    }
    reply.failure = response->status.failure;
    reply.revision = response->status.revision;
    reply.cluster = response->status.cluster;
    reply.revision_gone = response->status.revision_gone;
    *ret_reply = reply;
}
