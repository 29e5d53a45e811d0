#include "outrider/codec/etcd/etcd_response.h"

#include "etcd_codec_internal.h"
#include "outrider/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

/* The TTLs etcd grants end at 9,000,000,000 s; beyond is not an answer. */
#define TTL_MAX_S INT64_C(9000000000)

void etcd_response_fini(struct etcd_response *response)
{
    if (response != NULL) {
        free(response->results);
        free(response->kvs);
        free(response->leases);
        buf_fini(&response->bytes);
        free(response->items);
        *response = (struct etcd_response){0};
    }
}

static struct etcd_kv *add_kv(struct etcd_response *response)
{
    response->kvs =
        mem_grow(response->kvs, response->kv_count, &response->kv_capacity, sizeof(response->kvs[0]));
    struct etcd_kv *kv = &response->kvs[response->kv_count++];
    *kv = (struct etcd_kv){0};
    return kv;
}

static struct etcd_result *add_result(struct etcd_response *response, enum etcd_op_kind kind)
{
    response->results = mem_grow(response->results, response->result_count, &response->result_capacity,
                                 sizeof(response->results[0]));
    struct etcd_result *result = &response->results[response->result_count++];
    *result = (struct etcd_result){.kind = kind, .first = response->kv_count};
    return result;
}

/* Keys and values were appended in turn while the buffer grew; only their sizes were known. */
static void place(struct etcd_response *response)
{
    const char *at = buf_text(&response->bytes);
    for (size_t i = 0; i < response->kv_count; i++) {
        struct etcd_kv *kv = &response->kvs[i];
        kv->key.data = at;
        at += kv->key.size;
        kv->value.data = at;
        at += kv->value.size;
    }
}

static int read_kv(const json_t *object, struct etcd_response *response)
{
    struct etcd_kv *kv = add_kv(response);
    if (!json_is_object(object) || etcd_json_revision(object, "mod_revision", &kv->mod_revision) < 0 ||
        etcd_json_revision(object, "create_revision", &kv->create_revision) < 0 ||
        etcd_json_revision(object, "version", &kv->version) < 0 ||
        etcd_json_i64(object, "lease", &kv->lease) < 0 || kv->mod_revision <= 0 ||
        etcd_json_bytes(json_object_get(object, "key"), &response->bytes, &kv->key.size) < 0 ||
        etcd_json_bytes(json_object_get(object, "value"), &response->bytes, &kv->value.size) < 0) {
        return -1;
    }
    return kv->key.size > 0 ? 0 : -1;
}

static bool is_none(const json_t *value)
{
    return value == NULL || json_is_null(value);
}

static int read_kvs(const json_t *kvs, struct etcd_response *response)
{
    if (is_none(kvs)) {
        return 0;
    }
    for (size_t i = 0; i < json_array_size(kvs); i++) {
        if (read_kv(json_array_get(kvs, i), response) < 0) {
            return -1;
        }
    }
    return json_is_array(kvs) ? 0 : -1;
}

/* The answer of one operation: zero values are left out of it (gateway, "JSON mapping"). */
static int read_result(enum etcd_op_kind kind, const json_t *object, struct etcd_response *response)
{
    struct etcd_result *result = add_result(response, kind);
    const json_t *before = json_object_get(object, "prev_kv");
    int rc = json_is_object(object) ? 0 : -1;
    switch (kind) {
    case ETCD_GET:
        result->more = json_is_true(json_object_get(object, "more"));
        rc = rc < 0 ? rc : etcd_json_revision(object, "count", &result->count);
        rc = rc < 0 ? rc : read_kvs(json_object_get(object, "kvs"), response);
        break;
    case ETCD_PUT: rc = rc < 0 || is_none(before) ? rc : read_kv(before, response); break;
    case ETCD_DELETE:
        rc = rc < 0 ? rc : etcd_json_revision(object, "deleted", &result->count);
        rc = rc < 0 ? rc : read_kvs(json_object_get(object, "prev_kvs"), response);
        break;
    }
    result->kv_count = response->kv_count - result->first;
    return rc;
}

static int read_response(const json_t *wrapper, struct etcd_response *response)
{
    static const char *const names[] = {
        [ETCD_GET] = "response_range", [ETCD_PUT] = "response_put", [ETCD_DELETE] = "response_delete_range"};
    for (int kind = ETCD_GET; kind <= ETCD_DELETE; kind++) {
        const json_t *object = json_object_get(wrapper, names[kind]);
        if (object != NULL) {
            return read_result((enum etcd_op_kind)kind, object, response);
        }
    }
    return -1;
}

/* One result for each operation of the branch that was done. */
static int read_txn(const json_t *root, const struct etcd_txn *txn, struct etcd_response *response)
{
    const json_t *responses = json_object_get(root, "responses");
    response->succeeded = json_is_true(json_object_get(root, "succeeded"));
    for (size_t i = 0; i < json_array_size(responses); i++) {
        if (read_response(json_array_get(responses, i), response) < 0) {
            return -1;
        }
    }
    if (!is_none(responses) && !json_is_array(responses)) {
        return -1;
    }
    return response->result_count == (response->succeeded ? txn->then_count : txn->otherwise_count) ? 0 : -1;
}

