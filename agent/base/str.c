#include "outrider/base/str.h"

bool str_eq(struct str a, struct str b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int str_compare(struct str a, struct str b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool str_eq_nocase(struct str a, struct str b)
{
    size_t same = 0;
    while (same < a.size && same < b.size && lower(a.data[same]) == lower(b.data[same])) {
        same++;
    }
    return same == a.size && same == b.size;
}

bool str_starts(struct str text, struct str prefix)
{
    return text.size >= prefix.size && str_eq((struct str){text.data, prefix.size}, prefix);
}

struct str str_skip_bom(struct str text)
{
    size_t size = str_starts(text, STR("\xef\xbb\xbf")) ? 3 : 0;
    return (struct str){size == 0 ? text.data : text.data + size, text.size - size};
}

struct str str_split(struct str text, char separator, struct str *ret_rest)
{
    const char *hit = text.size == 0 ? NULL : memchr(text.data, separator, text.size);
    if (hit == NULL) {
        *ret_rest = (struct str){NULL, 0};
        return text;
    }
    size_t head = (size_t)(hit - text.data);
    *ret_rest = (struct str){hit + 1, text.size - head - 1};
    return (struct str){text.data, head};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str text)
{
    while (text.size > 0 && is_blank(text.data[0])) {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && is_blank(text.data[text.size - 1])) {
        text.size--;
    }
    return text;
}

int str_to_u64(struct str text, uint64_t max, uint64_t *ret_value)
{
    if (text.size == 0) {
        return -1;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c < '0' || c > '9') {
            return -1;
        }
        uint64_t digit = (uint64_t)(c - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return -1;
        }
        value = value * 10 + digit;
    }
    if (value > max) {
        return -1;
    }
    *ret_value = value;
    return 0;
}

int str_to_i64(struct str text, int64_t *ret_value)
{
    bool negative = text.size > 0 && text.data[0] == '-';
    if (negative) {
        text.data++;
        text.size--;
    }
    uint64_t magnitude;
    if (str_to_u64(text, negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX, &magnitude) < 0) {
        return -1;
    }
    *ret_value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return 0;
}

/* Table 3-7 of the Unicode standard: only the second byte's range depends on the first. */
size_t str_utf8_character(struct str text)
{
    const unsigned char *p = (const unsigned char *)text.data;
    if (text.size == 0 || p[0] < 0x80) {
        return text.size == 0 ? 0 : 1;
    }
    size_t length = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || length > text.size) {
        return 0;
    }
    unsigned char low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return length;
}

bool str_is_control(struct str character)
{
    const unsigned char *bytes = (const unsigned char *)character.data;
    switch (character.size) {
    case 1: return bytes[0] < 0x20 || bytes[0] == 0x7f;
    case 2: return bytes[0] == 0xc2 && bytes[1] < 0xa0;
    case 3:
        return bytes[0] == 0xe2 && ((bytes[1] == 0x80 && bytes[2] >= 0xa8 && bytes[2] <= 0xae) ||
                                    (bytes[1] == 0x81 && bytes[2] >= 0xa6 && bytes[2] <= 0xa9));
    default: return false;
    }
}

unsigned str_code_point(struct str character)
{
    const unsigned char *bytes = (const unsigned char *)character.data;
    switch (character.size) {
    case 4:
        return (bytes[0] & 0x07U) << 18 | (bytes[1] & 0x3fU) << 12 | (bytes[2] & 0x3fU) << 6 |
               (bytes[3] & 0x3fU);
    case 3: return (bytes[0] & 0x0fU) << 12 | (bytes[1] & 0x3fU) << 6 | (bytes[2] & 0x3fU);
    case 2: return (bytes[0] & 0x1fU) << 6 | (bytes[1] & 0x3fU);
    default: return bytes[0];
    }
}

/* Eight bytes at once: most text is ASCII. */
static struct str skip_ascii(struct str text)
{
    uint64_t eight;
    while (text.size >= sizeof(eight)) {
        memcpy(&eight, text.data, sizeof(eight));
        if ((eight & 0x8080808080808080) != 0) {
            break;
        }
        text.data += sizeof(eight);
        text.size -= sizeof(eight);
    }
    return text;
}

bool str_is_utf8(struct str text)
{
    while ((text = skip_ascii(text)).size > 0) {
        bool ascii = (unsigned char)text.data[0] < 0x80; /* no call for each of them */
        size_t length = ascii ? 1 : str_utf8_character(text);
        if (length == 0) {
            return false;
        }
        text = (struct str){text.data + length, text.size - length};
    }
    return true;
}

bool str_has_control(struct str text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        bool c1 = byte == 0xc2 && i + 1 < text.size && (unsigned char)text.data[i + 1] < 0xa0;
        if (byte < 0x20 || byte == 0x7f || c1) {
            return true;
        }
    }
    return false;
}

size_t str_distance(struct str a, struct str b)
{
    enum { LONGEST = 64 };
    if (a.size > LONGEST || b.size > LONGEST) {
        return SIZE_MAX;
    }
    size_t row[LONGEST + 1];
    for (size_t j = 0; j <= b.size; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.size; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            size_t replace = diagonal + (a.data[i - 1] == b.data[j - 1] ? 0 : 1);
            size_t insert = row[j - 1] + 1;
            size_t delete = row[j] + 1;
            diagonal = row[j];
            row[j] = replace < insert ? replace : insert;
            row[j] = row[j] < delete ? row[j] : delete;
        }
    }
    return row[b.size];
}
