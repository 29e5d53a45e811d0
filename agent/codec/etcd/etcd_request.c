#include "outrider/codec/etcd/etcd_request.h"

#include "outrider/base/attr.h"
#include "outrider/base/base64.h"
#include "outrider/codec/etcd/etcd_watch.h"

enum { SECOND_MS = 1000 };

/* What a request is called and where it is posted to. */
struct request_row {
    const char *name, *path;
};

static const struct request_row *row_of(const struct etcd_request *request)
{
    static const struct request_row rows[ETCD_REQUEST_COUNT] = {
        [ETCD_REQUEST_TXN] = {"txn", "/v3/kv/txn"},
        [ETCD_REQUEST_GRANT] = {"grant", "/v3/lease/grant"},
        [ETCD_REQUEST_KEEPALIVE] = {"keepalive", "/v3/lease/keepalive"},
        [ETCD_REQUEST_REVOKE] = {"revoke", "/v3/lease/revoke"},
        [ETCD_REQUEST_TIME_TO_LIVE] = {"time to live", "/v3/lease/timetolive"},
        [ETCD_REQUEST_LEASES] = {"leases", "/v3/lease/leases"},
    };
    static const struct request_row ops[] = {[ETCD_GET] = {"get", "/v3/kv/range"},
                                             [ETCD_PUT] = {"put", "/v3/kv/put"},
                                             [ETCD_DELETE] = {"delete", "/v3/kv/deleterange"}};
    return request->kind == ETCD_REQUEST_OP ? &ops[request->op.kind] : &rows[request->kind];
}

const char *etcd_request_name(const struct etcd_request *request)
{
    return row_of(request)->name;
}

const char *etcd_request_path(const struct etcd_request *request)
{
    return row_of(request)->path;
}

static bool only_reads(const struct etcd_op *ops, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (ops[i].kind != ETCD_GET) {
            return false;
        }
    }
    return true;
}

enum registry_op etcd_request_like(const struct etcd_request *request)
{
    switch (request->kind) {
    case ETCD_REQUEST_OP: return request->op.kind == ETCD_GET ? REGISTRY_GET : REGISTRY_PUT;
    case ETCD_REQUEST_TXN:
        return only_reads(request->txn.then, request->txn.then_count) &&
                       only_reads(request->txn.otherwise, request->txn.otherwise_count)
                   ? REGISTRY_GET
                   : REGISTRY_PUT;
    case ETCD_REQUEST_KEEPALIVE: return REGISTRY_KEEPALIVE;
    case ETCD_REQUEST_TIME_TO_LIVE:
    case ETCD_REQUEST_LEASES: return REGISTRY_LEASE_TTL;
    case ETCD_REQUEST_GRANT:
    case ETCD_REQUEST_REVOKE:
    case ETCD_REQUEST_COUNT: break;
    }
    return REGISTRY_PUT;
}

/* ---- bodies ---- */

static void add_bytes(struct buf *out, const char *name, struct str bytes)
{
    buf_str(out, str_of(name));
    buf_str(out, STR("\""));
    base64_encode(bytes, out);
    buf_str(out, STR("\""));
}

static void add_number(struct buf *out, const char *name, int64_t number)
{
    buf_str(out, str_of(name));
    buf_str(out, STR("\""));
    buf_int(out, number);
    buf_str(out, STR("\""));
}

static void add_number_if(struct buf *out, const char *name, int64_t number)
{
    if (number != 0) {
        add_number(out, name, number);
    }
}

static void add_flag(struct buf *out, const char *name, bool flag)
{
    if (flag) {
        buf_str(out, str_of(name));
        buf_str(out, STR("true"));
    }
}

static void encode_get(const struct etcd_op *op, struct buf *out)
{
    if (op->end.size > 0) {
        add_number(out,
                   ",\"limit\":", op->limit > 0 && op->limit < ETCD_PAGE_MAX ? op->limit : ETCD_PAGE_MAX);
    }
    add_number_if(out, ",\"revision\":", op->revision);
    if (op->newest_first) {
        buf_str(out, STR(",\"sort_order\":\"DESCEND\",\"sort_target\":\"MOD\""));
    }
    add_flag(out, ",\"keys_only\":", op->keys_only);
    add_flag(out, ",\"count_only\":", op->count_only);
}

static void encode_op(const struct etcd_op *op, struct buf *out)
{
    add_bytes(out, "{\"key\":", op->key);
    if (op->kind != ETCD_PUT && op->end.size > 0) {
        add_bytes(out, ",\"range_end\":", op->end);
    }
    if (op->kind == ETCD_GET) {
        encode_get(op, out);
    } else if (op->kind == ETCD_PUT) {
        add_bytes(out, ",\"value\":", op->value);
        add_number_if(out, ",\"lease\":", op->lease);
    }
    add_flag(out, ",\"prev_kv\":", op->previous && op->kind != ETCD_GET);
    buf_str(out, STR("}"));
}

