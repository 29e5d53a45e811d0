#include "etcd_watch_line_internal.h"

#define NOWHERE SIZE_MAX

static size_t skip_blank(struct str text, size_t at)
{
    while (at < text.size && memchr(" \t\r\n", text.data[at], 4) != NULL) {
        at++;
    }
    return at;
}

static bool is_at(struct str text, size_t at, char c)
{
    return at < text.size && text.data[at] == c;
}

/* Where the string ends that begins at `at` with its quote: behind the other quote. Most of a line is long
 * strings without a single escape. */
static size_t string_end(struct str text, size_t at)
{
    size_t quote = at;
    for (at++; at < text.size; at += 2) {
        if (quote < at) {
            const char *found = memchr(text.data + at, '"', text.size - at);
            if (found == NULL) {
                return NOWHERE;
            }
            quote = (size_t)(found - text.data);
        }
        const char *escape = memchr(text.data + at, '\\', quote - at);
        if (escape == NULL) {
            return quote + 1;
        }
        at = (size_t)(escape - text.data);
    }
    return NOWHERE;
}

static size_t brackets_end(struct str text, size_t at)
{
    size_t depth = 0;
    while (at < text.size) {
        char c = text.data[at];
        if (c == '"') {
            at = string_end(text, at);
            continue;
        }
        at++;
        if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            depth--;
            if (depth == 0) {
                return at;
            }
        }
    }
    return NOWHERE;
}

static size_t value_end(struct str text, size_t at)
{
    if (is_at(text, at, '"')) {
        return string_end(text, at);
    }
    if (is_at(text, at, '{') || is_at(text, at, '[')) {
        return brackets_end(text, at);
    }
    size_t end = at;
    while (end < text.size && memchr(",]}: \t\r\n", text.data[end], 8) == NULL) {
        end++;
    }
    return end > at ? end : NOWHERE;
}

static struct str part(struct str text, size_t from, size_t to)
{
    return (struct str){text.data + from, to - from};
}

/* One member of an object: `at` is behind the brace or comma before it. Returns where it ends. */
static size_t read_member(struct str object, size_t at, struct str *ret_name, struct str *ret_value)
{
    at = skip_blank(object, at);
    size_t name_end = is_at(object, at, '"') ? string_end(object, at) : NOWHERE;
    if (name_end == NOWHERE) {
        return NOWHERE;
    }
    size_t colon = skip_blank(object, name_end);
    if (!is_at(object, colon, ':')) {
        return NOWHERE;
    }
    size_t value = skip_blank(object, colon + 1);
    size_t end = value_end(object, value);
    if (end != NOWHERE) {
        *ret_name = part(object, at, name_end);
        *ret_value = part(object, value, end);
    }
    return end;
}

/* The first member of that name, which is given with its quotes; empty when there is none. */
static struct str find_member(struct str object, struct str name)
{
    size_t at = skip_blank(object, 0);
    if (!is_at(object, at, '{')) {
        return STR("");
    }
    do {
        struct str found, value;
        at = read_member(object, at + 1, &found, &value);
        if (at == NOWHERE) {
            return STR("");
        }
        if (str_eq(found, name)) {
            return value;
        }
        at = skip_blank(object, at);
    } while (is_at(object, at, ','));
    return STR("");
}

struct str etcd_watch_line_split(struct str line, struct buf *frame)
{
    struct str events = find_member(find_member(line, STR("\"result\"")), STR("\"events\""));
    if (events.size < 2 || events.data[0] != '[') {
        buf_str(frame, line);
        return STR("");
    }
    size_t from = (size_t)(events.data - line.data) + 1;
    size_t to = from + events.size - 2;
    buf_str(frame, part(line, 0, from));
    buf_str(frame, part(line, to, line.size));
    return part(line, from, to);
}

int etcd_watch_line_next(struct str *events, struct str *ret_event)
{
    size_t from = skip_blank(*events, 0);
    if (from == events->size) {
        return 0;
    }
    size_t to = is_at(*events, from, '{') ? brackets_end(*events, from) : NOWHERE;
    if (to == NOWHERE) {
        return -1;
    }
    size_t next = skip_blank(*events, to);
    bool more = is_at(*events, next, ',');
    if (next < events->size && (!more || skip_blank(*events, next + 1) == events->size)) {
        return -1;
    }
    *ret_event = part(*events, from, to);
    *events = part(*events, more ? next + 1 : events->size, events->size);
    return 1;
}
