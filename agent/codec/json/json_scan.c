#include "outrider/codec/json/json_scan.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"

#include <stdlib.h>

void json_scan_fini(struct json_scan *scan)
{
    buf_fini(&scan->decoded);
}

static int fail(struct json_scan *scan, const char *what)
{
    return error_set(scan->err, ERROR_INVALID, "not JSON: %s at byte %zu", what, scan->at);
}

/* The byte at the current position, NUL at the end: JSON text contains no NUL byte. */
static char peek(const struct json_scan *scan)
{
    return scan->at < scan->text.size ? scan->text.data[scan->at] : '\0';
}

char json_scan_peek(struct json_scan *scan)
{
    while (peek(scan) == ' ' || peek(scan) == '\n' || peek(scan) == '\t' || peek(scan) == '\r') {
        scan->at++;
    }
    return peek(scan);
}

/* ---- strings ---- */

static int read_hex4(struct json_scan *scan, unsigned *ret_code)
{
    unsigned code = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_value(peek(scan));
        if (digit < 0) {
            return fail(scan, "four hexadecimal digits expected");
        }
        code = code * 16 + (unsigned)digit;
        scan->at++;
    }
    *ret_code = code;
    return 0;
}

static void add_utf8(struct buf *out, unsigned code)
{
    static const unsigned char marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    char *to = buf_extend(out, length);
    for (size_t i = length - 1; i > 0; i--, code >>= 6) {
        to[i] = (char)(0x80 | (code & 0x3f));
    }
    to[0] = (char)(marks[length] | code);
}

/* The second half of a surrogate pair, if it comes next. Returns whether it was taken. */
static bool take_low(struct json_scan *scan, unsigned *ret_low)
{
    const char *data = scan->text.data + scan->at;
    unsigned low = 0;
    if (scan->text.size - scan->at < 6 || data[0] != '\\' || data[1] != 'u') {
        return false;
    }
    for (int i = 2; i < 6; i++) {
        int digit = hex_value(data[i]);
        if (digit < 0) {
            return false; /* what reads this escape next fails */
        }
        low = low * 16 + (unsigned)digit;
    }
    bool is_low = low >= 0xdc00 && low <= 0xdfff;
    scan->at += is_low ? 6 : 0;
    *ret_low = low;
    return is_low;
}

/* Decodes the digits after "\u". */
static int decode_unicode(struct json_scan *scan)
{
    unsigned code = 0, low = 0;
    if (read_hex4(scan, &code) < 0) {
        return -1;
    }
    if (code >= 0xd800 && code < 0xdc00 && take_low(scan, &low)) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    bool is_half = code >= 0xd800 && code <= 0xdfff;
    if ((code == 0 || is_half) && !scan->keeps_all) {
        return fail(scan, is_half ? "unpaired surrogate" : "NUL character");
    }
    add_utf8(&scan->decoded, code);
    return 0;
}

static int decode_escape(struct json_scan *scan)
{
    static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
    char letter = peek(scan);
    const char *found = letter == '\0' ? NULL : strchr(letters, letter);
    if (letter != 'u' && found == NULL) {
        return fail(scan, "unknown escape");
    }
    scan->at++;
    if (letter == 'u') {
        return decode_unicode(scan);
    }
    buf_add(&scan->decoded, &bytes[found - letters], 1);
    return 0;
}

/* Whether there is a byte below 0x20, a quote or a backslash among eight: of each, a subtraction borrows from its highest bit. */
static bool ends_plain(uint64_t eight)
{
    const uint64_t each = 0x0101010101010101, highest = 0x80 * each;
    uint64_t quote = eight ^ '"' * each, backslash = eight ^ '\\' * each;
    return (((eight - 0x20 * each) & ~eight) | ((quote - each) & ~quote) |
            ((backslash - each) & ~backslash)) &
           highest;
}

