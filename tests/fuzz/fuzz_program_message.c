/* Messages between the agent and the process that starts its programs: what is accepted encodes to the same bytes. */
#include "must.h"

#include "outrider/base/buf.h"
#include "outrider/io/program/program_message.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size};
    struct program_request request;
    struct program_result result;
    struct buf out = {0};
    if (program_request_decode(bytes, &request) == 0 && request.op == PROGRAM_RUN) {
        must(request.word_count >= 1 && request.word_count <= PROGRAM_WORDS_MAX);
        must(request.variable_count <= PROGRAM_VARIABLES_MAX && request.timeout_ms >= 1);
        size_t texts = strlen(request.user) + 1;
        for (size_t i = 0; i < request.word_count; i++) {
            texts += strlen(request.words[i]) + 1;
        }
        for (size_t i = 0; i < request.variable_count; i++) {
            texts += strlen(request.variables[i]) + 1;
        }
        must(texts < size);
        program_request_encode(&request, &out);
        must(out.size == size);
    }
    buf_clear(&out);
    if (program_result_decode(bytes, &result) == 0) {
        program_result_encode(&result, &out);
        must(out.size == size);
    }
    buf_fini(&out);
    return 0;
}
