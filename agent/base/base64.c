#include "outrider/base/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void encode_group(unsigned group, char out[4])
{
    out[0] = alphabet[group >> 18];
    out[1] = alphabet[group >> 12 & 63];
    out[2] = alphabet[group >> 6 & 63];
    out[3] = alphabet[group & 63];
}

void base64_encode(struct str bytes, struct buf *out)
{
    if (bytes.size == 0) {
        return;
    }
    const unsigned char *p = (const unsigned char *)bytes.data;
    char *to = buf_extend(out, (bytes.size - 1) / 3 * 4 + 4);
    size_t left = bytes.size;
    for (; left > 3; left -= 3, p += 3, to += 4) {
        encode_group((unsigned)p[0] << 16 | (unsigned)p[1] << 8 | p[2], to);
    }
    encode_group((unsigned)p[0] << 16 | (left > 1 ? (unsigned)p[1] << 8 : 0) | (left > 2 ? p[2] : 0), to);
    if (left < 3) {
        to[3] = '=';
    }
    if (left < 2) {
        to[2] = '=';
    }
}

/* For each byte: its digit value plus one; 0 for a byte that is no digit. */
static const unsigned char digits[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

/* The 24 bits of four digits, or -1. */
static int32_t read_group(const char in[4])
{
    unsigned a = digits[(unsigned char)in[0]], b = digits[(unsigned char)in[1]];
    unsigned c = digits[(unsigned char)in[2]], d = digits[(unsigned char)in[3]];
    if (a == 0 || b == 0 || c == 0 || d == 0) {
        return -1;
    }
    return (int32_t)((a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1));
}

/* Decodes the last group, which may be padded; returns the number of bytes written to `out`, or -1. */
static int read_last(const char in[4], char out[3])
{
    int pad = in[3] != '=' ? 0 : in[2] != '=' ? 1 : 2;
    char whole[4] = {in[0], in[1], pad == 2 ? 'A' : in[2], pad > 0 ? 'A' : in[3]};
    int32_t group = read_group(whole);
    if (group < 0 || ((uint32_t)group & ((UINT32_C(1) << 8 * pad) - 1)) != 0) {
        return -1;
    }
    out[0] = (char)(group >> 16);
    out[1] = (char)(group >> 8 & 255);
    out[2] = (char)(group & 255);
    return 3 - pad;
}

/* Decodes whole groups of four digits. `to` has room for three bytes per group. Returns the end of the output, or NULL for
 * malformed input. */
static char *read_all(struct str text, char *to)
{
    const char *from = text.data, *last = text.data + text.size - 4;
    for (; from < last; from += 4, to += 3) {
        int32_t group = read_group(from);
        if (group < 0) {
            return NULL;
        }
        to[0] = (char)(group >> 16);
        to[1] = (char)(group >> 8 & 255);
        to[2] = (char)(group & 255);
    }
    int count = read_last(last, to);
    return count < 0 ? NULL : to + count;
}

int base64_decode(struct str text, struct buf *out)
{
    if (text.size % 4 != 0) {
        return -1;
    }
    if (text.size == 0) {
        return 0;
    }
    size_t before = out->size;
    char *end = read_all(text, buf_extend(out, text.size / 4 * 3));
    out->size = end == NULL ? before : (size_t)(end - out->data);
    out->data[out->size] = '\0';
    return end == NULL ? -1 : 0;
}

void base64url_encode(struct str bytes, struct buf *out)
{
    size_t before = out->size;
    base64_encode(bytes, out);
    for (size_t i = before; i < out->size; i++) {
        char *at = &out->data[i];
        *at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
        if (*at == '=') {
            out->size = i;
            *at = '\0';
        }
    }
}

int base64url_decode(struct str text, struct buf *out)
{
    struct buf padded = {0};
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c == '+' || c == '/' || c == '=') {
            buf_fini(&padded);
            return -1;
        }
        *buf_extend(&padded, 1) = c == '-' ? '+' : c == '_' ? '/' : c;
    }
    while (padded.size % 4 != 0) { /* three of them are refused as malformed */
        *buf_extend(&padded, 1) = '=';
    }
    int rc = base64_decode(buf_view(&padded), out);
    buf_fini(&padded);
    return rc;
}
