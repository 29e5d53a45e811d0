/* An answer of etcd for each operation: the first byte chooses the operation, the rest of the first line is
 * HTTP status and lease, then comes the body. The same bytes are then sent as key and value of a request. */
#include "outrider/base/blob.h"
#include "outrider/codec/etcd/etcd_message.h"

#include <stdlib.h>

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_text(const char *text)
{
    must(str_is_utf8(str_of(text)));
    for (; *text != '\0'; text++) {
        must((unsigned char)*text >= 0x20 && *text != 0x7f);
    }
}

static void check(enum registry_op op, const struct etcd_message *message)
{
    must(message->failure < REGISTRY_FAILURE_COUNT);
    must((message->failure == REGISTRY_OK) == (message->text[0] == '\0'));
    must(!etcd_message_is_read(op) || message->failure != REGISTRY_UNKNOWN);
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
        must(item->key.data == message->value.data + bytes);
        bytes += item->key.size + item->kv.value.size;
        must(bytes <= message->value.size);
    }
    check_text(message->text);
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
    struct buf body = {0};
    etcd_message_encode(&request, &body);
    must(body.size > 1 && body.data[0] == '{' && body.data[body.size - 1] == '}');
    buf_fini(&body);
    blob_unref(value);
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
    struct etcd_message message = {0};
    etcd_message_decode(op, lease, (int)status, body, &message);
    check(op, &message);
    etcd_message_decode(op, lease, 200, body, &message);
    check(op, &message);
    etcd_message_decode_login((int)status, body, &message);
    check(REGISTRY_GET, &message);
    etcd_message_classify_reason(body, &message);
    check_text(message.text);
    etcd_message_fini(&message);
    encode_any(op, lease, body);
    return 0;
}
