#include "outrider/codec/etcd/etcd_kv.h"

#include "etcd_message_internal.h"
#include "outrider/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

/* The largest page has eight values for each of ETCD_KV_PAGE_MAX keys; a store has that many leases and more,
 * two values each. */
enum { VALUES_MAX = 400 * 1000 };

/* The TTLs etcd grants end at 9,000,000,000 s; beyond is not an answer. */
#define TTL_MAX_S INT64_C(9000000000)

void etcd_answer_fini(struct etcd_answer *answer)
{
    if (answer != NULL) {
        free(answer->results);
        free(answer->kvs);
        free(answer->leases);
        buf_fini(&answer->bytes);
        *answer = (struct etcd_answer){0};
    }
}

static void reset(struct etcd_answer *answer)
{
    struct etcd_answer empty = {.results = answer->results,
                                .result_capacity = answer->result_capacity,
                                .kvs = answer->kvs,
                                .kv_capacity = answer->kv_capacity,
                                .leases = answer->leases,
                                .lease_capacity = answer->lease_capacity,
                                .bytes = answer->bytes};
    buf_clear(&empty.bytes);
    *answer = empty;
}

/* Room for one more in `list`, which may move. */
static void *grow(void *list, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return list;
    }
    *capacity = *capacity == 0 ? 16 : *capacity * 2;
    return mem_resize(list, *capacity, size);
}

static struct etcd_kv *add_kv(struct etcd_answer *answer)
{
    answer->kvs = grow(answer->kvs, answer->kv_count, &answer->kv_capacity, sizeof(answer->kvs[0]));
    struct etcd_kv *kv = &answer->kvs[answer->kv_count++];
    *kv = (struct etcd_kv){0};
    return kv;
}

static struct etcd_result *add_result(struct etcd_answer *answer, enum etcd_op_kind kind)
{
    answer->results =
        grow(answer->results, answer->result_count, &answer->result_capacity, sizeof(answer->results[0]));
    struct etcd_result *result = &answer->results[answer->result_count++];
    *result = (struct etcd_result){.kind = kind, .first = answer->kv_count};
    return result;
}

/* Keys and values were appended in turn while the buffer grew; only their sizes were known. */
static void place(struct etcd_answer *answer)
{
    const char *at = buf_text(&answer->bytes);
    for (size_t i = 0; i < answer->kv_count; i++) {
        struct etcd_kv *kv = &answer->kvs[i];
        kv->key.data = at;
        at += kv->key.size;
        kv->value.data = at;
        at += kv->value.size;
    }
}

static int read_kv(const json_t *object, struct etcd_answer *answer)
{
    struct etcd_kv *kv = add_kv(answer);
    if (!json_is_object(object) || etcd_json_i64(object, "mod_revision", &kv->mod_revision) < 0 ||
        etcd_json_i64(object, "create_revision", &kv->create_revision) < 0 ||
        etcd_json_i64(object, "version", &kv->version) < 0 ||
        etcd_json_i64(object, "lease", &kv->lease) < 0 || kv->mod_revision <= 0 ||
        etcd_json_bytes(object, "key", &answer->bytes, &kv->key.size) < 0 ||
        etcd_json_bytes(object, "value", &answer->bytes, &kv->value.size) < 0) {
        return -1;
    }
    return kv->key.size > 0 ? 0 : -1;
}

static bool is_none(const json_t *value)
{
    return value == NULL || json_is_null(value);
}

static int read_kvs(const json_t *kvs, struct etcd_answer *answer)
{
    if (is_none(kvs)) {
        return 0;
    }
    for (size_t i = 0; i < json_array_size(kvs); i++) {
        if (read_kv(json_array_get(kvs, i), answer) < 0) {
            return -1;
        }
    }
    return json_is_array(kvs) ? 0 : -1;
}

/* The answer of one operation: zero values are left out of it (gateway, "JSON mapping"). */
static int read_result(enum etcd_op_kind kind, const json_t *object, struct etcd_answer *answer)
{
    struct etcd_result *result = add_result(answer, kind);
    const json_t *before = json_object_get(object, "prev_kv");
    int rc = json_is_object(object) ? 0 : -1;
    switch (kind) {
    case ETCD_GET:
        result->more = json_is_true(json_object_get(object, "more"));
        rc = rc < 0 ? rc : etcd_json_i64(object, "count", &result->count);
        rc = rc < 0 ? rc : read_kvs(json_object_get(object, "kvs"), answer);
        break;
    case ETCD_PUT: rc = rc < 0 || is_none(before) ? rc : read_kv(before, answer); break;
    case ETCD_DELETE:
        rc = rc < 0 ? rc : etcd_json_i64(object, "deleted", &result->count);
        rc = rc < 0 ? rc : read_kvs(json_object_get(object, "prev_kvs"), answer);
        break;
    }
    result->kv_count = answer->kv_count - result->first;
    return result->count < 0 ? -1 : rc;
}

