#include "outrider/io/http/http_parse.h"

#include "outrider/base/buf.h"

#include <strings.h>

static const struct http_fault bad_byte = {400, "bad_request", "a control byte in the head of the request"};
static const struct http_fault bad_line_end = {400, "bad_request", "lines of a request end with CR LF"};
static const struct http_fault bad_request_line = {400, "bad_request",
                                                   "the first line is not METHOD TARGET HTTP/1.1"};
static const struct http_fault bad_target = {400, "bad_request", "the request target is malformed"};
static const struct http_fault bad_header = {400, "bad_request", "a header line is malformed"};
static const struct http_fault bad_host = {400, "bad_request", "exactly one valid Host header is needed"};
static const struct http_fault repeated = {400, "bad_request",
                                           "Authorization, Content-Type and Origin are accepted once"};
static const struct http_fault bad_length = {400, "bad_request",
                                             "exactly one Content-Length of decimal digits is accepted"};
static const struct http_fault length_and_coding = {
    400, "bad_request", "Content-Length and Transfer-Encoding exclude each other"};
static const struct http_fault chunked = {411, "length_required",
                                          "send a Content-Length: chunked bodies are not accepted"};
static const struct http_fault too_large = {413, "body_too_large", "the body of the request is too large"};
static const struct http_fault long_target = {414, "target_too_long", "the request target is too long"};
static const struct http_fault long_head = {431, "headers_too_large", "the head of the request is too large"};
static const struct http_fault many_headers = {431, "headers_too_large", "the request has too many headers"};
static const struct http_fault unknown_coding = {501, "not_implemented",
                                                 "this Transfer-Encoding is not supported"};
static const struct http_fault bad_version = {505, "version_not_supported",
                                              "only HTTP/1.0 and HTTP/1.1 are supported"};

/* Whether `text` has letters, digits and `marks` alone. */
static bool has_only(struct str text, const char *marks)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            (c == '\0' || strchr(marks, c) == NULL)) {
            return false;
        }
    }
    return true;
}

/* RFC 9110, 5.6.2 */
static bool is_token(struct str text)
{
    return text.size > 0 && has_only(text, "!#$%&'*+-.^_`|~");
}

static bool is_host(struct str text)
{
    return has_only(text, ".-_~:[]%");
}

/* ---- where the head ends ---- */

/* Looks at each byte once. Only text passes, so that a TLS handshake or another protocol is refused at its first
 * bytes, without waiting for more. */
static enum http_parse_result scan(struct str bytes, size_t start, size_t *scanned, size_t *ret_end,
                                   struct http_fault *ret_fault)
{
    size_t limit = bytes.size < HTTP_HEAD_MAX ? bytes.size : HTTP_HEAD_MAX;
    for (size_t i = *scanned; i < limit; i++) {
        unsigned char c = (unsigned char)bytes.data[i];
        bool after_cr = i > start && bytes.data[i - 1] == '\r';
        if ((c == '\n') != after_cr) {
            *ret_fault = bad_line_end;
            return HTTP_PARSE_FAULT;
        }
        if (c == 0x7f || (c < 0x20 && c != '\t' && c != '\r' && c != '\n')) {
            *ret_fault = bad_byte;
            return HTTP_PARSE_FAULT;
        }
        if (c == '\n' && i >= start + 3 && bytes.data[i - 2] == '\n') {
            *scanned = i;
            *ret_end = i + 1;
            return HTTP_PARSE_DONE;
        }
    }
    *scanned = limit;
    if (bytes.size >= HTTP_HEAD_MAX) {
        bool in_first_line = memchr(bytes.data + start, '\n', HTTP_HEAD_MAX - start) == NULL;
        *ret_fault = in_first_line ? long_target : long_head;
        return HTTP_PARSE_FAULT;
    }
    return HTTP_PARSE_MORE;
}

static size_t skip_empty_lines(struct str bytes)
{
    size_t start = 0;
    while (bytes.size >= start + 2 && start < HTTP_HEAD_MAX && bytes.data[start] == '\r' &&
           bytes.data[start + 1] == '\n') {
        start += 2;
    }
    return start;
}

/* The next line without its CRLF, which the scan has checked. */
static struct str next_line(struct str *rest)
{
    struct str line = str_split(*rest, '\n', rest);
    if (line.size > 0) {
        line.size--;
    }
    return line;
}

/* ---- the request line ---- */

static const struct http_fault *parse_version(struct str text, int *ret_minor)
{
    struct str prefix = STR("HTTP/");
    if (!str_starts(text, prefix) || text.size != prefix.size + 3 || text.data[6] != '.' ||
        text.data[5] < '0' || text.data[5] > '9' || text.data[7] < '0' || text.data[7] > '9') {
        return &bad_request_line;
    }
    if (text.data[5] != '1') {
        return &bad_version;
    }
    *ret_minor = text.data[7] == '0' ? 0 : 1;
    return NULL;
}

static const struct http_fault *parse_target(struct str target, struct http_head *head)
{
    if (target.size > HTTP_TARGET_MAX) {
        return &long_target;
    }
    for (size_t i = 0; i < target.size; i++) {
        unsigned char c = (unsigned char)target.data[i];
        if (c <= ' ' || c > '~' || c == '#') {
            return &bad_target;
        }
    }
    if (target.size >= 7 && strncasecmp(target.data, "http://", 7) == 0) {
        target = (struct str){target.data + 7, target.size - 7};
        size_t end = 0;
        while (end < target.size && target.data[end] != '/' && target.data[end] != '?') {
            end++;
        }
        head->host = (struct str){target.data, end};
        if (end == 0 || !is_host(head->host)) {
            return &bad_target;
        }
        target = (struct str){target.data + end, target.size - end};
    } else if (target.size == 0 || (target.data[0] != '/' && !str_eq(target, STR("*")))) {
        return &bad_target;
    }
    head->path = str_split(target, '?', &head->query);
    if (head->path.size == 0) {
        head->path = STR("/"); /* http://host, http://host?query */
    }
    return NULL;
}

