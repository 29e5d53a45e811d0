/* Bytes to the request parser in chunks of sizes that the first byte seeds, and then what the server does
 * with a head: decode the path, walk the query. */
#include "outrider/base/buf.h"
#include "outrider/io/http/http_parse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void use(const struct http_head *head, struct str bytes)
{
    struct buf scratch = {0};
    struct str rest = head->query;
    struct str name;
    struct str value;
    check(head->size <= bytes.size && head->size <= HTTP_HEAD_MAX);
    check(head->method.size > 0 && head->path.size > 0 && head->header_count <= HTTP_HEADERS_MAX);
    check(head->content_length <= 1000);
    if (http_percent_decode(head->path, false, &scratch) == 0) {
        check(str_is_utf8(buf_view(&scratch)) && strlen(buf_text(&scratch)) == scratch.size);
    }
    int result;
    while ((result = http_query_next(&rest, &scratch, &name, &value)) != 0) {
        check(result < 0 || name.size + value.size == scratch.size);
    }
    buf_fini(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf bytes = {0};
    struct http_head head;
    struct http_fault fault;
    size_t scanned = 0;
    uint32_t random = size == 0 ? 1 : data[0];
    enum http_parse_result result = HTTP_PARSE_MORE;
    for (size_t at = 0; at < size && result == HTTP_PARSE_MORE;) {
        random = random * 1664525 + 1013904223;
        size_t chunk = (random >> 24) % 40 + 1;
        chunk = chunk < size - at ? chunk : size - at;
        buf_add(&bytes, data + at, chunk);
        at += chunk;
        result = http_parse_head(buf_view(&bytes), &scanned, 1000, &head, &fault);
    }
    /* However it was cut, the verdict is that of the whole. */
    size_t fresh = 0;
    struct http_head whole;
    enum http_parse_result again = http_parse_head(buf_view(&bytes), &fresh, 1000, &whole, &fault);
    check(again == result);
    if (result == HTTP_PARSE_DONE) {
        check(whole.size == head.size && whole.content_length == head.content_length);
        use(&whole, buf_view(&bytes));
    }
    buf_fini(&bytes);
    return 0;
}
