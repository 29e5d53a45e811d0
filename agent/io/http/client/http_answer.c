#include "http_answer_internal.h"

#include <strings.h>

enum {
    STATE_HEAD,
    STATE_SIZED,
    STATE_TO_END,
    STATE_CHUNK_FIRST, /* the first digit of a size: there must be one */
    STATE_CHUNK_SIZE,
    STATE_CHUNK_EXTENSION,
    STATE_CHUNK_LF,
    STATE_CHUNK_DATA,
    STATE_DATA_CR,
    STATE_DATA_LF,
    STATE_TRAILER_FIRST,
    STATE_TRAILER,
    STATE_TRAILER_LF,
    STATE_LAST_LF
};

/* What the headers say about where the body ends. */
struct framing {
    uint64_t length;
    bool has_length, chunked, has_coding, close, keep;
};

void http_answer_begin(struct http_answer *answer, size_t max_body)
{
    struct buf head = answer->head, body = answer->body;
    buf_clear(&head);
    buf_clear(&body);
    *answer = (struct http_answer){.head = head, .body = body, .max_body = max_body};
}

void http_answer_fini(struct http_answer *answer)
{
    buf_fini(&answer->head);
    buf_fini(&answer->body);
}

static bool same_word(struct str a, struct str b)
{
    return a.size == b.size && strncasecmp(a.data, b.data, a.size) == 0;
}

/* ---- the head ---- */

/* RFC 9110, 5.6.2 */
static bool is_token(struct str text)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL)) {
            return false;
        }
    }
    return text.size > 0;
}

/* "HTTP/1.x NNN" and maybe a reason. */
static int parse_status_line(struct str line, int *ret_minor, int *ret_status)
{
    uint64_t status;
    if (line.size < 12 || !str_starts(line, STR("HTTP/1.")) || line.data[7] < '0' || line.data[7] > '9' ||
        line.data[8] != ' ' || (line.size > 12 && line.data[12] != ' ') ||
        str_to_u64((struct str){line.data + 9, 3}, 999, &status) < 0 || status < 100) {
        return -1;
    }
    *ret_minor = line.data[7] == '0' ? 0 : 1;
    *ret_status = (int)status;
    return 0;
}

/* "5, 5" is one length said twice (RFC 9110, 8.6); "5, 6" and "5" beside "6" are none. */
static int note_length(struct framing *framing, struct str value)
{
    bool more = true;
    while (more) {
        size_t before = value.size;
        struct str each = str_split(value, ',', &value);
        more = each.size < before;
        uint64_t length;
        if (str_to_u64(str_trim(each), INT64_MAX, &length) < 0 ||
            (framing->has_length && framing->length != length)) {
            return -1;
        }
        framing->has_length = true;
        framing->length = length;
    }
    return 0;
}

static void note_connection(struct framing *framing, struct str value)
{
    while (value.size > 0) {
        struct str word = str_trim(str_split(value, ',', &value));
        framing->close = framing->close || same_word(word, STR("close"));
        framing->keep = framing->keep || same_word(word, STR("keep-alive"));
    }
}

static int parse_header(struct http_answer *answer, struct framing *framing, struct str line)
{
    struct str value;
    struct str name = str_split(line, ':', &value);
    if (name.size == line.size || !is_token(name)) { /* a folded line begins with a blank: no token */
        return -1;
    }
    value = str_trim(value);
    if (same_word(name, STR("Content-Length"))) {
        return note_length(framing, value);
    }
    if (same_word(name, STR("Transfer-Encoding"))) {
        bool again = framing->has_coding;
        framing->has_coding = true;
        framing->chunked = same_word(value, STR("chunked"));
        return framing->chunked && !again ? 0 : -1; /* we asked for no other coding */
    }
    if (same_word(name, STR("Content-Type"))) {
        answer->content_type = value;
    } else if (same_word(name, STR("Connection"))) {
        note_connection(framing, value);
    }
    return 0;
}

static enum http_answer_result choose_body(struct http_answer *answer, const struct framing *framing)
{
    if (answer->status == 204 || answer->status == 304) {
        return HTTP_ANSWER_DONE;
    }
    if (framing->chunked) {
        answer->state = STATE_CHUNK_FIRST;
        return HTTP_ANSWER_MORE;
    }
    if (!framing->has_length) {
        answer->state = STATE_TO_END;
        answer->keep_alive = false;
        return HTTP_ANSWER_MORE;
    }
    if (framing->length > answer->max_body) {
        return HTTP_ANSWER_TOO_LARGE;
    }
    answer->state = STATE_SIZED;
    answer->left = framing->length;
    return framing->length == 0 ? HTTP_ANSWER_DONE : HTTP_ANSWER_MORE;
}