/* ---- leases ---- */

static int read_seconds(const json_t *object, const char *key, int64_t *ret_ms)
{
    int64_t seconds;
    if (etcd_json_i64(object, key, &seconds) < 0 || seconds > TTL_MAX_S) {
        return -1;
    }
    *ret_ms = seconds < 0 ? -1 : seconds * 1000;
    return 0;
}

/* ID and TTL of `object`; -1 unless the ID is the lease asked about. */
static int read_lease(const json_t *object, int64_t lease, struct etcd_response *response)
{
    if (etcd_json_i64(object, "ID", &response->lease) < 0 || response->lease != lease) {
        return -1;
    }
    return read_seconds(object, "TTL", &response->ttl_ms);
}

/* A lease that is gone is no error to the gateway: it returns a result without a TTL (gateway, "Keepalive"). */
static int read_keepalive(const json_t *result, int64_t lease, struct etcd_response *response)
{
    int rc = read_lease(result, lease, response);
    if (rc == 0 && response->ttl_ms <= 0) {
        response->status.failure = REGISTRY_LEASE_LOST;
        snprintf(response->status.text, sizeof(response->status.text), "the lease does not exist any more");
    }
    return rc;
}

static int read_time_to_live(const json_t *root, int64_t lease, struct etcd_response *response)
{
    const json_t *keys = json_object_get(root, "keys");
    if (read_lease(root, lease, response) < 0 ||
        read_seconds(root, "grantedTTL", &response->granted_ttl_ms) < 0 ||
        !(is_none(keys) || json_is_array(keys))) {
        return -1;
    }
    for (size_t i = 0; i < json_array_size(keys); i++) {
        struct etcd_kv *kv = add_kv(response);
        if (etcd_json_bytes(json_array_get(keys, i), &response->bytes, &kv->key.size) < 0) {
            return -1;
        }
    }
    return 0;
}

static int read_leases(const json_t *root, struct etcd_response *response)
{
    const json_t *leases = json_object_get(root, "leases");
    for (size_t i = 0; i < json_array_size(leases); i++) {
        int64_t id;
        const json_t *lease = json_array_get(leases, i);
        if (!json_is_object(lease) || etcd_json_i64(lease, "ID", &id) < 0) {
            return -1;
        }
        response->leases = mem_grow(response->leases, response->lease_count, &response->lease_capacity,
                                    sizeof(response->leases[0]));
        response->leases[response->lease_count++] = id;
    }
    return is_none(leases) || json_is_array(leases) ? 0 : -1;
}

/* ---- the whole ---- */

static int read_all(const struct etcd_request *request, const json_t *object, struct etcd_response *response)
{
    if (etcd_json_header(object, &response->status) < 0) {
        return -1;
    }
    switch (request->kind) {
    case ETCD_REQUEST_OP: return read_result(request->op.kind, object, response);
    case ETCD_REQUEST_TXN: return read_txn(object, &request->txn, response);
    case ETCD_REQUEST_GRANT:
        return read_lease(object, request->lease, response) < 0 || response->ttl_ms <= 0 ? -1 : 0;
    case ETCD_REQUEST_KEEPALIVE: return read_keepalive(object, request->lease, response);
    case ETCD_REQUEST_TIME_TO_LIVE: return read_time_to_live(object, request->lease, response);
    case ETCD_REQUEST_LEASES: return read_leases(object, response);
    case ETCD_REQUEST_REVOKE: return 0;
    case ETCD_REQUEST_COUNT: break;
    }
    return -1;
}

static bool is_long(const struct etcd_request *request)
{
    return request->kind == ETCD_REQUEST_TXN || request->kind == ETCD_REQUEST_LEASES ||
           request->kind == ETCD_REQUEST_TIME_TO_LIVE;
}

void etcd_response_decode(const struct etcd_request *request, enum registry_op like, int http_status,
                          struct str body, struct etcd_response *response)
{
    struct etcd_status *status = &response->status;
    etcd_response_fini(response);
    json_t *root = etcd_json_parse(body, is_long(request) ? ETCD_VALUES_LONG_MAX : ETCD_VALUES_MAX);
    const json_t *object = request->kind == ETCD_REQUEST_KEEPALIVE ? json_object_get(root, "result") : root;
    if (http_status != 200 || etcd_error_is(root)) {
        etcd_error_classify(like, http_status, body, root, status);
    } else if (root == NULL) {
        etcd_error_malformed(like, body.size == 0 ? "empty" : "not JSON, or larger than accepted", status);
    } else if (read_all(request, object, response) < 0) {
        etcd_error_malformed(like, "required fields are missing or of the wrong kind", status);
    }
    if (status->failure != REGISTRY_OK) { /* what a half-read response left */
        struct etcd_status failed = *status;
        etcd_response_fini(response);
        *status = failed;
    }
    place(response);
    json_decref(root);
}
