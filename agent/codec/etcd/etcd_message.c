#include "outrider/codec/etcd/etcd_message.h"

#include "etcd_message_internal.h"

#include "outrider/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

/* The TTLs etcd grants end at 9,000,000,000 s; beyond is not an answer. */
#define TTL_MAX_S INT64_C(9000000000)

void etcd_message_fini(struct etcd_message *message)
{
    if (message != NULL) {
        buf_fini(&message->value);
        free(message->items);
        *message = (struct etcd_message){0};
    }
}

/* The store's revision and whose store it is. An answer without a header is not etcd's. */
int etcd_message_read_header(const json_t *object, struct etcd_message *message)
{
    const json_t *header = json_object_get(object, "header");
    const json_t *cluster = json_object_get(header, "cluster_id");
    if (!json_is_object(header) || etcd_json_i64(header, "revision", &message->revision) < 0) {
        return -1;
    }
    /* unsigned and often above 2^63, hence not read as the signed numbers are */
    if (json_is_string(cluster)) {
        return str_to_u64((struct str){json_string_value(cluster), json_string_length(cluster)}, UINT64_MAX,
                          &message->cluster);
    }
    message->cluster = (uint64_t)json_integer_value(cluster);
    return 0;
}

static int read_revisions(const json_t *kv, struct registry_kv *ret_kv)
{
    struct registry_kv read = {.found = true};
    if (!json_is_object(kv) || etcd_json_i64(kv, "mod_revision", &read.mod_revision) < 0 ||
        etcd_json_i64(kv, "create_revision", &read.create_revision) < 0 ||
        etcd_json_lease(kv, "lease", &read.lease) < 0 || read.mod_revision <= 0) {
        return -1;
    }
    *ret_kv = read;
    return 0;
}

static int read_kv(const json_t *kv, struct etcd_message *message)
{
    struct registry_kv read;
    size_t size;
    if (read_revisions(kv, &read) < 0 || etcd_json_bytes(kv, "value", &message->value, &size) < 0) {
        return -1;
    }
    read.value = buf_view(&message->value);
    message->kv = read;
    return 0;
}

static struct registry_item *add_item(struct etcd_message *message)
{
    if (message->item_count == message->item_capacity) {
        message->item_capacity = message->item_capacity == 0 ? 16 : message->item_capacity * 2;
        message->items = mem_resize(message->items, message->item_capacity, sizeof(message->items[0]));
    }
    struct registry_item *item = &message->items[message->item_count++];
    *item = (struct registry_item){0};
    return item;
}

/* Key and value of each item were appended in turn, only their sizes are known yet. */
static void place_items(struct etcd_message *message)
{
    const char *at = buf_text(&message->value);
    for (size_t i = 0; i < message->item_count; i++) {
        struct registry_item *item = &message->items[i];
        item->key.data = at;
        at += item->key.size;
        item->kv.value.data = at;
        at += item->kv.value.size;
    }
}

static int read_list(const json_t *object, struct etcd_message *message)
{
    const json_t *kvs = json_object_get(object, "kvs");
    bool none = kvs == NULL || json_is_null(kvs);
    if (etcd_json_i64(object, "count", &message->count) < 0 || (!none && !json_is_array(kvs))) {
        return -1;
    }
    for (size_t i = 0; i < json_array_size(kvs); i++) {
        const json_t *kv = json_array_get(kvs, i);
        struct registry_item *item = add_item(message);
        if (read_revisions(kv, &item->kv) < 0 ||
            etcd_json_bytes(kv, "key", &message->value, &item->key.size) < 0 || item->key.size == 0 ||
            etcd_json_bytes(kv, "value", &message->value, &item->kv.value.size) < 0) {
            return -1;
        }
    }
    place_items(message);
    return 0;
}

/* `object` is a range's answer; no `kvs` at all when nothing matched (gateway, "JSON mapping"). */
static int read_range(const json_t *object, struct etcd_message *message)
{
    const json_t *kvs = json_object_get(object, "kvs");
    if (kvs == NULL || json_is_null(kvs)) {
        return 0;
    }
    if (!json_is_array(kvs)) {
        return -1;
    }
    return json_array_size(kvs) == 0 ? 0 : read_kv(json_array_get(kvs, 0), message);
}

static int read_txn(const json_t *root, struct etcd_message *message)
{
    message->succeeded = json_is_true(json_object_get(root, "succeeded"));
    if (message->succeeded) {
        return 0;
    }
    const json_t *response = json_array_get(json_object_get(root, "responses"), 0);
    const json_t *range = json_object_get(response, "response_range");
    return json_is_object(range) ? read_range(range, message) : -1;
}

