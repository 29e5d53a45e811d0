#include "outrider/codec/printable.h"

#include "outrider/base/buf.h"

/* Bytes of the character at the start of `text` (not empty), 0 when there is none to show. */
static size_t shown(struct str text)
{
    for (size_t length = 1; length <= 4 && length <= text.size; length++) {
        if (str_is_utf8((struct str){text.data, length})) {
            unsigned char first = (unsigned char)text.data[0];
            bool control =
                first < 0x20 || first == 0x7f || (first == 0xc2 && (unsigned char)text.data[1] < 0xa0);
            return control ? 0 : length;
        }
    }
    return 0;
}

/* Bytes that one unshown character takes: a C1 control is one character of two bytes. */
static size_t hidden(struct str text)
{
    return text.size > 1 && str_is_utf8((struct str){text.data, 2}) && (unsigned char)text.data[0] == 0xc2
               ? 2
               : 1;
}

/* The next piece to print, at most `room` bytes; takes it off `text`. Empty when nothing fits any more. */
static struct str next_piece(struct str *text, size_t room, const char *instead)
{
    size_t length = shown(*text);
    struct str piece = length > 0 ? (struct str){text->data, length} : (struct str){instead, 1};
    if (piece.size > room) {
        return (struct str){NULL, 0};
    }
    size_t taken = length > 0 ? length : hidden(*text);
    text->data += taken;
    text->size -= taken;
    return piece;
}

void printable_add(struct buf *out, struct str text, size_t max, char instead)
{
    while (text.size > 0) {
        struct str piece = next_piece(&text, max, &instead);
        if (piece.size == 0) {
            return;
        }
        buf_str(out, piece);
        max -= piece.size;
    }
}

void printable_copy(char *out, size_t size, struct str text, char instead)
{
    size_t used = 0;
    while (text.size > 0) {
        struct str piece = next_piece(&text, size - 1 - used, &instead);
        if (piece.size == 0) {
            break;
        }
        memcpy(out + used, piece.data, piece.size);
        used += piece.size;
    }
    out[used] = '\0';
}
