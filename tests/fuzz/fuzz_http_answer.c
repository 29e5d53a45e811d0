/* Bytes to the answer parser in chunks of sizes that the first byte seeds: however they are cut, verdict and
 * body are those of the whole. */
#include "io/http/client/http_answer_internal.h"
#include "outrider/io/http/client/http_client.h" /* names the floor that is linked */

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_BODY = 1000 };

static void check(bool ok)
{
    if (!ok) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_answer whole = {0}, pieces = {0};
    const char *bytes = size == 0 ? "" : (const char *)data;
    size_t used = 0, total = 0;
    http_answer_begin(&whole, MAX_BODY);
    http_answer_begin(&pieces, MAX_BODY);
    enum http_answer_result expected = http_answer_feed(&whole, bytes, size, &used);
    enum http_answer_result result = HTTP_ANSWER_MORE;
    uint32_t random = size == 0 ? 1 : data[0];
    while (result == HTTP_ANSWER_MORE && total < size) {
        random = random * 1664525 + 1013904223;
        size_t chunk = (random >> 24) % 40 + 1;
        chunk = chunk < size - total ? chunk : size - total;
        size_t taken = 0;
        result = http_answer_feed(&pieces, bytes + total, chunk, &taken);
        check(taken == chunk || result != HTTP_ANSWER_MORE);
        total += taken;
    }
    check(result == expected && total == used);
    check(http_answer_end(&whole) == http_answer_end(&pieces));
    check(whole.status == pieces.status && whole.keep_alive == pieces.keep_alive);
    check(whole.body.size <= MAX_BODY && whole.head.size <= HTTP_ANSWER_HEAD_MAX);
    check(str_eq(buf_view(&whole.body), buf_view(&pieces.body)));
    http_answer_fini(&whole);
    http_answer_fini(&pieces);
    return 0;
}