/* Text, and no CR but the one before the LF. */
static bool is_plain(struct str line)
{
    for (size_t i = 0; i < line.size; i++) {
        if ((unsigned char)line.data[i] < 0x20 && line.data[i] != '\t') {
            return false;
        }
    }
    return true;
}

/* The next line without its end, which the scan has seen; `rest` moves on. */
static struct str next_line(struct str *rest)
{
    struct str line = str_split(*rest, '\n', rest);
    line.size -= line.size > 0 ? 1 : 0;
    return line;
}

static enum http_answer_result parse_head(struct http_answer *answer)
{
    struct str rest = buf_view(&answer->head);
    struct framing framing = {0};
    int minor, status;
    struct str line = next_line(&rest);
    if (!is_plain(line) || parse_status_line(line, &minor, &status) < 0) {
        return HTTP_ANSWER_MALFORMED;
    }
    while ((line = next_line(&rest)).size > 0) {
        if (!is_plain(line) || parse_header(answer, &framing, line) < 0) {
            return HTTP_ANSWER_MALFORMED;
        }
    }
    if (framing.has_length && framing.has_coding) {
        return HTTP_ANSWER_MALFORMED;
    }
    if (status < 200 && status != 101) { /* an interim answer: the final one follows (RFC 9110, 15.2) */
        buf_clear(&answer->head);
        answer->content_type = (struct str){NULL, 0};
        return HTTP_ANSWER_MORE;
    }
    if (status == 101) { /* we asked for no other protocol */
        return HTTP_ANSWER_MALFORMED;
    }
    answer->status = status;
    answer->keep_alive = !framing.close && (minor > 0 || framing.keep);
    return choose_body(answer, &framing);
}

/* A peer that speaks something else is found out at its first bytes, and one that ends lines otherwise at its
 * first line; the rest is looked at when the head is complete. */
static enum http_answer_result take_head(struct http_answer *answer, const char *data, size_t size,
                                         size_t *used)
{
    static const char prefix[] = "HTTP/1.";
    struct buf *head = &answer->head;
    for (size_t i = *used, at = head->size; i < size && at < sizeof(prefix) - 1; i++, at++) {
        if (data[i] != prefix[at]) {
            *used = i;
            return HTTP_ANSWER_MALFORMED;
        }
    }
    while (*used < size) {
        size_t room = HTTP_ANSWER_HEAD_MAX - head->size;
        size_t run = size - *used < room ? size - *used : room;
        const char *end = run == 0 ? NULL : memchr(data + *used, '\n', run);
        run = end != NULL ? (size_t)(end - data) + 1 - *used : run;
        buf_add(head, data + *used, run);
        *used += run;
        if (end == NULL) {
            return *used < size ? HTTP_ANSWER_MALFORMED : HTTP_ANSWER_MORE;
        }
        const char *last = head->data + head->size - 1; /* at least the prefix is before it */
        if (last[-1] != '\r') {
            return HTTP_ANSWER_MALFORMED;
        }
        if (last[-2] == '\n') {
            return parse_head(answer);
        }
    }
    return HTTP_ANSWER_MORE;
}

/* ---- the body ---- */

static size_t take_data(struct http_answer *answer, const char *data, size_t size)
{
    size_t bytes = size < answer->left ? size : (size_t)answer->left;
    buf_add(&answer->body, data, bytes);
    answer->left -= bytes;
    return bytes;
}

static enum http_answer_result take_digit(struct http_answer *answer, char c)
{
    int digit = hex_value(c);
    if (digit < 0) {
        answer->state = c == '\r' ? STATE_CHUNK_LF : STATE_CHUNK_EXTENSION;
        return c == '\r' || c == ';' || c == ' ' || c == '\t' ? HTTP_ANSWER_MORE : HTTP_ANSWER_MALFORMED;
    }
    if (answer->left > (UINT64_MAX >> 4)) {
        return HTTP_ANSWER_MALFORMED;
    }
    answer->left = answer->left << 4 | (uint64_t)digit;
    return HTTP_ANSWER_MORE;
}

