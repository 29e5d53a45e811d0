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

static int digit_value(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decodes one group of four; returns the number of bytes written to `out`, or -1. */
static int decode_group(const char in[4], bool last, char out[3])
{
    int pad = in[3] != '=' ? 0 : in[2] != '=' ? 1 : 2;
    if (pad > 0 && !last) {
        return -1;
    }
    unsigned group = 0;
    for (int i = 0; i < 4; i++) {
        int value = i >= 4 - pad ? 0 : digit_value(in[i]);
        if (value < 0) {
            return -1;
        }
        group = group << 6 | (unsigned)value;
    }
    if ((group & ((1U << 8 * pad) - 1)) != 0) {
        return -1;
    }
    out[0] = (char)(group >> 16);
    out[1] = (char)(group >> 8 & 255);
    out[2] = (char)(group & 255);
    return 3 - pad;
}

int base64_decode(struct str text, struct buf *out)
{
    if (text.size % 4 != 0) {
        return -1;
    }
    size_t before = out->size;
    for (size_t i = 0; i < text.size; i += 4) {
        char bytes[3];
        int count = decode_group(text.data + i, i + 4 == text.size, bytes);
        if (count < 0) {
            if (out->data != NULL) {
                out->size = before;
                out->data[before] = '\0';
            }
            return -1;
        }
        buf_add(out, bytes, (size_t)count);
    }
    return 0;
}