/* The comparison cannot hold: an answer in which it does is not etcd's. */
static int read_proof(const json_t *root)
{
    return json_is_true(json_object_get(root, "succeeded")) ? -1 : 0;
}

/* ID and TTL of `object`; -1 unless the ID is the lease asked about. */
static int read_lease(const json_t *object, int64_t lease, int64_t *ret_ttl_s)
{
    int64_t id;
    if (etcd_json_i64(object, "ID", &id) < 0 || id != lease || etcd_json_i64(object, "TTL", ret_ttl_s) < 0) {
        return -1;
    }
    return *ret_ttl_s <= TTL_MAX_S ? 0 : -1;
}

static int read_grant(const json_t *root, int64_t lease, struct etcd_message *message)
{
    int64_t ttl_s;
    if (read_lease(root, lease, &ttl_s) < 0 || ttl_s <= 0) {
        return -1;
    }
    message->lease.lo = (uint64_t)lease;
    message->ttl_ms = ttl_s * 1000;
    return 0;
}

/* A lost lease is no error to the gateway: a result without a TTL is all it says
 * (docs/design/etcd-gateway.md, "Keepalive"). */
static int read_keepalive(const json_t *result, int64_t lease, struct etcd_message *message)
{
    int64_t ttl_s;
    if (read_lease(result, lease, &ttl_s) < 0) {
        return -1;
    }
    if (ttl_s <= 0) {
        message->failure = REGISTRY_LEASE_LOST;
        snprintf(message->text, sizeof(message->text), "the lease does not exist any more");
        return 0;
    }
    message->ttl_ms = ttl_s * 1000;
    return 0;
}

/* TTL -1: no such lease; absent: ran out, its keys not yet deleted. */
static int read_time_to_live(const json_t *root, int64_t lease, struct etcd_message *message)
{
    int64_t ttl_s;
    if (read_lease(root, lease, &ttl_s) < 0) {
        return -1;
    }
    message->ttl_known = true;
    message->ttl_ms = ttl_s < 0 ? -1 : ttl_s * 1000;
    return 0;
}

static int read_answer(enum registry_op op, int64_t lease, const json_t *object, struct etcd_message *message)
{
    if (etcd_message_read_header(object, message) < 0) {
        return -1;
    }
    switch (op) {
    case REGISTRY_GRANT: return read_grant(object, lease, message);
    case REGISTRY_KEEPALIVE: return read_keepalive(object, lease, message);
    case REGISTRY_REVOKE: return 0;
    case REGISTRY_LEASE_TTL: return read_time_to_live(object, lease, message);
    case REGISTRY_GET: return read_range(object, message);
    case REGISTRY_PUT:
    case REGISTRY_DELETE: return read_txn(object, message);
    case REGISTRY_LIST: return read_list(object, message);
    case REGISTRY_PROVE: return read_proof(object);
    case REGISTRY_COMPARE: message->succeeded = json_is_true(json_object_get(object, "succeeded")); return 0;
    case REGISTRY_OP_COUNT: break;
    }
    return -1;
}

/* What a half-read answer left behind must not be believed. */
void etcd_message_reset(struct etcd_message *message)
{
    struct buf value = message->value;
    buf_clear(&value);
    *message = (struct etcd_message){
        .value = value, .items = message->items, .item_capacity = message->item_capacity};
}

static void decode_ok(enum registry_op op, int64_t lease, const json_t *root, struct etcd_message *message)
{
    const json_t *object = op == REGISTRY_KEEPALIVE ? json_object_get(root, "result") : root;
    if (read_answer(op, lease, object, message) == 0) {
        return;
    }
    etcd_message_reset(message);
    etcd_error_malformed(op, "required fields are missing or of the wrong kind", message);
    if (op == REGISTRY_KEEPALIVE) {
        message->failure = REGISTRY_RETRY; /* says nothing about our lease */
    }
}

void etcd_message_decode(enum registry_op op, int64_t lease, int status, struct str body,
                         struct etcd_message *message)
{
    etcd_message_reset(message);
    json_t *root = etcd_json_parse(body);
    if (status != 200 || etcd_error_is(root)) {
        etcd_error_classify(op, status, body, root, message);
    } else if (root == NULL) {
        etcd_error_malformed(op, body.size == 0 ? "empty" : "not JSON", message);
        message->failure = op == REGISTRY_KEEPALIVE ? REGISTRY_RETRY : message->failure;
    } else {
        decode_ok(op, lease, root, message);
    }
    json_decref(root);
}
