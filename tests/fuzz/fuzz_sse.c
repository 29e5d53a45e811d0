/* Last-Event-ID as any client may send it: what is believed is what would be written. And events of any
 * bytes: a reader must find one event, whatever line ends are in it. */
#include "must.h"

#include "outrider/base/buf.h"
#include "outrider/codec/text/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_id(struct str text)
{
    struct sse_id id;
    struct buf out = {0}, expected = {0};
    if (sse_id_parse(text, &id) == 0) {
        sse_event(&out, STR("x"), STR("y"), &id);
        buf_str(&expected, STR("event: x\ndata: y\nid: "));
        buf_str(&expected, text);
        buf_str(&expected, STR("\n\n"));
        must(str_eq(buf_view(&out), buf_view(&expected)));
    }
    buf_fini(&out);
    buf_fini(&expected);
}

/* Every line of an event is a field, and only its end is an empty one. */
static void check_event(struct str data)
{
    struct buf out = {0};
    sse_event(&out, (struct str){NULL, 0}, data, NULL);
    struct str rest = buf_view(&out), line;
    size_t lines = 0;
    for (line = str_split(rest, '\n', &rest); line.size > 0; line = str_split(rest, '\n', &rest)) {
        must(str_starts(line, STR("data: ")) && memchr(line.data, '\r', line.size) == NULL);
        lines++;
    }
    must(lines > 0 && rest.size == 0);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    check_id(text);
    check_event(text);
    return 0;
}
