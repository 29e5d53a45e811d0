#include "outrider/base/brief.h"

#include <stdio.h>

enum { DOTS = 3, FORMATTED_MAX = 2048 };

size_t brief_size(struct str text, size_t max)
{
    if (text.size <= max) {
        return text.size;
    }
    size_t room = max > DOTS ? max - DOTS : 0, word = room, character = room;
    while (word > room / 2 && text.data[word] != ' ') {
        word--;
    }
    while (word > 0 && strchr(" ,;:", text.data[word - 1]) != NULL) {
        word--;
    }
    while (character > 0 && ((unsigned char)text.data[character] & 0xc0) == 0x80) {
        character--;
    }
    return word > room / 2 ? word : character;
}

void brief_copy(char *out, size_t size, struct str text)
{
    size_t room = size - 1, shown = brief_size(text, room);
    size_t dots = shown == text.size ? 0 : room - shown < DOTS ? room - shown : DOTS;
    if (shown > 0) {
        memmove(out, text.data, shown);
    }
    memcpy(out + shown, "...", dots);
    out[shown + dots] = '\0';
}

void brief_vformat(char *out, size_t size, const char *format, va_list args)
{
    char text[FORMATTED_MAX];
    vsnprintf(text, sizeof(text), format, args);
    brief_copy(out, size, str_of(text));
}

void brief_format(char *out, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    brief_vformat(out, size, format, args);
    va_end(args);
}