static int read_response(const json_t *response, struct etcd_answer *answer)
{
    static const char *const names[] = {
        [ETCD_GET] = "response_range", [ETCD_PUT] = "response_put", [ETCD_DELETE] = "response_delete_range"};
    for (int kind = ETCD_GET; kind <= ETCD_DELETE; kind++) {
        const json_t *object = json_object_get(response, names[kind]);
        if (object != NULL) {
            return read_result((enum etcd_op_kind)kind, object, answer);
        }
    }
    return -1;
}

static int read_txn(const json_t *root, struct etcd_answer *answer)
{
    const json_t *responses = json_object_get(root, "responses");
    answer->succeeded = json_is_true(json_object_get(root, "succeeded"));
    for (size_t i = 0; i < json_array_size(responses); i++) {
        if (read_response(json_array_get(responses, i), answer) < 0) {
            return -1;
        }
    }
    return is_none(responses) || json_is_array(responses) ? 0 : -1;
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
static int read_lease(const json_t *object, int64_t lease, struct etcd_answer *answer)
{
    if (etcd_json_i64(object, "ID", &answer->lease) < 0 || answer->lease != lease) {
        return -1;
    }
    return read_seconds(object, "TTL", &answer->ttl_ms);
}

/* A lease that is gone is no error to the gateway: a result without a TTL is all it says
 * (docs/design/etcd-gateway.md, "Keepalive"). */
static int read_keepalive(const json_t *result, int64_t lease, struct etcd_message *message,
                          struct etcd_answer *answer)
{
    int rc = read_lease(result, lease, answer);
    if (rc == 0 && answer->ttl_ms <= 0) {
        message->failure = REGISTRY_LEASE_LOST;
        snprintf(message->text, sizeof(message->text), "the lease does not exist");
    }
    return rc;
}

static int read_time_to_live(const json_t *root, int64_t lease, struct etcd_answer *answer)
{
    const json_t *keys = json_object_get(root, "keys");
    if (read_lease(root, lease, answer) < 0 ||
        read_seconds(root, "grantedTTL", &answer->granted_ttl_ms) < 0 ||
        !(is_none(keys) || json_is_array(keys))) {
        return -1;
    }
    for (size_t i = 0; i < json_array_size(keys); i++) {
        struct etcd_kv *kv = add_kv(answer);
        if (etcd_json_base64(json_array_get(keys, i), &answer->bytes, &kv->key.size) < 0) {
            return -1;
        }
    }
    return 0;
}

static int read_leases(const json_t *root, struct etcd_answer *answer)
{
    const json_t *leases = json_object_get(root, "leases");
    for (size_t i = 0; i < json_array_size(leases); i++) {
        int64_t id;
        const json_t *lease = json_array_get(leases, i);
        if (!json_is_object(lease) || etcd_json_i64(lease, "ID", &id) < 0) {
            return -1;
        }
        answer->leases =
            grow(answer->leases, answer->lease_count, &answer->lease_capacity, sizeof(answer->leases[0]));
        answer->leases[answer->lease_count++] = id;
    }
    return is_none(leases) || json_is_array(leases) ? 0 : -1;
}

/* ---- the whole ---- */

static int read_answer(const struct etcd_ask *ask, const json_t *object, struct etcd_message *message,
                       struct etcd_answer *answer)
{
    if (etcd_message_read_header(object, message) < 0) {
        return -1;
    }
    switch (ask->kind) {
    case ETCD_ASK_OP: return read_result(ask->op.kind, object, answer);
    case ETCD_ASK_TXN: return read_txn(object, answer);
    case ETCD_ASK_GRANT: return read_lease(object, ask->lease, answer) < 0 || answer->ttl_ms <= 0 ? -1 : 0;
    case ETCD_ASK_KEEPALIVE: return read_keepalive(object, ask->lease, message, answer);
    case ETCD_ASK_TIME_TO_LIVE: return read_time_to_live(object, ask->lease, answer);
    case ETCD_ASK_LEASES: return read_leases(object, answer);
    case ETCD_ASK_REVOKE: return 0;
    case ETCD_ASK_COUNT: break;
    }
    return -1;
}

static void malformed(const struct etcd_ask *ask, const char *what, struct etcd_message *message,
                      struct etcd_answer *answer)
{
    reset(answer);
    etcd_message_reset(message);
    etcd_error_malformed(etcd_ask_like(ask), what, message);
}

void etcd_ask_decode(const struct etcd_ask *ask, int status, struct str body, struct etcd_message *message,
                     struct etcd_answer *answer)
{
    reset(answer);
    etcd_message_reset(message);
    json_t *root = etcd_json_parse_values(body, VALUES_MAX);
    const json_t *object = ask->kind == ETCD_ASK_KEEPALIVE ? json_object_get(root, "result") : root;
    if (status != 200 || etcd_error_is(root)) {
        etcd_error_classify(etcd_ask_like(ask), status, body, root, message);
    } else if (root == NULL) {
        malformed(ask, body.size == 0 ? "empty" : "not JSON, or more than we read", message, answer);
    } else if (read_answer(ask, object, message, answer) < 0) {
        malformed(ask, "required fields are missing or of the wrong kind", message, answer);
    }
    if (message->failure != REGISTRY_OK) {
        reset(answer);
    }
    place(answer);
    json_decref(root);
}
