/* A stream of events of any bytes: bounded, and the same events whether it comes at once or byte by byte. And
 * whatever we write as one event is read as that one. */
#include "must.h"

#include "outrider/base/buf.h"
#include "outrider/codec/text/sse.h"
#include "outrider/codec/text/sse_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX = 64 };

/* Everything the reader says, as text; returns whether it goes on. */
static bool read_all(struct sse_reader *reader, struct buf *told)
{
    struct sse_message message;
    int rc;
    while ((rc = sse_reader_next(reader, &message)) > 0) {
        must(message.name.size + message.data.size <= 2 * (size_t)MAX);
        buf_printf(told, "%zu %zu\n", message.name.size, message.data.size);
        buf_str(told, message.name);
        buf_str(told, message.data);
        buf_str(told, buf_view(&reader->last_id));
    }
    must(rc == 0 || sse_reader_next(reader, &message) < 0);
    return rc == 0;
}

static bool read_in_pieces(struct str stream, size_t piece, struct buf *told)
{
    struct sse_reader reader = {.max = MAX};
    bool goes_on = true;
    for (size_t at = 0; at < stream.size && goes_on; at += piece) {
        size_t left = stream.size - at;
        sse_reader_feed(&reader, (struct str){stream.data + at, left < piece ? left : piece});
        goes_on = read_all(&reader, told);
    }
    sse_reader_fini(&reader);
    return goes_on;
}

/* How much is too much depends on how it comes: at once, a line is judged when it is whole. */
static void check_pieces(struct str stream)
{
    struct buf whole = {0}, pieces = {0};
    bool a = read_in_pieces(stream, stream.size, &whole), b = read_in_pieces(stream, 1, &pieces);
    must(!a || !b || str_eq(buf_view(&whole), buf_view(&pieces)));
    buf_fini(&whole);
    buf_fini(&pieces);
}

static void check_written(struct str data)
{
    struct buf stream = {0};
    struct sse_id id = {7, 0xabc};
    struct sse_reader reader = {.max = 4 * data.size + 64};
    struct sse_message message;
    sse_event(&stream, STR("update"), data, &id);
    sse_reader_feed(&reader, buf_view(&stream));
    must(sse_reader_next(&reader, &message) == 1 && str_eq(message.name, STR("update")));
    must(message.data.size <= data.size && str_eq(buf_view(&reader.last_id), STR("7-abc")));
    must(memchr(data.data, '\r', data.size) != NULL || str_eq(message.data, data));
    must(sse_reader_next(&reader, &message) == 0);
    sse_reader_fini(&reader);
    buf_fini(&stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {size == 0 ? "" : (const char *)data, size};
    if (size > 0) {
        check_pieces(text);
    }
    check_written(text);
    return 0;
}
