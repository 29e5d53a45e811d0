/* An answer of etcd for each question of a client: the first byte chooses the question, the rest of the first
 * line is the HTTP status, then comes the body. */
#include "must.h"

#include "outrider/codec/etcd/etcd_response.h"

static void check(const struct etcd_response *answer)
{
    must((answer->status.failure == REGISTRY_OK) == (answer->status.text[0] == '\0'));
    must(answer->status.failure == REGISTRY_OK || (answer->result_count == 0 && answer->kv_count == 0));
    size_t bytes = 0;
    for (size_t i = 0; i < answer->kv_count; i++) {
        bytes += answer->kvs[i].key.size + answer->kvs[i].value.size;
    }
    must(bytes == answer->bytes.size);
    for (size_t i = 0; i < answer->result_count; i++) {
        const struct etcd_result *result = &answer->results[i];
        must(result->first + result->kv_count <= answer->kv_count && result->count >= 0);
    }
}

static void encode_any(struct etcd_request ask, struct str bytes)
{
    struct buf body = {0};
    ask.op.key = ask.op.value = ask.op.end = bytes;
    etcd_request_encode(&ask, &body);
    must(body.size > 1 && body.data[0] == '{' && body.data[body.size - 1] == '}');
    buf_clear(&body);
    etcd_prefix_end(bytes, &body);
    must(body.size > 0);
    buf_fini(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct str body;
    struct str head = str_split((struct str){(const char *)data + 1, size - 1}, '\n', &body);
    uint64_t status;
    if (str_to_u64(head, 999, &status) < 0) {
        status = 200;
    }
    unsigned kind = data[0] % (ETCD_REQUEST_COUNT + 2U);
    struct etcd_request ask = {.lease = 4660};
    ask.kind = kind < ETCD_REQUEST_COUNT ? (enum etcd_request_kind)kind : ETCD_REQUEST_OP;
    ask.op.kind =
        kind < ETCD_REQUEST_COUNT ? ETCD_GET : (enum etcd_op_kind)(kind - ETCD_REQUEST_COUNT + ETCD_PUT);
    struct etcd_response answer = {0};
    etcd_response_decode(&ask, etcd_request_like(&ask), (int)status, body, &answer);
    check(&answer);
    ask.txn.then_count = answer.result_count;
    ask.txn.otherwise_count = 1;
    etcd_response_decode(&ask, etcd_request_like(&(struct etcd_request){.kind = ask.kind, .op = ask.op}), 200,
                         body, &answer);
    check(&answer);
    etcd_response_fini(&answer);
    ask.txn = (struct etcd_txn){0};
    encode_any(ask, body);
    return 0;
}
