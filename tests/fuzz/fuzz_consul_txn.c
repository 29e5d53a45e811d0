/* Answers to transactions: the first byte chooses the status and how many operations there were. */
#include "must.h"

#include "outrider/codec/consul/consul_response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct consul_txn_answer answer = {0};
    if (size == 0) {
        return 0;
    }
    int status = data[0] & 1 ? 409 : 200;
    size_t ops = (size_t)(data[0] >> 1) % CONSUL_OPS_MAX + 1;
    if (consul_txn_decode(status, (struct str){(const char *)data + 1, size - 1}, ops, &answer) == 0) {
        must((status == 409) == (answer.refusal_count > 0));
        for (size_t i = 0; i < answer.refusal_count; i++) {
            must(answer.refusals[i].op < ops && consul_txn_refusal(&answer, answer.refusals[i].op) != NULL);
        }
        for (size_t i = 1; i < answer.kvs.count; i++) {
            must(str_compare(answer.kvs.list[i - 1].key, answer.kvs.list[i].key) < 0);
        }
    } else {
        must(answer.refusal_count == 0 && answer.kvs.count == 0);
    }
    must(strlen(answer.text) < sizeof(answer.text));
    consul_txn_answer_fini(&answer);
    return 0;
}
