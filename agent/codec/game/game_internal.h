/* What the decoders of game protocols share: reading bytes in order, and the rules of facts (codec/game/game.h). */
#ifndef OUTRIDER_CODEC_GAME_GAME_INTERNAL_H
#define OUTRIDER_CODEC_GAME_GAME_INTERNAL_H

#include "outrider/codec/game/game.h"

#include <jansson.h>

/* Bytes that are taken from the front. After the first read beyond the end `ended` is set, and every read gives 0 or nothing. */
struct game_bytes {
    struct str left;
    bool ended;
};

/* The next `size` bytes, borrowed. */
struct str game_take(struct game_bytes *bytes, size_t size);
uint8_t game_take_u8(struct game_bytes *bytes);
uint16_t game_take_u16_le(struct game_bytes *bytes);
uint16_t game_take_u16_be(struct game_bytes *bytes);
uint64_t game_take_u64_le(struct game_bytes *bytes);

/* Text up to its NUL, which is taken as well. */
struct str game_take_text(struct game_bytes *bytes);

/* Which codes of colour and form a text may hold. */
enum game_codes {
    GAME_CODES_NONE,
    GAME_CODES_QUAKE3,   /* ^1, ^xF08 */
    GAME_CODES_MINECRAFT /* U+00A7 and one character */
};

/* Writes the text as the rules have it, "" where it is left out. */
void game_set_text(char ret_text[static GAME_TEXT_MAX + 1], struct str text, enum game_codes codes);

/* A count in decimal, -1 when it is none. */
int64_t game_count_of(struct str text);

/* A whole number of 32 bits, signed or not, of a document that was read with JSON_DECODE_INT_AS_REAL, so that one beyond 64 bits
 * is no error of the whole text; anything else is `otherwise`. */
int64_t game_whole_number(const json_t *value, int64_t otherwise);

/* Sets both counts by the rules; -1 (or anything that is not 32 bits) is unknown. */
void game_set_counts(struct game_facts *facts, int64_t players, int64_t capacity);

#endif
