#include "outrider/codec/text/sse_read.h"

#include <string.h>

void sse_reader_feed(struct sse_reader *reader, struct str bytes)
{
    buf_consume(&reader->input, reader->at);
    reader->at = 0;
    buf_str(&reader->input, bytes);
}

/* Takes the next line without its end: CR, LF or CRLF; the LF of a CRLF may arrive later. Returns false when no whole line is
 * there. */
static bool take_line(struct sse_reader *reader, struct str *ret_line)
{
    struct str rest = {buf_text(&reader->input) + reader->at, reader->input.size - reader->at};
    if (reader->after_cr && rest.size > 0) {
        reader->after_cr = false;
        size_t lf = rest.data[0] == '\n' ? 1 : 0;
        reader->at += lf;
        rest = (struct str){rest.data + lf, rest.size - lf};
    }
    size_t size = 0;
    while (size < rest.size && rest.data[size] != '\n' && rest.data[size] != '\r') {
        size++;
    }
    if (size == rest.size) {
        return false;
    }
    reader->after_cr = rest.data[size] == '\r';
    reader->at += size + 1;
    *ret_line = (struct str){rest.data, size};
    *ret_line = reader->begun ? *ret_line : str_skip_bom(*ret_line);
    reader->begun = true;
    return true;
}

static void set(struct buf *buf, struct str text)
{
    buf_clear(buf);
    buf_str(buf, text);
}

static void take_field(struct sse_reader *reader, struct str line)
{
    struct str value;
    struct str field = str_split(line, ':', &value);
    if (value.size > 0 && value.data[0] == ' ') {
        value = (struct str){value.data + 1, value.size - 1};
    }
    if (str_eq(field, STR("data"))) {
        buf_str(&reader->data, value);
        buf_str(&reader->data, STR("\n"));
    } else if (str_eq(field, STR("event"))) {
        set(&reader->name, value);
    } else if (str_eq(field, STR("id")) &&
               (value.size == 0 || memchr(value.data, '\0', value.size) == NULL)) {
        set(&reader->id, value);
    }
}

/* An event without data is not dispatched, but its id is kept. */
static bool end_event(struct sse_reader *reader, struct sse_message *ret_message)
{
    set(&reader->last_id, buf_view(&reader->id));
    reader->told = true;
    if (reader->data.size == 0) {
        return false;
    }
    *ret_message = (struct sse_message){.name = buf_view(&reader->name),
                                        .data = {reader->data.data, reader->data.size - 1}};
    return true;
}

static void forget_told(struct sse_reader *reader)
{
    if (reader->told) {
        buf_clear(&reader->name);
        buf_clear(&reader->data);
        reader->told = false;
    }
}

static bool is_too_large(const struct sse_reader *reader)
{
    return reader->data.size + reader->name.size + reader->id.size > reader->max;
}

int sse_reader_next(struct sse_reader *reader, struct sse_message *ret_message)
{
    struct str line;
    forget_told(reader);
    while (!is_too_large(reader) && take_line(reader, &line)) {
        if (line.size > 0) {
            take_field(reader, line);
        } else if (end_event(reader, ret_message)) {
            return 1;
        } else {
            forget_told(reader);
        }
    }
    return is_too_large(reader) || reader->input.size - reader->at > reader->max ? -1 : 0;
}

void sse_reader_begin_anew(struct sse_reader *reader)
{
    reader->told = true;
    forget_told(reader);
    buf_clear(&reader->input);
    reader->at = 0;
    reader->begun = reader->after_cr = false;
    set(&reader->id, buf_view(&reader->last_id));
}

void sse_reader_fini(struct sse_reader *reader)
{
    buf_fini(&reader->input);
    buf_fini(&reader->name);
    buf_fini(&reader->data);
    buf_fini(&reader->id);
    buf_fini(&reader->last_id);
    *reader = (struct sse_reader){0};
}
