#include "outrider/codec/text/printable.h"

#include "outrider/base/buf.h"

/* Removes the next piece to print from `text`, at most `room` bytes; empty when nothing more fits. */
static struct str next_piece(struct str *text, size_t room, const char *instead)
{
    size_t length = str_utf8_character(*text);
    bool shown = length > 0 && !str_is_control((struct str){text->data, length});
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

void printable_escape(struct buf *out, struct str text, bool lines)
{
    while (text.size > 0) {
        size_t length = str_utf8_character(text), taken = length > 0 ? length : 1;
        struct str character = {text.data, length};
        bool control = str_is_control(character);
        char c = text.data[0];
        if (length == 0) {
            buf_printf(out, "\\x%02x", (unsigned char)c);
        } else if (!control || (lines && (c == '\n' || c == '\t'))) {
            buf_str(out, (struct str){text.data, length});
        } else if (c == '\n' || c == '\r' || c == '\t') {
            buf_str(out, c == '\n' ? STR("\\n") : c == '\r' ? STR("\\r") : STR("\\t"));
        } else {
            buf_printf(out, "\\u%04x", str_code_point(character));
        }
        text = (struct str){text.data + taken, text.size - taken};
    }
}