static void encode_ops(const char *name, const struct etcd_op *ops, size_t count, struct buf *out)
{
    static const char *const wrappers[] = {[ETCD_GET] = "{\"request_range\":",
                                           [ETCD_PUT] = "{\"request_put\":",
                                           [ETCD_DELETE] = "{\"request_delete_range\":"};
    if (count == 0) {
        return;
    }
    buf_str(out, str_of(name));
    for (size_t i = 0; i < count; i++) {
        buf_str(out, i == 0 ? STR("") : STR(","));
        buf_str(out, str_of(wrappers[ops[i].kind]));
        encode_op(&ops[i], out);
        buf_str(out, STR("}"));
    }
    buf_str(out, STR("]"));
}

/* The target is always sent: without one etcd compares VERSION, whatever is given (gateway,
 * "Transactions"). */
static void encode_compare(const struct etcd_compare *compare, struct buf *out)
{
    static const char *const relations[ETCD_RELATION_COUNT] = {"EQUAL", "GREATER", "LESS", "NOT_EQUAL"};
    static const char *const targets[ETCD_TARGET_COUNT] = {
        "\",\"target\":\"VERSION\",\"version\":",  "\",\"target\":\"CREATE\",\"create_revision\":",
        "\",\"target\":\"MOD\",\"mod_revision\":", "\",\"target\":\"VALUE\",\"value\":",
        "\",\"target\":\"LEASE\",\"lease\":",
    };
    add_bytes(out, "{\"key\":", compare->key);
    buf_str(out, STR(",\"result\":\""));
    buf_str(out, str_of(relations[compare->relation]));
    if (compare->target == ETCD_TARGET_VALUE) {
        add_bytes(out, targets[compare->target], compare->value);
    } else {
        add_number(out, targets[compare->target], compare->number);
    }
    buf_str(out, STR("}"));
}

static void encode_txn(const struct etcd_txn *txn, struct buf *out)
{
    buf_str(out, STR("{\"compare\":["));
    for (size_t i = 0; i < txn->compare_count; i++) {
        buf_str(out, i == 0 ? STR("") : STR(","));
        encode_compare(&txn->compares[i], out);
    }
    buf_str(out, STR("]"));
    encode_ops(",\"success\":[", txn->then, txn->then_count, out);
    encode_ops(",\"failure\":[", txn->otherwise, txn->otherwise_count, out);
    buf_str(out, STR("}"));
}

void etcd_request_encode(const struct etcd_request *request, struct buf *out)
{
    switch (request->kind) {
    case ETCD_REQUEST_OP: encode_op(&request->op, out); return;
    case ETCD_REQUEST_TXN: encode_txn(&request->txn, out); return;
    case ETCD_REQUEST_GRANT:
        add_number(out, "{\"TTL\":", request->ttl_ms / SECOND_MS + (request->ttl_ms % SECOND_MS > 0 ? 1 : 0));
        add_number(out, ",\"ID\":", request->lease);
        break;
    case ETCD_REQUEST_KEEPALIVE:
    case ETCD_REQUEST_REVOKE: add_number(out, "{\"ID\":", request->lease); break;
    case ETCD_REQUEST_TIME_TO_LIVE:
        add_number(out, "{\"ID\":", request->lease);
        add_flag(out, ",\"keys\":", request->keys);
        break;
    case ETCD_REQUEST_LEASES:
    case ETCD_REQUEST_COUNT: buf_str(out, STR("{")); break;
    }
    buf_str(out, STR("}"));
}

void etcd_watch_encode(const struct registry_watch *watch, struct buf *out)
{
    for (size_t i = 0; i < watch->range_count; i++) {
        const struct registry_range *range = &watch->ranges[i];
        add_bytes(out, "{\"create_request\":{\"key\":", range->key);
        if (range->end.size > 0) {
            add_bytes(out, ",\"range_end\":", range->end);
        }
        add_number_if(out, ",\"start_revision\":", watch->from_revision);
        add_number(out, ",\"watch_id\":", (int64_t)i + 1);
        buf_str(out, STR(",\"fragment\":true,\"progress_notify\":true}}"));
    }
}

void etcd_prefix_end(struct str prefix, struct buf *out)
{
    size_t size = prefix.size;
    while (size > 0 && (unsigned char)prefix.data[size - 1] == 0xff) {
        size--;
    }
    if (size == 0) {
        buf_add(out, "", 1);
        return;
    }
    buf_str(out, (struct str){prefix.data, size - 1});
    buf_add(out, (const char[]){(char)((unsigned char)prefix.data[size - 1] + 1)}, 1);
}
