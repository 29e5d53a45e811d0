#include "outrider/codec/json/json_write.h"

#include "outrider/base/buf.h"
#include "outrider/base/duration.h"

static void begin_value(struct json_writer *json)
{
    if (json->more) {
        buf_str(json->out, STR(","));
    }
    json->more = true;
}

static void open_container(struct json_writer *json, struct str bracket)
{
    begin_value(json);
    buf_str(json->out, bracket);
    json->more = false;
}

static void close_container(struct json_writer *json, struct str bracket)
{
    buf_str(json->out, bracket);
    json->more = true;
}

void json_write_object(struct json_writer *json)
{
    open_container(json, STR("{"));
}

void json_write_object_end(struct json_writer *json)
{
    close_container(json, STR("}"));
}

void json_write_array(struct json_writer *json)
{
    open_container(json, STR("["));
}

void json_write_array_end(struct json_writer *json)
{
    close_container(json, STR("]"));
}

static void add_escape(struct buf *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char control[32] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    if (c == '"' || c == '\\') {
        buf_add(out, (const char[]){'\\', (char)c}, 2);
    } else if (control[c] != 0) {
        buf_add(out, (const char[]){'\\', control[c]}, 2);
    } else {
        buf_add(out, (const char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
    }
}

/* Whole runs are copied at once: most strings need no escape. */
static void add_escaped(struct buf *out, struct str text)
{
    size_t start = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c < 0x20 || c == '"' || c == '\\') {
            buf_add(out, text.data + start, i - start);
            add_escape(out, c);
            start = i + 1;
        }
    }
    if (start < text.size) {
        buf_add(out, text.data + start, text.size - start);
    }
}

static void add_repaired(struct buf *out, struct str text)
{
    for (size_t i = 0, length; i < text.size; i += length) {
        struct str rest = {text.data + i, text.size - i};
        length = str_utf8_character(rest);
        if (length == 0) {
            buf_str(out, STR("\xef\xbf\xbd"));
            length = 1;
        } else {
            add_escaped(out, (struct str){rest.data, length});
        }
    }
}

/* Whether one of eight bytes is none that a string has as it is. A subtraction borrows into the highest bit of a byte that is too small. */
static bool has_special(const char *bytes)
{
    const uint64_t ones = 0x0101010101010101U;
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    uint64_t borrows = (word - ones * 0x20) | ((word ^ ones * '"') - ones) | ((word ^ ones * '\\') - ones) |
                       ((word ^ ones * 0x7f) - ones);
    return ((borrows | word) & ones * 0x80) != 0;
}

static bool is_plain(struct str text)
{
    size_t i = 0;
    for (; i + sizeof(uint64_t) <= text.size; i += sizeof(uint64_t)) {
        if (has_special(text.data + i)) {
            return false;
        }
    }
    for (; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') {
            return false;
        }
    }
    return true;
}

static void add_quoted(struct buf *out, struct str text)
{
    buf_str(out, STR("\""));
    if (str_is_utf8(text)) {
        add_escaped(out, text);
    } else {
        add_repaired(out, text);
    }
    buf_str(out, STR("\""));
}

/* Nearly every string of a record is plain ASCII: it is checked and copied in one pass, with its quotes and comma. */
static void add_string(struct json_writer *json, struct str text, struct str after)
{
    size_t comma = json->more ? 1 : 0;
    json->more = true;
    if (!is_plain(text)) {
        buf_str(json->out, comma > 0 ? STR(",") : STR(""));
        add_quoted(json->out, text);
        buf_str(json->out, after);
        return;
    }
    char *to = buf_extend(json->out, comma + text.size + 2 + after.size);
    to[0] = ','; /* overwritten by the quote when no comma is needed */
    to[comma] = '"';
    to += comma + 1;
    if (text.size > 0) {
        memcpy(to, text.data, text.size);
    }
    to[text.size] = '"';
    memcpy(to + text.size + 1, after.data, after.size);
}

void json_write_key(struct json_writer *json, const char *name)
{
    add_string(json, str_of(name), STR(":"));
    json->more = false;
}

void json_write_string(struct json_writer *json, struct str value)
{
    add_string(json, value, STR(""));
}

void json_write_text(struct json_writer *json, const char *value)
{
    if (value == NULL) {
        json_write_null(json);
    } else {
        json_write_string(json, str_of(value));
    }
}

void json_write_int(struct json_writer *json, int64_t value)
{
    begin_value(json);
    buf_int(json->out, value);
}

void json_write_uint(struct json_writer *json, uint64_t value)
{
    begin_value(json);
    buf_uint(json->out, value);
}

void json_write_bool(struct json_writer *json, bool value)
{
    json_write_raw(json, value ? STR("true") : STR("false"));
}

void json_write_null(struct json_writer *json)
{
    json_write_raw(json, STR("null"));
}

void json_write_time(struct json_writer *json, int64_t wall_ms)
{
    char text[32];
    json_write_string(json, str_of(timestamp_format(wall_ms, text)));
}

void json_write_raw(struct json_writer *json, struct str value)
{
    begin_value(json);
    buf_str(json->out, value);
}

/* ---- members ---- */

void json_member_string(struct json_writer *json, const char *name, struct str value)
{
    json_write_key(json, name);
    json_write_string(json, value);
}

void json_member_string_or_null(struct json_writer *json, const char *name, struct str value)
{
    json_write_key(json, name);
    if (value.size > 0) {
        json_write_string(json, value);
    } else {
        json_write_null(json);
    }
}

void json_member_text(struct json_writer *json, const char *name, const char *value)
{
    json_write_key(json, name);
    json_write_text(json, value);
}

void json_member_text_if(struct json_writer *json, const char *name, const char *value)
{
    if (value != NULL) {
        json_member_text(json, name, value);
    }
}

void json_member_int(struct json_writer *json, const char *name, int64_t value)
{
    json_write_key(json, name);
    json_write_int(json, value);
}

void json_member_uint(struct json_writer *json, const char *name, uint64_t value)
{
    json_write_key(json, name);
    json_write_uint(json, value);
}

void json_member_bool(struct json_writer *json, const char *name, bool value)
{
    json_write_key(json, name);
    json_write_bool(json, value);
}

void json_member_time(struct json_writer *json, const char *name, int64_t wall_ms)
{
    json_write_key(json, name);
    if (wall_ms == 0) {
        json_write_null(json);
    } else {
        json_write_time(json, wall_ms);
    }
}

void json_member_span(struct json_writer *json, const char *name, int64_t ms)
{
    json_write_key(json, name);
    if (ms < 0) {
        json_write_null(json);
    } else {
        json_write_int(json, ms);
    }
}

void json_member_object(struct json_writer *json, const char *name)
{
    json_write_key(json, name);
    json_write_object(json);
}

void json_member_array(struct json_writer *json, const char *name)
{
    json_write_key(json, name);
    json_write_array(json);
}
