/* Entries of the audit: whatever is read can be written, and what was written reads as the same. */
#include "must.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/audit/audit_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct str text, size_t max)
{
    must(text.size <= max && str_is_utf8(text));
    while (text.size > 0) {
        size_t size = str_utf8_character(text);
        must(!str_is_control((struct str){text.data, size}));
        text = (struct str){text.data + size, text.size - size};
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct audit_entry read, back;
    struct buf texts = {0}, back_texts = {0}, out = {0};
    struct error err = {0};
    if (audit_decode((struct str){(const char *)data, size}, &texts, &read, &err) < 0) {
        must(err.code != ERROR_NONE && err.text[0] != '\0');
        buf_fini(&texts);
        return 0;
    }
    audit_encode(&read, &out);
    must(out.size <= AUDIT_LINE_MAX && memchr(out.data, '\n', out.size) == NULL);
    must(audit_decode(buf_view(&out), &back_texts, &back, &err) == 0);
    must(str_eq(str_of(back.id), str_of(read.id)) && back.when_wall == read.when_wall);
    must(back.outcome == read.outcome && back.count == read.count);
    for (size_t i = 0; i < AUDIT_TEXTS; i++) {
        check_text(read.texts[i], audit_text_rows[i].max);
        must(str_eq(read.texts[i], back.texts[i]));
    }
    buf_clear(&out);
    audit_csv_row(&read, &out);
    must(out.size > 2 && memchr(out.data, '\n', out.size) == out.data + out.size - 1);
    buf_fini(&out);
    buf_fini(&texts);
    buf_fini(&back_texts);
    return 0;
}
