#include "game_internal.h"

struct str game_take(struct game_bytes *bytes, size_t size)
{
    if (bytes->ended || bytes->left.size < size) {
        bytes->ended = true;
        return (struct str){NULL, 0};
    }
    struct str taken = {bytes->left.data, size};
    bytes->left.data += size;
    bytes->left.size -= size;
    return taken;
}

static uint64_t take_le(struct game_bytes *bytes, size_t size)
{
    struct str taken = game_take(bytes, size);
    uint64_t value = 0;
    for (size_t i = taken.size; i > 0; i--) {
        value = value << 8 | (uint8_t)taken.data[i - 1];
    }
    return value;
}

uint8_t game_take_u8(struct game_bytes *bytes)
{
    return (uint8_t)take_le(bytes, 1);
}

uint16_t game_take_u16_le(struct game_bytes *bytes)
{
    return (uint16_t)take_le(bytes, 2);
}

uint16_t game_take_u16_be(struct game_bytes *bytes)
{
    uint16_t swapped = game_take_u16_le(bytes);
    return (uint16_t)(swapped << 8 | swapped >> 8);
}

uint64_t game_take_u64_le(struct game_bytes *bytes)
{
    return take_le(bytes, 8);
}

struct str game_take_text(struct game_bytes *bytes)
{
    const char *end = bytes->left.size == 0 ? NULL : memchr(bytes->left.data, '\0', bytes->left.size);
    if (end == NULL) {
        bytes->ended = true;
    }
    struct str text = game_take(bytes, end == NULL ? 0 : (size_t)(end - bytes->left.data));
    game_take(bytes, 1);
    return text;
}

/* ---- texts ---- */

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool has_hex(struct str text, size_t from, size_t count)
{
    for (size_t i = from; i < from + count; i++) {
        if (i >= text.size || hex_value(text.data[i]) < 0) {
            return false;
        }
    }
    return true;
}

/* The bytes of the code that `text` begins with, 0 when it begins with none. */
static size_t quake3_code(struct str text)
{
    if (text.size < 2 || text.data[0] != '^' || !is_alnum(text.data[1])) {
        return 0;
    }
    return text.data[1] == 'x' && has_hex(text, 2, 3) ? 5 : 2;
}

static size_t minecraft_code(struct str text)
{
    if (!str_starts(text, STR("\xc2\xa7"))) {
        return 0;
    }
    return 2 + str_utf8_character((struct str){text.data + 2, text.size - 2});
}

static size_t code_size(struct str text, enum game_codes codes)
{
    switch (codes) {
    case GAME_CODES_QUAKE3: return quake3_code(text);
    case GAME_CODES_MINECRAFT: return minecraft_code(text);
    case GAME_CODES_NONE: break;
    }
    return 0;
}

static bool is_blank(char c)
{
    return c == '\t' || c == '\n' || c == '\r';
}

void game_set_text(char ret_text[static GAME_TEXT_MAX + 1], struct str text, enum game_codes codes)
{
    char kept[GAME_TEXT_MAX + 1];
    size_t used = 0;
    ret_text[0] = '\0';
    while (text.size > 0) {
        size_t size = code_size(text, codes);
        if (size == 0) {
            size = str_utf8_character(text);
            struct str character = {text.data, size};
            bool blank = is_blank(text.data[0]);
            bool keep = blank || !str_is_control(character);
            if (size == 0 || (keep && used + size > GAME_TEXT_MAX)) {
                return;
            }
            if (keep) {
                memcpy(kept + used, blank ? " " : text.data, size);
                used += size;
            }
        }
        text.data += size;
        text.size -= size;
    }
    struct str trimmed = str_trim((struct str){kept, used});
    memcpy(ret_text, trimmed.data, trimmed.size);
    ret_text[trimmed.size] = '\0';
}

/* ---- counts ---- */

int64_t game_count_of(struct str text)
{
    uint64_t count;
    return str_to_u64(text, UINT32_MAX, &count) == 0 ? (int64_t)count : -1;
}

int64_t game_whole_number(const json_t *value, int64_t otherwise)
{
    double number = json_is_real(value) ? json_real_value(value) : 0.5;
    return number >= INT32_MIN && number <= UINT32_MAX && number == (double)(int64_t)number ? (int64_t)number
                                                                                            : otherwise;
}

void game_set_counts(struct game_facts *facts, int64_t players, int64_t capacity)
{
    facts->has_players = capacity != 0 && players >= 0 && players <= UINT32_MAX;
    facts->players = facts->has_players ? (uint32_t)players : 0;
    facts->has_capacity = capacity > 0 && capacity <= UINT32_MAX;
    facts->capacity = facts->has_capacity ? (uint32_t)capacity : 0;
}