static const struct http_fault *parse_request_line(struct str line, struct http_head *head)
{
    struct str target;
    struct str version;
    head->method = str_split(line, ' ', &target);
    target = str_split(target, ' ', &version);
    if (!is_token(head->method) || head->method.size > HTTP_METHOD_MAX) {
        return &bad_request_line;
    }
    const struct http_fault *fault = parse_version(version, &head->minor);
    return fault != NULL ? fault : parse_target(target, head);
}

/* ---- headers ---- */

static const struct http_fault *parse_header(struct str line, struct http_head *head)
{
    struct str value;
    struct str name = str_split(line, ':', &value);
    if (name.size == line.size ||
        !is_token(name)) { /* a folded line begins with a blank, which is no token */
        return &bad_header;
    }
    if (head->header_count == HTTP_HEADERS_MAX) {
        return &many_headers;
    }
    head->headers[head->header_count++] = (struct http_header){name, str_trim(value)};
    return NULL;
}

/* How many headers are called `name`; the value of the first is written if there is one. */
static size_t find_all(const struct http_head *head, struct str name, struct str *ret_value)
{
    size_t count = 0;
    for (size_t i = 0; i < head->header_count; i++) {
        if (str_eq_nocase(head->headers[i].name, name) && count++ == 0) {
            *ret_value = head->headers[i].value;
        }
    }
    return count;
}

bool http_head_find(const struct http_head *head, struct str name, struct str *ret_value)
{
    return find_all(head, name, ret_value) > 0;
}

bool http_head_find_one(const struct http_head *head, struct str name, struct str *ret_value)
{
    return find_all(head, name, ret_value) == 1;
}

static const struct http_fault *check_host(struct http_head *head)
{
    struct str host = {NULL, 0};
    size_t count = find_all(head, STR("Host"), &host);
    if (count > 1 || (count == 0 && head->minor > 0) || !is_host(host)) {
        return &bad_host;
    }
    if (head->host.size == 0) {
        head->host = host;
    }
    return NULL;
}

/* A proxy may look at the last one where this server looks at the first. */
static const struct http_fault *check_repeated(const struct http_head *head)
{
    static const struct str names[] = {STR_INIT("Authorization"), STR_INIT("Content-Type"),
                                       STR_INIT("Origin")};
    struct str value;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (find_all(head, names[i], &value) > 1) {
            return &repeated;
        }
    }
    return NULL;
}

static const struct http_fault *check_body(struct http_head *head, size_t max_body)
{
    struct str length, coding;
    size_t lengths = find_all(head, STR("Content-Length"), &length);
    if (http_head_find(head, STR("Transfer-Encoding"), &coding)) {
        return lengths > 0                             ? &length_and_coding
               : str_eq_nocase(coding, STR("chunked")) ? &chunked
                                                       : &unknown_coding;
    }
    if (lengths == 0) {
        return NULL;
    }
    if (lengths > 1 || length.size == 0) {
        return &bad_length;
    }
    for (size_t i = 0; i < length.size; i++) {
        if (length.data[i] < '0' || length.data[i] > '9') {
            return &bad_length;
        }
    }
    uint64_t value;
    if (str_to_u64(length, max_body, &value) < 0) {
        return &too_large;
    }
    head->content_length = (size_t)value;
    return NULL;
}

/* Whether the list-valued header `name` has `word`. */
static bool has_word(const struct http_head *head, struct str name, struct str word)
{
    for (size_t i = 0; i < head->header_count; i++) {
        if (!str_eq_nocase(head->headers[i].name, name)) {
            continue;
        }
        for (struct str rest = head->headers[i].value; rest.size > 0;) {
            if (str_eq_nocase(str_trim(str_split(rest, ',', &rest)), word)) {
                return true;
            }
        }
    }
    return false;
}

static const struct http_fault *parse_lines(struct str lines, size_t max_body, struct http_head *head)
{
    const struct http_fault *fault = parse_request_line(next_line(&lines), head);
    for (struct str line; fault == NULL && (line = next_line(&lines)).size > 0;) {
        fault = parse_header(line, head);
    }
    if (fault == NULL) {
        fault = check_host(head);
    }
    if (fault == NULL) {
        fault = check_repeated(head);
    }
    if (fault == NULL) {
        fault = check_body(head, max_body);
    }
    head->keep_alive = !has_word(head, STR("Connection"), STR("close")) &&
                       (head->minor > 0 || has_word(head, STR("Connection"), STR("keep-alive")));
    head->expects_continue = head->minor > 0 && has_word(head, STR("Expect"), STR("100-continue"));
    return fault;
}

enum http_parse_result http_parse_head(struct str bytes, size_t *scanned, size_t max_body,
                                       struct http_head *ret_head, struct http_fault *ret_fault)
{
    size_t start = skip_empty_lines(bytes);
    size_t end = 0;
    if (*scanned < start) {
        *scanned = start;
    }
    enum http_parse_result found = scan(bytes, start, scanned, &end, ret_fault);
    if (found != HTTP_PARSE_DONE) {
        return found;
    }
    struct http_head head = {.size = end};
    const struct http_fault *fault =
        parse_lines((struct str){bytes.data + start, end - start}, max_body, &head);
    if (fault != NULL) {
        *ret_fault = *fault;
        return HTTP_PARSE_FAULT;
    }
    *ret_head = head;
    return HTTP_PARSE_DONE;
}

/* ---- the path and the query ---- */

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
