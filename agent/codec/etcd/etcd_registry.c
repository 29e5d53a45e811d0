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

static struct etcd_op list_of(const struct registry_request *request)
{
    return (struct etcd_op){.kind = ETCD_GET,
                            .key = request->key,
                            .end = request->range_end,
                            .limit = request->limit,
                            .revision = request->at_revision,
                            .newest_first = request->newest_first};
}

static enum etcd_request_kind kind_of(enum registry_op op)
{
    switch (op) {
    case REGISTRY_GRANT: return ETCD_REQUEST_GRANT;
    case REGISTRY_KEEPALIVE: return ETCD_REQUEST_KEEPALIVE;
    case REGISTRY_REVOKE: return ETCD_REQUEST_REVOKE;
    case REGISTRY_LEASE_TTL: return ETCD_REQUEST_TIME_TO_LIVE;
    case REGISTRY_GET:
    case REGISTRY_LIST: return ETCD_REQUEST_OP;
    case REGISTRY_PUT:
    case REGISTRY_DELETE:
    case REGISTRY_PROVE:
    case REGISTRY_COMPARE:
    case REGISTRY_TXN: return ETCD_REQUEST_TXN;
    case REGISTRY_OP_COUNT: break;
    }
    return ETCD_REQUEST_COUNT;
}

void etcd_request_of(const struct registry_request *request, struct etcd_request_parts *parts,
                     struct etcd_request *ret_request)
{
    *ret_request = (struct etcd_request){
        .kind = kind_of(request->op), .lease = (int64_t)request->lease.lo, .ttl_ms = request->ttl_ms};
    if (request->op == REGISTRY_LIST) {
        ret_request->op = list_of(request);
    } else if (request->op == REGISTRY_GET) {
        ret_request->op = (struct etcd_op){.kind = ETCD_GET, .key = request->key};
    } else if (ret_request->kind == ETCD_REQUEST_TXN) {
        ret_request->txn = txn_of(request, parts);
    }
}

/* ---- replies ---- */

static struct registry_kv kv_of(const struct etcd_kv *kv)
{
    return (struct registry_kv){.found = true,
                                .value = kv->value,
                                .mod_revision = kv->mod_revision,
                                .create_revision = kv->create_revision,
                                .lease = {.lo = (uint64_t)kv->lease}};
}

static struct registry_item *items(struct etcd_response *response, size_t count)
{
    if (count > response->item_capacity) {
        response->item_capacity = count;
        response->items = mem_resize(response->items, count, sizeof(response->items[0]));
    }
    return response->items;
}

/* The first result of a request that reads one key. Returns -1 when it is not a read. */
static int read_one(const struct etcd_response *response, struct registry_kv *ret_kv)
{
    if (response->result_count != 1 || response->results[0].kind != ETCD_GET) {
        return -1;
    }
    *ret_kv = response->results[0].kv_count == 0 ? (struct registry_kv){0} : kv_of(&response->kvs[0]);
    return 0;
}

static void read_page(struct etcd_response *response, struct registry_reply *reply)
{
    struct registry_item *page = items(response, response->kv_count);
    for (size_t i = 0; i < response->kv_count; i++) {
        page[i] = (struct registry_item){.key = response->kvs[i].key, .kv = kv_of(&response->kvs[i])};
    }
    reply->items = page;
    reply->item_count = response->kv_count;
    reply->count = response->results[0].count;
}

static void read_branch(struct etcd_response *response, struct registry_reply *reply)
{
    struct registry_item *reads = items(response, response->result_count);
    size_t count = 0;
    for (size_t i = 0; i < response->result_count; i++) {
        const struct etcd_result *result = &response->results[i];
        if (result->kind != ETCD_GET) {
            continue;
        }
        reads[count] = (struct registry_item){0};
        if (result->kv_count > 0) {
            const struct etcd_kv *kv = &response->kvs[result->first];
            reads[count] = (struct registry_item){.key = kv->key, .kv = kv_of(kv)};
        }
        count++;
    }
    reply->items = reads;
    reply->item_count = count;
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
