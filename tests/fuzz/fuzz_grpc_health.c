/* The answer to a health check: head, trailers and body, with a NUL between them. */
#include "must.h"

#include "outrider/base/error.h"
#include "outrider/codec/game/grpc_health.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = {0};
    struct grpc_answer answer;
    struct str rest;
    answer.head = str_split((struct str){(const char *)data, size}, '\0', &rest);
    answer.trailers = str_split(rest, '\0', &answer.body);
    int result = grpc_health_answer(&answer, &err);
    must(result == 0 || result == -1);
    must(result == 0 || (err.text[0] != '\0' && strlen(err.text) <= 120));
    for (const char *c = err.text; result < 0 && *c != '\0'; c++) {
        must(*c >= ' ' && *c <= '~');
    }
    must(result < 0 || (answer.body.size >= 7 && answer.trailers.size > 0));
    return 0;
}
