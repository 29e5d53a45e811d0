/* An answer of etcd for each operation: the first byte chooses the operation, the rest of the first line is
 * HTTP status and lease, then comes the body. The same bytes are then sent as key and value of a request. */
#include "must.h"

#include "outrider/base/blob.h"
#include "outrider/codec/etcd/etcd_response.h"

static void check_text(const char *text)
{
    must(str_is_utf8(str_of(text)));
    for (; *text != '\0'; text++) {
        must((unsigned char)*text >= 0x20 && *text != 0x7f);
    }
}

static void check(enum registry_op op, const struct etcd_response *response,
                  const struct registry_reply *message)
{
    must(message->failure < REGISTRY_FAILURE_COUNT);
    must((message->failure == REGISTRY_OK) == (response->status.text[0] == '\0'));
    must(!etcd_only_reads(op) || message->failure != REGISTRY_UNKNOWN);
    must(message->failure == response->status.failure);
    must(op == REGISTRY_KEEPALIVE || op == REGISTRY_GRANT
             ? (message->failure == REGISTRY_OK) == (message->ttl_ms > 0)
             : true);
    must(!message->succeeded || (!message->kv.found && message->failure == REGISTRY_OK));
    must(!message->kv.found || message->kv.mod_revision > 0);
    must(message->item_count == 0 || (op == REGISTRY_LIST && message->failure == REGISTRY_OK));
    size_t bytes = 0;
    for (size_t i = 0; i < message->item_count; i++) {
        const struct registry_item *item = &message->items[i];
        must(item->kv.found && item->kv.mod_revision > 0 && item->key.size > 0);
        must(item->key.data == response->bytes.data + bytes);
        bytes += item->key.size + item->kv.value.size;
        must(bytes <= response->bytes.size);
    }
    check_text(response->status.text);
}

static void encode_any(enum registry_op op, int64_t lease, struct str bytes)
{
    struct blob *value = blob_new(bytes);
    struct registry_request request = {.op = op,
                                       .lease = {.lo = (uint64_t)lease},
                                       .ttl_ms = lease,
                                       .key = bytes,
                                       .value = value,
                                       .expect_revision = lease,
                                       .range_end = bytes,
                                       .limit = lease,
                                       .at_revision = lease,
                                       .newest_first = lease > 0};
    struct registry_txn txn = {0};
    registry_txn_if(&txn, (struct registry_compare){.kind = REGISTRY_IF_VALUE, .key = bytes, .value = bytes});
    registry_txn_then(&txn, (struct registry_action){.kind = REGISTRY_WRITE, .key = bytes, .value = value});
    request.txn = &txn;
    struct buf body = {0};
    struct etcd_request_parts parts;
    struct etcd_request encoded;
    etcd_request_of(&request, &parts, &encoded);
    etcd_request_encode(&encoded, &body);
    must(body.size > 1 && body.data[0] == '{' && body.data[body.size - 1] == '}');
    buf_fini(&body);
    blob_unref(value);
}

static void decode(enum registry_op op, int64_t lease, int status, struct str body,
                   struct etcd_response *response)
{
    static const struct registry_txn none;
    struct registry_request request = {.op = op, .lease.lo = (uint64_t)lease, .key = STR("k"), .txn = &none};
    struct etcd_request_parts parts;
    struct etcd_request encoded;
    struct registry_reply reply;
    etcd_request_of(&request, &parts, &encoded);
    etcd_response_decode(&encoded, op, status, body, response);
    etcd_response_reply(op, response, &reply);
    check(op, response, &reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct str body;
    struct str head = str_split((struct str){(const char *)data + 1, size - 1}, '\n', &body);
    struct str lease_text;
    struct str status_text = str_split(head, ' ', &lease_text);
    uint64_t status = 200;
    int64_t lease = 4660;
    if (str_to_u64(status_text, 999, &status) < 0 || str_to_i64(lease_text, &lease) < 0) {
        body = (struct str){(const char *)data + 1, size - 1};
    }
    enum registry_op op =
        (enum registry_op)((data[0] + REGISTRY_OP_COUNT - '0' % REGISTRY_OP_COUNT) % REGISTRY_OP_COUNT);
    struct etcd_response response = {0};
    decode(op, lease, (int)status, body, &response);
    decode(op, lease, 200, body, &response);
    struct etcd_status read;
    struct buf token = {0};
    etcd_login_decode((int)status, body, &read, &token);
    check_text(read.text);
    must(token.size == 0 || read.failure == REGISTRY_OK);
    buf_fini(&token);
    etcd_status_of_reason(body, &read);
    check_text(read.text);
    etcd_response_fini(&response);
    encode_any(op, lease, body);
    return 0;
}
