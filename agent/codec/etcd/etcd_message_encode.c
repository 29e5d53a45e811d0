#include "outrider/codec/etcd/etcd_message.h"

#include "outrider/base/attr.h"
#include "outrider/base/base64.h"

#include <inttypes.h>

const char *etcd_message_path(enum registry_op op)
{
    static const char *const paths[REGISTRY_OP_COUNT] = {
        [REGISTRY_GRANT] = "/v3/lease/grant",   [REGISTRY_KEEPALIVE] = "/v3/lease/keepalive",
        [REGISTRY_REVOKE] = "/v3/lease/revoke", [REGISTRY_LEASE_TTL] = "/v3/lease/timetolive",
        [REGISTRY_GET] = "/v3/kv/range",        [REGISTRY_PUT] = "/v3/kv/txn",
        [REGISTRY_DELETE] = "/v3/kv/txn",       [REGISTRY_LIST] = "/v3/kv/range",
        [REGISTRY_PROVE] = "/v3/kv/txn",        [REGISTRY_COMPARE] = "/v3/kv/txn",
    };
    return (size_t)op < COUNT_OF(paths) ? paths[op] : "/v3";
}

bool etcd_message_is_read(enum registry_op op)
{
    return op == REGISTRY_GET || op == REGISTRY_LEASE_TTL || op == REGISTRY_LIST || op == REGISTRY_PROVE ||
           op == REGISTRY_COMPARE;
}

static void add_bytes(struct buf *out, const char *name, struct str bytes)
{
    buf_str(out, str_of(name));
    base64_encode(bytes, out);
    buf_str(out, STR("\""));
}

static void add_number(struct buf *out, const char *name, int64_t number)
{
    buf_str(out, str_of(name));
    buf_int(out, number);
    buf_str(out, STR("\""));
}

static void encode_put(const struct registry_request *request, struct buf *out)
{
    add_bytes(out, "{\"request_put\":{\"key\":\"", request->key);
    add_bytes(out, ",\"value\":\"", blob_view(request->value));
    if (!registry_lease_is_none(request->lease)) {
        add_number(out, ",\"lease\":\"", (int64_t)request->lease.lo);
    }
    buf_str(out, STR("}}"));
}

/* The target is always sent: without one etcd compares VERSION, whatever number is given (gateway,
 * "Transactions"). */
static void encode_expectation(struct str key, int64_t revision, struct buf *out)
{
    add_bytes(out, "{\"key\":\"", key);
    buf_str(out, STR(",\"result\":\"EQUAL\",\"target\":"));
    if (revision == 0) {
        buf_str(out, STR("\"CREATE\",\"create_revision\":\"0\"}"));
    } else {
        add_number(out, "\"MOD\",\"mod_revision\":\"", revision);
        buf_str(out, STR("}"));
    }
}

static void encode_txn(const struct registry_request *request, struct buf *out)
{
    buf_str(out, STR("{\"compare\":["));
    encode_expectation(request->key, request->expect_revision, out);
    buf_str(out, STR("],\"success\":["));
    if (request->op == REGISTRY_PUT) {
        encode_put(request, out);
    } else {
        add_bytes(out, "{\"request_delete_range\":{\"key\":\"", request->key);
        buf_str(out, STR("}}"));
    }
    add_bytes(out, "],\"failure\":[{\"request_range\":{\"key\":\"", request->key);
    buf_str(out, STR("}}]}"));
}

static void encode_list(const struct registry_request *request, struct buf *out)
{
    int64_t limit =
        request->limit > 0 && request->limit < REGISTRY_LIST_MAX ? request->limit : REGISTRY_LIST_MAX;
    add_bytes(out, "{\"key\":\"", request->key);
    add_bytes(out, ",\"range_end\":\"", request->range_end);
    add_number(out, ",\"limit\":\"", limit);
    if (request->at_revision > 0) {
        add_number(out, ",\"revision\":\"", request->at_revision);
    }
    if (request->newest_first) {
        buf_str(out, STR(",\"sort_order\":\"DESCEND\",\"sort_target\":\"MOD\""));
    }
    buf_str(out, STR("}"));
}

static void encode_prove(const struct registry_request *request, struct buf *out)
{
    add_bytes(out, "{\"compare\":[{\"key\":\"", request->key);
    buf_str(out, STR(",\"result\":\"LESS\",\"target\":\"VERSION\",\"version\":\"0\"}]"));
    add_bytes(out, ",\"success\":[{\"request_put\":{\"key\":\"", request->key);
    buf_str(out, STR("}}]}"));
}

/* A transaction that does nothing either way is answered from the memory of the member that is asked. */
static void encode_compare(const struct registry_request *request, struct buf *out)
{
    buf_str(out, STR("{\"compare\":["));
    encode_expectation(request->key, request->expect_revision, out);
    if (request->range_end.size > 0) {
        buf_str(out, STR(","));
        encode_expectation(request->range_end, request->at_revision, out);
    }
    buf_str(out, STR("]}"));
}

static int64_t whole_seconds(int64_t ms)
{
    return ms / 1000 + (ms % 1000 > 0 ? 1 : 0);
}

void etcd_message_encode(const struct registry_request *request, struct buf *out)
{
    switch (request->op) {
    case REGISTRY_GRANT:
        buf_printf(out, "{\"TTL\":\"%" PRId64 "\",\"ID\":\"%" PRId64 "\"}", whole_seconds(request->ttl_ms),
                   (int64_t)request->lease.lo);
        return;
    case REGISTRY_KEEPALIVE:
    case REGISTRY_REVOKE:
    case REGISTRY_LEASE_TTL: buf_printf(out, "{\"ID\":\"%" PRId64 "\"}", (int64_t)request->lease.lo); return;
    case REGISTRY_GET:
        add_bytes(out, "{\"key\":\"", request->key);
        buf_str(out, STR("}"));
        return;
    case REGISTRY_PUT:
    case REGISTRY_DELETE: encode_txn(request, out); return;
    case REGISTRY_LIST: encode_list(request, out); return;
    case REGISTRY_PROVE: encode_prove(request, out); return;
    case REGISTRY_COMPARE: encode_compare(request, out); return;
    case REGISTRY_OP_COUNT: break;
    }
    buf_str(out, STR("{}"));
}
