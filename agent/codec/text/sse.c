#include "outrider/codec/text/sse.h"

#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/fleet/view_entry.h"

#include <inttypes.h>
#include <stdio.h>

static int read_hex(struct str text, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (text.size == 0 || text.size > 16 || (text.size > 1 && text.data[0] == '0')) {
        return -1;
    }
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) {
            return -1;
        }
        value = value << 4 | (uint64_t)hex_value(c);
    }
    *ret_value = value;
    return 0;
}

int sse_id_parse(struct str text, struct sse_id *ret_id)
{
    struct str cluster;
    struct str revision = str_split(text, '-', &cluster);
    uint64_t number;
    struct sse_id id;
    if (str_to_u64(revision, INT64_MAX, &number) < 0 || read_hex(cluster, &id.cluster) < 0 ||
        (revision.size > 1 && revision.data[0] == '0')) {
        return -1;
    }
    id.revision = (int64_t)number;
    *ret_id = id;
    return 0;
}

/* CR, LF and CRLF all end a line of an event stream, so each begins a field of its own. */
static void add_data(struct buf *out, struct str data)
{
    size_t start = 0;
    for (size_t i = 0; i < data.size; i++) {
        if (data.data[i] != '\n' && data.data[i] != '\r') {
            continue;
        }
        buf_str(out, STR("data: "));
        buf_add(out, data.data + start, i - start);
        buf_str(out, STR("\n"));
        i += data.data[i] == '\r' && i + 1 < data.size && data.data[i + 1] == '\n' ? 1 : 0;
        start = i + 1;
    }
    buf_str(out, STR("data: "));
    buf_add(out, data.data == NULL ? "" : data.data + start, data.size - start);
    buf_str(out, STR("\n"));
}

void sse_event(struct buf *out, struct str name, struct str data, const struct sse_id *id)
{
    if (name.size > 0) {
        buf_str(out, STR("event: "));
        buf_str(out, name);
        buf_str(out, STR("\n"));
    }
    add_data(out, data);
    if (id != NULL) {
        char text[SSE_ID_SIZE];
        sse_id_text(id, text);
        buf_printf(out, "id: %s\n", text);
    }
    buf_str(out, STR("\n"));
}

void sse_comment(struct buf *out, struct str text)
{
    buf_str(out, STR(": "));
    buf_str(out, text);
    buf_str(out, STR("\n\n"));
}

void sse_id_text(const struct sse_id *id, char ret_text[static SSE_ID_SIZE])
{
    snprintf(ret_text, SSE_ID_SIZE, "%" PRId64 "-%" PRIx64, id->revision, id->cluster);
}

void sse_remove_data(struct buf *out, const struct view_entry *was, bool clean)
{
    struct json_writer json = {.out = out};
    json_write_object(&json);
    json_member_string(&json, "key", view_entry_key(was));
    json_member_string(&json, "type", view_entry_type(was));
    json_member_string(&json, "id", view_entry_id(was));
    json_member_bool(&json, "clean", clean);
    json_write_object_end(&json);
}

void sse_remove(struct buf *out, const struct view_entry *was, bool clean, const struct sse_id *id)
{
    struct buf data = {0};
    sse_remove_data(&data, was, clean);
    sse_event(out, STR("remove"), buf_view(&data), id);
    buf_fini(&data);
}

void sse_synced_data(struct buf *out, size_t total, bool stale, const struct sse_id *id)
{
    buf_printf(out, "{\"total\":%zu,\"revision\":%" PRId64 ",\"stale\":%s}", total, id->revision,
               stale ? "true" : "false");
}

void sse_synced(struct buf *out, size_t total, bool stale, const struct sse_id *id)
{
    struct buf data = {0};
    sse_synced_data(&data, total, stale, id);
    sse_event(out, STR("synced"), buf_view(&data), id);
    buf_fini(&data);
}
