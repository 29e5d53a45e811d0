#include "hex_internal.h"

#include "outrider/base/buf.h"

void hex_write(struct str bytes, struct buf *out)
{
    for (size_t i = 0; i < bytes.size; i++) {
        buf_printf(out, "%02x", (unsigned)(unsigned char)bytes.data[i]);
    }
}

static int digit(char c)
{
    return c >= 'A' && c <= 'F' ? -1 : hex_value(c);
}

int hex_read(struct str text, void *ret_bytes, size_t size)
{
    unsigned char *bytes = ret_bytes;
    if (text.size != 2 * size) {
        return -1;
    }
    for (size_t i = 0; i < size; i++) {
        int high = digit(text.data[2 * i]), low = digit(text.data[2 * i + 1]);
        if (high < 0 || low < 0) {
            return -1;
        }
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    return 0;
}
