/* Accept-Encoding: a list means the same in one header and in several, in whatever case; a refusal at its end holds, and so does a wish
 * where nothing before it named gzip. */
#include "must.h"

#include "outrider/base/buf.h"
#include "outrider/io/http/http_coding.h"

#include <ctype.h>

static const struct str refusal = STR_INIT(",gzip;q=0"), nothing = STR_INIT(",identity;q=0,*;q=0,gzip");

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct http_codings read_all(struct str value)
{
    struct http_codings codings = HTTP_CODINGS_NONE;
    http_codings_add(&codings, value);
    must(codings.gzip >= HTTP_CODING_UNNAMED && codings.gzip <= HTTP_CODING_WEIGHT_MAX);
    must(codings.identity >= HTTP_CODING_UNNAMED && codings.identity <= HTTP_CODING_WEIGHT_MAX);
    must(codings.any >= HTTP_CODING_UNNAMED && codings.any <= HTTP_CODING_WEIGHT_MAX);
    return codings;
}

static bool is_same(struct http_codings a, struct http_codings b)
{
    return a.gzip == b.gzip && a.identity == b.identity && a.any == b.any;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str value = {(const char *)data, size};
    struct http_codings whole = read_all(value), parts = HTTP_CODINGS_NONE;
    struct buf text = {0};
    for (struct str rest = value; rest.size > 0;) {
        http_codings_add(&parts, str_split(rest, ',', &rest));
    }
    must(is_same(whole, parts));
    for (size_t i = 0; i < size; i++) {
        char c = (char)toupper(data[i]);
        buf_add(&text, &c, 1);
    }
    must(is_same(whole, read_all(buf_view(&text))));
    buf_str(&text, refusal);
    whole = read_all(buf_view(&text));
    must(!http_codings_gzip(&whole));
    buf_clear(&text);
    buf_str(&text, value);
    buf_str(&text, nothing);
    parts = read_all(value);
    whole = read_all(buf_view(&text));
    must(http_codings_gzip(&whole) == (parts.gzip != 0));
    buf_fini(&text);
    return 0;
}