/* Moves to the quote, the backslash or the invalid byte that ends a run of plain bytes. */
static void pass_plain(struct json_scan *scan)
{
    const char *data = scan->text.data;
    size_t at = scan->at, size = scan->text.size;
    uint64_t eight;
    while (size - at >= sizeof(eight)) {
        memcpy(&eight, data + at, sizeof(eight));
        if (ends_plain(eight)) {
            break;
        }
        at += sizeof(eight);
    }
    while (at < size && (unsigned char)data[at] >= 0x20 && data[at] != '"' && data[at] != '\\') {
        at++;
    }
    scan->at = at;
}

/* Decodes from the first backslash on. Decoded strings never need more room than the text, so one allocation of that size never
 * moves and borrowed strings stay valid. */
static int decode_rest(struct json_scan *scan, size_t start, struct str *ret_text)
{
    if (scan->decoded.capacity == 0) {
        buf_extend(&scan->decoded, scan->text.size);
        buf_clear(&scan->decoded);
    }
    size_t first = scan->decoded.size;
    for (;;) {
        buf_add(&scan->decoded, scan->text.data + start, scan->at - start);
        if (peek(scan) == '"') {
            scan->at++;
            *ret_text = (struct str){scan->decoded.data + first, scan->decoded.size - first};
            return 0;
        }
        if (peek(scan) != '\\') {
            return fail(scan, "unterminated string, or a control character in it");
        }
        scan->at++;
        if (decode_escape(scan) < 0) {
            return -1;
        }
        start = scan->at;
        pass_plain(scan);
    }
}

int json_scan_string(struct json_scan *scan, struct str *ret_text)
{
    if (json_scan_peek(scan) != '"') {
        return fail(scan, "string expected");
    }
    size_t start = ++scan->at;
    pass_plain(scan);
    if (peek(scan) == '"') {
        *ret_text = (struct str){scan->text.data + start, scan->at++ - start};
        return 0;
    }
    return decode_rest(scan, start, ret_text);
}

/* ---- the other values ---- */

static bool pass_digits(struct json_scan *scan)
{
    size_t start = scan->at;
    while (peek(scan) >= '0' && peek(scan) <= '9') {
        scan->at++;
    }
    return scan->at > start;
}

/* A number with at most this many digits before the point is below 1e308. */
enum { DOUBLE_PLACES = 308 };

/* 1e999 is valid JSON, but no double: many parsers reject the whole document because of it. */
static bool fits_a_double(struct str number)
{
    char *text = mem_copy(number.data, number.size);
    double value = strtod(text, NULL);
    free(text);
    return value < 1e308;
}

static int skip_number(struct json_scan *scan)
{
    scan->at += peek(scan) == '-' ? 1 : 0;
    size_t start = scan->at;
    bool zero = peek(scan) == '0';
    scan->at += zero ? 1 : 0;
    bool good = zero || pass_digits(scan);
    if (good && peek(scan) == '.') {
        scan->at++;
        good = pass_digits(scan);
    }
    bool scientific = good && (peek(scan) == 'e' || peek(scan) == 'E');
    if (scientific) {
        scan->at++;
        scan->at += peek(scan) == '+' || peek(scan) == '-' ? 1 : 0;
        good = pass_digits(scan);
    }
    if (!good) {
        return fail(scan, "malformed number");
    }
    struct str number = {scan->text.data + start, scan->at - start};
    if ((scientific || number.size > DOUBLE_PLACES) && !fits_a_double(number)) {
        scan->at = start;
        return fail(scan, "number too large for a double");
    }
    return 0;
}

int json_scan_uint(struct json_scan *scan, uint64_t max, uint64_t *ret_value)
{
    json_scan_peek(scan);
    size_t start = scan->at;
    if (skip_number(scan) < 0) {
        return -1;
    }
    struct str digits = {scan->text.data + start, scan->at - start};
    if (str_to_u64(digits, max, ret_value) < 0) {
        return error_set(scan->err, ERROR_LIMIT, "%.*s is not an integer from 0 to %llu",
                         digits.size > 32 ? 32 : (int)digits.size, digits.data, (unsigned long long)max);
    }
    return 0;
}