static enum http_answer_result begin_chunk(struct http_answer *answer)
{
    if (answer->left > answer->max_body - answer->body.size) {
        return HTTP_ANSWER_TOO_LARGE;
    }
    answer->state = answer->left == 0 ? STATE_TRAILER_FIRST : STATE_CHUNK_DATA;
    answer->line = 0;
    return HTTP_ANSWER_MORE;
}

/* One byte that must be `wanted`. */
static enum http_answer_result expect(struct http_answer *answer, char c, char wanted, int next)
{
    answer->state = next;
    return c == wanted ? HTTP_ANSWER_MORE : HTTP_ANSWER_MALFORMED;
}

static enum http_answer_result skip_line(struct http_answer *answer, char c, int after_cr)
{
    if (c == '\r') {
        answer->state = after_cr;
    }
    return c == '\n' || c == '\0' ? HTTP_ANSWER_MALFORMED : HTTP_ANSWER_MORE;
}

/* A byte between the chunks' data. */
static enum http_answer_result take_framing(struct http_answer *answer, char c)
{
    size_t room = answer->state >= STATE_TRAILER_FIRST ? HTTP_ANSWER_HEAD_MAX : HTTP_ANSWER_LINE_MAX;
    if (++answer->line > room) {
        return HTTP_ANSWER_MALFORMED;
    }
    switch (answer->state) {
    case STATE_CHUNK_FIRST:
        answer->left = 0;
        answer->state = STATE_CHUNK_SIZE;
        return hex_value(c) < 0 ? HTTP_ANSWER_MALFORMED : take_digit(answer, c);
    case STATE_CHUNK_SIZE: return take_digit(answer, c);
    case STATE_CHUNK_EXTENSION: return skip_line(answer, c, STATE_CHUNK_LF);
    case STATE_CHUNK_LF: return c == '\n' ? begin_chunk(answer) : HTTP_ANSWER_MALFORMED;
    case STATE_DATA_CR: return expect(answer, c, '\r', STATE_DATA_LF);
    case STATE_DATA_LF: answer->line = 0; return expect(answer, c, '\n', STATE_CHUNK_FIRST);
    case STATE_TRAILER_FIRST: answer->state = STATE_TRAILER; return skip_line(answer, c, STATE_LAST_LF);
    case STATE_TRAILER: return skip_line(answer, c, STATE_TRAILER_LF);
    case STATE_TRAILER_LF: return expect(answer, c, '\n', STATE_TRAILER_FIRST);
    default: return c == '\n' ? HTTP_ANSWER_DONE : HTTP_ANSWER_MALFORMED;
    }
}

static enum http_answer_result take(struct http_answer *answer, const char *data, size_t size, size_t *used)
{
    switch (answer->state) {
    case STATE_HEAD: return take_head(answer, data, size, used);
    case STATE_SIZED:
        *used += take_data(answer, data + *used, size - *used);
        return answer->left == 0 ? HTTP_ANSWER_DONE : HTTP_ANSWER_MORE;
    case STATE_TO_END:
        answer->left = answer->max_body - answer->body.size;
        *used += take_data(answer, data + *used, size - *used);
        return *used < size ? HTTP_ANSWER_TOO_LARGE : HTTP_ANSWER_MORE;
    case STATE_CHUNK_DATA:
        *used += take_data(answer, data + *used, size - *used);
        answer->state = answer->left == 0 ? STATE_DATA_CR : STATE_CHUNK_DATA;
        return HTTP_ANSWER_MORE;
    default: return take_framing(answer, data[(*used)++]);
    }
}

enum http_answer_result http_answer_feed(struct http_answer *answer, const char *data, size_t size,
                                         size_t *ret_used)
{
    size_t used = 0;
    while (answer->verdict == HTTP_ANSWER_MORE && used < size) {
        answer->verdict = take(answer, data, size, &used);
    }
    *ret_used = used;
    return answer->verdict;
}

enum http_answer_result http_answer_end(struct http_answer *answer)
{
    if (answer->verdict == HTTP_ANSWER_MORE) {
        answer->verdict = answer->state == STATE_TO_END ? HTTP_ANSWER_DONE : HTTP_ANSWER_CUT;
    }
    return answer->verdict;
}
