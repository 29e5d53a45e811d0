#include "outrider/base/buf.h"
#include "outrider/io/http/http_parse.h"

/* Appends the decoded bytes, never more than there are in `text`; false at a malformed escape or a NUL. */
static bool decode(struct str text, bool plus, struct buf *out)
{
    char *to = buf_extend(out, text.size);
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c == '%') {
            int high = text.size - i > 2 ? hex_value(text.data[i + 1]) : -1;
            int low = high >= 0 ? hex_value(text.data[i + 2]) : -1;
            if (low < 0) {
                return false;
            }
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (c == '\0') {
            return false;
        }
        *to++ = c;
    }
    *to = '\0';
    out->size = (size_t)(to - out->data);
    return true;
}

int http_percent_decode(struct str text, bool plus, struct buf *out)
{
    size_t before = out->size;
    if (decode(text, plus, out) && str_is_utf8((struct str){out->data + before, out->size - before})) {
        return 0;
    }
    out->size = before;
    out->data[before] = '\0';
    return -1;
}

int http_query_next(struct str *rest, struct buf *scratch, struct str *ret_name, struct str *ret_value)
{
    buf_clear(scratch);
    struct str pair = {NULL, 0};
    while (pair.size == 0 && rest->size > 0) {
        pair = str_split(*rest, '&', rest);
    }
    if (pair.size == 0) {
        return 0;
    }
    struct str value;
    struct str name = str_split(pair, '=', &value);
    if (http_percent_decode(name, true, scratch) < 0) {
        return -1;
    }
    size_t split = scratch->size;
    if (http_percent_decode(value, true, scratch) < 0) {
        return -1;
    }
    *ret_name = (struct str){scratch->data, split};
    *ret_value = (struct str){scratch->data + split, scratch->size - split};
    return 1;
}