static bool pass_word(struct json_scan *scan, struct str word)
{
    struct str rest = {scan->text.data + scan->at, scan->text.size - scan->at};
    if (!str_starts(rest, word)) {
        return false;
    }
    scan->at += word.size;
    return true;
}

bool json_scan_null(struct json_scan *scan)
{
    return json_scan_peek(scan) == 'n' && pass_word(scan, STR("null"));
}

static int skip_plain(struct json_scan *scan)
{
    struct str ignored;
    char c = json_scan_peek(scan);
    if (c == '"') {
        return json_scan_string(scan, &ignored);
    }
    if (c == '-' || (c >= '0' && c <= '9')) {
        return skip_number(scan);
    }
    if (pass_word(scan, STR("true")) || pass_word(scan, STR("false")) || pass_word(scan, STR("null"))) {
        return 0;
    }
    return fail(scan, "value expected");
}

/* After the opening bracket (`first`) or after a value: takes the comma and returns 1, or the closing bracket and returns 0. */
static int pass_comma(struct json_scan *scan, char close, bool first)
{
    char c = json_scan_peek(scan);
    if (first && c != close) {
        return 1;
    }
    if (c != ',' && c != close) {
        return fail(scan, "comma or closing bracket expected");
    }
    scan->at++;
    return c == ',' ? 1 : 0;
}

/* After a value: leaves the containers that end here. `first`: the value was only the bracket that opens the innermost
 * one. */
static int ascend(struct json_scan *scan, uint32_t *objects, unsigned *depth, bool first)
{
    for (; *depth > 0; first = false, --*depth, *objects >>= 1) {
        struct str ignored;
        bool object = (*objects & 1) != 0;
        int more = pass_comma(scan, object ? '}' : ']', first);
        if (more != 0) {
            return more < 0 ? -1 : object ? json_scan_name(scan, &ignored) : 0;
        }
    }
    return 0;
}

/* `objects` has one bit for each level, set for an object. */
int json_scan_skip(struct json_scan *scan)
{
    uint32_t objects = 0;
    unsigned depth = 0;
    do {
        char c = json_scan_peek(scan);
        bool opens = c == '{' || c == '[';
        if (!opens && skip_plain(scan) < 0) {
            return -1;
        }
        if (opens && ++depth > JSON_DEPTH_MAX - 1) {
            return error_set(scan->err, ERROR_LIMIT, "JSON nested deeper than %d", JSON_DEPTH_MAX);
        }
        if (opens) {
            objects = objects << 1 | (c == '{');
            scan->at++;
        }
        if (ascend(scan, &objects, &depth, opens) < 0) {
            return -1;
        }
    } while (depth > 0);
    return 0;
}

/* ---- containers ---- */

int json_scan_next(struct json_scan *scan, char close, bool first)
{
    char open = close == '}' ? '{' : '[';
    if (first && json_scan_peek(scan) != open) {
        return fail(scan, open == '{' ? "object expected" : "array expected");
    }
    scan->at += first ? 1 : 0;
    return pass_comma(scan, close, first);
}

int json_scan_name(struct json_scan *scan, struct str *ret_name)
{
    if (json_scan_string(scan, ret_name) < 0) {
        return -1;
    }
    if (json_scan_peek(scan) != ':') {
        return fail(scan, "colon expected");
    }
    scan->at++;
    return 0;
}

int json_scan_member(struct json_scan *scan, bool first, struct str *ret_name)
{
    int more = json_scan_next(scan, '}', first);
    return more > 0 && json_scan_name(scan, ret_name) < 0 ? -1 : more;
}

int json_scan_end(struct json_scan *scan)
{
    json_scan_peek(scan);
    return scan->at == scan->text.size ? 0 : fail(scan, "unexpected data after the end");
}
