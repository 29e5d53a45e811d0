#include "outrider/codec/text/printable.h"

#include "outrider/base/buf.h"

/* C0, DEL and C1; and the bidirectional controls U+202A to U+202E and U+2066 to U+2069, which change how the text around them
 * reads. */
static bool is_control(const char *text, size_t length)
{
    unsigned char first = (unsigned char)text[0], last = (unsigned char)text[length - 1];
    if (length == 1) {
        return first < 0x20 || first == 0x7f;
    }
    if (length == 2) {
        return first == 0xc2 && last < 0xa0;
    }
    bool embeds = memcmp(text, "\xe2\x80", 2) == 0 && last >= 0xaa && last <= 0xae;
    bool isolates = memcmp(text, "\xe2\x81", 2) == 0 && last >= 0xa6 && last <= 0xa9;
    return length == 3 && (embeds || isolates);
}

/* Removes the next piece to print from `text`, at most `room` bytes; empty when nothing more fits. */
static struct str next_piece(struct str *text, size_t room, const char *instead)
{
    size_t length = str_utf8_character(*text);
    bool shown = length > 0 && !is_control(text->data, length);
    struct str piece = shown ? (struct str){text->data, length} : (struct str){instead, 1};
    if (piece.size > room) {
        return (struct str){NULL, 0};
    }
    size_t taken = length > 0 ? length : 1;
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
