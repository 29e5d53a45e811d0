/* Names of keys in paths: what is read has this one encoding. */
#include "must.h"

#include "outrider/base/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str given = {(const char *)data, size};
    struct buf bytes = {0}, text = {0}, back = {0};
    if (base64url_decode(given, &bytes) == 0) {
        base64url_encode(buf_view(&bytes), &text);
        must(str_eq(buf_view(&text), given));
    } else {
        must(bytes.size == 0);
    }
    buf_clear(&text);
    base64url_encode(given, &text);
    must(base64url_decode(buf_view(&text), &back) == 0 && str_eq(buf_view(&back), given));
    buf_fini(&bytes);
    buf_fini(&text);
    buf_fini(&back);
    return 0;
}
